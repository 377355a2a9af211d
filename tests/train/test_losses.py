import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.train import losses

FIRST = {"score": [1.0, 2.0], "features": [[1.0, 1.0], [0.0, 0.0]]}
SECOND = {"score": [0.0, 2.0], "features": [[0.0, 0.0], [0.0, 0.0]]}


def consistency(first=FIRST, second=SECOND, **options):
    parts = (first["score"], second["score"], first["features"], second["features"])
    return float(losses.consistency_term(*(tf.constant(part) for part in parts), **options))


@pytest.mark.parametrize(
    ("form", "margin", "expected"),
    [
        ("squared", 0.0, 1.1),  # mean of 2 (1 + 0.1 * 1) and 0
        ("absolute", 0.0, 1.1414214),  # mean of 2 (1 + 0.1 sqrt(2)) and 0
        ("squared", 0.6, 0.8),  # mean of 2.2 - 0.6 and 0: the margin is compared with the weighted difference
        ("absolute", 0.5, 0.8914214),
        ("squared", 2.2, 0.0),
        ("absolute", 2.3, 0.0),
    ],
)
def test_consistency_term_worked_by_hand(form, margin, expected):
    assert consistency(form=form, margin=margin) == pytest.approx(expected, abs=1e-6)
    assert consistency(SECOND, FIRST, form=form, margin=margin) == pytest.approx(expected, abs=1e-6)


def test_features_count_a_tenth_and_as_a_mean_where_squared():
    second = {"score": FIRST["score"], "features": [[1.0, 1.0], [4.0, 0.0]]}
    assert consistency(second=second) == pytest.approx(2 * 0.1 * (16 / 2) / 2)
    assert consistency(second=second, form="absolute") == pytest.approx(2 * 0.1 * 4 / 2)


def test_consistency_term_is_zero_without_weight():
    assert consistency(weight=0.0) == 0.0
    assert consistency(weight=4.0) == pytest.approx(2 * consistency(weight=2.0))


@pytest.mark.parametrize("form", ["squared", "absolute"])
def test_two_equal_passes_cost_nothing_and_have_a_finite_gradient(form):
    assert consistency(FIRST, FIRST, form=form) == pytest.approx(0.0, abs=1e-6)
    features = tf.Variable(FIRST["features"])
    with tf.GradientTape() as tape:
        score = tf.constant(FIRST["score"])
        term = losses.consistency_term(score, score, features, tf.constant(FIRST["features"]), form=form)
    np.testing.assert_array_equal(tape.gradient(term, features), np.zeros((2, 2)))


def test_unknown_form_is_refused():
    with pytest.raises(ValueError, match=r"form must be 'squared' or 'absolute'. Received: form='cubic'"):
        consistency(form="cubic")


def test_wasserstein_and_generator_losses_worked_by_hand():
    real, fake = tf.constant([1.0, 2.0, 6.0]), tf.constant([0.5, -1.5])
    assert float(losses.critic_wasserstein_loss(real, fake)) == -0.5 - 3.0
    assert float(losses.generator_loss(fake)) == 0.5


def test_each_sheet_is_interpolated_by_its_own_epsilon():
    real, fake = tf.ones((3, 2, 4, 4)), tf.fill((3, 2, 4, 4), 5.0)
    mixed = losses.interpolate(real, fake, tf.constant([0.0, 0.25, 1.0]))
    np.testing.assert_allclose(mixed[:, 0, 0, 0], [5.0, 4.0, 1.0])
    np.testing.assert_array_equal(mixed, np.broadcast_to(mixed[:, :1, :1, :1], mixed.shape))
