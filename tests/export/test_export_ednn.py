"""An exported model with an EDNN inside tells energies, one without does not; an EDNN judges both."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from untrained_run import write_run

from rugan_tf.evaluate.__main__ import main as evaluate
from rugan_tf.export.__main__ import main
from rugan_tf.formats.data_set import DataSet, write_data_set
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.systems.named import system_named

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

ENERGIES = [-2.5, -1.5, -2.0]


@pytest.fixture(scope="module")
def tiny_ednn():
    return runpy.run_path(str(Path(__file__).parents[1] / "ednn" / "tiny_ednn.py"))


@pytest.fixture(scope="module")
def ednn_dir(tiny_ednn, tmp_path_factory):
    return tiny_ednn["save_ednn"](tmp_path_factory.mktemp("ednn")).parent


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def base(run_dir, ednn_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "judged"
    words = ["--run-dir", str(run_dir), "--out", str(out), "--ednn-dir", str(ednn_dir), "--max-cells", "2000"]
    words += ["--calibration-sheets", "0"]
    assert main(words) == 0
    return out


@pytest.fixture(scope="module")
def loaded(base):
    return tf.saved_model.load(str(base / "1"))


def generate(loaded, rows, cols):
    return loaded.signatures["generate"](
        energy_per_area=tf.constant(ENERGIES, tf.float32),
        rows=tf.constant(rows, tf.int32),
        cols=tf.constant(cols, tf.int32),
        seed=tf.constant(4, tf.int64),
    )


def test_signatures_tell_energies(loaded):
    asked = {"serving_default", "generate", "generate_from_latent", "calibrate", "map", "generate_from_map"}
    assert set(loaded.signatures) == asked | {"energy", "local_energy"}
    signature = loaded.signatures["energy"]
    specs = {name: (spec.dtype, spec.shape.as_list()) for name, spec in signature.structured_outputs.items()}
    assert specs == {"energy": (tf.float32, [None]), "energy_per_area": (tf.float32, [None])}
    assert signature.structured_input_signature[1]["states"].dtype == tf.uint8
    for name in ("generate", "serving_default"):
        outputs = loaded.signatures[name].structured_outputs
        assert {key: spec.dtype for key, spec in outputs.items()} == {
            "states": tf.uint8,
            "energy_per_area": tf.float32,
        }


@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (14, 16), (20, 18)])
def test_energy_of_generated_states_is_that_of_the_ednn(loaded, tiny_ednn, rows, cols):
    answer = generate(loaded, rows, cols)
    told = loaded.signatures["energy"](states=answer["states"])
    np.testing.assert_allclose(answer["energy_per_area"], told["energy_per_area"], rtol=1e-6)
    expected = tiny_ednn["build_ednn"]()(answer["states"]).numpy()
    np.testing.assert_allclose(told["energy"], expected, rtol=1e-6)
    area = system_named("porous_graphene").area(rows, cols)
    np.testing.assert_allclose(told["energy_per_area"], expected / area, rtol=1e-6)


def test_checks_of_the_ednn_still_hold_inside(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"states must lie in 0..3"):
        loaded.signatures["energy"](states=tf.constant(np.full((1, 4, 4), 4, np.uint8)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="cols must be a multiple of 2"):
        loaded.signatures["energy"](states=tf.constant(np.zeros((1, 4, 5), np.uint8)))


def test_model_with_an_ednn_generates_the_same_sheets_as_one_without_but_for_corrections(
    base, run_dir, tiny_ednn, tmp_path, capsys
):
    assert main(["--run-dir", str(run_dir), "--out", str(tmp_path / "models"), "--max-cells", "2000"]) == 0
    assert "does not tell the energies" in capsys.readouterr().out
    judged, without = SheetModel.load(base), SheetModel.load(tmp_path / "models")
    assert not without.has_ednn
    np.testing.assert_array_equal(*(model.generate_unrepaired(ENERGIES, 14, 16, 4) for model in (judged, without)))
    answer = generate(without.signatures.loaded(), 14, 16)
    assert set(answer) == {"states"}
    area = system_named("porous_graphene").area(14, 16)
    plain = np.abs(tiny_ednn["build_ednn"]()(answer["states"]).numpy() / area - ENERGIES)
    corrected = np.abs(generate(judged.signatures.loaded(), 14, 16)["energy_per_area"] - ENERGIES)
    assert (corrected <= plain + 1e-6).all()
    assert (corrected < plain).any()


@pytest.mark.parametrize(
    ("folder", "rule"),
    [("nowhere", "The folder of an EDNN must exist"), (".", "must be a SavedModel of `rugan ednn train`")],
)
def test_missing_ednn_exits_with_2_and_writes_nothing(run_dir, tmp_path, capsys, monkeypatch, folder, rule):
    monkeypatch.chdir(tmp_path)
    assert main(["--run-dir", str(run_dir), "--out", "models", "--ednn-dir", folder]) == 2
    assert rule in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_sheets_are_generated_through_the_exported_model(base):
    model = SheetModel.load(base)
    states = model.generate(ENERGIES, 14, 16, seed=4)
    np.testing.assert_array_equal(states, generate(model.signatures.loaded(), 14, 16)["states"])


def test_evaluation_is_judged_by_an_ednn(base, ednn_dir, tiny_ednn, tmp_path):
    states = tiny_ednn["draw_states"](12, 14, 16)
    data = tmp_path / "data.npz"
    write_data_set(data, DataSet(states, np.linspace(-3.0, -1.0, 12), {"system": "porous_graphene"}))
    out = tmp_path / "out"
    words = ["--model", str(base), "--data", str(data), "--out", str(out), "--energy", f"ednn:{ednn_dir}"]
    assert evaluate([*words, "--num-samples", "5", "--scales", "1", "2"]) == 0
    content = json.loads((out / "metrics.json").read_text())
    assert content["energy"].startswith("ednn: trained on by neighbours")
    assert {name: values["num_samples"] for name, values in content["scales"].items()} == {"1x1": 5, "2x2": 5}
    for name in ("1x1", "2x2"):
        with np.load(out / f"samples_{name}.npz") as samples:
            area = system_named("porous_graphene").area(*samples["states"].shape[1:])
            expected = tiny_ednn["build_ednn"]()(samples["states"]).numpy() / area
            np.testing.assert_allclose(samples["obtained"], expected, rtol=1e-6)
