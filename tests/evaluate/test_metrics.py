import math

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstwobign

from rugan_tf.evaluate import metrics
from rugan_tf.systems.named import system_named
from rugan_tf.systems.rule import Rule

REQUESTED = np.array([0.0, 1.0, 2.0, 3.0])
OBTAINED = np.array([1.0, 1.0, 3.0, 3.0])


def test_differences_by_hand():
    assert metrics.mae(REQUESTED, OBTAINED) == 0.5  # |1|, 0, |1|, 0
    assert metrics.rmse(REQUESTED, OBTAINED) == pytest.approx(math.sqrt(0.5))
    assert metrics.bias(REQUESTED, OBTAINED) == 0.5
    assert metrics.bias(OBTAINED, REQUESTED) == -0.5


def test_units_change_neither_r2_nor_pearson_r():
    for metric in (metrics.r2, metrics.pearson_r):
        assert metric(REQUESTED / 10, OBTAINED / 10) == pytest.approx(metric(REQUESTED, OBTAINED))


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


@pytest.mark.parametrize(("number", "method"), [(1000, "exact"), (1001, "asymp")])
def test_p_is_exact_up_to_a_thousand_samples(number, method):
    one, other = np.random.default_rng(0).normal(size=(2, number))
    expected = {name: ks_2samp(one, other, method=name).pvalue for name in ("exact", "asymp")}
    assert expected["exact"] != expected["asymp"]
    assert metrics.ks_test(one, other)[1] == expected[method]
    assert metrics.ks_test(one, other[:2])[1] == ks_2samp(one, other[:2], method=method).pvalue


def test_validity_and_the_share_that_repair_removes(graphene):
    pristine = np.full((4, 4), 3, np.uint8)
    tail = np.zeros((4, 4), np.uint8)
    tail[0, 0] = 3  # two atoms, both dangling
    states = np.stack([pristine, tail])
    assert metrics.validity(graphene, states) == 0.5
    assert metrics.removed_share(graphene, states) == pytest.approx(2 / 34)
    assert math.isnan(metrics.removed_share(graphene, np.zeros((1, 4, 4), np.uint8)))
    assert metrics.removed_share(system_named("ising"), states[:, :, :] % 2) == 0.0  # no rule, so nothing changes


def test_pieces_are_counted_where_a_rule_knows_of_them(graphene):
    states = np.zeros((4, 8, 12), np.uint8)
    states[1] = 3
    states[2, 1:3, 1:4] = [2, 3, 1]
    states[3] = states[2] + np.roll(states[2], (3, 6), (0, 1))  # two rings apart
    assert metrics.pieces(graphene, states) == {"mean": 1.0, "max": 2, "share_detached": 0.25}
    assert metrics.pieces(system_named("ising"), states % 2) is None

    class AnyNumber(Rule):
        def step(self, states, xp=np):
            return states

    class Loose(type(graphene)):
        rule = AnyNumber()

    assert metrics.pieces(Loose(), states) is None


def test_bootstrap_intervals_hold_the_known_error_of_the_mean():
    rng = np.random.default_rng(0)
    requested = rng.uniform(-3, -1, 400)
    obtained = requested + rng.normal(0.05, 0.2, 400)
    low, high = metrics.intervals(requested, obtained, seed=1)["bias"]
    assert low < metrics.bias(requested, obtained) < high
    assert high - low == pytest.approx(2 * 1.96 * 0.2 / math.sqrt(400), rel=0.15)
    again = metrics.intervals(requested, obtained, seed=1)
    assert again == metrics.intervals(requested, obtained, seed=1)
    for name in ("mae", "rmse", "r2"):
        assert again[name][0] < getattr(metrics, name)(requested, obtained) < again[name][1]


def test_bootstrap_intervals_are_percentiles_over_resampled_pairs():
    rng = np.random.default_rng(3)
    requested = rng.uniform(-3, -1, 60)
    obtained = requested + rng.normal(0.05, 0.2, 60)
    drawn = np.random.default_rng(7).integers(0, 60, (999, 60))
    found = metrics.intervals(requested, obtained, seed=7)
    for name, metric in (("mae", metrics.mae), ("rmse", metrics.rmse), ("bias", metrics.bias), ("r2", metrics.r2)):
        values = [metric(requested[index], obtained[index]) for index in drawn]
        assert found[name] == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])), abs=1e-3)
    assert list(found) == ["mae", "rmse", "bias", "r2"]


def test_expected_ks_is_the_mean_over_equal_distributions():
    rng = np.random.default_rng(0)
    found = [metrics.ks_test(rng.normal(size=2000), rng.normal(size=2000))[0] for _ in range(200)]
    assert metrics.ks_expected(2000) == pytest.approx(np.mean(found), rel=0.06)


def test_errors_by_energy_split_the_requests_into_equal_parts():
    requested = np.arange(20.0)
    obtained = requested + np.where(requested < 10, 1.0, -2.0)
    bins = metrics.errors_by_energy(requested, obtained, num_bins=4)
    assert [one["num_samples"] for one in bins] == [5, 5, 5, 5]
    assert [one["requested"] for one in bins] == [2.0, 7.0, 12.0, 17.0]
    assert [one["bias"] for one in bins] == [1.0, 1.0, -2.0, -2.0]
    assert [one["sd"] for one in bins] == [0.0] * 4
    tens = metrics.errors_by_energy(np.zeros(101), np.arange(101.0), num_bins=1)
    assert [tens[0][key] for key in ("percentile_16", "median", "percentile_84")] == [16, 50, 84]
    assert len(metrics.errors_by_energy(requested[:2], obtained[:2], num_bins=10)) == 2
    assert len(metrics.errors_by_energy(requested, obtained)) == 10
    alike = metrics.errors_by_energy(np.zeros(100), np.arange(100.0), num_bins=50)
    assert [one["bias"] for one in alike] == np.arange(0.5, 100, 2).tolist()  # equal requests stay in their order


def test_empty_and_full_sheets_are_told_apart_from_others(graphene):
    states = np.full((4, 4, 4), 3, np.uint8)
    states[1] = 0
    states[2, 0, 0] = 1
    found = metrics.uniform_sheets(graphene, states)
    assert found == {"- -": 0.25, "C -": 0.0, "- C": 0.0, "C C": 0.5}
    assert metrics.validity(graphene, states[:2]) == 1.0  # which validity alone calls good


def test_what_json_does_not_know_is_none_wherever_it_stands():
    content = {"a": math.nan, "b": [1.5, math.inf, {"c": -math.inf}], "d": (2, "text", None, True), "e": 0.0}
    assert metrics.defined(content) == {
        "a": None,
        "b": [1.5, None, {"c": None}],
        "d": [2, "text", None, True],
        "e": 0.0,
    }


def test_agreement_has_each_measure_under_its_name():
    found = metrics.agreement(REQUESTED, OBTAINED, 0.25)
    assert found == {
        "ks_statistic": metrics.ks_test(REQUESTED, OBTAINED)[0],
        "ks_pvalue": metrics.ks_test(REQUESTED, OBTAINED)[1],
        "mae": 0.5,
        "rmse": pytest.approx(math.sqrt(0.5)),
        "r2": pytest.approx(0.6),
        "pearson_r": pytest.approx(4 / math.sqrt(20)),
        "bias": 0.5,
        "bias_in_sd": 2.0,
    }
    assert math.isnan(metrics.agreement(REQUESTED, OBTAINED, 0.0)["bias_in_sd"])


def test_labels_drawn_apart_make_two_independent_samples():
    rng = np.random.default_rng(0)
    requested, apart = rng.normal(size=(2, 400))
    paired = metrics.agreement(requested, requested + 0.01, 1.0)
    assert "ks_independent_statistic" not in paired
    found = metrics.agreement(requested, requested + 0.01, 1.0, apart)
    assert found["ks_independent_statistic"] == pytest.approx(metrics.ks_test(apart, requested + 0.01)[0])
    assert found["ks_statistic"] < 0.5 * found["ks_independent_statistic"]
    assert found["ks_independent_pvalue"] < found["ks_pvalue"]
    assert {key: found[key] for key in paired} == paired


def test_exact_p_that_scipy_cannot_say_is_told_without_a_warning():
    one = np.array([-3.59664352, -3.49973777, -2.94716616, -2.77266891, -1.95335106])
    other = np.array([-3.59664352, -3.49973777, -2.859375, -2.77266891, -1.95335106])
    assert metrics.ks_test(one, other) == (pytest.approx(0.2), pytest.approx(1.0))


def test_errors_of_a_judge_of_one_sheet_and_of_the_mean_by_hand():
    found = metrics.judge_error(np.array([3.0, 4.0]))
    assert found == {"standard_error": pytest.approx(np.sqrt(12.5)), "standard_error_of_mean": pytest.approx(2.5)}
    assert metrics.judge_error(np.full(16, 0.5)) == {"standard_error": 0.5, "standard_error_of_mean": 0.125}
    assert metrics.judge_error(None) == {}


def test_the_error_of_the_mean_is_the_scatter_that_noise_gives_the_bias_and_bounds_that_of_the_error():
    rng = np.random.default_rng(2)
    requested, difference, errors = np.zeros(40), rng.normal(0, 1, 40), rng.uniform(0.1, 1.5, 40)
    noisy = difference + errors * rng.normal(size=(4000, 40))
    told = metrics.judge_error(errors)
    of_bias = np.std([metrics.bias(requested, one) for one in noisy])
    assert of_bias == pytest.approx(told["standard_error_of_mean"], rel=0.05)
    assert np.std([metrics.mae(requested, one) for one in noisy]) < told["standard_error_of_mean"]
    # What a judge makes of sheets without any fault: the mean absolute error is its noise.
    alone = np.mean([metrics.mae(requested[:1], 0.5 * one[None]) for one in rng.normal(size=20000)])
    assert alone == pytest.approx(np.sqrt(2 / np.pi) * metrics.judge_error(np.full(9, 0.5))["standard_error"], rel=0.02)
