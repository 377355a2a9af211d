"""Structure statistics against slow counts over an explicit graph and explicit pairs."""

import networkx
import numpy as np
import pytest
from hypothesis import given, settings, strategies
from hypothesis.extra import numpy as numpy_strategies

from rugan_tf.lattice import statistics as lattice_statistics
from rugan_tf.lattice.lattice import square
from rugan_tf.systems.porous_graphene import statistics
from rugan_tf.systems.porous_graphene.geometry import BOND_LENGTH, cell_lengths, site_positions
from rugan_tf.systems.porous_graphene.rule import prune
from rugan_tf.systems.porous_graphene.sites import occupancies
from rugan_tf.systems.porous_graphene.system import PorousGraphene

IMAGES = PorousGraphene().images
ROWS, COLS = 6, 8  # large enough that no two bonds join the same sites
SHEETS = numpy_strategies.arrays(np.uint8, (2, ROWS, COLS), elements=strategies.integers(0, 3))


def bonds_by_distance(rows, cols):
    """The honeycomb as a graph, from the positions of its sites alone."""
    positions, lengths = site_positions(rows, cols).reshape(-1, 2), cell_lengths(rows, cols)
    offset = positions[:, None] - positions[None]
    offset -= lengths * np.rint(offset / lengths)
    distance = np.linalg.norm(offset, axis=-1)
    graph = networkx.Graph(zip(*np.nonzero(np.abs(distance - BOND_LENGTH) < 0.01), strict=True))
    return graph, distance


GRAPH, DISTANCE = bonds_by_distance(ROWS, COLS)


@given(SHEETS)
@settings(deadline=None)
def test_counts_are_those_of_the_graph(states):
    sizes, numbers = statistics.pore_sizes(states)
    coordination, edges = statistics.coordination_counts(states), statistics.edge_counts(states)
    start = 0
    for sheet, count, number, edge in zip(occupancies(states), coordination, numbers, edges, strict=True):
        occupied = np.flatnonzero(sheet.ravel())
        atoms = GRAPH.subgraph(occupied.tolist())
        degrees = dict(atoms.degree())
        assert count.tolist() == [sum(value == n for value in degrees.values()) for n in range(4)]
        at_edge = [atom for atom, degree in degrees.items() if degree == 2]
        armchair = [atom for atom in at_edge if any(degrees[other] == 2 for other in atoms[atom])]
        assert edge.tolist() == [len(at_edge) - len(armchair), len(armchair)]
        vacant = GRAPH.subgraph(set(range(sheet.size)) - set(occupied.tolist()))
        expected = sorted(len(part) for part in networkx.connected_components(vacant))
        assert sorted(sizes[start : start + number].tolist()) == expected
        start += number
    assert start == len(sizes)


@given(SHEETS, strategies.sampled_from([7.0, 100.0]))
@settings(deadline=None, max_examples=20)
def test_two_point_correlation_is_that_of_explicit_pairs(states, furthest):
    """To half the shorter side of the sheet at most: beyond, pairs repeat."""
    vacant = (occupancies(states) == 0).reshape(len(states), -1)
    both = np.mean([np.outer(sheet, sheet) for sheet in vacant], axis=0)
    distances, correlation = statistics.two_point_correlation(states, furthest=furthest, bin_width=0.5)
    edges = np.arange(0.25, min(furthest, cell_lengths(ROWS, COLS).min() / 2), 0.5)
    which = np.digitize(DISTANCE, edges)
    held = [bin_ for bin_ in range(1, len(edges)) if (which == bin_).any()]
    np.testing.assert_allclose(correlation, [both[which == bin_].mean() for bin_ in held], atol=1e-12)
    np.testing.assert_allclose(distances, [DISTANCE[which == bin_].mean() for bin_ in held])


def test_two_point_correlation_of_independent_sites_is_the_square_of_their_share():
    states = np.random.default_rng(0).choice(4, (40, 28, 32), p=[0.09, 0.21, 0.21, 0.49]).astype(np.uint8)
    _, correlation = statistics.two_point_correlation(states, 20.0)
    np.testing.assert_allclose(correlation, 0.09, atol=0.002)


@pytest.mark.parametrize("sheets_at_once", [1, 2, 10])
def test_two_point_correlation_of_odd_sheets_in_parts(sheets_at_once, monkeypatch):
    monkeypatch.setattr(lattice_statistics, "MOST_SITES", sheets_at_once * 35)
    lattice, rows, cols = square(1.3), 5, 7
    chosen = np.random.default_rng(6).random((5, rows, cols, 1)) < 0.5
    places, lengths = lattice.positions(rows, cols).reshape(-1, 2), lattice.cell_lengths(rows, cols)
    away = places[:, None] - places
    away = np.linalg.norm(away - lengths * np.rint(away / lengths), axis=-1)
    both = np.mean([np.outer(sheet.ravel(), sheet.ravel()) for sheet in chosen], axis=0)
    distances, correlation = lattice_statistics.two_point_correlation(lattice, chosen, 100.0, 0.5)
    for distance, value in zip(distances, correlation, strict=True):
        bin_number = np.floor(distance / 0.5 + 0.5)
        in_bin = np.floor(away / 0.5 + 0.5) == bin_number
        assert value == pytest.approx(both[in_bin].mean())
    assert distances.max() <= 2.5 * 1.3  # half the shorter side


def test_sheets_too_small_for_any_distance_have_no_correlation():
    chosen = np.ones((1, 2, 2, 1), bool)
    found = lattice_statistics.two_point_correlation(square(1.0), chosen, 5.0, 1.0)
    assert [part.shape for part in found] == [(0,), (0,)]
    distances, correlation = lattice_statistics.two_point_correlation(square(1.0), chosen, 5.0, 0.7)
    assert (distances.tolist(), correlation.tolist()) == ([], [])
    distances, correlation = lattice_statistics.two_point_correlation(
        square(1.0), np.ones((1, 4, 4, 1), bool), 5.0, 1.0
    )
    assert distances.tolist() == [pytest.approx((1 + 2**0.5) / 2)]  # four neighbours of either kind in the one bin
    assert correlation.tolist() == [1.0]


def test_edges_of_known_kind():
    zigzag, armchair = np.full((2, 6, 12), 3, np.uint8)[:, None]
    zigzag[0, :, 4:8] = 0  # a trench along zigzag
    armchair[0, 2:4] = 0  # a trench along armchair
    along_zigzag, along_armchair = (statistics.edge_counts(prune(sheet))[0] for sheet in (zigzag, armchair))
    assert along_zigzag[0] == 12
    assert along_zigzag[1] == 0
    assert along_armchair[1] > 0
    assert along_armchair[1] > along_armchair[0]


def test_pores_wrap_around_the_sheet():
    states = np.full((1, 6, 8), 3, np.uint8)
    states[0, 0, 0] = states[0, 0, -1] = 0  # bonded across the border of the columns
    sizes, numbers = statistics.pore_sizes(states)
    assert (sizes.tolist(), numbers.tolist()) == ([4], [1])
    sizes, numbers = statistics.pore_sizes(np.full((2, 6, 8), 3, np.uint8))
    assert (sizes.tolist(), numbers.tolist()) == ([], [0, 0])


@pytest.mark.parametrize("rows", [3, 4])
def test_point_images_and_shifts_give_every_symmetric_image(rows):
    states = np.random.default_rng(1).integers(0, 4, (1, rows, 4), np.uint8)
    images = IMAGES.points(states)
    np.testing.assert_array_equal(images[0], states)
    shifted = {
        np.roll(image, (row, col), (1, 2)).tobytes() for image in images for row in range(rows) for col in (0, 2)
    }
    everything = IMAGES.transform(np.repeat(states, 16 * rows, axis=0), np.arange(16 * rows))
    assert shifted == {image.tobytes() for image in everything}
    assert len(shifted) == 16 * rows
