"""Saturated edges: an atom for each missing neighbour, at its distance, and away from all others."""

import itertools

import numpy as np
import pytest

from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
AROUND = [(2, 2, 0), (2, 2, 1), (2, 3, 0), (2, 3, 1), (1, 3, 0), (1, 3, 1)]  # sites next to each other, in one clump


def distances(structure):
    """From each hydrogen to the nearest hydrogen, to its own carbon, and to the nearest other carbon."""
    away = structure.get_all_distances(mic=True)
    is_added = structure.numbers == 1
    between = away[np.ix_(is_added, is_added)]
    np.fill_diagonal(between, np.inf)
    to_others = np.sort(away[np.ix_(is_added, ~is_added)], axis=1)
    return between.min(initial=np.inf), to_others[:, 0], to_others[:, 1].min()


@pytest.mark.parametrize("removed", [sites for k in (1, 2, 3) for sites in itertools.combinations(AROUND, k)])
def test_small_holes_have_room(removed):
    occupied = np.ones((1, 6, 6, 2), np.uint8)
    for row, col, site in removed:
        occupied[0, row, col, site] = 0
    states = GRAPHENE.repair(occupied[..., 0] + 2 * occupied[..., 1])
    structure = GRAPHENE.saturated(states[0], "H")
    missing = 3 * len(GRAPHENE.structure(states[0])) - bonds(GRAPHENE.structure(states[0]))
    assert (structure.numbers == 1).sum() == missing > 0
    to_each_other, to_own, to_others = distances(structure)
    assert to_each_other > 1.5
    assert to_others > 1.5
    np.testing.assert_allclose(to_own, 1.09, atol=1e-9)


def bonds(structure):
    """Neighbours of all atoms, counted by distance."""
    away = structure.get_all_distances(mic=True)
    return int(((away > 0.1) & (away < 1.6)).sum())


def test_open_edges_are_saturated_in_the_plane():
    states = np.full((8, 8), 3, np.uint8)
    states[:, 3:6] = 0  # a slit between zigzag edges, where nothing is in the way
    structure = GRAPHENE.saturated(GRAPHENE.repair(states[None])[0], "H")
    assert np.ptp(structure.positions[:, 2]) < 1e-6
    assert distances(structure)[0] > 2.4


def test_a_vacancy_saturated_in_the_plane_would_have_its_hydrogens_at_half_an_angstrom():
    states = np.full((6, 6), 3, np.uint8)
    states[2, 2] = 2
    structure = GRAPHENE.saturated(states, "H")
    naive = (2.46 / np.sqrt(3) - 1.09) * np.sqrt(3)
    assert naive == pytest.approx(0.57, abs=0.01)
    assert distances(structure)[0] > 1.5
    np.testing.assert_array_equal(structure.positions, GRAPHENE.saturated(states, "H").positions)


def test_a_whole_sheet_has_nothing_to_saturate_and_other_elements_are_refused():
    pristine = np.full((4, 4), 3, np.uint8)
    assert GRAPHENE.saturated(pristine, "H") == GRAPHENE.structure(pristine)
    with pytest.raises(InputError, match=r"Edges must be saturated by H. Received: Xe"):
        GRAPHENE.saturated(pristine, "Xe")


def test_a_material_without_atoms_cannot_be_saturated():
    from spins import Spins

    with pytest.raises(InputError, match=r"must say how its edges are saturated. Received: spins"):
        Spins().saturated(np.zeros((2, 2), np.uint8), "H")
