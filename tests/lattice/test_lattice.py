"""Any lattice against distances: neighbours, symmetries, sizes, and the statistics that need no material."""

import dataclasses
import itertools
import math

import keras
import numpy as np
import pytest

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice, Offset, honeycomb, square
from rugan_tf.lattice.pieces import num_pieces
from rugan_tf.lattice.statistics import neighbour_counts, two_point_correlation
from rugan_tf.lattice.symmetry import Operation, moved_place, operations, site_permutations

TRIANGULAR = Lattice(1.0, math.sqrt(3) / 2, 1.1, col_shift=0.5)
UNEVEN = Lattice(
    2.0, 1.5, 1.2, ((0.0, 0.0), (0.9, 0.4), (0.3, 1.1)), 0.3
)  # columns of either parity differ in neighbours
LATTICES = {"honeycomb": honeycomb(2.46), "square": square(1.5), "triangular": TRIANGULAR, "uneven": UNEVEN}
lattices = pytest.mark.parametrize("lattice", LATTICES.values(), ids=LATTICES)
SIZES = [(1, 2), (2, 2), (3, 4), (5, 6)]


def pairs_by_distance(lattice, rows, cols):
    """How often two sites are within reach, over all periodic images: int (sites, sites)."""
    positions = lattice.positions(rows, cols).reshape(-1, 2)
    number = np.zeros((len(positions), len(positions)), int)
    for image in np.ndindex(9, 9):
        shifted = positions + (np.array(image) - 4) * lattice.cell_lengths(rows, cols)
        distance = np.linalg.norm(positions[:, None] - shifted, axis=-1)
        number += (distance > 1e-6) & (distance < lattice.reach + 1e-6)
    return number


@lattices
@pytest.mark.parametrize("parity", [0, 1])
def test_every_site_is_found_where_it_is_placed_and_nothing_beside_it(lattice, parity):
    near = lattice.row_pitch * 0.06
    for offset in itertools.starmap(Offset, itertools.product((-2, 0, 3), (-3, -2, 0, 1), range(lattice.num_sites))):
        x, y = lattice.place(offset, parity)
        assert lattice.find(x, y, parity) == offset
        assert lattice.find(x + near, y, parity) is None
        assert lattice.find(x, y - near, parity) is None


@pytest.mark.parametrize("pitch", [0.01, 1.0, 100.0])
def test_places_are_found_to_a_millionth_of_the_pitch(pitch):
    lattice = square(pitch)
    assert lattice.find(pitch * (2 + 0.9e-6), 3 * pitch) == Offset(2, 3, 0)
    assert lattice.find(pitch * (2 + 1.1e-6), 3 * pitch) is None


def test_places_are_those_of_the_positions_from_either_parity():
    for lattice in LATTICES.values():
        positions = lattice.positions(4, 4)
        for parity in (0, 1):
            moved = positions[1, parity] - lattice.sites  # the origin of a column of this parity
            for site in range(lattice.num_sites):
                expected = positions[2, parity + 1, site] - moved[0]
                np.testing.assert_allclose(lattice.place(Offset(1, 1, site), parity), expected, atol=1e-12)


def test_named_lattices_have_the_neighbours_of_their_kind():
    for pitch in (0.7, 1.5, 3.0):
        assert square(pitch).num_neighbours == (4,)
        assert honeycomb(pitch).num_neighbours == (3, 3)


def test_a_place_is_reflected_about_the_first_site_and_moved_with_it():
    assert moved_place((3.0, 4.0), (1.0, 2.5), (-1, 1), (10.0, 20.0)) == (8.0, 21.5)


def test_only_operations_that_keep_cells_together_say_so():
    together, apart = Offset(0, 1, 1), Offset(0, 0, 0)
    assert Operation((1, 1), ((Offset(0, 1, 0), together),)).keeps_cells()
    assert not Operation((1, 1), ((Offset(0, 1, 0), together), (apart, together))).keeps_cells()


def random_sites(lattice, num_sheets, rows, cols, share=0.6, seed=1):
    return np.random.default_rng(seed).random((num_sheets, rows, cols, lattice.num_sites)) < share


@lattices
@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_neighbours_are_the_sites_within_reach(lattice, rows, cols):
    chosen = random_sites(lattice, 20, rows, cols)
    expected = chosen.reshape(20, -1).astype(int) @ pairs_by_distance(lattice, rows, cols)
    np.testing.assert_array_equal(neighbour_counts(lattice, chosen).reshape(20, -1), expected)


def test_numbers_of_neighbours():
    assert [lattice.num_neighbours for lattice in LATTICES.values()] == [(3, 3), (4,), (6,), (5, 5, 4)]
    assert [len(offsets) for offsets in UNEVEN.neighbours[1]] != [len(offsets) for offsets in UNEVEN.neighbours[0]]
    assert dataclasses.replace(square(1.0), reach=1.5).num_neighbours == (8,)


@lattices
def test_once_leaves_out_one_direction_of_every_pair(lattice):
    rows, cols = 5, 6
    number = np.arange(1, rows * cols * lattice.num_sites + 1).reshape(1, rows, cols, lattice.num_sites)
    values = [number[..., site] for site in range(lattice.num_sites)]
    seen = np.zeros((number.size + 1, number.size + 1), int)
    for own, others in zip(values, lattice.around(values, once=True), strict=True):
        for other in others:
            np.add.at(seen, (own.ravel(), other.ravel()), 1)
    seen = seen[1:, 1:]
    np.testing.assert_array_equal(seen + seen.T, pairs_by_distance(lattice, rows, cols))


@lattices
def test_the_same_rule_runs_in_keras(lattice):
    values = np.random.default_rng(2).integers(0, 9, (lattice.num_sites, 3, 4, 6))
    in_keras = lattice.around([keras.ops.convert_to_tensor(part, "int32") for part in values], keras.ops)
    for ours, theirs in zip(lattice.around(list(values)), in_keras, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(other), one)


@lattices
@pytest.mark.parametrize(("rows", "cols"), [(3, 4), (5, 6)])
def test_symmetries_are_permutations_that_keep_distances_and_form_a_group(lattice, rows, cols):
    positions, lengths = lattice.positions(rows, cols).reshape(-1, 2), lattice.cell_lengths(rows, cols)
    offset = positions[:, None] - positions
    distance = np.linalg.norm(offset - lengths * np.rint(offset / lengths), axis=-1)
    permutations = site_permutations(lattice, operations(lattice), rows, cols)
    members = {permutation.tobytes() for permutation in permutations}
    assert len(members) == len(permutations)
    np.testing.assert_array_equal(permutations[0], np.arange(len(positions)))
    for permutation in permutations:
        np.testing.assert_allclose(distance[np.ix_(permutation, permutation)], distance, atol=1e-9)
    composed = permutations[:, permutations].reshape(-1, len(positions))
    assert {permutation.tobytes() for permutation in composed} == members


def test_numbers_of_symmetries():
    assert [len(operations(lattice)) for lattice in LATTICES.values()] == [8, 4, 8, 1]


def test_areas_and_lengths():
    assert honeycomb(2.46).area(14, 16) == pytest.approx(34.44 * 34.0867, rel=1e-5)
    np.testing.assert_allclose(TRIANGULAR.cell_lengths(4, 6), [4.0, 6 * 0.8660254], rtol=1e-6)
    np.testing.assert_allclose(TRIANGULAR.positions(2, 2)[1, 1, 0], [1.5, 0.8660254], rtol=1e-6)
    assert [lattice.col_period for lattice in LATTICES.values()] == [2, 1, 2, 2]


def test_square_sheets_may_have_odd_columns():
    square(1.0).validate_size(1, 3)
    with pytest.raises(InputError, match=r"cols must be even. Received: cols=3"):
        TRIANGULAR.validate_size(2, 3)
    with pytest.raises(InputError, match=r"cols must be at least 1. Received: cols=0"):
        square(1.0).validate_size(2, 0)
    square(1.0).validate_size(2**31 - 1, 1)
    with pytest.raises(InputError, match=r"rows and cols must be at most 2147483647. Received: rows=2, cols=1e\+30"):
        square(1.0).validate_size(2, 10**30)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row_pitch": 0.0}, r"row_pitch must be positive. Received: row_pitch=0.0"),
        ({"reach": math.nan}, r"reach must be positive. Received: reach=nan"),
        ({"col_shift": 1.0}, r"col_shift must lie in \[0, 1\). Received: col_shift=1.0"),
        ({"sites": ()}, r"sites must hold at least one position. Received: none"),
        ({"sites": ((0, 0), (0.5, 0), (0, 0))}, r"sites must differ. Received: \(0, 0\) and \(0, 0\)"),
    ],
)
def test_what_is_no_lattice_is_refused(changes, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        dataclasses.replace(square(1.0), **changes)


def test_pieces_of_a_square_lattice():
    chosen = np.zeros((2, 4, 5, 1), bool)
    chosen[0, 0, :2] = chosen[0, 3, 0] = chosen[0, 2, 3] = True  # the first two meet across the border
    np.testing.assert_array_equal(num_pieces(square(1.0), chosen), [2, 0])


@lattices
def test_two_point_correlation_counts_pairs_at_a_distance(lattice):
    chosen = random_sites(lattice, 3, 6, 8)
    width = lattice.reach / 2
    distances, correlation = two_point_correlation(lattice, chosen, 100.0, width)
    positions, lengths = lattice.positions(6, 8).reshape(-1, 2), lattice.cell_lengths(6, 8)
    offset = positions[:, None] - positions
    distance = np.linalg.norm(offset - lengths * np.rint(offset / lengths), axis=-1)
    both = np.mean([np.outer(one, one) for one in chosen.reshape(3, -1)], axis=0)
    edges = np.arange(width / 2, lengths.min() / 2, width)
    expected = [
        (distance[held].mean(), both[held].mean())
        for low, high in itertools.pairwise(edges)
        if (held := (distance >= low) & (distance < high)).any()
    ]
    np.testing.assert_allclose(np.stack([distances, correlation], -1), expected)


SPREAD = Lattice(2.0, 1.0, 1.2, ((0.0, 0.0), (0.3, 3.5)))  # the sites of a cell stand columns apart
TALL = Lattice(1.0, 3.0, 1.1, ((0.0, 0.0), (4.4, 0.5)), 0.5)  # and here rows


@pytest.mark.parametrize("lattice", [*LATTICES.values(), SPREAD, TALL], ids=[*LATTICES, "spread", "tall"])
@pytest.mark.parametrize(("rows", "cols"), [(5, 6), (4, 8)])
def test_each_pair_of_neighbours_is_found_once_from_one_of_its_ends(lattice, rows, cols):
    number = np.arange(1, rows * cols * lattice.num_sites + 1).reshape(1, rows, cols, lattice.num_sites)
    values = [number[..., site] for site in range(lattice.num_sites)]
    for once in (True, False):
        found = np.zeros((number.size, number.size), int)
        for own, others in zip(values, lattice.around(values, once=once), strict=True):
            for other in others:
                there = other > 0
                np.add.at(found, (own[there] - 1, other[there] - 1), 1)
        expected = pairs_by_distance(lattice, rows, cols)
        np.testing.assert_array_equal(found + found.T if once else found, expected)
