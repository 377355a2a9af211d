"""Sites of points: against a slow search in the test, for lattices of any kind."""

import itertools

import numpy as np
import pytest

from rugan_tf.lattice.lattice import Lattice, honeycomb, square
from rugan_tf.lattice.matching import (
    CellFit,
    cell_fits,
    closest_distance,
    fits_in_turn,
    match_points,
    supercell_fractions,
    unlikeliness,
)  # fmt: skip

LATTICES = {
    "honeycomb": honeycomb(2.46),
    "square": square(3.0),
    "triangular": Lattice(1.0, np.sqrt(3) / 2, 1.1, col_shift=0.5),
    "two sites": Lattice(2.0, 3.0, 1.5, ((0.1, 0.2), (0.9, 1.3)), 0.25),
}


def slow_distance(lattice, points, origin, rows, cols):
    """The distance of every point from its nearest site and which that is, over all sites and images."""
    lengths = lattice.cell_lengths(rows, cols)
    sites = lattice.positions(rows, cols).reshape(-1, 2) + origin
    away = np.full((len(points), len(sites)), np.inf)
    for shift in itertools.product((-1, 0, 1), repeat=2):
        away = np.minimum(away, np.linalg.norm(points[:, None] - sites - np.array(shift) * lengths, axis=-1))
    return away.min(axis=1), away.argmin(axis=1)


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("seed", range(3))
def test_points_find_their_sites_whatever_the_origin(name, seed):
    lattice, rows, cols = LATTICES[name], 5, 6
    rng = np.random.default_rng(seed)
    lengths = lattice.cell_lengths(rows, cols)
    sites = lattice.positions(rows, cols).reshape(-1, 2)
    chosen = rng.permutation(len(sites))[: len(sites) * 2 // 3]
    noise = rng.normal(0, 0.04 * closest_distance(lattice), (len(chosen), 2))
    shift = rng.uniform(-50, 50, 2)
    fit = CellFit(((1, 0), (0, 1)), rows, cols, (0.0, 0.0))
    match = match_points(lattice, (sites[chosen] + noise + shift) / lengths, fit)
    assert match.fit is fit
    # The origin may be any that maps the lattice onto itself: distances of points say that it is one.
    expected = np.linalg.norm(noise - noise.mean(axis=0), axis=1)
    np.testing.assert_allclose(np.sort(match.distances), np.sort(expected), atol=1e-9)
    away = sites[match.sites] - sites[match.sites[0]] - (sites[chosen] - sites[chosen[0]])
    away -= lengths * np.rint(away / lengths)
    np.testing.assert_allclose(away, 0, atol=1e-9)  # the sites are those chosen, moved as a whole
    assert len(set(match.sites.tolist())) == len(chosen)


def test_distances_are_those_of_a_slow_search():
    lattice, rows, cols = LATTICES["honeycomb"], 4, 4
    rng = np.random.default_rng(5)
    sites = lattice.positions(rows, cols).reshape(-1, 2)
    points = sites + rng.normal(0, 0.15, sites.shape)
    points[3] += 0.9
    lengths = lattice.cell_lengths(rows, cols)
    match = match_points(lattice, points / lengths, CellFit(((1, 0), (0, 1)), rows, cols, (0.0, 0.0)))
    origins = np.mean(points - sites[match.sites] - lengths * np.rint((points - sites[match.sites]) / lengths), axis=0)
    distances, nearest = slow_distance(lattice, points, origins, rows, cols)
    np.testing.assert_allclose(match.distances, distances, atol=1e-3)
    np.testing.assert_array_equal(match.sites, nearest)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ((14 * 2.46, 16 * 2.13042, 0.0), (((1, 0), (0, 1)), 14, 16)),
        ((16 * 2.13042, 14 * 2.46, 0.0), (((0, 1), (-1, 0)), 14, 16)),
        ((14 * 2.46 * 1.01, 16 * 2.13042 * 0.99, 0.0), (((1, 0), (0, 1)), 14, 16)),
    ],
)
def test_rectangular_cells(cell, expected):
    fit = cell_fits(LATTICES["honeycomb"], cell, 0.03)[0]
    assert (fit.supercell, fit.rows, fit.cols) == expected
    assert next(fits_in_turn(LATTICES["honeycomb"], cell, 0.03)) == fit


def test_fits_of_the_cell_itself_need_no_search(monkeypatch):
    monkeypatch.setattr("rugan_tf.lattice.matching.cell_fits", lambda *_: iter(()))
    found = list(fits_in_turn(LATTICES["square"], (6.0, 9.0, 0.01), 0.03))
    assert {(fit.rows, fit.cols) for fit in found} == {(2, 3), (3, 2)}
    assert list(fits_in_turn(LATTICES["square"], (6.0, 9.0, 0.03), 0.03)) == found  # the largest cosine is allowed
    assert list(fits_in_turn(LATTICES["square"], (6.0, 9.0, 0.5), 0.03)) == []


def test_supercells_are_searched_after_the_cell_itself():
    cell = 2 * 2.46, 3 * 2.46, 0.0
    searched = cell_fits(LATTICES["honeycomb"], cell, 0.03)
    found = list(fits_in_turn(LATTICES["honeycomb"], cell, 0.03))
    assert searched
    assert found[-len(searched) :] == list(searched)


def test_copies_strain_and_another_first_vector_make_a_fit_less_likely():
    own = CellFit(((1, 0), (0, 1)), 2, 3, (0.003, -0.004))
    assert unlikeliness(own) == (3.5, False)
    assert unlikeliness(CellFit(((0, 1), (-1, 0)), 2, 3, (0.003, -0.004))) == (3.5, True)
    assert unlikeliness(CellFit(((2, 0), (0, 1)), 2, 3, (0.0, 0.0))) == (2.0, True)
    assert unlikeliness(CellFit(((1, 0), (1, 1)), 2, 3, (0.001 / 3, 0.0))) == (1.166667, False)


def test_closest_distance_is_that_over_all_images():
    assert closest_distance(LATTICES["honeycomb"]) == pytest.approx(2.46 / np.sqrt(3))
    assert closest_distance(LATTICES["square"]) == pytest.approx(3.0)
    assert closest_distance(Lattice(5.0, 4.0, 1.0, ((0.0, 0.0), (0.5, 0.0)))) == pytest.approx(0.5)
    assert closest_distance(Lattice(2.0, 3.0, 1.0, ((0.1, 0.0), (1.9, 0.0)))) == pytest.approx(0.2)
    assert closest_distance(Lattice(2.0, 3.0, 1.0, ((0.0, 0.1), (0.0, 2.8)))) == pytest.approx(0.3)


@pytest.mark.parametrize(("m", "n", "copies"), [(7, 7, 2), (3, 4, 3), (1, 1, 2), (4, 8, 1), (5, 7, 10)])
@pytest.mark.parametrize("angle", [60, 120])
def test_hexagonal_cells_have_the_supercell_of_geometry(m, n, copies, angle):
    cosine = round(np.cos(np.radians(angle)), 9)
    perfect = [fit for fit in cell_fits(LATTICES["honeycomb"], (m * 2.46, n * 2.46, cosine), 0.03) if
               max(map(abs, fit.strain)) < 1e-6]  # fmt: skip
    assert perfect[0].num_copies == copies
    sites = perfect[0].rows * perfect[0].cols * 2
    assert sites == copies * 2 * m * n  # two atoms in each of m n primitive cells


def test_cells_of_nothing_have_no_fit():
    assert cell_fits(LATTICES["honeycomb"], (3.1, 3.3, 0.0), 0.03) == ()


@pytest.mark.parametrize("supercell", [((2, 1), (-1, 2)), ((1, 2), (-2, 1)), ((2, -1), (1, 2)), ((3, 0), (0, 2))])
def test_copies_of_points_fill_the_supercell_evenly(supercell):
    fractions = np.array([[0.1, 0.2], [0.7, 0.4]])
    copies = supercell_fractions(fractions, supercell)
    number = round(np.linalg.det(supercell))
    assert copies.shape == (2 * number, 2)
    assert copies.min() >= 0
    assert copies.max() <= 1  # 1 where a little less than 0 was rounded
    back = copies @ np.array(supercell)
    np.testing.assert_allclose((back - np.tile(fractions, (number, 1)) + 0.5) % 1, 0.5, atol=1e-9)
    assert len(np.unique(copies.round(6), axis=0)) == 2 * number
