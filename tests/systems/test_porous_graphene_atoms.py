import math

import numpy as np
import pytest
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.atoms import sheet_positions, sheet_structure
from rugan_tf.systems.porous_graphene.sites import neighbour_counts, occupancies

sheets = arrays(np.uint8, st.sampled_from([(2, 2), (3, 4), (5, 6)]), elements=st.integers(0, 3))


@pytest.mark.parametrize("size", [(14, 16), (15, 16), (2, 2), (3, 4)])
def test_pristine_sheet_has_three_neighbours_at_a_bond_everywhere(size):
    structure = sheet_structure(np.full(size, 3, np.uint8))
    first, distance = neighbor_list("id", structure, 1.6)
    assert np.bincount(first).tolist() == [3] * (2 * math.prod(size))
    np.testing.assert_allclose(distance, 1.42, atol=5e-4)


def test_pristine_sheet_has_six_second_neighbours_at_the_lattice_constant():
    first, distance = neighbor_list("id", sheet_structure(np.full((4, 4), 3, np.uint8)), 2.6)
    assert np.bincount(first).tolist() == [9] * 32
    np.testing.assert_allclose(np.sort(distance)[3 * 32 :], 2.46, rtol=1e-12)


def test_cell_plane_and_periodicity():
    structure = sheet_structure(np.full((14, 16), 3, np.uint8), vacuum=12.0)
    np.testing.assert_allclose(structure.cell.lengths(), [34.44, 34.0867, 12.0], atol=1e-4)
    np.testing.assert_allclose(structure.cell.angles(), 90.0)
    assert structure.pbc.tolist() == [True, True, False]
    assert (structure.positions[:, 2] == 6.0).all()
    assert set(structure.get_chemical_symbols()) == {"C"}
    assert sheet_structure(np.full((2, 2), 3, np.uint8)).cell.lengths()[2] == 20.0


@settings(max_examples=25, deadline=None)
@given(sheets)
def test_atoms_and_bonds_are_those_of_the_states(states):
    structure = sheet_structure(states)
    is_occupied = occupancies(states).astype(bool)
    assert len(structure) == is_occupied.sum()
    np.testing.assert_array_equal(structure.positions[:, :2], sheet_positions(states)[0])
    counts = np.bincount(neighbor_list("i", structure, 1.6), minlength=len(structure))
    assert counts.tolist() == neighbour_counts(states[None])[0][is_occupied].tolist()


def test_atoms_are_ordered_by_row_column_and_site():
    positions, _ = sheet_positions(np.array([[2, 0], [1, 3]], np.uint8))
    bond, pitch = 2.46 / math.sqrt(3), 2.46 * math.sqrt(3) / 2
    expected = [[0, bond], [2.46, 0], [1.5 * 2.46, pitch], [1.5 * 2.46, pitch + bond]]
    np.testing.assert_allclose(positions, expected, atol=1e-12)


def test_empty_sheet_is_an_empty_cell():
    structure = sheet_structure(np.zeros((2, 4), np.uint8))
    assert len(structure) == 0
    assert structure.cell.lengths()[0] == pytest.approx(4.92)


@pytest.mark.parametrize(
    ("states", "vacuum", "message"),
    [
        (
            np.zeros((1, 2, 2), np.uint8),
            20.0,
            r"shape \(rows, cols\), one sheet. Received: shape=\(1, 2, 2\)",
        ),
        (np.zeros((2, 3), np.uint8), 20.0, "cols must be even. Received: cols=3"),
        (np.full((2, 2), 4), 20.0, "states must lie in 0..3"),
        (np.full((2, 2), 1.0), 20.0, "states must be integers"),
        (np.full((2, 2), 3), 0.0, "vacuum must be positive, in Å. Received: vacuum=0.0"),
        (np.full((2, 2), 3), math.nan, "vacuum must be positive"),
    ],
)
def test_bad_input_is_refused(states, vacuum, message):
    with pytest.raises(ValueError, match=message):
        sheet_structure(states, vacuum)


def test_linear_scaling_energy_is_the_exact_one_within_its_error_bar():
    sheet = np.full((4, 6), 3, np.uint8)
    sheet[1:3, 2:4] = 0
    known = system_named("porous_graphene").reference_energies
    exact, linear = known["tight-binding"], known["linear-scaling"]
    estimate = linear.estimate(sheet)
    assert 0 < estimate.standard_error < 1.0
    assert estimate.energy == pytest.approx(exact(sheet), abs=4 * estimate.interval)
    assert linear(sheet) == estimate.energy  # the same sheet gets the same random vectors, another others
    shifted = np.roll(sheet, 1, axis=0)
    assert linear(shifted) != estimate.energy
    assert linear(shifted) == pytest.approx(exact(sheet), abs=4 * linear.estimate(shifted).interval)
    assert linear(np.zeros((4, 4), np.uint8)) == 0.0
    assert (linear.origin.method, linear.origin.zero) == (exact.origin.method, exact.origin.zero)
    assert "kernel polynomials" in linear.origin.description
