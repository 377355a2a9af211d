"""Energy functions by name, and the EDNN's SavedModel as one of them, down to the command line."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.data.__main__ import main
from rugan_tf.energies import ednn as energies
from rugan_tf.energies.ednn import EdnnEnergy
from rugan_tf.energies.named import energy_named
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.saved import shipped
from rugan_tf.systems.named import system_named

DESCRIPTION = "ednn: trained on by neighbours (data 0123456789ab)"


@pytest.fixture(scope="module")
def ednn():
    """What builds and writes a tiny EDNN."""
    return runpy.run_path(str(Path(__file__).parents[1] / "ednn" / "tiny_ednn.py"))


@pytest.fixture(scope="module")
def base(ednn, tmp_path_factory):
    """A folder with the versions 1 and 2 of an EDNN."""
    folder = tmp_path_factory.mktemp("ednn")
    for _ in range(2):
        ednn["save_ednn"](folder)
    return folder


@pytest.fixture(scope="module")
def network(ednn):
    return ednn["build_ednn"]()


@pytest.fixture
def graphene():
    return system_named("porous_graphene")


def draw_states(num_sheets, rows, cols):
    return np.random.default_rng(3).integers(0, 4, (num_sheets, rows, cols), np.uint8)


def test_newest_version_is_taken_unless_a_version_is_named(graphene, base):
    assert energy_named(graphene, f"ednn:{base}") == EdnnEnergy(base / "2")
    assert energy_named(graphene, f"ednn:{base / '1'}") == EdnnEnergy(base / "1")
    assert energy_named(graphene, f"ednn:{base}").origin.description == DESCRIPTION


def test_an_ednn_of_another_material_is_refused(base):
    for name in ("ising", "boron_nitride"):  # it takes states 0 and 1 as well, and would answer
        rule = rf"The EDNN must be of {name}. Received: one of porous_graphene, .*{base.name}"
        with pytest.raises(ValueError, match=rule):
            energy_named(system_named(name), f"ednn:{base}")


def test_tenth_version_is_newer_than_the_ninth_and_half_ones_do_not_count(graphene, base, tmp_path):
    for name in ("9", "10"):
        (tmp_path / name).symlink_to(base / "1")
    (tmp_path / "11").mkdir()
    (tmp_path / "notes").mkdir()
    assert energy_named(graphene, f"ednn:{tmp_path}") == EdnnEnergy(tmp_path / "10")


def test_the_shipped_ednn_is_that_of_the_material(graphene, base, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "rugan_tf")
    with pytest.raises(ValueError, match=r"needs one of yours, .* Received: none for porous_graphene"):
        energy_named(graphene, "ednn")
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "saved_models" / "porous_graphene_ednn").symlink_to(base)
    assert energy_named(graphene, "ednn") == EdnnEnergy(tmp_path / "saved_models" / "porous_graphene_ednn" / "2")


@pytest.mark.parametrize("spec", ["guess", "", "EDNN", "ednnx:folder", "tight_binding"])
def test_unknown_names_are_refused(graphene, spec):
    with pytest.raises(ValueError, match=r"Received: .*"):
        energy_named(graphene, spec)


@pytest.mark.parametrize(
    ("folder", "rule"),
    [("nowhere", "The folder of an EDNN must exist"), (".", "must be a SavedModel of `rugan ednn train`")],
)
def test_folder_without_an_ednn_is_refused(graphene, tmp_path, folder, rule):
    with pytest.raises(ValueError, match=rf"{rule}.* Received: {tmp_path / folder}"):
        energy_named(graphene, f"ednn:{tmp_path / folder}")


@pytest.mark.parametrize(("rows", "cols"), [(1, 2), (3, 4), (14, 16)])
def test_energies_are_those_of_the_network(base, network, rows, cols):
    states = draw_states(5, rows, cols)
    energy = EdnnEnergy(base / "1")
    received = energy.energies(states)
    assert (received.dtype, received.shape) == (np.float64, (5,))
    np.testing.assert_allclose(received, network(states), rtol=1e-6)


def test_saved_model_without_the_signature_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(ValueError, match=r"The EDNN must have the signature energy. Received: "):
        EdnnEnergy(tmp_path).energies(draw_states(1, 2, 2))


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_labels_do_not_depend_on_how_many_sheets_a_call_gets(base, network, monkeypatch, size):
    states = draw_states(7, 4, 6)
    monkeypatch.setattr(energies, "CELLS_PER_CALL", size * 24 + 5)
    received = EdnnEnergy(base / "1").energies(states)
    assert received.dtype == np.float64
    np.testing.assert_allclose(received, network(states), rtol=1e-6)


@pytest.mark.parametrize("bad", [0, 5, 7])
def test_energy_that_is_not_finite_names_its_sheet(monkeypatch, bad):
    """Batches of three, the energies minus the number of the sheet."""
    sizes = []

    def call(model, name, states):
        start = sum(sizes)
        sizes.append(len(states))
        numbers = np.arange(start, start + len(states))
        return {"energy": np.where(numbers == bad, np.nan, -numbers.astype(float))}

    monkeypatch.setattr(energies.Signatures, "call", call)
    monkeypatch.setattr(energies, "CELLS_PER_CALL", 12)
    with pytest.raises(ValueError, match=rf"Energies must be finite. Received: nan for sheet {bad}$"):
        EdnnEnergy(Path("anywhere")).energies(draw_states(8, 2, 2))
    assert sizes == [3, 3, 2]
    bad = None
    sizes.clear()
    np.testing.assert_array_equal(EdnnEnergy(Path("anywhere")).energies(draw_states(8, 2, 2)), -np.arange(8.0))


def test_build_labels_by_the_ednn(base, network, graphene, tmp_path, capsys):
    out = tmp_path / "sheets.npz"
    size = ["--num-sheets", "9", "--rows", "4", "--cols", "6", "--max-radius", "2"]
    assert main(["build", *size, "--energy", f"ednn:{base}", "--out", str(out)]) == 0
    data_set = read_data_set(out)
    assert data_set.states.shape == (9, 4, 6)
    expected = network(data_set.states).numpy() / graphene.area(4, 6)
    np.testing.assert_allclose(data_set.energy_per_area, expected, rtol=1e-6)
    assert data_set.metadata["energy"] == DESCRIPTION
    assert data_set.metadata["options"]["computation"]["energy"] == f"ednn:{base}"
    assert f"{out}: 9 sheets of 4x6 cells" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [out]


def test_label_labels_by_the_ednn(base, network, graphene, tmp_path):
    states = draw_states(5, 3, 4)
    np.savez(tmp_path / "mine.npz", states=states)
    out = tmp_path / "labelled.npz"
    assert main(["label", "--states", str(tmp_path / "mine.npz"), "--energy", f"ednn:{base}", "--out", str(out)]) == 0
    data_set = read_data_set(out)
    np.testing.assert_array_equal(data_set.states, states)
    np.testing.assert_allclose(data_set.energy_per_area, network(states) / graphene.area(3, 4), rtol=1e-6)


def test_missing_ednn_exits_with_2_before_any_work(tmp_path, capsys):
    out = tmp_path / "new" / "sheets.npz"
    spec = f"ednn:{tmp_path / 'nowhere'}"
    assert main(["build", "--num-sheets", "4", "--energy", spec, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "The folder of an EDNN must exist" in error
    assert "Traceback" not in error
    assert not out.exists()


def test_damaged_ednn_exits_with_2(base, tmp_path, capsys):
    folder = tmp_path / "ednn" / "1"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "assets.extra" / "ednn.json").write_text(json.dumps({"data": {"energy": "x", "sha256": "0"}}))
    (folder / "saved_model.pb").write_bytes((base / "1" / "saved_model.pb").read_bytes()[:100])
    out = tmp_path / "sheets.npz"
    assert main(["build", "--num-sheets", "4", "--energy", f"ednn:{folder}", "--out", str(out)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not out.exists()
