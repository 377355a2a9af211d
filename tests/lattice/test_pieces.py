import networkx as nx
import numpy as np
import pytest

from rugan_tf.lattice import pieces
from rugan_tf.systems.porous_graphene import sites
from rugan_tf.systems.porous_graphene.geometry import BOND_LENGTH, cell_lengths, site_positions
from rugan_tf.systems.porous_graphene.holes import PoreOptions, draw_porous_states
from rugan_tf.systems.porous_graphene.rule import prune
from rugan_tf.systems.porous_graphene.sites import num_atoms, occupancies


def atom_graph(sheet):
    """The atoms of one sheet, joined where the distance between nearest images is a bond."""
    lengths = cell_lengths(*sheet.shape)
    occupied = np.flatnonzero(occupancies(sheet).ravel())
    positions = site_positions(*sheet.shape).reshape(-1, 2)[occupied]
    offset = positions[:, None] - positions
    offset -= lengths * np.rint(offset / lengths)
    bonded = np.abs(np.linalg.norm(offset, axis=-1) - BOND_LENGTH) < 0.1
    graph = nx.from_numpy_array(bonded)
    return nx.relabel_nodes(graph, dict(enumerate(occupied.tolist())))


def draw(num_sheets=12, rows=9, cols=10, seed=3):
    options = PoreOptions(max_hole_density=0.03, keep_dangling=True)
    return prune(draw_porous_states(np.random.default_rng(seed), num_sheets, rows, cols, options))


def test_pieces_and_the_largest_agree_with_a_graph_of_distances():
    states = draw()
    kept = sites.keep_largest_piece(states)
    counts = []
    for before, after in zip(states, kept, strict=True):
        components = [set(part) for part in nx.connected_components(atom_graph(before))]
        counts.append(len(components))
        largest = max(components, key=lambda part: (len(part), -min(part)), default=set())
        assert set(np.flatnonzero(occupancies(after).ravel()).tolist()) == largest
    np.testing.assert_array_equal(sites.num_pieces(states), counts)
    assert max(counts) > 1


def test_of_equal_pieces_the_first_stays():
    hexagon = np.zeros((1, 8, 12), np.uint8)
    hexagon[0, 1, 1:4] = [2, 3, 1]
    hexagon[0, 2, 1:4] = [2, 3, 1]
    hexagon = prune(hexagon)
    assert num_atoms(hexagon)[0] == 6
    two = hexagon | np.roll(hexagon, (3, 6), (1, 2))
    assert sites.num_pieces(two)[0] == 2
    np.testing.assert_array_equal(sites.keep_largest_piece(two), hexagon)


def test_a_piece_reaches_across_the_periodic_boundary():
    states = draw()
    for shift in ((1, 0), (0, 2), (4, 6)):
        rolled = np.roll(states, shift, (1, 2))
        np.testing.assert_array_equal(sites.num_pieces(rolled), sites.num_pieces(states))


def test_empty_sheets_have_no_pieces_and_stay_empty():
    empty = np.zeros((2, 4, 6), np.uint8)
    np.testing.assert_array_equal(sites.num_pieces(empty), [0, 0])
    np.testing.assert_array_equal(sites.keep_largest_piece(empty), empty)
    assert sites.keep_largest_piece(empty[:0]).shape == (0, 4, 6)


def test_parts_of_bounded_size_change_nothing(monkeypatch):
    states = draw()
    whole = sites.keep_largest_piece(states), sites.num_pieces(states)
    monkeypatch.setattr(pieces, "MOST_SITES", 2 * states[0].size * 5)
    np.testing.assert_array_equal(sites.keep_largest_piece(states), whole[0])
    np.testing.assert_array_equal(sites.num_pieces(states), whole[1])


@pytest.mark.parametrize("seed", [0, 1])
def test_drawn_sheets_are_one_piece_without_dangling_atoms(seed):
    states = draw_porous_states(np.random.default_rng(seed), 256, 14, 16, PoreOptions(max_hole_density=0.02))
    assert (sites.num_pieces(states) == 1).all()
    np.testing.assert_array_equal(prune(states), states)
