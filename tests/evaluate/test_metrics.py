import math

import numpy as np
import pytest
from scipy.stats import kstwobign

from rugan_tf.evaluate import metrics

REQUESTED = np.array([0.0, 1.0, 2.0, 3.0])
OBTAINED = np.array([1.0, 1.0, 3.0, 3.0])


def test_differences_by_hand():
    assert metrics.mae(REQUESTED, OBTAINED) == 0.5  # |1|, 0, |1|, 0
    assert metrics.rmse(REQUESTED, OBTAINED) == pytest.approx(math.sqrt(0.5))
    assert metrics.bias(REQUESTED, OBTAINED) == 0.5
    assert metrics.bias(OBTAINED, REQUESTED) == -0.5


def test_r2_is_about_the_line_of_equal_energies():
    assert metrics.r2(REQUESTED, OBTAINED) == pytest.approx(1 - 2 / 5)  # SS_tot 5 about the mean 1.5 requested
    assert metrics.r2(OBTAINED, REQUESTED) == pytest.approx(1 - 2 / 4)  # SS_tot 4 about the mean 2 requested
    assert metrics.r2(REQUESTED, REQUESTED) == 1.0
    assert metrics.r2(REQUESTED, REQUESTED + 10) == pytest.approx(1 - 400 / 5)  # correlated, and far off
    assert metrics.r2(REQUESTED, np.full(4, 1.5)) == 0.0  # the mean requested, whatever is requested


def test_pearson_r_by_hand():
    assert metrics.pearson_r(REQUESTED, OBTAINED) == pytest.approx(4 / math.sqrt(5 * 4))
    assert metrics.pearson_r(REQUESTED, REQUESTED + 10) == pytest.approx(1.0)
    assert metrics.pearson_r(REQUESTED, -REQUESTED) == pytest.approx(-1.0)


def test_what_is_undefined_is_nan_without_a_warning():
    constant = np.full(4, 0.1)
    assert math.isnan(metrics.r2(constant, REQUESTED))
    assert math.isnan(metrics.pearson_r(REQUESTED, constant))
    assert math.isnan(metrics.pearson_r(constant, REQUESTED))


def test_ks_statistic_and_exact_p_by_hand():
    statistic, pvalue = metrics.ks_test(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert statistic == 1.0
    assert pvalue == pytest.approx(2 / 6)  # 2 of the 6 orders of two and two have D = 1
    assert metrics.ks_test(REQUESTED, REQUESTED) == (0.0, 1.0)


def test_ks_of_many_samples_follows_the_asymptotic_law():
    requested = np.arange(10_000.0)
    statistic, pvalue = metrics.ks_test(requested, requested + 153)
    assert statistic == pytest.approx(0.0153)
    assert pvalue == pytest.approx(kstwobign.sf(0.0153 * math.sqrt(5000)), rel=0.02)
    assert pvalue == pytest.approx(0.19, abs=0.01)


def test_validity_and_dangling_share(graphene):
    pristine = np.full((4, 4), 3, np.uint8)
    tail = np.zeros((4, 4), np.uint8)
    tail[0, 0] = 3  # two atoms, both dangling
    states = np.stack([pristine, tail])
    assert metrics.validity(graphene, states) == 0.5
    assert metrics.dangling_share(graphene, states) == pytest.approx(2 / 34)
    assert math.isnan(metrics.dangling_share(graphene, np.zeros((1, 4, 4), np.uint8)))


def test_translations_are_one_sheet_and_odd_column_shifts_are_not(graphene):
    sheet = np.random.default_rng(1).integers(0, 4, (4, 6), np.uint8)
    same = [np.roll(sheet, shift, (0, 1)) for shift in ((1, 0), (0, 2), (3, 4))]
    assert metrics.uniqueness(graphene, np.stack([sheet, *same])) == 0.25
    assert metrics.uniqueness(graphene, np.stack([sheet, np.roll(sheet, 1, 1)])) == 1.0


def test_uniqueness_of_different_sheets_is_one(graphene):
    states = np.random.default_rng(2).integers(0, 4, (50, 4, 6), np.uint8)
    assert metrics.uniqueness(graphene, states) == 1.0


def test_trailing_and_leading_empty_cells_are_kept_apart(graphene):
    states = np.zeros((3, 2, 4), np.uint8)
    states[1, 0, 0], states[2, 0, 0], states[2, 0, 1] = 1, 1, 1
    assert metrics.uniqueness(graphene, states) == 1.0


def test_novelty_counts_what_no_translation_of_the_data_is(graphene):
    known = np.random.default_rng(3).integers(0, 4, (5, 4, 6), np.uint8)
    other = np.random.default_rng(4).integers(0, 4, (1, 4, 6), np.uint8)
    states = np.concatenate([np.roll(known[:3], (1, 2), (1, 2)), other])
    assert metrics.novelty(graphene, states, known) == 0.25
    assert math.isnan(metrics.novelty(graphene, states, np.zeros((1, 4, 4), np.uint8)))
