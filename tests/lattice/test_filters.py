import numpy as np

from rugan_tf.lattice.filters import flat_filter, map_operator, smallest_wave_number, wave_numbers

LENGTHS = np.array([12.0, 20.0])


def wave(size, numbers):
    """A cosine with whole numbers of periods along rows and columns of a grid."""
    rows, cols = np.meshgrid(*(np.arange(length) / length for length in size), indexing="ij")
    return np.cos(2 * np.pi * (numbers[0] * rows + numbers[1] * cols))


def test_wave_numbers_are_those_of_waves_that_fit():
    found = wave_numbers((6, 4), LENGTHS)
    assert found[2, 1] == np.hypot(2 * 2 * np.pi / 12, 2 * np.pi / 20)
    assert found[-1, 0] == 2 * np.pi / 12
    assert smallest_wave_number(LENGTHS) == 2 * np.pi / 20


def test_filter_is_flat_below_its_cutoff_and_steep_at_it():
    np.testing.assert_allclose(flat_filter(np.array([0.0, 0.4, 0.8, 1.6]), 0.8), np.exp([0, -1 / 16, -1, -16]))


def test_map_of_a_wave_is_that_wave_weakened_as_the_filter_says():
    cutoff = 0.9
    operator = map_operator((6, 4), (6, 4), LENGTHS, cutoff)
    given = wave((6, 4), (1, 1))
    weakened = flat_filter(np.hypot(2 * np.pi / 12, 2 * np.pi / 20), cutoff)
    assert 0.3 < weakened < 0.9
    np.testing.assert_allclose((given.ravel() @ operator).reshape(6, 4), weakened * given, atol=1e-12)


def test_coarse_map_is_the_mean_over_its_parts():
    fine, coarse = map_operator((6, 4), (6, 4), LENGTHS, 0.9), map_operator((6, 4), (3, 2), LENGTHS, 0.9)
    values = np.random.default_rng(0).normal(size=24)
    parts = (values @ fine).reshape(3, 2, 2, 2).mean(axis=(1, 3))
    np.testing.assert_allclose((values @ coarse).reshape(3, 2), parts, atol=1e-12)
    np.testing.assert_allclose(coarse.sum(axis=0), 1.0)  # so a mean stays what it is
