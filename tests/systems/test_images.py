"""Images of sheets under symmetries: which there are, and what they make of states."""

import itertools

import numpy as np
import pytest

from rugan_tf.lattice.lattice import Offset, honeycomb, square
from rugan_tf.lattice.symmetry import Operation, operations
from rugan_tf.systems.images import SymmetricImages, is_any_combination, makes_states, moved_species

HONEYCOMB = honeycomb(2.46)
ANY = ((None, None), ("C", None), (None, "C"), ("C", "C"))
ONE_WAY = (("C", "C"), ("B", "N"))
SAME, SWAP = ((0, 0, 0), (0, 0, 1)), ((0, 0, 1), (0, 0, 0))


def operation(*images):
    """One that brings the sites of even and of odd columns to these."""
    return Operation((1, 1), tuple(tuple(Offset(*image) for image in sites) for sites in images))


def test_species_move_with_their_sites():
    assert list(moved_species(SWAP, ONE_WAY)) == [("C", "C"), ("N", "B")]
    assert list(moved_species(SAME, ONE_WAY)) == list(ONE_WAY)
    turn = ((0, 0, 1), (0, 0, 2), (0, 0, 0))
    assert list(moved_species(turn, (("a", "b", "c"),))) == [("c", "a", "b")]


def test_an_operation_makes_states_where_all_columns_and_all_states_become_states():
    assert makes_states(operation(SAME, SAME), ONE_WAY)
    assert not makes_states(operation(SWAP, SWAP), ONE_WAY)
    assert not makes_states(operation(SAME, SWAP), ONE_WAY)
    assert makes_states(operation(SAME, SWAP), (*ONE_WAY, ("N", "B")))
    apart = operation(((0, 0, 0), (1, 0, 1)), SAME)  # the sites of a cell come to two cells
    assert not makes_states(apart, (*ONE_WAY, ("N", "B")))
    assert makes_states(apart, ANY)


def test_three_sites_of_two_kinds_have_eight_combinations():
    every = tuple(itertools.product("ab", repeat=3))
    assert is_any_combination(every)
    assert not is_any_combination(every[:-2])


def test_kinds_are_numbered_as_they_appear_and_states_are_found_by_them():
    images = SymmetricImages(HONEYCOMB, (("B", "N"), (None, "B"), ("N", "N")), ())
    assert images.kinds.tolist() == [[0, 1], [2, 0], [1, 1]]
    assert images.state_of.shape == (3, 3)
    assert (images.state_of[0, 1], images.state_of[2, 0], images.state_of[1, 1]) == (0, 1, 2)
    assert (images.kinds.dtype, images.state_of.dtype) == (np.uint8, np.uint8)


@pytest.mark.parametrize("species", [ANY, ONE_WAY])
def test_the_symmetries_of_a_material_are_those_of_its_lattice_that_make_states(species):
    images = SymmetricImages.of(HONEYCOMB, species)
    assert images.operations[0] == operations(HONEYCOMB)[0]
    assert len(images.operations) == {ANY: 8, ONE_WAY: 4}[species]
    assert (images.lattice, images.species) == (HONEYCOMB, species)
    # Four turns and reflections, and of the honeycomb with one kind of site also those that exchange its sites.
    assert set(images.operations) <= set(operations(HONEYCOMB))


def test_what_stands_on_sites_comes_to_where_a_permutation_says():
    images = SymmetricImages.of(square(1.0), (("a",), ("b",), ("c",)))
    sheet = np.array([[0, 1, 2], [2, 2, 1]], np.uint8)
    backwards = np.arange(6)[::-1]
    moved = images.move(np.stack([sheet, sheet]), np.stack([np.arange(6), backwards]).astype(np.int32))
    assert moved.tolist() == [sheet.tolist(), [[1, 2, 2], [2, 1, 0]]]
    assert moved.dtype == np.uint8


def test_two_sites_of_a_cell_change_places_when_columns_are_reflected():
    """On a sheet of one period, drawn by hand: A and B of an even and of an odd column."""
    images = SymmetricImages.of(HONEYCOMB, ANY)
    alone = np.array([[[1, 0]]], np.uint8)  # one atom, on the first site of the first column
    found = images.transform(np.repeat(alone, 8, axis=0), np.arange(8))
    reached = {(int(one[0, 0]), int(one[0, 1])) for one in found}
    assert reached == {(1, 0), (0, 1), (2, 0), (0, 2)}


@pytest.mark.parametrize("species", [ANY, ONE_WAY])
def test_points_and_whole_periods_make_all_images(species):
    images = SymmetricImages.of(HONEYCOMB, species)
    states = np.random.default_rng(2).integers(0, len(species), (2, 3, 4), np.uint8)
    points = images.points(states)
    assert len(points) == len(images.operations)
    np.testing.assert_array_equal(points[0], states)
    number = len(images.permutations(3, 4))
    assert number == len(points) * 3 * 2
    for sheet in range(2):
        every = images.transform(np.repeat(states[sheet : sheet + 1], number, axis=0), np.arange(number))
        shifts = itertools.product(range(3), range(0, 4, 2))
        moved = {np.roll(point[sheet], shift, (0, 1)).tobytes() for shift in shifts for point in points}
        assert {image.tobytes() for image in every} == moved


def test_every_image_is_drawn_as_often_as_any_other():
    images = SymmetricImages.of(HONEYCOMB, ANY)
    sheet = np.array([[0, 1, 2, 3], [3, 1, 1, 0], [0, 3, 2, 1]], np.uint8)
    number = len(images.permutations(3, 4))
    copies = np.repeat(sheet[None], 200 * number, axis=0)
    drawn = images.draw(np.random.default_rng(1), copies)
    found, counts = np.unique(drawn.reshape(len(drawn), -1), axis=0, return_counts=True)
    every = images.transform(copies[:number], np.arange(number)).reshape(number, -1)
    np.testing.assert_array_equal(found, np.unique(every, axis=0))
    assert len(found) == number
    assert (abs(counts - 200) < 5 * np.sqrt(200)).all()
