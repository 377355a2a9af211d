import numpy as np
import pytest

from rugan_tf.evaluate.periodicity import repetition, seam_deviation

RNG = np.random.default_rng(0)


def test_repetition_tells_tiled_sheets_from_independent_ones():
    small = RNG.integers(0, 4, (20, 6, 8), np.uint8)
    assert repetition(np.tile(small, (1, 2, 2)), 4, 6, 8) > 0.999
    assert abs(repetition(RNG.integers(0, 4, (20, 12, 16), np.uint8), 4, 6, 8)) < 0.05
    half = np.concatenate([np.tile(small, (1, 1, 2)), RNG.integers(0, 4, (20, 6, 16), np.uint8)], axis=1)
    assert 0.3 < repetition(half, 4, 6, 8) < 0.7  # one half repeats along the columns
    assert np.isnan(repetition(small, 4, 6, 8))  # no shift to look at
    assert np.isnan(repetition(np.full((3, 12, 16), 3, np.uint8), 4, 6, 8))


@pytest.mark.parametrize("state", [0, 1, 2, 3])
def test_seam_of_any_state_is_seen(state):
    rng = np.random.default_rng(state)
    sheets = rng.integers(0, 4, (200, 12, 16), np.uint8)
    other = (state + 1) % 4
    is_changed = (sheets[:, :2] == other) & (rng.random((200, 2, 16)) < 0.5)
    sheets[:, :2][is_changed] = state  # the two further states are where they were
    assert seam_deviation(sheets, 4) > 6


def test_seam_is_seen_where_it_is_and_not_elsewhere():
    sheets = RNG.integers(0, 4, (200, 12, 16), np.uint8)
    assert seam_deviation(sheets, 4) < 4
    sheets[:, -1] = np.where(RNG.random((200, 16)) < 0.3, 0, sheets[:, -1])
    assert seam_deviation(sheets, 4) > 6
    assert np.isnan(seam_deviation(sheets[:1], 4))
    assert np.isnan(seam_deviation(sheets[:, :4, :4], 4))
