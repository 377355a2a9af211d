"""Structures of states and states of structures, for species that a lattice of its own allows."""

from types import SimpleNamespace

import numpy as np
import pytest
from disturbed import WAYS, disturbed, is_symmetric_image

from rugan_tf.lattice.lattice import honeycomb
from rugan_tf.systems.atoms import Atoms
from rugan_tf.systems.images import SymmetricImages
from rugan_tf.systems.porous_graphene.system import PorousGraphene
from rugan_tf.systems.structure_match import match_structure

PAIRS = Atoms(honeycomb(2.5), ((None, None), ("B", "N"), ("C", "C"), ("C", None)))


def draw(atoms, rows=4, cols=6, seed=0):
    return np.random.default_rng(seed).integers(0, len(atoms.species), (rows, cols), np.uint8)


@pytest.mark.parametrize("atoms", [PAIRS, PorousGraphene.atoms])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(3))
def test_states_come_back_from_structures_up_to_a_symmetry(atoms, way, seed):
    states = draw(atoms, seed=seed)
    states[0, 0] = 2
    found = match_structure(atoms, disturbed(atoms.structure(states), way, seed))
    material = SimpleNamespace(images=SymmetricImages.of(atoms.lattice, atoms.species))
    assert is_symmetric_image(material, states, found.states)
    assert found.num_copies == 1
    expected = 0.005 if way in ("strain", "all") else 0.0
    np.testing.assert_allclose(found.strain, expected, atol=1e-6)
    assert (found.in_plane > 0.05) == (way in ("noise", "all"))


def test_symbols_cell_and_directions():
    states = np.array([[1, 0], [3, 2]], np.uint8)
    structure = PAIRS.structure(states, vacuum=9.0, pbc=(True, True, True))
    assert structure.get_chemical_symbols() == ["B", "N", "C", "C", "C"]
    np.testing.assert_allclose(structure.cell.lengths(), [5.0, 2 * 2.5 * np.sqrt(3) / 2, 9.0])
    assert structure.pbc.all()
    assert (structure.positions[:, 2] == 4.5).all()
    assert PAIRS.num_atoms(states[None]).tolist() == [5]
    assert len(PAIRS.structure(np.zeros((2, 2), np.uint8))) == 0
    empty = match_structure(PAIRS, PAIRS.structure(np.zeros((2, 4), np.uint8)))
    np.testing.assert_array_equal(empty.states, np.zeros((2, 4)))


def test_pairs_of_different_species_have_fewer_symmetries():
    graphene, pairs = (SymmetricImages.of(one.lattice, one.species) for one in (PorousGraphene.atoms, PAIRS))
    assert (len(graphene.operations), len(pairs.operations)) == (8, 4)
    states = np.random.default_rng(3).integers(0, 4, (5, 4, 6), np.uint8)
    for images in pairs.points(states):
        before, after = ([PAIRS.structure(one).get_chemical_symbols() for one in part] for part in (states, images))
        assert [sorted(one) for one in before] == [sorted(one) for one in after]
