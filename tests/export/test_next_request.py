"""What the graph asks for next, against the same for one sheet after another, in plain Python."""

import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.export.corrections import Bounds, next_request, no_bounds, without_stale
from rugan_tf.generate.corrections import corrected_sheet


@pytest.mark.parametrize("seed", range(3))
def test_every_sheet_of_a_batch_is_asked_for_as_it_would_be_alone(seed):
    rng = np.random.default_rng(seed)
    number, rounds = 40, 6
    requested = rng.uniform(-3, -1, number)
    slope, jump, place = rng.uniform(0.5, 2.0, number), rng.uniform(0.0, 0.8, number), rng.uniform(-3, -1, number)

    def energies(given):
        return slope * (given + 2) - 2 + np.where(given > place, jump, 0.0)

    first = requested + 0.3
    given, asked = tf.constant(first), [first]
    bounds = no_bounds(given)
    for _ in range(rounds):
        given, bounds = next_request(given, requested - energies(given.numpy()), bounds)
        asked.append(given.numpy())
    for sheet in range(number):
        alone = []

        def make(one, alone=alone):
            alone.append(one)
            return np.zeros((1, 1), np.uint8)

        def judge(_, sheet=sheet, alone=alone):
            return energies(np.full(number, alone[-1]))[sheet]

        corrected_sheet(make, judge, requested[sheet], first[sheet], rounds)
        np.testing.assert_allclose(np.array(asked)[:, sheet], alone, rtol=1e-12)
    steps = [first]
    for _ in range(rounds):
        steps.append(steps[-1] + requested - energies(steps[-1]))
    missed, missed_by_steps = (
        np.abs([energies(one) - requested for one in requests]).min(axis=0) for requests in (asked, steps)
    )
    assert missed.mean() < 0.9 * missed_by_steps.mean()


def test_a_request_that_is_met_is_asked_for_again_at_most_a_little_lower():
    given = tf.constant([1.0, 1.0])
    following, bounds = next_request(given, tf.constant([0.0, 0.5]), no_bounds(given))
    assert following.numpy().tolist() == [1.0, 1.5]
    assert bounds.low.numpy().tolist() == [-np.inf, 1.0]
    assert bounds.high.numpy().tolist() == [1.0, np.inf]


def test_a_bracket_is_left_where_far_more_is_missing_than_it_holds():
    bounds = Bounds(tf.constant([1.0, 1.0, -np.inf, 1.0]), tf.constant([1.2, 1.2, 1.2, np.inf]))
    kept = without_stale(bounds, tf.constant([0.39, -0.41, 9.0, 9.0]))
    np.testing.assert_allclose(kept.low, [1.0, -np.inf, -np.inf, 1.0])
    np.testing.assert_allclose(kept.high, [1.2, np.inf, 1.2, np.inf])
