"""Structure factors, their continuation to k -> 0, and windows: against slow sums, constants and exact identities."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from rugan_tf.lattice.lattice import Lattice, honeycomb, square
from rugan_tf.lattice.spectrum import (
    ContinuedSpectrum,
    Spectrum,
    continue_spectrum,
    moving_sum,
    smallest_wave_number,
    spectrum,
    structure_factors,
    wave_vectors,
    window_variances,
)

LATTICES = {
    "square": square(1.3),
    "honeycomb": honeycomb(2.46),
    "oblique": Lattice(1.0, 0.7, 1.1, ((0.1, 0.0), (0.4, 0.3), (0.8, 0.2)), 0.3),
}


@pytest.mark.parametrize("lattice", LATTICES.values(), ids=LATTICES)
def test_structure_factor_is_the_sum_over_all_pairs_of_sites(lattice):
    chosen = np.random.default_rng(0).random((2, 3, 4, lattice.num_sites)) < 0.6
    step = smallest_wave_number(lattice, 3, 4)
    vectors = wave_vectors(lattice, 3, 4, 9 * step)  # beyond the zone of the cells: positions matter
    found = structure_factors(lattice, chosen, vectors)
    places = lattice.positions(3, 4).reshape(-1, 2)
    for sheet, values in zip(chosen, found, strict=True):
        deviation = sheet.ravel() - sheet.mean()
        pairs = np.outer(deviation, deviation)
        for vector, value in zip(vectors.vector, values, strict=True):
            phase = np.cos((places[:, None] - places[None]) @ vector)
            assert value == pytest.approx((pairs * phase).sum() / len(places), abs=1e-9)


@pytest.mark.parametrize(
    ("lattice", "rows", "cols", "largest"),
    [
        (honeycomb(2.46), 5, 8, 2.0),
        (square(1.0), 9, 3, 1.5),
        (square(1.0), 3, 9, 1.5),
        (square(0.7), 7, 7, 3 * 2 * math.pi / (7 * 0.7)),  # the largest is a wave number itself, and counts
    ],
)
def test_wave_vectors_are_all_that_fit_one_of_each_pair(lattice, rows, cols, largest):
    vectors = wave_vectors(lattice, rows, cols, largest)
    lengths = lattice.cell_lengths(rows, cols)
    all_of_them = {
        (x, y)
        for x in range(-20, 21)
        for y in range(-20, 21)
        if 0 < math.hypot(2 * math.pi * x / lengths[0], 2 * math.pi * y / lengths[1]) <= largest * (1 + 1e-9)
    }
    found = {tuple(one) for one in vectors.periods.tolist()}
    assert len(found) == len(vectors.periods)
    assert found | {(-x, -y) for x, y in found} == all_of_them
    assert not found & {(-x, -y) for x, y in found}
    np.testing.assert_allclose(vectors.vector, 2 * math.pi * vectors.periods / lengths)
    assert vectors.wave_number.min() == pytest.approx(smallest_wave_number(lattice, rows, cols))


def test_independent_sites_have_one_value_at_all_wave_numbers():
    kinds = (np.random.default_rng(1).random((400, 8, 8, 2)) < 0.3).astype(np.uint8)
    found = spectrum(honeycomb(2.46), kinds, 3.5)
    radial = found.radial()
    assert found.site_variance == pytest.approx(0.3 * 0.7, rel=0.01)
    # An average that is known exactly lacks one of the 128 degrees of freedom.
    np.testing.assert_allclose(radial.mean, 0.21 * 127 / 128, rtol=0.15)
    within = np.abs(radial.mean - found.site_variance) < 4 * radial.error
    assert within.all()
    assert found.values.mean() == pytest.approx(0.21, rel=0.02)


def test_several_kinds_are_half_the_sum_over_each_and_names_do_not_matter():
    rng, lattice = np.random.default_rng(2), square(1.0)
    two = rng.integers(0, 2, (3, 4, 4, 1), np.uint8)
    vectors = wave_vectors(lattice, 4, 4, 3.0)
    np.testing.assert_allclose(spectrum(lattice, two, 3.0).values, structure_factors(lattice, two == 1, vectors))
    three = rng.integers(0, 3, (3, 4, 4, 1), np.uint8)
    np.testing.assert_allclose(spectrum(lattice, three, 3.0).values, spectrum(lattice, (three + 1) % 3, 3.0).values)
    share = np.stack([(three == kind).mean(axis=(1, 2, 3)) for kind in range(3)])
    assert spectrum(lattice, three, 3.0).site_variance == pytest.approx((share * (1 - share)).sum(axis=0).mean() / 2)


def test_bands_and_bins_by_hand():
    values = np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 6.0]])
    held = Spectrum(np.array([0.5, 0.6, 1.0]), values, 0.5, 0.25)
    assert held.band(0.4, 0.7) == (2.5, pytest.approx(1.0))  # sheets have 1.5 and 3.5
    assert held.band(0.5, 1.0) == held.band(0.4, 0.7)  # the lower end is in, the upper is not
    assert all(map(math.isnan, held.band(1.5, 4.0)))
    radial = held.radial()
    assert radial.wave_number.tolist() == [0.55, 1.0]
    assert radial.mean.tolist() == [2.5, 6.0]
    np.testing.assert_allclose(radial.error, [1.0, 0.0])
    one = Spectrum(held.wave_number, values[:1], 0.5, 0.25)
    assert one.radial().error.shape == (2,)
    assert np.isnan(one.radial().error).all()


def test_continuation_finds_the_curve_and_its_limits():
    lattice = honeycomb(2.46)
    step = smallest_wave_number(lattice, 14, 16)
    wave_number = wave_vectors(lattice, 14, 16, 2.0).wave_number

    def truth(k):
        return 5.0 - 11.0 * k**2 + 7.0 * k**4

    values = np.where(wave_number < 2.75 * step, truth(wave_number), 0.3)  # beyond, other things happen
    continued = continue_spectrum(Spectrum(wave_number, np.tile(values, (3, 1)), step, 0.2))
    assert continued.coefficients == pytest.approx((5.0, -11.0, 7.0))
    small = np.array([0.0, 0.05, 0.3])  # the first two below all that the sheets have
    np.testing.assert_allclose(continued(small), truth(small))
    far = continued.radial.wave_number > continued.used_below
    np.testing.assert_allclose(continued(continued.radial.wave_number[far]), continued.radial.mean[far])
    assert continued(np.array([9.0])).tolist() == [0.2]
    sunk = dataclasses.replace(continued, coefficients=(-1.0, 0.0, 0.0))
    assert sunk(np.array([0.1])).tolist() == [0.0]


def test_nothing_is_continued_of_sheets_too_narrow():
    wave_number = wave_vectors(square(1.0), 1, 40, 1.0).wave_number
    step = smallest_wave_number(square(1.0), 1, 40)
    few = wave_number[wave_number < 2.75 * step]
    assert len(few) == 2
    assert continue_spectrum(Spectrum(few, np.ones((2, 2)), step, 0.25)) is None
    four = np.array([1.0, 1.5, 2.0, 2.5])
    assert continue_spectrum(Spectrum(four[:3], np.ones((2, 3)), 1.0, 0.25)) is None
    found = continue_spectrum(Spectrum(four, np.ones((2, 4)), 1.0, 0.25))
    np.testing.assert_allclose(found.coefficients, (1.0, 0.0, 0.0), atol=1e-12)


def test_moving_sums_wrap_around():
    values = np.array([[1, 2, 4, 8]])
    assert moving_sum(values, 1, axis=1).tolist() == [[1, 2, 4, 8]]
    assert moving_sum(values, 3, axis=1).tolist() == [[7, 14, 13, 11]]
    assert moving_sum(values.T, 4, axis=0).tolist() == [[15]] * 4


def test_window_variance_is_that_of_every_window_counted_one_by_one():
    kinds = np.random.default_rng(3).integers(0, 2, (2, 5, 6, 2), np.uint8)
    for rows, cols in ((1, 1), (2, 3), (5, 6), (4, 2)):
        expected = [
            np.var([np.roll(sheet, (-row, -col), (0, 1))[:rows, :cols].mean() for row in range(5) for col in range(6)])
            for sheet in kinds
        ]
        np.testing.assert_allclose(window_variances(kinds, rows, cols), expected, atol=1e-15)
    assert window_variances(kinds, 5, 6).max() < 1e-15
    with pytest.raises(ValueError, match=r"A window must fit into 5x6 cells. Received: 6x2"):
        window_variances(kinds, 6, 2)


def test_window_variance_follows_exactly_from_the_structure_factor():
    """On one site a cell: var = sum over all k of S |W|^2 / N, W the transform of the window's sites."""
    kinds = np.random.default_rng(4).integers(0, 2, (3, 6, 8, 1), np.uint8)
    window = np.zeros((6, 8))
    window[:2, :3] = 1 / 6
    seen = np.abs(np.fft.fft2(window)) ** 2
    power = np.abs(np.fft.fft2(kinds[..., 0] - kinds[..., 0].mean(axis=(1, 2), keepdims=True))) ** 2 / 48
    np.testing.assert_allclose(window_variances(kinds, 2, 3), (power * seen).sum(axis=(1, 2)) / 48)


@pytest.mark.parametrize("window", [(2, 4), (4, 2), (5, 8)])
def test_windows_foretold_are_the_sum_over_all_waves(window):
    """Wave by wave, both signs: what S has above its limit, times the transform of a rectangle; the limit apart."""
    lattice, sheet, largest = honeycomb(2.46), (6, 8), 1.9
    radial = Spectrum(np.array([0.5, 1.0]), np.ones((2, 2)), 0.5, 0.2).radial()
    continued = ContinuedSpectrum((3.0, -2.0, 0.5), 9.0, radial, 0.2)
    lengths = lattice.cell_lengths(*sheet)
    sides = lengths * window / sheet
    excess = 0.0
    for periods in itertools.product(range(-9, 10), repeat=2):
        vector = 2 * np.pi * np.array(periods) / lengths
        square_number = float(vector @ vector)
        if 0 < square_number <= largest**2:
            phases = vector * sides / 2
            seen = np.prod([np.sin(phase) / phase if phase else 1.0 for phase in phases]) ** 2
            excess += (3.0 - 2.0 * square_number + 0.5 * square_number**2 - 0.2) * seen
    expected = (excess + 0.2 * (48 / math.prod(window) - 1)) / (48 * 2)
    assert continued.window_variance(lattice, sheet, window, largest=largest) == pytest.approx(expected)


@pytest.mark.parametrize("window", [(2, 4), (5, 6), (9, 8)])
def test_windows_foretold_for_for_independent_sites_have_the_closed_form(window):
    """A window of n of the N sites has the variance p (1 - p) (1 / n - 1 / N) about the mean of its sheet."""
    lattice = honeycomb(2.46)
    kinds = (np.random.default_rng(5).random((300, 10, 12, 2)) < 0.4).astype(np.uint8)
    continued = continue_spectrum(spectrum(lattice, kinds, 2.0))
    foretold = continued.window_variance(lattice, (10, 12), window, largest=2.0)
    sites = 2 * math.prod(window)
    assert foretold == pytest.approx(0.24 * (1 / sites - 1 / 240), rel=0.08)
    assert window_variances(kinds, *window).mean() == pytest.approx(foretold, rel=0.08)
