"""Structures of materials that tell their kinds of site apart, whichever way round they come."""

import numpy as np
import pytest
from test_definition import ATOMS

from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named
from rugan_tf.systems.structure_match import MatchLimits, match_structure

ALLOY = system_named(ATOMS)


@pytest.fixture
def states():
    return np.array([[2, 0, 1, 0], [0, 0, 2, 2], [1, 2, 0, 0]], np.uint8)


def distances(structure, first, second):
    """Distances between two elements, sorted, Å."""
    symbols = np.array(structure.get_chemical_symbols())
    found = structure.get_all_distances(mic=True)[np.ix_(symbols == first, symbols == second)]
    return np.sort(found.ravel())


def test_a_sheet_is_known_as_it_stands(states):
    np.testing.assert_array_equal(match_structure(ALLOY.atoms, ALLOY.structure(states)).states, states)


@pytest.mark.parametrize("mirror", [(1, -1, 1), (-1, -1, 1), (-1, 1, 1)])
def test_a_sheet_the_other_way_round_is_turned_until_its_cells_are_states(states, mirror):
    structure = ALLOY.structure(states)
    structure.positions *= mirror
    found = match_structure(ALLOY.atoms, structure).states
    assert found.dtype == np.uint8
    again = ALLOY.structure(found)
    assert again.get_chemical_formula() == structure.get_chemical_formula()
    for pair in (("B", "N"), ("C", "N"), ("C", "C"), ("N", "N")):
        np.testing.assert_allclose(distances(again, *pair), distances(structure, *pair), atol=1e-6)


def test_cells_of_no_state_are_told_with_their_place(states):
    structure = ALLOY.structure(np.zeros((3, 4), np.uint8))
    structure.symbols[2 * (4 * 1 + 2)] = "N"
    structure.symbols[2 * (4 * 1 + 3)] = "B"
    with pytest.raises(InputError) as raised:
        match_structure(ALLOY.atoms, structure)
    assert str(raised.value) == ("The species of a cell must be those of a state. Received: N C in row 1, column 2")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"in_plane": np.inf}, "tolerance must be positive, in Å. Received: in_plane=inf"),
        ({"out_of_plane": 0.0}, "tolerance must be positive, in Å. Received: out_of_plane=0.0"),
        ({"max_strain": 0.0}, "max_strain must lie in (0, 0.2), a share. Received: max_strain=0.0"),
        ({"max_strain": 0.2}, "max_strain must lie in (0, 0.2), a share. Received: max_strain=0.2"),
    ],
)
def test_limits_that_mean_nothing_are_told(limits, words):
    with pytest.raises(InputError) as raised:
        MatchLimits(**limits)
    assert str(raised.value) == words
