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


def test_repetition_is_the_autocorrelation_counted_cell_by_cell():
    rng = np.random.default_rng(4)
    sheets = rng.integers(0, 3, (4, 4, 9), np.uint8)
    sheets[1] = 2  # where nothing varies: left out
    sheets[3] = 1
    sheets[3, 2, 5] = 0
    largest = []
    for row, col in [(0, 3), (0, 6), (2, 0), (2, 3), (2, 6)]:
        values = []
        for sheet in (sheets[0], sheets[2], sheets[3]):
            one_hot = np.eye(3)[sheet] - np.eye(3)[sheet].mean(axis=(0, 1))
            moved = np.roll(one_hot, (row, col), (0, 1))
            values.append((one_hot * moved).sum() / np.square(one_hot).sum())
        largest.append(np.mean(values))
    assert repetition(sheets, 3, 2, 3) == pytest.approx(max(largest), abs=1e-5)
    assert repetition(sheets[3:], 3, 2, 3) == pytest.approx(-1 / 35, abs=1e-5)


@pytest.mark.parametrize("shape", [(5, 9, 11), (2, 6, 5)])
def test_seam_is_two_cells_wide_and_its_deviation_in_standard_errors(shape):
    sheets = np.random.default_rng(5).integers(0, 3, shape, np.uint8)
    places = np.indices(shape[1:])
    seam = np.minimum(places, np.array(shape[1:])[:, None, None] - 1 - places).min(axis=0) < 2
    deviations = []
    for state in range(3):
        apart = [np.mean(one[seam] == state) - np.mean(one[~seam] == state) for one in sheets]
        deviations.append(abs(np.mean(apart)) / (np.std(apart, ddof=1) / np.sqrt(len(apart))))
    assert seam_deviation(sheets, 3) == pytest.approx(max(deviations))
    assert seam_deviation(np.repeat(sheets[:1], 3, axis=0), 1) == 0.0  # all alike: nothing to read a deviation against


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
