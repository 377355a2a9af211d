"""Saturated edges: an atom for each missing neighbour, at its distance, and away from all others."""

import itertools
import re

import ase
import numpy as np
import pytest

from rugan_tf.errors import InputError
from rugan_tf.systems import passivation
from rugan_tf.systems.named import system_named
from rugan_tf.systems.passivation import WANTED, Contacts, edges_of

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


def vacancies(rows, cols, *places):
    """A sheet, wider than high or the other way round, that lacks the first atom of some cells."""
    states = np.full((rows, cols), 3, np.uint8)
    for row, col in places:
        states[row, col] = 2
    return states


@pytest.mark.parametrize(("rows", "cols"), [(4, 8), (7, 4)])
def test_holes_across_the_border_of_an_oblong_sheet_are_saturated_as_any(rows, cols):
    for place in ((0, 0), (rows - 1, cols - 1), (0, cols - 1), (rows - 1, 0)):
        structure = GRAPHENE.saturated(vacancies(rows, cols, place), "H")
        assert (structure.numbers == 1).sum() == 3
        to_each_other, to_own, to_others = distances(structure)
        assert min(to_each_other, to_others) > 1.5
        np.testing.assert_allclose(to_own, 1.09, atol=1e-9)


def test_missing_bonds_point_to_where_the_atom_would_be():
    states = vacancies(4, 6, (0, 0), (3, 5))
    structure, whole = GRAPHENE.structure(states), GRAPHENE.structure(np.full((4, 6), 3, np.uint8))
    edges = edges_of(GRAPHENE.atoms, states)
    added = GRAPHENE.structure(states)
    added += ase.Atoms("N6", structure.positions[edges.hosts] + 2.46 / np.sqrt(3) * edges.directions)
    away = added.get_all_distances(mic=True)[-6:, -6:]
    assert sorted((away < 1e-6).sum(axis=1).tolist()) == [3] * 6  # three bonds end at each of two places
    both = whole + added[-6:]
    np.testing.assert_allclose(both.get_all_distances(mic=True)[-6:, : len(whole)].min(axis=1), 0, atol=1e-6)


@pytest.mark.parametrize("places", [[(0, 0)], [(3, 5), (1, 2)], [(0, 0), (0, 2), (2, 5)]])
def test_the_nearest_other_atom_is_what_looking_at_all_of_them_finds(places):
    states = vacancies(4, 6, *places)
    structure, edges = GRAPHENE.structure(states), edges_of(GRAPHENE.atoms, states)
    contacts, number = Contacts(structure, edges, 1.09), len(structure)
    turned = edges.directions + np.random.default_rng(1).normal(0, 0.4, edges.directions.shape)
    for positions in (contacts.ideal, contacts.ends(turned)):
        whole = structure + ase.Atoms(f"H{len(positions)}", positions)
        away = whole.get_all_distances(mic=True)[number:]
        away[np.arange(len(positions)), number + np.arange(len(positions))] = np.inf
        away[np.arange(len(positions)), edges.hosts] = np.inf
        # What is further than what is wanted need not be known.
        expected, found = (np.minimum(values, WANTED) for values in (away.min(axis=1), contacts.nearest(positions)))
        np.testing.assert_allclose(found, expected)
        assert (expected < WANTED).all() or positions is not contacts.ideal


def test_the_gradient_is_that_of_differences():
    states = vacancies(4, 6, (0, 0), (0, 1))
    contacts = Contacts(GRAPHENE.structure(states), edges_of(GRAPHENE.atoms, states), 1.09)
    flat = contacts.tilted().ravel() + np.random.default_rng(2).normal(0, 0.2, contacts.directions.size)
    _, slope = contacts.strain(flat)
    steps = 1e-6 * np.eye(len(flat))
    expected = [(contacts.strain(flat + step)[0] - contacts.strain(flat - step)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(slope, expected, atol=1e-6)


def test_where_there_is_no_room_the_place_is_told(monkeypatch):
    """Atoms in a vacancy keep 1.75 Å from each other; along a slit they have 2.18 Å to the nearest."""
    monkeypatch.setattr(passivation, "CLOSEST", 2.1)
    states = vacancies(4, 16, (1, 2))
    states[:, 8:12] = 0
    with pytest.raises(InputError) as raised:
        GRAPHENE.saturated(GRAPHENE.repair(states[None])[0], "H")
    words = r"Edges must have room for H, 2\.1 Å from any other atom\. Received: (\S+) Å at \((\S+), (\S+), (\S+)\) Å"
    gap, *place = map(float, re.fullmatch(words, str(raised.value)).groups())
    assert 1.2 < gap < 2.1
    missing = GRAPHENE.lattice.positions(4, 16)[1, 2, 0]
    assert np.linalg.norm(np.subtract(place[:2], missing)) < 2.46  # within the hole
    assert abs(place[2] - 10) <= 1.09
    states[1, 2] = 3
    assert (
        GRAPHENE.saturated(GRAPHENE.repair(states[None])[0], "H").get_chemical_symbols().count("H") == 8
    )  # one for each row, on either side


def test_only_those_in_the_way_of_others_begin_out_of_the_plane_on_either_side_in_turn():
    """Of three in a vacancy; along a slit nobody is in the way."""
    states = vacancies(4, 16, (1, 2))
    states[:, 8:12] = 0
    states = GRAPHENE.repair(states[None])[0]
    edges = edges_of(GRAPHENE.atoms, states)
    found = Contacts(GRAPHENE.structure(states), edges, 1.09).tilted()
    np.testing.assert_array_equal(found[:, :2], edges.directions[:, :2])
    missing = GRAPHENE.lattice.positions(4, 16)[1, 2, 0]
    hosts = GRAPHENE.structure(states).positions[edges.hosts, :2]
    is_in_vacancy = np.linalg.norm(hosts - missing, axis=1) < 1.5
    assert found[is_in_vacancy, 2].tolist() == [passivation.TILT, -passivation.TILT, passivation.TILT]
    assert not found[~is_in_vacancy, 2].any()
    assert (~is_in_vacancy).sum() == 8
