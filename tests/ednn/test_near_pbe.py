"""The sheets by PBE, labels near them and their EDNN, as they are shipped and as the documents tell of them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from rugan_tf.ednn.correction import least_squares, left_out_errors
from rugan_tf.ednn.reference import split_reference
from rugan_tf.energies.ednn import ednn_in
from rugan_tf.energies.origin import origin_in
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.systems.named import system_named

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "saved_models"
GRAPHENE = system_named("porous_graphene")
CHECK = json.loads((MODELS / "porous_graphene_pbe_cross_check.json").read_text("utf-8"))
DFT = (ROOT / "docs" / "dft.md").read_text("utf-8")
ROWS = {
    "GFN1-xTB": 'ase:tblite.ase:TBLite:{"method": "GFN1-xTB", "verbosity": 0}',
    "tight binding": "tight-binding",
    "SevenNet-0": "7net-0",
    "CHGNet 0.3": 'ase:chgnet.model.dynamics:CHGNetCalculator:{"use_device": "cpu"}',
    "`porous_graphene_pbe_ednn`, which learnt that": "ednn:porous_graphene_pbe_ednn",
}


def differences(beyond_atoms):
    """Return by how many meV/atom energies per area beyond atoms (24,) differ from those by PBE."""
    beyond = np.array(beyond_atoms) - CHECK["beyond_atoms_per_area"]["gpaw-pbe"]
    return 1000 * beyond / np.array(CHECK["atoms_per_area"])


@pytest.mark.parametrize("row", ROWS)
def test_table_of_methods_is_the_check_that_is_kept(row):
    (method,) = (found for found in CHECK["methods"] if found["name"] == ROWS[row])
    cells = re.search(rf"^\| {re.escape(row)} \| (.*) \|$", DFT, flags=re.MULTILINE)[1].split(" | ")
    assert float(cells[0]) == pytest.approx(method["pearson_r_beyond_atoms"], abs=6e-4)
    assert float(cells[1]) == pytest.approx(method["slope_beyond_atoms"], abs=6e-3)
    mae, bias = re.fullmatch(r"(\S+) \((\S+)\)", cells[2]).groups()
    assert float(mae) == pytest.approx(method["mae_mev_per_atom_beyond_atoms"], abs=0.6)
    assert float(bias) == pytest.approx(differences(CHECK["beyond_atoms_per_area"][ROWS[row]]).mean(), abs=0.6)
    known = CHECK["known_sheets"]
    told = [float(value) for cell in cells[3:5] for value in cell.split(" / ")]
    names = ("monovacancy", "divacancy", "zigzag ribbon", "armchair ribbon")
    assert told == pytest.approx([known[f"{name}, 8x8"][ROWS[row]] for name in names], abs=0.06)


def test_row_of_the_labels_is_the_correction_of_what_is_kept():
    constants = json.loads((MODELS / "porous_graphene_pbe_correction.json").read_text("utf-8"))["environments"]
    constants["atom"] = 0.0  # beyond atoms
    drawn, known = (
        sum(constants[name] * count for name, count in GRAPHENE.environments(read_data_set(path).states).items())
        for path in (MODELS / "porous_graphene_pbe_6x8.npz", MODELS / "porous_graphene_pbe_known.npz")
    )
    beyond = CHECK["beyond_atoms_per_area"]["7net-0"] + drawn / GRAPHENE.area(6, 8)
    errors = differences(beyond)
    names = read_data_set(MODELS / "porous_graphene_pbe_known.npz").known_sheets
    costs = {name: CHECK["known_sheets"][f"{name}, 8x8"]["7net-0"] + known[index] for index, name in enumerate(names)}
    (row,) = re.findall(
        r"^\| SevenNet-0 corrected \(below\), fitted to these sheets \| (.*) \|$", DFT, flags=re.MULTILINE
    )
    told = [float(number) for number in re.findall(r"-?\+?\d+(?:\.\d+)?", row)]
    reference = CHECK["beyond_atoms_per_area"]["gpaw-pbe"]
    expected = [np.corrcoef(reference, beyond)[0, 1], np.polyfit(reference, beyond, 1)[0], np.abs(errors).mean()]
    order = ("monovacancy", "divacancy", "zigzag ribbon", "armchair ribbon")
    expected += [errors.mean(), *(costs[name] for name in order)]
    np.testing.assert_allclose(told, expected, atol=0.06)


def test_tight_binding_of_the_check_is_that_of_the_sheets():
    sheets = read_data_set(MODELS / "porous_graphene_pbe_6x8.npz")
    energy = GRAPHENE.reference_energies["tight-binding"]
    tiled = [energy(np.tile(sheet, (2, 2))) / 4 / GRAPHENE.area(6, 8) for sheet in sheets.states[:4]]
    np.testing.assert_allclose(CHECK["energy_per_area"]["tight-binding"][:4], tiled, rtol=1e-9)
    np.testing.assert_allclose(CHECK["energy_per_area"]["gpaw-pbe"], sheets.energy_per_area, rtol=1e-12)
    assert origin_in(sheets.metadata) == GRAPHENE.reference_energies["gpaw-pbe"].origin


def test_correction_is_the_fit_to_the_sheets_by_pbe():
    content = json.loads((MODELS / "porous_graphene_pbe_correction.json").read_text("utf-8"))
    names = ("porous_graphene_pbe_6x8", "porous_graphene_pbe_known")
    sets = [read_data_set(MODELS / f"{name}.npz") for name in names]
    places = np.concatenate([np.stack(list(GRAPHENE.environments(one.states).values()), axis=1) for one in sets])
    # Of the network's energies those of the drawn sheets are kept, and of the others what is beyond atoms.
    drawn = sets[0].energy_per_area - np.array(CHECK["energy_per_area"]["7net-0"])
    beyond = {name: CHECK["known_sheets"][f"{name}, 8x8"]["7net-0"] for name in sets[1].known_sheets}
    per_atom = (CHECK["energy_per_area"]["7net-0"][0] - CHECK["beyond_atoms_per_area"]["7net-0"][0]) * GRAPHENE.area(
        6, 8
    )
    per_atom /= GRAPHENE.num_atoms(sets[0].states)[0]
    network = np.array(list(beyond.values())) + per_atom * GRAPHENE.num_atoms(sets[1].states)
    known = sets[1].energy_per_area * GRAPHENE.area(8, 8) - network
    missing = np.concatenate([drawn * GRAPHENE.area(6, 8), known])
    fitted = least_squares(places.astype(float), missing)
    np.testing.assert_allclose(list(content["environments"].values()), fitted, atol=1e-4)
    atoms = places[:, 0]
    errors = 1000 * left_out_errors(places.astype(float), missing) / atoms
    assert np.abs(errors).mean() == pytest.approx(content["left_out"]["correction"]["mae_mev_per_atom"], abs=0.05)
    assert "14.2 | 59.9 |" in DFT


def test_ednn_has_the_error_that_its_card_tells():
    labels = read_data_set(MODELS / "porous_graphene_near_pbe.npz")
    test = split_reference(len(labels.states)).test
    ednn = ednn_in(MODELS / "porous_graphene_pbe_ednn", GRAPHENE)
    expected = labels.energy_per_area[test] * GRAPHENE.area(14, 16)
    error = 1000 * (ednn.energies(labels.states[test]) - expected) / GRAPHENE.num_atoms(labels.states[test])
    assert np.abs(error).mean() == pytest.approx(2.97, abs=0.03)
    assert (error.mean(), np.abs(error).max()) == pytest.approx((-0.32, 28), abs=0.3)
    assert ednn.origin.method == "7net-0 corrected to gpaw-pbe"
