"""Statistics of maps, fitted to sheets whose spectrum is known."""

import numpy as np
import pytest

from rugan_tf.data.map_filter import MapFilter
from rugan_tf.data.map_fit import fit_map_statistics, standard_quantiles
from rugan_tf.errors import InputError
from rugan_tf.lattice.filters import wave_numbers
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.map_statistics import LEVELS
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
SCALE = LabelScale(-2.0, 0.5)
TILES = (14, 8)
LENGTHS = GRAPHENE.lattice.cell_lengths(14, 16)
TILE_AREA = float(np.prod(LENGTHS)) / (14 * 8)


def sheets(number, seed=0):
    """Local labels of Gaussian fields whose spectral density is (40 - 100 k^2) Å² below k 0.5, pinned at k = 0."""
    rng = np.random.default_rng(seed)
    k = wave_numbers(TILES, LENGTHS)
    amplitude = np.sqrt(np.maximum(40 - 100 * k**2, 0.0) / TILE_AREA) * (k > 0)
    noise = np.fft.fft2(rng.normal(size=(number, *TILES)))
    means = rng.uniform(-1, 1, (number, 1, 1))
    return (np.fft.ifft2(amplitude * noise).real + means).astype(np.float32)


def test_spectrum_is_found_and_continued_to_zero():
    passed = MapFilter.of(GRAPHENE, 14, 16, 2.0)
    found = fit_map_statistics(sheets(6000), GRAPHENE, SCALE, passed, noise=0.4)
    unit = SCALE.standard_deviation
    at_zero = np.array([density for density, _, _ in found.spectrum])
    np.testing.assert_allclose(at_zero / unit**2, 40, rtol=0.15)
    k = np.array([0.05, 0.18, 0.3, 0.4])
    np.testing.assert_allclose(found.density(k).mean(axis=0) / unit**2, 40 - 100 * k**2, rtol=0.06)
    assert found.noise == pytest.approx(0.2)
    assert found.pitch == pytest.approx((4.92, 4.2608), abs=1e-3)
    assert found.tile == pytest.approx((2.46, 4.2608), abs=1e-3)
    assert found.cutoff == pytest.approx(2 * 2 * np.pi / 34.44)
    np.testing.assert_allclose(found.quantiles, np.broadcast_to(LEVELS, (12, len(LEVELS)))[:], atol=1.2)
    np.testing.assert_allclose(np.array(found.quantiles)[:, 12:21], np.broadcast_to(LEVELS[12:21], (12, 9)), atol=0.06)
    assert np.all(np.diff(found.energies) > 0)


def test_density_never_rises_again_nor_falls_below_zero():
    passed = MapFilter.of(GRAPHENE, 14, 16, 2.0)
    found = fit_map_statistics(sheets(600), GRAPHENE, SCALE, passed, noise=0.0)
    k = np.linspace(0, 3, 50)
    density = found.density(k)
    assert (density >= 0).all()
    assert (np.diff(density[:, k > 0.6], axis=1) <= 1e-9).all()  # beyond what was fitted


def test_quantiles_have_mean_0_and_variance_1_whatever_the_values():
    values = np.random.default_rng(1).gamma(2.0, 3.0, 200_000)
    found = np.array(standard_quantiles(values))
    drawn = np.interp(np.random.default_rng(2).normal(size=200_000), LEVELS, found)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    assert np.mean(drawn**3) == pytest.approx(
        np.sqrt(2), abs=0.12
    )  # the skewness of the gamma distribution: 2 / sqrt(2)


def test_too_few_sheets_are_refused():
    passed = MapFilter.of(GRAPHENE, 14, 16, 2.0)
    with pytest.raises(InputError, match=r"need at least 24 sheets\. Received: 5"):
        fit_map_statistics(sheets(5), GRAPHENE, SCALE, passed, noise=0.0)
