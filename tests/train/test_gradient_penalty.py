import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.networks.layers import PeriodicConv2D
from rugan_tf.train.losses import gradient_norm
from rugan_tf.train.losses import gradient_penalty as penalty_of_norms

SHAPE = (3, 2, 4, 4)


def gradient_penalty(score, interpolated):
    return penalty_of_norms(gradient_norm(score, interpolated))


def draw_interpolated(dtype=tf.float32):
    return tf.constant(np.random.default_rng(0).uniform(size=SHAPE), dtype)


def linear_score(norm):
    """Return a score function whose gradient has the given norm at every sheet."""
    direction = np.random.default_rng(1).normal(size=SHAPE[1:])
    slope = tf.constant(norm * direction / np.linalg.norm(direction), tf.float32)
    return lambda encoding: tf.reduce_sum(slope * encoding, axis=(1, 2, 3))


@pytest.mark.parametrize(("norm", "expected"), [(3.0, 4.0), (1.0, 0.0), (0.5, 0.25), (0.0, 1.0)])
def test_penalty_of_a_linear_critic(norm, expected):
    penalty = gradient_penalty(linear_score(norm), draw_interpolated())
    assert float(penalty) == pytest.approx(expected, abs=1e-5)


def test_penalty_is_the_mean_over_sheets_of_their_own_norms():
    slopes = tf.constant([[1.0], [3.0], [2.0]]) / np.sqrt(np.prod(SHAPE[1:])).astype(np.float32)

    def score(encoding):
        return tf.reduce_sum(slopes * tf.reshape(encoding, (3, -1)), axis=1)

    assert float(gradient_penalty(score, draw_interpolated())) == pytest.approx((0 + 4 + 1) / 3, abs=1e-5)


def test_gradient_of_the_penalty_is_finite_where_the_critic_is_flat():
    scale = tf.Variable(0.0)
    linear = linear_score(3.0)
    with tf.GradientTape() as tape:
        penalty = gradient_penalty(lambda encoding: scale * linear(encoding), draw_interpolated())
    assert float(penalty) == pytest.approx(1.0, abs=1e-4)
    assert np.isfinite(float(tape.gradient(penalty, scale)))


def test_gradient_of_the_penalty_agrees_with_finite_differences():
    """Two periodic convolutions with softplus in float64: the second derivative of a ReLU would be zero."""
    layers = [
        PeriodicConv2D(3, 3, activation="softplus", dtype="float64", bias_initializer="normal"),
        PeriodicConv2D(2, 3, activation="softplus", dtype="float64", bias_initializer="normal"),
    ]
    interpolated = draw_interpolated(tf.float64)

    def penalty():
        def score(encoding):
            return 9.0 * tf.reduce_mean(layers[1](layers[0](encoding)), axis=(1, 2, 3))

        return gradient_penalty(score, interpolated)

    penalty()
    rng = np.random.default_rng(2)
    for weight in (weight for layer in layers for weight in layer.weights):
        weight.assign(rng.normal(size=weight.shape))
    weights = [layer.kernel for layer in layers] + [layers[0].bias]
    with tf.GradientTape() as tape:
        loss = penalty()
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    for weight, gradient in zip(weights, gradients, strict=True):
        direction = rng.normal(size=weight.shape)
        middle = weight.numpy()
        sides = []
        for step in (1e-5, -1e-5):
            weight.assign(middle + step * direction)
            sides.append(float(penalty()))
        weight.assign(middle)
        slope = float(np.sum(gradient.numpy() * direction))
        assert abs(slope) > 1e-3
        assert slope == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-6)
