"""Copies, distances and differences of sheets against comparisons with every symmetric image."""

import numpy as np
import pytest

from rugan_tf.evaluate import similarity
from rugan_tf.systems.named import system_named


def test_translations_are_one_sheet_and_odd_column_shifts_are_not(graphene):
    sheet = np.random.default_rng(1).integers(0, 4, (4, 6), np.uint8)
    same = [np.roll(sheet, shift, (0, 1)) for shift in ((1, 0), (0, 2), (3, 4))]
    assert similarity.uniqueness(graphene, np.stack([sheet, *same])) == 0.25
    assert similarity.uniqueness(graphene, np.stack([sheet, np.roll(sheet, 1, 1)])) == 1.0


def test_a_sheet_that_is_the_first_of_its_translations_is_its_own_name(graphene):
    first = np.zeros((4, 6), np.uint8)
    first[3, 5] = 1
    moved = np.roll(first, (1, 2), (0, 1))
    names = similarity.canonical_sheets(graphene, np.stack([first, moved]))
    assert names[0] == names[1] == first.tobytes()


def test_uniqueness_of_different_sheets_is_one(graphene):
    states = np.random.default_rng(2).integers(0, 4, (50, 4, 6), np.uint8)
    assert similarity.uniqueness(graphene, states) == 1.0


def test_trailing_and_leading_empty_cells_are_kept_apart(graphene):
    states = np.zeros((3, 2, 4), np.uint8)
    states[1, 0, 0], states[2, 0, 0], states[2, 0, 1] = 1, 1, 1
    assert similarity.uniqueness(graphene, states) == 1.0


IMAGES = system_named("porous_graphene").images


def all_images(sheet):
    number = len(IMAGES.permutations(*sheet.shape))
    return IMAGES.transform(np.repeat(sheet[None], number, axis=0), np.arange(number))


def test_a_copy_is_any_symmetric_image_and_nothing_else(graphene):
    rng = np.random.default_rng(2)
    known = rng.integers(0, 4, (3, 4, 6), np.uint8)
    images = all_images(known[1])
    assert similarity.copies(graphene, images, known).all()
    changed = images.copy()
    changed[:, 0, 0] ^= 1
    assert not similarity.copies(graphene, changed, known).any()
    assert similarity.copies(graphene, np.stack([images[5], changed[5], known[0]]), known).tolist() == [
        True,
        False,
        True,
    ]
    assert similarity.copies(graphene, np.zeros((2, 8, 8), np.uint8), known) is None


def test_nearest_distance_is_the_least_over_all_images(graphene, monkeypatch):
    monkeypatch.setattr(similarity, "KNOWN_AT_ONCE", 3)
    rng = np.random.default_rng(3)
    known, sheets = rng.integers(0, 4, (10, 4, 6), np.uint8), rng.integers(0, 4, (4, 4, 6), np.uint8)
    sheets[0] = all_images(known[7])[29]
    sheets[1] = all_images(known[2])[50]
    sheets[1, 2, 3] ^= 3
    expected = [min(int((image != sheet).sum()) for one in known for image in all_images(one)) for sheet in sheets]
    assert similarity.nearest_distances(graphene, sheets, known).tolist() == expected
    assert expected[:2] == [0, 1]


def test_nearest_distance_on_an_odd_lattice(monkeypatch):
    ising = system_named("ising")
    rng = np.random.default_rng(6)
    known, sheets = rng.integers(0, 2, (6, 3, 5), np.uint8), rng.integers(0, 2, (4, 3, 5), np.uint8)
    expected = []
    for sheet in sheets:
        images = [
            np.roll(one, shift, (0, 1))
            for one in known[:, None]
            for one in (one[0], one[0, ::-1], one[0, :, ::-1], one[0, ::-1, ::-1])
            for shift in np.ndindex(3, 5)
        ]
        expected.append(min(int((image != sheet).sum()) for image in images))
    assert similarity.nearest_distances(ising, sheets, known).tolist() == expected


@pytest.mark.parametrize("image", [0, 29, 50])
def test_known_sheet_of_other_numbers_of_states_may_still_be_the_nearest(graphene, monkeypatch, image):
    monkeypatch.setattr(similarity, "KNOWN_AT_ONCE", 1)  # each is left out by what those before it gave
    sheet = np.random.default_rng(5).integers(0, 4, (4, 6), np.uint8)
    swapped, changed = sheet.copy(), sheet.copy()
    pairs = [tuple(np.argwhere(sheet == state)[index]) for index in (0, 1) for state in (1, 2)]
    for place, other in zip(pairs, (pairs[1], pairs[0], pairs[3], pairs[2]), strict=True):
        swapped[place] = sheet[other]  # four cells differ, and the numbers of states are the same
    changed[tuple(np.argwhere(sheet == 0)[:3].T)] = 3  # three cells differ, and two numbers of states by three each
    known = np.stack([swapped, all_images(changed)[image]])
    assert similarity.nearest_distances(graphene, sheet[None], known[:1]).tolist() == [4]
    assert similarity.nearest_distances(graphene, sheet[None], known).tolist() == [3]


def test_mean_difference_is_that_over_all_pairs():
    states = np.random.default_rng(4).integers(0, 4, (5, 4, 6), np.uint8)
    pairs = [(states[i] != states[j]).mean() for i in range(5) for j in range(i)]
    assert similarity.mean_difference(states) == pytest.approx(np.mean(pairs))
    assert similarity.mean_difference(np.repeat(states[:1], 3, axis=0)) == 0
    assert similarity.mean_difference(states[:2]) == pytest.approx((states[0] != states[1]).mean())
    assert np.isnan(similarity.mean_difference(states[:1]))
