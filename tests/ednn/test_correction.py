"""Corrections that are fitted to few sheets of a better method."""

import json
import warnings

import numpy as np
import pytest

from rugan_tf.data.__main__ import main as data
from rugan_tf.ednn.__main__ import main
from rugan_tf.ednn.correction import least_squares, left_out_errors
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.origin import origin_of
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.formats.data_set import DataSet, read_data_set, write_data_set
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.statistics import edge_counts

GRAPHENE = system_named("porous_graphene")
SIZE = ["--rows", "6", "--cols", "8", "--processes", "1"]


@pytest.fixture(scope="module")
def better(tmp_path_factory):
    """Tight binding, with 2 eV more for each atom and 0.3 and 0.1 for those on edges: what a fit must find."""
    path = tmp_path_factory.mktemp("better") / "better.npz"
    assert data(["build", "--num-sheets", "16", "--seed", "3", "--out", str(path), *SIZE]) == 0
    found = read_data_set(path)
    zigzag, armchair = edge_counts(found.states).T
    added = (2.0 * GRAPHENE.num_atoms(found.states) + 0.3 * zigzag + 0.1 * armchair) / GRAPHENE.area(6, 8)
    told = {"energy": "better: in eV relative to atoms", "energy_origin": {"method": "better", "zero": "atoms"}}
    changed = DataSet(found.states, found.energy_per_area + added, {**found.metadata, **told})
    write_data_set(path, changed, overwrite=True)
    return path


def test_a_correction_finds_what_the_better_method_adds(better, tmp_path, capsys):
    out, labelled = tmp_path / "correction.json", tmp_path / "labelled.npz"
    command = ["correction", "--data", str(better), "--out", str(out)]
    assert main(command) == 0
    content = json.loads(out.read_text())
    expected = {"atom": 2.0, "zigzag edge atom": 0.3, "armchair edge atom": 0.1}
    assert content["environments"] == pytest.approx(expected, abs=1e-9)
    assert content["left_out"]["correction"]["mae_mev_per_atom"] == pytest.approx(0, abs=1e-6)
    assert content["left_out"]["constant_alone"]["mae_mev_per_atom"] > 1
    printed = capsys.readouterr().out
    assert "+0.3000 eV for each zigzag edge atom" in printed
    assert f"--energy corrected:{out}" in printed
    assert data(["label", "--states", str(better), "--energy", f"corrected:{out}", "--out", str(labelled)]) == 0
    again, was = read_data_set(labelled), read_data_set(better)
    np.testing.assert_allclose(again.energy_per_area, was.energy_per_area, atol=1e-9)
    assert again.metadata["energy_origin"] == {"method": "tight-binding corrected to better", "zero": "atoms"}
    assert origin_of(again.metadata["energy"]).zero == "atoms"
    assert main(command) == 2
    assert "correction.json" in capsys.readouterr().err


def test_repeated_sheets_are_what_is_corrected(better, tmp_path):
    out = tmp_path / "correction.json"
    assert main(["correction", "--data", str(better), "--out", str(out), "--repeat", "2"]) == 0
    found = read_data_set(better)
    energy = GRAPHENE.reference_energies["tight-binding"]
    tiled = np.array([energy(np.tile(sheet, (2, 2))) / 4 for sheet in found.states])
    places = np.stack(list(GRAPHENE.environments(found.states).values()), axis=1)
    expected = np.linalg.lstsq(places, found.energy_per_area * GRAPHENE.area(6, 8) - tiled)[0]
    content = json.loads(out.read_text())
    np.testing.assert_allclose(list(content["environments"].values()), expected, rtol=1e-9)
    assert "fitted to 16 sheets repeated 2x2" in energy_named(GRAPHENE, f"corrected:{out}").origin.description
    assert list(tmp_path.iterdir()) == [out]  # what was kept on the way is gone


def test_fast_energies_are_kept_until_the_correction_is_written(better, tmp_path, monkeypatch):
    """Killed before it writes, the command computes nothing twice."""
    out, calls = tmp_path / "correction.json", []
    energy = type(GRAPHENE.reference_energies["tight-binding"])
    original = energy.__call__
    monkeypatch.setattr(energy, "__call__", lambda self, states: calls.append(1) or original(self, states))
    monkeypatch.setattr("rugan_tf.energies.one_by_one.available_cores", lambda: 1)
    monkeypatch.setattr("rugan_tf.ednn.correction.files.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["correction", "--data", str(better), "--out", str(out)])
    monkeypatch.undo()
    monkeypatch.setattr(energy, "__call__", lambda self, states: 1 / 0)
    monkeypatch.setattr("rugan_tf.energies.one_by_one.available_cores", lambda: 1)
    assert len(calls) == 16
    assert main(["correction", "--data", str(better), "--out", str(out)]) == 0


def test_errors_are_of_fits_that_did_not_see_the_sheet():
    rng = np.random.default_rng(0)
    places, missing = rng.normal(size=(12, 2)), rng.normal(size=12)
    errors = left_out_errors(places, missing)
    # By the hat matrix, without any second fit.
    hat = places @ np.linalg.inv(places.T @ places) @ places.T
    np.testing.assert_allclose(-errors, (missing - hat @ missing) / (1 - np.diag(hat)))


def test_places_that_come_together_have_no_constants():
    with pytest.raises(InputError, match="Received: 2 kinds, 1 of them independent"):
        least_squares(np.ones((5, 2)), np.arange(5.0))


def test_materials_count_their_states_unless_they_tell_more():
    states = np.array([[[0, 1], [1, 1]]], np.uint8)
    assert {name: list(count) for name, count in system_named("ising").environments(states).items()} == {
        "state 0": [1],
        "state 1": [3],
    }


def test_too_few_sheets_and_a_wrong_suffix_are_refused(better, tmp_path, capsys):
    few, found = tmp_path / "few.npz", read_data_set(better)
    write_data_set(few, DataSet(found.states[:11], found.energy_per_area[:11], found.metadata))
    assert main(["correction", "--data", str(few), "--out", str(tmp_path / "c.json")]) == 2
    assert "at least 12 sheets, 4 for each constant (atom, zigzag" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["correction", "--data", str(few), "--out", str(tmp_path / "c.txt")])
    assert "A correction must be a .json file" in capsys.readouterr().err


def test_a_kind_of_place_in_one_sheet_alone_is_named(better, tmp_path, capsys):
    found = read_data_set(better)
    has_none = edge_counts(found.states)[:, 1] == 0
    full = np.full_like(found.states[:1], 3)
    states = np.concatenate([np.repeat(full, 11, axis=0), found.states[~has_none][:1]])
    energy = np.concatenate([np.full(11, -3.7), found.energy_per_area[~has_none][:1]])
    path = tmp_path / "one.npz"
    write_data_set(path, DataSet(states, energy, found.metadata))
    assert main(["correction", "--data", str(path), "--out", str(tmp_path / "out.json")]) == 2
    told = capsys.readouterr().err
    assert "Received: zigzag edge atom in sheet 11 alone" in told
    assert not (tmp_path / "out.json").exists()


def test_a_base_that_is_another_one_now_is_told(better, tmp_path):
    out = tmp_path / "correction.json"
    assert main(["correction", "--data", str(better), "--out", str(out)]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        energy_named(GRAPHENE, f"corrected:{out}")
    content = json.loads(out.read_text())
    out.write_text(json.dumps({**content, "base_origin": "tight-binding: of another year"}))
    with pytest.warns(
        InputWarning, match=r"fitted to, tight-binding: of another year\. Received: tight-binding: ortho"
    ):
        energy_named(GRAPHENE, f"corrected:{out}")
