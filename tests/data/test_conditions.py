"""Conditions of a data set, against numbers counted and computed in another way."""

import hashlib

import numpy as np
import pytest

from rugan_tf.data.conditions import labels_of
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, read_data_set, write_data_set
from rugan_tf.systems.conditions import CellSum
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
TIGHT_BINDING = GRAPHENE.reference_energies["tight-binding"]
ATOMS = np.array([0, 1, 1, 2])


def metadata(**others):
    return {"system": GRAPHENE.name, "energy": TIGHT_BINDING.origin.description, **others}


@pytest.fixture(scope="module")
def states():
    """A pristine sheet, the same without one atom, and without a ring of them."""
    sheets = np.full((3, 4, 4), 3, np.uint8)
    sheets[1, 2, 1] = 1
    sheets[2, 1:3, 1:3] = 0
    return sheets


@pytest.fixture(scope="module")
def data_set(states):
    energy = np.array([TIGHT_BINDING(sheet) for sheet in states])
    return DataSet(states, GRAPHENE.energy_per_area(energy, 4, 4), metadata(), {"band_gap": np.array([0.0, 0.5, 1.5])})


def test_porosity_is_the_share_of_vacant_sites(data_set, states):
    labels = labels_of(data_set, ["porosity"])
    expected = 1 - ATOMS[states].sum(axis=(1, 2)) / (2 * 4 * 4)
    np.testing.assert_allclose(labels.values[:, 0], expected)
    assert (labels.conditions[0].words, labels.conditions[0].unit) == ("porosity", "")


def test_a_formation_energy_is_what_a_sheet_costs_beside_the_pristine_one(data_set, states):
    labels = labels_of(data_set, ["formation_energy_per_area", "porosity"])
    assert [one.name for one in labels.conditions] == ["formation_energy_per_area", "porosity"]
    pristine = TIGHT_BINDING(states[0]) / 32
    cell = 2.46**2 * np.sqrt(3) / 2  # Å²
    expected = [(TIGHT_BINDING(sheet) - pristine * ATOMS[sheet].sum()) / (16 * cell) for sheet in states]
    np.testing.assert_allclose(labels.values[:, 0], expected, atol=1e-12)
    assert labels.values[0, 0] == pytest.approx(0, abs=1e-12)
    assert 0.02 < labels.values[1, 0] < 0.2  # a vacancy costs some eV on 84 Å²
    assert labels.conditions[0].unit == GRAPHENE.quantity.unit


def test_formation_energies_are_those_of_one_method_and_zero(data_set):
    other = DataSet(data_set.states, data_set.energy_per_area, {**data_set.metadata, "energy": "PBE: mine"})
    with pytest.raises(InputError, match=r"data have: energy_per_area, porosity. Received: 'formation_energy_per"):
        labels_of(other, ["formation_energy_per_area"])
    by_ednn = f"ednn: trained on {TIGHT_BINDING.origin.description} (data 0123abc)"
    labelled = DataSet(data_set.states, data_set.energy_per_area, {**data_set.metadata, "energy": by_ednn})
    assert labels_of(labelled, ["formation_energy_per_area"]).values[0, 0] == pytest.approx(0, abs=1e-12)


def test_numbers_of_the_data_are_conditions_as_they_are_told(data_set, tmp_path):
    told = DataSet(
        data_set.states,
        data_set.energy_per_area,
        metadata(properties={"band_gap": {"unit": "eV"}}),
        {**data_set.properties, "porosity": np.array([0.0, 0.1, 0.3])},
    )
    write_data_set(tmp_path / "a.npz", told)
    labels = labels_of(read_data_set(tmp_path / "a.npz"), ["band_gap", "energy_per_area", "porosity"])
    assert [(one.name, one.unit, one.rule) for one in labels.conditions] == [
        ("band_gap", "eV", None),
        ("energy_per_area", GRAPHENE.quantity.unit, CellSum(1.0, (0.0,) * 4)),
        ("porosity", "", None),  # a number that the data bring comes first
    ]
    np.testing.assert_array_equal(labels.values[:, 0], [0.0, 0.5, 1.5])
    np.testing.assert_array_equal(labels.values[:, 1], data_set.energy_per_area)
    assert labels.conditions[0].label == "band gap (eV)"


def test_arrays_of_other_shapes_and_types_are_no_properties(data_set, tmp_path):
    arrays = {"energy_per_area": data_set.energy_per_area, "states": data_set.states, "metadata": np.array("{}")}
    arrays["metadata"] = np.array('{"system": "porous_graphene"}')
    np.savez(tmp_path / "a.npz", **arrays, counts=np.arange(3), more=np.zeros(4), gap=np.zeros(3, np.float32))
    assert set(read_data_set(tmp_path / "a.npz").properties) == {"gap"}


def test_the_checksum_of_energies_is_that_of_the_data_set(data_set):
    labels = labels_of(data_set, ["energy_per_area"])
    assert labels.checksum(data_set.states) == data_set.checksum
    digest = hashlib.sha256(data_set.states.tobytes() + np.array([0.0, 0.5, 1.5]).tobytes()).hexdigest()
    assert labels_of(data_set, ["band_gap"]).checksum(data_set.states) == digest


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "conditions must be different names, one at least. Received: none"),
        (["porosity", "porosity"], "must be different names, one at least. Received: porosity porosity"),
        (
            ["gap"],
            "data have: energy_per_area, band_gap, flat, hurt, porosity, formation_energy_per_area. Received: 'gap",
        ),
        (
            ["flat"],
            r"must differ between sheets; the data have energy_per_area, .* Received: flat, which is 2 for all 3",
        ),
        (["hurt"], "hurt must be finite. Received: nan for sheet 1"),
        (["band gap"], "must be named by letters, digits and _, .* Received: 'band gap'"),
        (["gap-PBE"], "must be named by letters, digits and _, .* Received: 'gap-PBE'"),
        (["seed"], "not be one of states, .*seed.* Received: 'seed'"),
    ],
)
def test_conditions_that_cannot_be_are_refused(data_set, names, message):
    numbers = {**data_set.properties, "flat": np.full(3, 2.0), "hurt": np.array([0.0, np.nan, 1.0])}
    numbers |= dict.fromkeys((name for name in ("band gap", "gap-PBE", "seed") if name in names), np.arange(3.0))
    with pytest.raises(InputError, match=message):
        labels_of(DataSet(data_set.states, data_set.energy_per_area, data_set.metadata, numbers), names)


def test_a_property_needs_a_number_for_each_sheet(data_set):
    with pytest.raises(InputError, match=r"gap must have the shape \(3,\). Received: shape=\(2,\)"):
        DataSet(data_set.states, data_set.energy_per_area, data_set.metadata, {"gap": np.zeros(2)})


def test_a_cell_sum_of_one_hot_sheets_is_that_of_their_states(states):
    from keras import ops

    rng = np.random.default_rng(0)
    energy, rule = rng.normal(size=3), CellSum(0.3, (0.5, -1.0, 2.0, 0.25))
    expected = [
        0.3 * value + np.mean([rule.by_state[state] for state in sheet.ravel()])
        for value, sheet in zip(energy, states, strict=True)
    ]
    np.testing.assert_allclose(rule.values(states, energy), expected)
    encoding = np.eye(4, dtype=np.float32)[states]
    np.testing.assert_allclose(rule.of_encoding(encoding, energy.astype(np.float32), ops), expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"holds the energy needs energies\. Received: none"):
        rule.values(states, None)
