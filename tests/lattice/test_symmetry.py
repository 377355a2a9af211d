"""The symmetries of a periodic sheet: a group of permutations of its sites that keeps bonds and energies."""

import numpy as np
import pytest

from rugan_tf.systems.porous_graphene.reference import sheet_energy
from rugan_tf.systems.porous_graphene.sites import dangling, neighbour_counts, num_atoms, occupancies
from rugan_tf.systems.porous_graphene.system import PorousGraphene

SIZES = [(1, 2), (3, 4), (2, 4), (4, 6), (14, 16)]
IMAGES = PorousGraphene().images
sizes = pytest.mark.parametrize(("rows", "cols"), SIZES)


def draw_states(num_sheets, rows, cols):
    return np.random.default_rng(4).integers(0, 4, (num_sheets, rows, cols), np.uint8)


def bonds(rows, cols):
    """Return how often each pair of sites is bonded, found by occupying one site at a time."""
    num_sites = 2 * rows * cols
    alone = np.zeros((num_sites, num_sites), np.uint8)
    alone[np.arange(num_sites), np.arange(num_sites)] = 1
    pair = alone.reshape(num_sites, rows, cols, 2)
    return neighbour_counts(pair[..., 0] + 2 * pair[..., 1]).reshape(num_sites, num_sites)


def everything(rows, cols):
    return np.arange(4 * rows * cols)


@sizes
def test_each_is_a_permutation_of_the_sites(rows, cols):
    permutations = IMAGES.permutations(rows, cols)
    assert permutations.shape == (4 * rows * cols, 2 * rows * cols)
    expected = np.broadcast_to(range(2 * rows * cols), permutations.shape)
    np.testing.assert_array_equal(np.sort(permutations, axis=1), expected)


@pytest.mark.parametrize(("rows", "cols"), [(3, 4), (4, 6), (14, 16)])
def test_all_are_different_and_the_identity_is_one(rows, cols):
    distinct = {permutation.tobytes() for permutation in IMAGES.permutations(rows, cols)}
    assert len(distinct) == 4 * rows * cols
    assert np.arange(2 * rows * cols, dtype=np.int32).tobytes() in distinct


@pytest.mark.parametrize(("rows", "cols"), [(1, 2), (2, 4), (4, 4), (3, 4)])
def test_they_form_a_group(rows, cols):
    permutations = IMAGES.permutations(rows, cols)
    members = {permutation.tobytes() for permutation in permutations}
    composed = permutations[:, permutations].reshape(-1, 2 * rows * cols)
    assert {permutation.tobytes() for permutation in composed} == members
    inverses = np.argsort(permutations, axis=1).astype(np.int32)
    assert {permutation.tobytes() for permutation in inverses} == members


@sizes
def test_neighbours_stay_neighbours(rows, cols):
    bonded = bonds(rows, cols)
    assert bonded.sum() == 3 * 2 * rows * cols
    for permutation in IMAGES.permutations(rows, cols):
        np.testing.assert_array_equal(bonded[np.ix_(permutation, permutation)], bonded)


@sizes
def test_half_turns_are_both_reflections_one_after_the_other(rows, cols):
    count = rows * cols
    permutations = IMAGES.permutations(rows, cols)
    one, other, half_turn = permutations[count], permutations[2 * count], permutations[3 * count]
    np.testing.assert_array_equal(one[other], half_turn)
    np.testing.assert_array_equal(other[one], half_turn)
    for involution in (one, other, half_turn):
        np.testing.assert_array_equal(involution[involution], np.arange(2 * count))


def test_the_first_ones_are_the_shifts_by_rows_and_by_two_columns():
    rows, cols = 4, 6
    states = draw_states(1, rows, cols)
    images = IMAGES.transform(np.repeat(states, rows * cols, axis=0), np.arange(rows * cols))
    for row, col in [(1, 0), (3, 0), (0, 2), (0, 4), (2, 2)]:
        shifted = np.roll(states[0], (row + col // 2, col), (0, 1))
        assert any(np.array_equal(shifted, image) for image in images)
    one_column = np.roll(states[0], 1, 1)
    assert not any(np.array_equal(one_column, image) for image in images)


def test_energy_of_a_sheet_is_the_same_for_all_images():
    rows, cols = 4, 6
    sheet = draw_states(5, rows, cols)[4:]
    images = IMAGES.transform(np.repeat(sheet, 4 * rows * cols, axis=0), everything(rows, cols))
    distinct = np.unique(images, axis=0)
    assert len(distinct) > rows * cols
    energies = [sheet_energy(image) for image in distinct]
    np.testing.assert_allclose(energies, sheet_energy(sheet[0]), rtol=0, atol=1e-9)


@sizes
def test_images_keep_atoms_and_dangling_atoms(rows, cols):
    which = everything(rows, cols)
    states = draw_states(len(which), rows, cols)
    images = IMAGES.transform(states, which)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(num_atoms(images), num_atoms(states))
    before, after = (dangling(sheets).sum(axis=(1, 2, 3)) for sheets in (states, images))
    np.testing.assert_array_equal(after, before)


def test_each_sheet_gets_the_symmetry_of_its_number():
    states = draw_states(3, 3, 4)
    which = np.array([0, 17, 40])
    images = IMAGES.transform(states, which)
    for state, number, image in zip(states, which, images, strict=True):
        expected = occupancies(state).reshape(-1)[IMAGES.permutations(3, 4)[number]]
        np.testing.assert_array_equal(occupancies(image).reshape(-1), expected)
    np.testing.assert_array_equal(images[0], states[0])


def test_drawn_images_come_from_the_seed_and_reach_every_symmetry():
    rows, cols = 2, 4
    states = np.repeat(draw_states(1, rows, cols), 400, axis=0)
    images = IMAGES.draw(np.random.default_rng(1), states)
    np.testing.assert_array_equal(images, IMAGES.draw(np.random.default_rng(1), states))
    reachable = IMAGES.transform(states[: 4 * rows * cols], everything(rows, cols))
    assert {image.tobytes() for image in images} == {image.tobytes() for image in reachable}
    assert len({image.tobytes() for image in images}) > rows * cols
