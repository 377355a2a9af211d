"""Warm-up requests and the golden answer, as a server and a process without this package find them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from untrained_run import write_run

from rugan_tf.export.saved_model import export_run
from rugan_tf.serve.errors import ServingError
from rugan_tf.serve.loaded_version import LoadedVersion

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

CHECK = Path(__file__).parents[2] / "serving" / "check_golden.py"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def version(run_dir, tmp_path_factory):
    return export_run(run_dir, tmp_path_factory.mktemp("models"), 10_000)


def records(version):
    path = version / "assets.extra" / "tf_serving_warmup_requests"
    return [prediction_log_pb2.PredictionLog.FromString(one.numpy()) for one in tf.data.TFRecordDataset(str(path))]


def check_golden(folder):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-I", "-c", BLOCKED, str(CHECK), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


# the package cannot be imported where this runs
BLOCKED = """
import runpy, sys
sys.modules["rugan_tf"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_warmup_requests_are_answered_at_two_sizes(version):
    requests = [record.predict_log.request for record in records(version)]
    assert [request.model_spec.signature_name for request in requests] == ["generate", "generate"]
    assert [tf.make_ndarray(request.inputs["rows"]) for request in requests] == [14, 28]
    assert {tensor.dtype for request in requests for tensor in [request.inputs["seed"]]} == {tf.int64.as_datatype_enum}
    LoadedVersion(version)  # replays them, and would raise


def test_failing_warmup_fails_the_load(version, tmp_path):
    broken = tmp_path / "1"
    shutil.copytree(version, broken)
    record = records(version)[0]
    record.predict_log.request.inputs["cols"].int_val[:] = [15]
    with tf.io.TFRecordWriter(str(broken / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        writer.write(record.SerializeToString())
    with pytest.raises(ServingError, match="even"):
        LoadedVersion(broken)


def test_golden_answer_is_given_again_without_this_package(version):
    done = check_golden(version)
    assert done.returncode == 0, done.stderr
    assert "4 sheets of seed 2019, 0.0000% of the cells differ" in done.stdout


def test_golden_answer_tells_another_model(version, tmp_path):
    other = tmp_path / "1"
    shutil.copytree(version, other)
    path = other / "assets.extra" / "golden.npz"
    with np.load(path) as golden:
        content = dict(golden)
    content["states"] = (
        content["states"] + (np.arange(content["states"].size) % 7 == 0).reshape(content["states"].shape)
    ) % 4
    np.savez(path, **content)
    done = check_golden(other)
    assert done.returncode == 1
    assert "14.2" in done.stdout


def test_model_too_small_for_its_training_size_has_no_requests(run_dir, tmp_path):
    version = export_run(run_dir, tmp_path, 100)
    assert not (version / "assets.extra" / "golden.npz").exists()
    assert not (version / "assets.extra" / "tf_serving_warmup_requests").exists()
