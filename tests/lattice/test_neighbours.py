"""Neighbours on the honeycomb, against distances between atoms in the plane."""

import numpy as np
import pytest

from rugan_tf.systems.porous_graphene.geometry import (
    BOND_LENGTH,
    COLUMN_PITCH,
    LATTICE_CONSTANT,
    cell_lengths,
    site_positions,
    validate_size,
)
from rugan_tf.systems.porous_graphene.sites import dangling, neighbour_counts, num_atoms, occupancies

SIZES = [(1, 2), (1, 4), (2, 2), (2, 4), (3, 4), (5, 2), (4, 6), (7, 8)]


def random_states(num_sheets, rows, cols, seed=0):
    return np.random.default_rng(seed).integers(0, 4, (num_sheets, rows, cols), np.uint8)


def bonds_by_distance(rows, cols):
    """Number of bonds between every two sites, over all periodic images: int (sites, sites)."""
    positions = site_positions(rows, cols).reshape(-1, 2)
    bonds = np.zeros((len(positions), len(positions)), int)
    for image in np.ndindex(5, 5):
        shifted = positions + (np.array(image) - 2) * cell_lengths(rows, cols)
        distance = np.linalg.norm(positions[:, None] - shifted, axis=-1)
        bonds += (distance > 0.1) & (distance < 1.2 * BOND_LENGTH)
    return bonds


def test_lengths_of_the_lattice():
    assert LATTICE_CONSTANT == 2.46
    assert pytest.approx(1.42028, abs=1e-5) == BOND_LENGTH
    assert pytest.approx(2.13042, abs=1e-5) == COLUMN_PITCH
    np.testing.assert_allclose(cell_lengths(14, 16), [34.44, 34.0867], atol=1e-4)


def test_positions_of_the_four_sites_of_the_rectangular_cell():
    expected = [[[0, 0], [0, 1.42028]], [[1.23, 2.13042], [1.23, 3.55070]]]
    np.testing.assert_allclose(site_positions(1, 2)[0], expected, atol=1e-5)
    positions = site_positions(3, 4)
    moved = positions[0, 1] + [4.92, 4.26084]  # two cells along the rows, two columns on
    np.testing.assert_allclose(positions[2, 3], moved, atol=1e-5)


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_pristine_sheet_has_three_bonds_of_one_length_everywhere(rows, cols):
    positions = site_positions(rows, cols).reshape(-1, 2)
    lengths = []
    for image in np.ndindex(5, 5):
        offset = positions[:, None] - positions - (np.array(image) - 2) * cell_lengths(rows, cols)
        distance = np.linalg.norm(offset, axis=-1)
        lengths.append(distance[(distance > 0.1) & (distance < 2.0)])
    np.testing.assert_allclose(np.concatenate(lengths), 1.42028, atol=1e-5)
    assert np.concatenate(lengths).size == 3 * 2 * rows * cols
    assert (neighbour_counts(np.full((2, rows, cols), 3, np.uint8)) == 3).all()


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_counts_agree_with_distances(rows, cols):
    states = random_states(40, rows, cols)
    occupied = occupancies(states).reshape(len(states), -1).astype(int)
    expected = occupied @ bonds_by_distance(rows, cols)
    counts = neighbour_counts(states)
    assert counts.dtype == np.uint8
    np.testing.assert_array_equal(counts.reshape(len(states), -1), expected)
    np.testing.assert_array_equal(dangling(states).reshape(len(states), -1), (occupied == 1) & (expected < 2))
    np.testing.assert_array_equal(num_atoms(states), occupied.sum(axis=1))


@pytest.mark.parametrize("shift", [(1, 0), (3, 0), (0, 2), (2, 4), (-1, -2)])
def test_counts_move_with_the_sheet(shift):
    states = random_states(10, 5, 6)
    moved = np.roll(neighbour_counts(states), shift, (1, 2))
    np.testing.assert_array_equal(neighbour_counts(np.roll(states, shift, (1, 2))), moved)


@pytest.mark.parametrize("columns", [1, 3, -1])
def test_parity_of_columns_is_physical(columns):
    states = random_states(10, 5, 6)
    moved = np.roll(neighbour_counts(states), columns, 2)
    assert (neighbour_counts(np.roll(states, columns, 2)) != moved).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize(
    ("rows", "cols", "message"),
    [
        (0, 2, r"rows must be at least 1. Received: rows=0"),
        (-3, 2, r"rows must be at least 1. Received: rows=-3"),
        (4, 0, r"cols must be at least 2. Received: cols=0"),
        (4, 1, r"cols must be at least 2. Received: cols=1"),
        (14, 15, r"cols must be even. Received: cols=15"),
    ],
)
@pytest.mark.parametrize("function", [validate_size, cell_lengths, site_positions])
def test_sizes_without_a_periodic_sheet_are_refused(function, rows, cols, message):
    with pytest.raises(ValueError, match=message):
        function(rows, cols)
