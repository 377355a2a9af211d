"""Natural maps against the spectrum and the distribution that they are drawn by, and windows against whole maps."""

import numpy as np
import pytest
import tensorflow as tf
from map_statistics import PITCH, SKEWED, share_below, statistics

from rugan_tf.generate.natural_maps import NaturalMaps, hat_weights
from rugan_tf.lattice.filters import wave_numbers
from rugan_tf.saved.map_statistics import LEVELS


def draw(maps, energies, rows, cols, seed=5):
    values = maps.draw(
        tf.constant(energies, tf.float32), tf.constant(rows), tf.constant(cols), tf.constant(seed, tf.int64)
    )
    return values.numpy()


def power(values):
    """Spectral density of maps (n, rows, cols), averaged over them."""
    varied = values - values.mean(axis=(1, 2), keepdims=True)
    return (np.abs(np.fft.fft2(varied)) ** 2).mean(axis=0) / values[0].size * np.prod(PITCH)


@pytest.mark.parametrize("shape", ["gaussian", "skewed"])
def test_spectrum_is_the_one_given_also_below_the_smallest_sheet(shape):
    maps = NaturalMaps(statistics(shape=shape))
    found = power(draw(maps, [-2.0] * 200, 24, 30))
    k = wave_numbers((24, 30), np.array(PITCH) * (24, 30))
    rows = 2 * np.pi * np.fft.fftfreq(24, PITCH[0])[:, None]
    # By hand: the density, the filter squared, and the mean over the two tiles of a latent cell.
    expected = (200 - 1200 * k**2 + 2400 * k**4) * np.exp(-2 * (k / 0.36) ** 4) * np.cos(rows * PITCH[0] / 4) ** 2
    for low, high in ((0.04, 0.08), (0.08, 0.14), (0.14, 0.2), (0.2, 0.3)):
        band = (k > low) & (k < high)
        assert found[band].mean() / expected[band].mean() == pytest.approx(1, abs=0.08)


def test_values_are_distributed_as_the_quantiles_say():
    maps = NaturalMaps(statistics(shape="skewed"))
    values = draw(maps, [-3.0] * 50, 40, 40) + 3.0
    values = np.sort(values.ravel() / values.std())
    for level in (-1.5, 0.0, 1.5):
        wanted = np.interp(level, LEVELS, SKEWED)
        assert (values < wanted).mean() == pytest.approx(share_below(level), abs=0.02)


def test_mean_of_every_map_is_the_energy_asked_for():
    energies = [-3.4, -2.6, -1.0]
    np.testing.assert_allclose(
        draw(NaturalMaps(statistics(noise=0.3)), energies, 7, 8).mean(axis=(1, 2)), energies, 2e-6
    )


def test_power_lies_between_that_of_the_two_nearest_energies():
    maps = NaturalMaps(statistics())
    spread = [draw(maps, [energy] * 200, 12, 12).std(axis=(1, 2)).mean() for energy in (-3.0, -2.5, -2.0, -1.0)]
    assert spread[2] / spread[0] == pytest.approx(2, rel=0.08)
    assert spread[1] == pytest.approx((spread[0] + spread[2]) / 2, rel=0.05)
    assert spread[3] == pytest.approx(spread[2], rel=0.05)


def test_noise_is_white_and_of_its_own():
    quiet, noisy = (NaturalMaps(statistics(noise=noise)) for noise in (0.0, 0.3))
    difference = draw(noisy, [-2.0] * 20, 16, 16) - draw(quiet, [-2.0] * 20, 16, 16)
    assert difference.std() == pytest.approx(0.3, rel=0.05)
    flat = power(difference)
    assert flat[:4, :4].ravel()[1:].mean() / flat.mean() == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(("rows", "cols"), [(7, 8), (3, 5), (40, 22)])
def test_windows_are_parts_of_the_whole(rows, cols):
    maps = NaturalMaps(statistics(noise=0.2, shape="skewed"))
    whole = draw(maps, [-2.2, -2.7], rows, cols)
    for origin, shape in (((0, 0), (rows, cols)), ((rows - 1, cols - 2), (5, 9)), ((1, 2), (1, 1))):
        window = maps.windows(
            tf.constant([-2.7]),
            tf.constant([rows, cols]),
            tf.constant(origin),
            tf.constant(shape),
            tf.constant(5, tf.int64),
            tf.constant(1, tf.int64),
        ).numpy()[0]
        index = np.ix_(
            *(
                (first + np.arange(number)) % size
                for first, number, size in zip(origin, shape, (rows, cols), strict=True)
            )
        )
        difference = window - whole[1][index]
        np.testing.assert_allclose(difference, difference.flat[0], atol=1e-5)


def test_maps_of_other_seeds_sheets_and_of_latents_are_others():
    maps = NaturalMaps(statistics())
    first, second = draw(maps, [-2.0, -2.0], 16, 16)
    other = draw(maps, [-2.0], 16, 16, seed=6)[0]
    for one, another in ((first, second), (first, other)):
        assert abs(np.corrcoef(one.ravel(), another.ravel())[0, 1]) < 0.4


def test_hat_weights_worked_by_hand():
    found = hat_weights(tf.constant([-4.0, -3.0, -2.25, 0.0]), (-3.0, -2.0, -1.0)).numpy()
    np.testing.assert_allclose(found, [[1, 0, 0], [1, 0, 0], [0.25, 0.75, 0], [0, 0, 1]], atol=1e-6)
