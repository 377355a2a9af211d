"""Small pieces by array operations, against networkx and SciPy, in NumPy and in a graph, whole and in windows."""

import keras
import networkx as nx
import numpy as np
import pytest
import tensorflow as tf
from test_lattice import lattices, pairs_by_distance, random_sites

from rugan_tf.lattice.flakes import piece_labels, without_flakes
from rugan_tf.lattice.lattice import Lattice, square
from rugan_tf.lattice.pieces import largest_piece, piece_sizes
from rugan_tf.systems.porous_graphene.holes import PoreOptions, draw_porous_states
from rugan_tf.systems.porous_graphene.rule import HALO, LARGEST_FLAKE, SMALL, OnePiece
from rugan_tf.systems.porous_graphene.sites import num_atoms, num_pieces


def split(chosen):
    return [chosen[..., site].astype(np.int32) for site in range(chosen.shape[-1])]


@lattices
@pytest.mark.parametrize("largest_flake", [0, 1, 3, 10**6])
def test_pieces_up_to_a_size_go_but_for_the_largest(lattice, largest_flake):
    rows, cols = 5, 6
    bonded = nx.from_numpy_array(pairs_by_distance(lattice, rows, cols) > 0)
    chosen = np.concatenate([random_sites(lattice, 12, rows, cols, share, seed=4) for share in (0.0, 0.2, 0.4, 0.9)])
    for spare in (True, False):
        found = np.stack(without_flakes(lattice, split(chosen), largest_flake, spare_largest=spare), -1)
        for before, after in zip(chosen.reshape(len(chosen), -1), found.reshape(len(chosen), -1), strict=True):
            pieces = list(nx.connected_components(bonded.subgraph(np.flatnonzero(before).tolist())))
            largest = max(pieces, key=lambda piece: (len(piece), -min(piece)), default=set())
            kept = [piece for piece in pieces if len(piece) > largest_flake or (spare and piece == largest)]
            assert set(np.flatnonzero(after).tolist()) == set().union(*kept)


@lattices
def test_sizes_of_pieces_are_those_that_distances_join(lattice):
    """The last site of all is chosen: one that lacks a neighbour must not have it for one."""
    bonded = nx.from_numpy_array(pairs_by_distance(lattice, 5, 6) > 0)
    chosen = random_sites(lattice, 6, 5, 6, 0.3, seed=8)
    chosen[-1, -1, -1, -1] = True
    sizes, numbers = piece_sizes(lattice, chosen)
    expected = [
        sorted(map(len, nx.connected_components(bonded.subgraph(np.flatnonzero(sheet).tolist()))))
        for sheet in chosen.reshape(6, -1)
    ]
    assert [sorted(part.tolist()) for part in np.split(sizes, np.cumsum(numbers)[:-1])] == expected
    assert largest_piece(lattice, chosen).dtype == bool


@lattices
@pytest.mark.parametrize("share", [0.3, 0.5, 0.65, 0.8])
def test_with_all_sites_it_is_the_largest_piece_in_a_graph_too(lattice, share):
    chosen = random_sites(lattice, 4, 14, 18, share)
    parts = split(chosen)

    @tf.function(input_signature=[[tf.TensorSpec([None, None, None], tf.int32)] * lattice.num_sites], autograph=False)
    def in_graph(sites):
        return without_flakes(lattice, sites, tf.size(sites[0]), keras.ops)

    expected = largest_piece(lattice, chosen)
    np.testing.assert_array_equal(np.stack(without_flakes(lattice, parts, chosen.size), -1), expected)
    np.testing.assert_array_equal(np.stack([part.numpy() for part in in_graph(parts)], -1), expected)


@lattices
@pytest.mark.parametrize("shape", [(12, 4), (4, 12)])
def test_the_only_piece_stays_wherever_it_is(lattice, shape):
    chosen = np.zeros((2, *shape, lattice.num_sites), bool)
    chosen[0, -1, -1, -1] = chosen[1, 0, 0, 0] = True
    np.testing.assert_array_equal(np.stack(without_flakes(lattice, split(chosen), 5), -1), chosen)


def test_labels_cross_long_pieces_in_few_rounds():
    snake = np.zeros((1, 64, 64), np.int32)
    snake[0, ::2, :63] = 1
    snake[0, 1::4, 62] = snake[0, 3::4, 0] = 1
    snake[0, 63] = 0
    rounds = []
    around = square(1.0).around

    class Counting:
        def around(self, labels, xp):
            rounds.append(1)
            return around(labels, xp)

    labels = piece_labels(Counting(), [snake])[0]
    assert len(np.unique(labels[snake == 1])) == 1
    assert (labels[snake == 0] == 0).all()
    assert len(rounds) < 20  # one neighbour after the other would take 2,000


@pytest.mark.parametrize("shape", [(1, 1, 2), (3, 7, 4), (2, 30, 34), (5, 64, 66)])
def test_every_site_starts_with_a_label_of_its_own(shape):
    alone = np.zeros(shape, np.int32)
    alone[:, ::2, ::2] = 1  # of a square lattice: no two touch, unless the sheet closes
    everything = np.ones(shape, np.int32)
    lattice = square(1.0)
    isolated = type(lattice)(1.0, 1.0, 0.5)
    labels = piece_labels(isolated, [everything])[0]
    assert len(np.unique(labels)) == everything.size
    assert labels.min() > 0


def sheets_with_flakes(num_sheets, rows, cols, seed):
    """Sheets with so many holes that flakes of all sizes come off, and dangling atoms with them."""
    options = PoreOptions(min_holes=1, max_hole_density=0.035, keep_dangling=True)
    return draw_porous_states(np.random.default_rng(seed), num_sheets, rows, cols, options)


def test_small_sheets_become_one_piece_and_large_ones_lose_their_flakes():
    rule, exact = OnePiece(), OnePiece()
    small, large = sheets_with_flakes(3, 64, 64, 1), sheets_with_flakes(2, 66, 64, 1)
    assert small[0].size <= SMALL < large[0].size
    assert (num_pieces(rule.settle(small)) > 1).all()
    assert (num_pieces(rule.repair(small)) == 1).all()
    assert rule.is_valid(rule.repair(small)).all()
    assert not rule.is_valid(rule.settle(small)).any()
    repaired = rule.repair(large)
    np.testing.assert_array_equal(exact.step(repaired.astype(np.int8)), repaired)
    assert (num_pieces(repaired) < num_pieces(rule.settle(large))).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_windows_with_their_halo_agree_with_the_whole_sheet(seed):
    rule = OnePiece()
    sheet = sheets_with_flakes(1, 160, 168, seed)
    whole, inner = rule.repair(sheet), 24
    before = rule.settle(sheet)
    assert (before != whole).any()
    for row, col in [(0, 0), (40, 100), (140, 150)]:
        rows = (row + np.arange(-HALO, inner + HALO)) % sheet.shape[1]
        cols = (col + np.arange(-HALO, inner + HALO)) % sheet.shape[2]
        window = rule.repair(sheet[:, rows[:, None], cols], is_window=True)[:, HALO:-HALO, HALO:-HALO]
        np.testing.assert_array_equal(window, whole[:, rows[HALO:-HALO, None], cols[HALO:-HALO]])


def test_a_ring_is_the_longest_flake_and_a_longer_one_stays():
    rule = OnePiece()
    sheet = np.full((1, 120, 120), 3, np.uint8)
    sheet[:, 10:90, 10:90] = 0
    for length in (LARGEST_FLAKE // 4, LARGEST_FLAKE // 4 + 1):
        strip = sheet.copy()
        strip[:, 40 : 40 + 2, 30 : 30 + length] = 3
        strip = rule.settle(strip)
        flake = num_atoms(strip) - num_atoms(rule.settle(sheet))
        removed = num_atoms(strip) - num_atoms(rule.repair(strip))
        assert removed == (flake if flake <= LARGEST_FLAKE else 0)
        assert flake > LARGEST_FLAKE // 2


def test_of_equal_pieces_in_one_cell_that_of_the_first_site_stays():
    """Sites that see no other are pieces each; labels are scattered, so in some cells that of the second is higher."""
    apart = Lattice(3.0, 3.0, 1.0, ((0.0, 0.0), (1.5, 1.5)))
    chosen = np.zeros((24, 4, 6, 2), bool)
    chosen[np.arange(24), np.arange(24) // 6, np.arange(24) % 6] = True
    labels = np.stack(piece_labels(apart, split(chosen)), -1)[chosen].reshape(24, 2)
    assert 0 < (labels[:, 1] > labels[:, 0]).sum() < 24
    found = np.stack(without_flakes(apart, split(chosen), 5), -1)
    expected = chosen.copy()
    expected[..., 1] = False
    np.testing.assert_array_equal(found, expected)
