"""Structures of states and states of structures, for species that a lattice of its own allows."""

import numpy as np
import pytest

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import honeycomb
from rugan_tf.systems.atoms import Atoms
from rugan_tf.systems.images import SymmetricImages
from rugan_tf.systems.porous_graphene.system import PorousGraphene

PAIRS = Atoms(honeycomb(2.5), ((None, None), ("B", "N"), ("C", "C"), ("C", None)))


def draw(atoms, rows=4, cols=6, seed=0):
    return np.random.default_rng(seed).integers(0, len(atoms.species), (rows, cols), np.uint8)


@pytest.mark.parametrize("atoms", [PAIRS, PorousGraphene.atoms])
@pytest.mark.parametrize("shift", [(0, 0), (0.3, -7.1), (1.25, 2.165)])
def test_states_come_back_from_structures_up_to_a_translation(atoms, shift):
    states = draw(atoms)
    states[0, 0] = 2
    structure = atoms.structure(states)
    structure.positions[:, :2] += shift
    structure.positions += np.random.default_rng(1).normal(0, 0.02, structure.positions.shape)
    found = atoms.states(structure)
    images = SymmetricImages.of(atoms.lattice, atoms.species)
    number = states.size  # translations stand first, those by one column and half a row among them
    moved = images.transform(np.repeat(states[None], number, axis=0), np.arange(number))
    assert any(np.array_equal(found, one) for one in moved)
    assert atoms.num_atoms(found[None]) == len(structure)


def test_symbols_cell_and_directions():
    states = np.array([[1, 0], [3, 2]], np.uint8)
    structure = PAIRS.structure(states, vacuum=9.0, pbc=(True, True, True))
    assert structure.get_chemical_symbols() == ["B", "N", "C", "C", "C"]
    np.testing.assert_allclose(structure.cell.lengths(), [5.0, 2 * 2.5 * np.sqrt(3) / 2, 9.0])
    assert structure.pbc.all()
    assert (structure.positions[:, 2] == 4.5).all()
    assert PAIRS.num_atoms(states[None]).tolist() == [5]
    assert len(PAIRS.structure(np.zeros((2, 2), np.uint8))) == 0
    np.testing.assert_array_equal(PAIRS.states(PAIRS.structure(np.zeros((2, 4), np.uint8))), np.zeros((2, 4)))


def spoilt(deed):
    structure = PAIRS.structure(np.full((2, 2), 2, np.uint8))
    deed(structure)
    return structure


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        (lambda it: it.set_cell([5.4, 4.33, 20]), r"The cell must be rectangular, of whole cells of 2.500 and 2.165 Å"),
        (lambda it: it.positions.__setitem__((3, 0), it.positions[3, 0] + 0.9), r"Atoms must lie on sites.*one 0\.\d"),
        (lambda it: it.positions.__setitem__(3, it.positions[2]), r"A site must hold one atom at most. Received: two"),
        (lambda it: it.set_chemical_symbols(["C", "N"] + ["C"] * 6), r"those of a state. Received: \('C', 'N'\)"),
    ],
)
def test_structures_that_are_no_sheet_are_refused(deed, message):
    with pytest.raises(InputError, match=message):
        PAIRS.states(spoilt(deed))


def test_pairs_of_different_species_have_fewer_symmetries():
    graphene, pairs = (SymmetricImages.of(one.lattice, one.species) for one in (PorousGraphene.atoms, PAIRS))
    assert (len(graphene.operations), len(pairs.operations)) == (8, 4)
    states = np.random.default_rng(3).integers(0, 4, (5, 4, 6), np.uint8)
    for images in pairs.points(states):
        before, after = ([PAIRS.structure(one).get_chemical_symbols() for one in part] for part in (states, images))
        assert [sorted(one) for one in before] == [sorted(one) for one in after]
