import itertools

import numpy as np
import pytest
from planar import porous, primitive_graphene
from scipy.special import expit

from rugan_tf.physics.hamiltonian import nearest_neighbour_pi, pi_block, row_blocks, sigma_block
from rugan_tf.physics.kernel_polynomials import MomentSpectrum, jackson_kernel, moments_needed, resolution
from rugan_tf.physics.levels import all_levels
from rugan_tf.physics.recursion import (
    Bounds,
    moments_of,
    on_all_cores,
    projected_moments,
    random_signs,
    scaled,
    spectral_bounds,
    vector_groups,
)

MATRICES = {
    "sigma": sigma_block(porous(0, 8, 8)),
    "pi": pi_block(porous(0, 8, 8)),
    "neighbours": nearest_neighbour_pi(porous(0, 8, 8)),
    "complex": pi_block(porous(0, 8, 8), (0.2, 0.3)),
}


def traces(levels, bounds, number):
    angles = np.arccos((levels - bounds.centre) / bounds.half_width)
    return np.cos(np.arange(number)[:, None] * angles).sum(axis=1)


@pytest.mark.parametrize("name", MATRICES)
def test_moments_are_the_traces_of_the_polynomials(name):
    matrix = MATRICES[name]
    bounds, levels = spectral_bounds(matrix), all_levels(matrix)
    everything = np.eye(matrix.num_rows, dtype=matrix.dtype)
    moments = moments_of(scaled(matrix, bounds), bounds, everything, 301).sum(axis=0)
    np.testing.assert_allclose(moments, traces(levels, bounds, 301), atol=1e-9)


@pytest.mark.parametrize("name", MATRICES)
def test_bounds_hold_the_spectrum_and_are_narrow(name):
    bounds, levels = spectral_bounds(MATRICES[name]), all_levels(MATRICES[name])
    assert bounds.centre - bounds.half_width < levels[0]
    assert bounds.centre + bounds.half_width > levels[-1]
    assert 2 * bounds.half_width < 1.05 * np.ptp(levels)


def test_levels_beyond_the_bounds_are_refused():
    matrix = MATRICES["pi"]
    bounds = spectral_bounds(matrix)
    small = Bounds(bounds.centre, 0.9 * bounds.half_width)
    with pytest.raises(ValueError, match="must lie within its bounds"):
        moments_of(scaled(matrix, small), small, random_signs(matrix, 0, [0]), 200)


@pytest.mark.parametrize("name", ["sigma", "complex"])
def test_chunks_change_nothing(name):
    matrix = MATRICES[name]
    bounds = spectral_bounds(matrix)
    start = random_signs(matrix, 3, range(3))
    whole = moments_of(scaled(matrix, bounds), bounds, start.copy(), 128)
    cut = row_blocks(matrix.tocsr(), 37)
    np.testing.assert_allclose(moments_of(scaled(cut, bounds), bounds, start, 128), whole, atol=1e-10)


def test_groups_and_threads_change_nothing():
    matrix = MATRICES["pi"]
    bounds = spectral_bounds(matrix)
    small = scaled(matrix, bounds)

    def work(group):
        return moments_of(small, bounds, random_signs(matrix, 5, group), 64)

    one_by_one = np.concatenate([work([number]) for number in range(7)])
    for threads in (1, 3):
        groups = vector_groups(matrix, 7, threads)
        assert list(itertools.chain(*groups)) == list(range(7))
        found = dict(on_all_cores(work, groups, threads))
        np.testing.assert_allclose(np.concatenate([found[group] for group in groups]), one_by_one, atol=1e-10)


@pytest.mark.parametrize("name", ["sigma", "complex"])
def test_projected_moments_add_up_and_are_local(name):
    matrix = MATRICES[name]
    bounds = spectral_bounds(matrix)
    small, start = scaled(matrix, bounds), random_signs(matrix, 0, range(2))
    group = np.arange(matrix.num_rows) % 5
    group[group == 4] = 6  # groups 4 and 5 are empty
    local = projected_moments(small, bounds, start, 40, group, 7)
    np.testing.assert_allclose(local.sum(axis=1), moments_of(small, bounds, start.copy(), 40), atol=1e-9)
    assert not local[:, 4:6].any()
    dense = (matrix.toarray() - bounds.centre * np.eye(matrix.num_rows)) / bounds.half_width
    expected = (start.conj() * ((2 * dense @ dense - np.eye(matrix.num_rows)) @ start)).real
    np.testing.assert_allclose(local[:, 3, 2], expected[group == 3].sum(axis=0), atol=1e-9)


def test_random_moments_lie_within_their_error_bars():
    matrix = MATRICES["neighbours"]
    bounds = spectral_bounds(matrix)
    moments = moments_of(scaled(matrix, bounds), bounds, random_signs(matrix, 0, range(64)), 60)
    error = moments.std(axis=0, ddof=1) / 8
    away = abs(moments.mean(axis=0) - traces(all_levels(matrix), bounds, 60))[1:] / error[1:]
    assert (away < 4).all()
    assert (away > 0.3).any()


def test_pristine_graphene_has_its_analytic_moments():
    """All sites are alike, so one is enough; until polynomials reach around the period the sheet is infinite."""
    matrix = nearest_neighbour_pi(primitive_graphene(40), hopping=1.0)
    bounds = spectral_bounds(matrix)
    start = np.zeros((matrix.num_rows, 1))
    start[0] = 1
    moments = moments_of(scaled(matrix, bounds), bounds, start, 40)[0]
    k = 2 * np.pi * (np.arange(400) + 0.5) / 400
    band = abs(1 + np.exp(1j * k[:, None]) + np.exp(1j * k)).ravel() / bounds.half_width
    expected = [np.cos(n * np.arccos(band)).mean() * (n % 2 == 0) for n in range(40)]
    assert bounds.half_width == pytest.approx(3, rel=1e-5)
    np.testing.assert_allclose(moments, expected, atol=1e-6)


def test_pristine_graphene_is_linear_at_zero_and_peaks_at_the_hopping():
    matrix = nearest_neighbour_pi(primitive_graphene(200), hopping=-2.7)
    bounds = spectral_bounds(matrix)
    start = np.zeros((matrix.num_rows, 1))
    start[0] = 1
    spectrum = MomentSpectrum(moments_of(scaled(matrix, bounds), bounds, start, 256), bounds, 1)
    energy = np.linspace(-8, 8, 1601)
    density = spectrum.density(energy)[0]
    for side in (energy < 0, energy > 0):
        assert abs(energy[side][density[side].argmax()]) == pytest.approx(2.7, abs=spectrum.resolution)
    near = (abs(energy) > 0.3) & (abs(energy) < 0.6)
    linear = abs(energy[near]) / (np.pi * np.sqrt(3) * 2.7**2)
    np.testing.assert_allclose(density[near], linear, rtol=0.06)


def test_jackson_kernel_makes_a_level_a_gaussian_of_the_stated_width():
    bounds, level, count = Bounds(1.0, 5.0), 1.4, 200
    spectrum = MomentSpectrum(traces(np.array([level]), bounds, count)[None], bounds, 1)
    energy = np.linspace(-3.9, 5.9, 4001)
    density, error = spectrum.density(energy)
    mean = np.trapezoid(density * energy, energy)
    assert np.isnan(error).all()
    assert density.min() >= -1e-12
    assert np.trapezoid(density, energy) == pytest.approx(1, abs=1e-5)
    assert mean == pytest.approx(level, abs=1e-3)
    width = np.sqrt(np.trapezoid(density * (energy - mean) ** 2, energy))
    assert width == pytest.approx(resolution(bounds, count), rel=0.02)
    assert jackson_kernel(count)[0] == pytest.approx(1)


def test_integral_is_the_integral_of_the_density():
    matrix = MATRICES["sigma"]
    bounds = spectral_bounds(matrix)
    start = random_signs(matrix, 0, range(3))
    spectrum = MomentSpectrum(moments_of(scaled(matrix, bounds), bounds, start, 100), bounds, matrix.num_rows)
    energy = np.linspace(bounds.centre - bounds.half_width - 1, bounds.centre + bounds.half_width + 1, 20001)
    total, error = spectrum.integrated(energy)
    assert total[[0, -1]] == pytest.approx([0, matrix.num_rows])
    summed = np.cumsum(spectrum.density(energy)[0]) * (energy[1] - energy[0])
    np.testing.assert_allclose(total, summed, atol=0.1)
    assert error[10000] > 0


def test_trace_of_a_function_is_the_sum_over_levels():
    matrix = MATRICES["pi"]
    bounds, levels = spectral_bounds(matrix), all_levels(matrix)
    spectrum = MomentSpectrum(traces(levels, bounds, 400)[None], bounds, matrix.num_rows)
    for function in (np.ones_like, np.square, lambda energy: expit((3 - energy) / 0.2)):
        assert spectrum.trace(function) == pytest.approx(function(levels).sum(), rel=1e-9)


@pytest.mark.parametrize("broadening", [0.01, 0.1, 3.0])
def test_moments_needed_resolve_the_broadening_and_not_two_fewer(broadening):
    bounds = Bounds(0.0, 8.1)
    count = moments_needed(bounds, broadening)
    assert count % 2 == 0
    assert resolution(bounds, count) <= broadening < resolution(bounds, count - 2)
