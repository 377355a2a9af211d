"""Warm-up requests and the golden answer, as a server and a process without this package find them."""

import os
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2
from untrained_run import write_run

from rugan_tf.export.saved_model import export_run
from rugan_tf.serve.errors import ServingError
from rugan_tf.serve.loaded_version import LoadedVersion

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

ROOT = Path(__file__).parents[2]
CHECK = ROOT / "serving" / "check_golden.py"
PROGRAM = Path(__file__).with_name("answer_signatures.py")


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


def test_every_signature_has_one_warmup_request(version):
    requests = {
        record.predict_log.request.model_spec.signature_name: record.predict_log.request for record in records(version)
    }
    assert len(records(version)) == len(requests)
    assert set(requests) == set(tf.saved_model.load(str(version)).signatures)
    assert tf.make_ndarray(requests["generate"].inputs["rows"]) == 14
    LoadedVersion(version)  # replays them, and would raise


@pytest.mark.parametrize("folder", [None, *sorted((ROOT / "saved_models" / "porous_graphene").glob("[0-9]*"))])
def test_first_call_of_a_warm_signature_costs_no_more_than_later_ones(version, folder):
    """In a plain Session, as the official server makes it; cold it is a hundred times as much."""
    folder = folder or version
    requests = {one.predict_log.request.model_spec.signature_name: one.predict_log.request for one in records(folder)}
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session, session.graph.as_default():
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def
        assert set(requests) == {name for name, one in signatures.items() if one.inputs}

        def seconds(name):
            signature = signatures[name]
            given = {signature.inputs[key].name: tf.make_ndarray(one) for key, one in requests[name].inputs.items()}
            start = time.perf_counter()
            session.run([one.name for one in signature.outputs.values()], given)
            return time.perf_counter() - start

        cold = {name: seconds(name) for name in requests}  # what replaying the records does
        first = {name: seconds(name) for name in requests}
        later = {name: sorted(seconds(name) for _ in range(9))[4] for name in requests}
    told = {name: f"{1e3 * cold[name]:.0f}, {1e3 * first[name]:.1f}, {1e3 * later[name]:.1f} ms" for name in requests}
    print(folder, told)
    # 20 ms, or a tenth of the cold call: a neighbour on a busy machine, and little beside what a cold signature takes
    assert all(first[name] < max(3 * later[name] + 0.02, cold[name] / 10) for name in requests), told


def test_functions_that_no_signature_reaches_are_not_exported(version):
    content = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    [graph] = content.meta_graphs
    library = {one.signature.name: one for one in graph.graph_def.library.function}

    def called(nodes):
        values = [value for node in nodes for value in node.attr.values()]
        named = {value.func.name for value in values} | {one.name for value in values for one in value.list.func}
        return (named | {node.op for node in nodes}) & {*library}

    reached, pending = set(), called(graph.graph_def.node)
    while pending:
        name = pending.pop()
        reached.add(name)
        pending |= called(library[name].node_def) - reached
    assert set(library) == reached


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


SHIPPED = [
    *(ROOT / "saved_models" / "porous_graphene").glob("[0-9]*"),
    *(ROOT / "saved_models" / "porous_graphene_formation").glob("[0-9]*"),
    *(ROOT / "saved_models" / "ising").glob("[0-9]*"),
]
OTHER = os.environ.get("RUGAN_TF_OTHER_PYTHON")
needs_other = pytest.mark.skipif(
    OTHER is None,
    reason="RUGAN_TF_OTHER_PYTHON must name the Python of an environment with another TensorFlow, 2.20 say",
)


def run_other(*words):
    """Run a program in the other environment; return what it said."""
    done = subprocess.run([OTHER, "-I", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_other
@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.parent.name)
def test_another_tensorflow_gives_the_golden_answer(folder):
    """The newest TensorFlow Serving that is known, 2.20, is older than the TensorFlow that writes the models, 2.21."""
    assert "0.0000% of the cells differ" in run_other(CHECK, folder)


@needs_other
@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.parent.name)
def test_another_tensorflow_answers_every_signature_alike(folder, tmp_path):
    """As the warm-up requests ask them: painted maps, energies and local energies among them."""
    asked = {
        f"{record.predict_log.request.model_spec.signature_name}/{name}": tf.make_ndarray(tensor)
        for record in records(folder)
        for name, tensor in record.predict_log.request.inputs.items()
    }
    np.savez(tmp_path / "asked.npz", **asked)
    assert f"TensorFlow {tf.__version__} " not in run_other(
        PROGRAM, folder, tmp_path / "asked.npz", tmp_path / "other.npz"
    )
    here = runpy.run_path(str(PROGRAM))["main"]
    here(str(folder), tmp_path / "asked.npz", tmp_path / "here.npz")
    with np.load(tmp_path / "other.npz") as other, np.load(tmp_path / "here.npz") as own:
        assert set(other.files) == set(own.files)
        assert {key.partition("/")[0] for key in own.files} == set(tf.saved_model.load(str(folder)).signatures)
        for key in own.files:
            assert other[key].dtype == own[key].dtype
            if own[key].dtype.kind == "f":
                np.testing.assert_allclose(other[key], own[key], rtol=1e-4, atol=1e-4, err_msg=key)
            else:
                np.testing.assert_array_equal(other[key], own[key], err_msg=key)
