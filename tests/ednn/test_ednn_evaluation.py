"""The evaluation of a trained EDNN: numbers, figures with units, and what it refuses."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from tiny_ednn import neighbour_energy, write_reference

from rugan_tf.ednn import evaluation
from rugan_tf.ednn.__main__ import main
from rugan_tf.ednn.evaluation import errors, errors_by_filling, errors_by_size, parity_figure, size_figure
from rugan_tf.ednn.options import EdnnEvaluateOptions
from rugan_tf.ednn.reference import split_reference
from rugan_tf.ednn.training import load_ednn
from rugan_tf.errors import InputWarning
from rugan_tf.formats.data_set import DataSet, read_data_set
from rugan_tf.systems.named import system_named

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

METRICS = {
    "num_sheets",
    "mae_mev_per_atom",
    "rmse_mev_per_atom",
    "mae_ev_per_area",
    "mae_percent_of_sd",
    "r2",
    "bias_mev_per_atom",
}


def arguments(run_dir, data, out, *others):
    sizes = ["--sizes", "4x4", "6x4", "--num-sheets", "6", "3", "--energy", "tight-binding"]
    paths = ["--run-dir", str(run_dir), "--data", str(data), "--out", str(out)]
    return ["evaluate", *paths, *sizes, *others]


@pytest.fixture(scope="module")
def evaluated(trained, reference, tmp_path_factory):
    out = tmp_path_factory.mktemp("evaluated") / "out"
    assert main(arguments(trained, reference, out)) == 0
    return out


@pytest.fixture
def data_set():
    states = np.zeros((3, 2, 2), np.uint8)
    states[1], states[2] = 1, 3
    return DataSet(states, np.array([0.0, -1.0, -4.0]), {"system": "porous_graphene"})


def test_metrics_of_the_held_out_sheets_are_written(evaluated, trained, reference):
    content = json.loads((evaluated / "metrics.json").read_text())
    assert (content["run_dir"], content["data"]) == (str(trained), str(reference))
    assert set(content["test"]) == METRICS
    test = split_reference(400).test
    states = read_data_set(reference).states[test]
    difference = load_ednn(trained)(states).numpy() - neighbour_energy(states)
    area = 4 * 2.46 * 4 * 2.46 * np.sqrt(3) / 2
    assert content["test"]["num_sheets"] == 40
    assert content["test"]["mae_ev_per_area"] == pytest.approx(np.abs(difference).mean() / area, rel=1e-4)
    assert content["test"]["r2"] > 0.9


def test_metrics_of_other_sizes_and_of_each_filling_are_written(evaluated):
    content = json.loads((evaluated / "metrics.json").read_text())
    assert {size: values["num_sheets"] for size, values in content["by_size"].items()} == {"4x4": 6, "6x4": 3}
    assert sum(values["num_sheets"] for values in content["by_filling"].values()) <= 40
    assert len(content["by_filling"]) >= 4
    assert all(set(values) == METRICS for values in content["by_filling"].values())


def test_figures_are_written(evaluated):
    assert {path.name for path in evaluated.iterdir()} == {"metrics.json", "parity.png", "sizes.png"}
    for name in ("parity.png", "sizes.png"):
        assert (evaluated / name).read_bytes().startswith(b"\x89PNG")


def test_axes_say_units():
    values = {"num_sheets": 2, "mae_mev_per_atom": 1.0, "mae_percent_of_sd": 0.5}
    system = system_named("porous_graphene")
    figure = parity_figure(system, np.array([-2.0, -1.0]), np.array([-2.1, -0.9]), values, "dft")
    assert figure.get_suptitle().endswith("% of the standard deviation\nreference: dft")
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert labels == [
        ("reference energy per area (eV/Å²)", "EDNN energy per area (eV/Å²)"),
        ("reference energy per area (eV/Å²)", "EDNN - reference (meV/Å²)"),
    ]
    shown = figure.axes[1].lines[0]
    np.testing.assert_allclose(shown.get_ydata(), [-100, 100])
    axes = size_figure(system, {"4x4": {"mae_mev_per_atom": 2.0}, "1x2": {"mae_mev_per_atom": None}}).axes[0]
    assert axes.get_xlabel() == "size of the sheet (lattice cells)"
    assert axes.get_ylabel() == "mean absolute error (meV/atom)"
    assert axes.patches[0].get_height() == 2.0


def test_errors_by_hand(data_set):
    area = data_set.system.area(2, 2)
    energy = data_set.energy_per_area * area
    values = errors(data_set, data_set.states, energy, energy + np.array([0.3, 0.4, -1.6]))
    # 0, 4 and 8 atoms: 100 and 200 meV/atom, the empty sheet left out.
    assert values["mae_mev_per_atom"] == pytest.approx(150)
    assert values["rmse_mev_per_atom"] == pytest.approx(1000 * np.sqrt((0.1**2 + 0.2**2) / 2))
    assert values["mae_ev_per_area"] == pytest.approx(2.3 / 3 / area)
    spread = np.std([0.0, -1.0, -4.0])
    assert values["mae_percent_of_sd"] == pytest.approx(100 * 2.3 / 3 / area / spread)
    assert values["r2"] == pytest.approx(1 - (0.09 + 0.16 + 2.56) / (3 * (spread * area) ** 2))
    assert values["bias_mev_per_atom"] == pytest.approx(1000 * (0.3 + 0.4 - 1.6) / 12)


def test_errors_that_are_undefined_are_none(data_set):
    values = errors(data_set, data_set.states[:1], np.zeros(1), np.array([0.5]))
    assert (values["mae_mev_per_atom"], values["rmse_mev_per_atom"], values["r2"]) == (None, None, None)
    assert values["bias_mev_per_atom"] == pytest.approx(500)


def test_fillings_share_the_sheets_by_atoms_per_site(data_set):
    empty, half, pristine = data_set.states
    quarter = np.array([[1, 0], [1, 0]], np.uint8)
    states = np.stack([empty, empty, half, half, half, pristine, pristine, quarter])
    energy = np.arange(8.0)
    by_filling = errors_by_filling(data_set, states, energy, energy + 1)
    numbers = {name: values["num_sheets"] for name, values in by_filling.items()}
    assert numbers == {"0.4-0.6": 3, "0.95-1.0": 2}  # neither empty sheets nor single ones
    assert by_filling["0.4-0.6"]["bias_mev_per_atom"] == pytest.approx(1000 / 4)


def test_single_sheets_and_empty_ones_are_evaluated(trained, reference, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(evaluation, "draw_sheets", lambda *args: np.zeros((1, 2, 2), np.uint8))
    sizes = ["--sizes", "2x2", "--num-sheets", "1", "--energy", "tight-binding"]
    paths = ["--run-dir", str(trained), "--data", str(reference), "--out", str(tmp_path / "out")]
    assert main(["evaluate", *paths, *sizes]) == 0
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["by_size"]["2x2"]["r2"] is None
    assert capsys.readouterr().out.count(" - ") >= 2


def test_command_shows_a_table(trained, reference, tmp_path, capsys):
    assert main(arguments(trained, reference, tmp_path / "out")) == 0
    printed = capsys.readouterr().out
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    for text in ("held out", "4x4", "6x4", "(meV/atom)", "of sd)", f"{content['test']['r2']:.6f}"):
        assert text in printed


def test_other_data_than_the_training_s_is_refused(trained, tmp_path, capsys):
    other = write_reference(tmp_path / "other.npz", seed=1)
    assert main(arguments(trained, other, tmp_path / "out")) == 2
    assert "on the data set that it was trained on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_folder_with_content_is_kept(trained, reference, evaluated, capsys):
    before = (evaluated / "metrics.json").read_bytes()
    assert main(arguments(trained, reference, evaluated)) == 2
    assert "must be new or empty, or --overwrite given" in capsys.readouterr().err
    assert (evaluated / "metrics.json").read_bytes() == before


def test_run_and_data_are_never_overwritten(trained, reference, capsys):
    for out in (trained, trained.parent, reference.parent):
        assert main(arguments(trained, reference, out, "--overwrite")) == 2
        assert "must hold neither run nor data" in capsys.readouterr().err
    assert (trained / "ednn.keras").is_file()
    assert reference.is_file()


def test_folder_that_is_no_run_is_refused(reference, tmp_path, capsys):
    assert main(arguments(tmp_path, reference, tmp_path / "out")) == 2
    assert "A run must have written ednn.keras" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sizes", "num_sheets", "message"),
    [
        (("4x4",), (1, 2), r"one number of sheets for each size. Received: \('4x4',\) and \(1, 2\)"),
        (("4",), (1,), r"Sizes must look like 14x16. Received: \('4',\)"),
        (("4x4x4",), (1,), r"Sizes must look like 14x16. Received: \('4x4x4',\)"),
        (("axb",), (1,), r"Sizes must look like 14x16. Received: \('axb',\)"),
    ],
)
def test_impossible_sizes_are_refused(sizes, num_sheets, message):
    with pytest.raises(ValueError, match=message):
        EdnnEvaluateOptions("run", "data.npz", "out", sizes=sizes, num_sheets=num_sheets)


@pytest.mark.parametrize(("sizes", "num_sheets"), [("4x5", "1"), ("4x4", "0"), ("0x4", "1")])
def test_sizes_without_sheets_exit_with_2_and_leave_nothing(trained, reference, tmp_path, capsys, sizes, num_sheets):
    paths = ["--run-dir", str(trained), "--data", str(reference), "--out", str(tmp_path / "out")]
    assert main(["evaluate", *paths, "--sizes", sizes, "--num-sheets", num_sheets, "--energy", "tight-binding"]) == 2
    assert "Received: " in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*"))


def test_another_method_does_not_judge_other_sizes(trained, reference, tmp_path, capsys):
    paths = ["--run-dir", str(trained), "--data", str(reference), "--out", str(tmp_path / "out")]
    assert main(["evaluate", *paths, "--sizes", "4x4", "--num-sheets", "2"]) == 0
    content = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (content["test"]["num_sheets"], content["by_size"]) == (40, {})
    told = capsys.readouterr()
    assert "need --energy, what labelled the data. Received: no --energy; the data does not say what" in told.err
    assert told.out.rstrip().endswith("metrics.json, parity.png")
    assert not (tmp_path / "out" / "sizes.png").exists()


@pytest.mark.parametrize(("energy", "is_judged"), [("tight-binding", True), ("gfn1-xtb", False)])
def test_the_reference_judges_other_sizes_of_what_it_labelled(energy, is_judged, trained, reference):
    known = system_named("porous_graphene").reference_energies["tight-binding"].origin
    told = {"method": energy, "zero": known.zero}
    data_set = dataclasses.replace(
        read_data_set(reference), metadata={"system": "porous_graphene", "energy": energy, "energy_origin": told}
    )
    options = EdnnEvaluateOptions(data=reference, run_dir=trained, out=trained, sizes=("4x4",), num_sheets=(2,))
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        found = errors_by_size(load_ednn(trained), data_set, options)
    assert list(found) == (["4x4"] if is_judged else [])
    reasons = [str(one.message) for one in given if issubclass(one.category, InputWarning)]
    assert len(reasons) == (not is_judged)
    assert is_judged or "the data has energies by gfn1-xtb" in reasons[0]
