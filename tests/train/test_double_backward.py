"""The gradient of the gradient penalty must not go through the activations of a critic of ReLUs: its share is zero."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.networks import critic as networks
from rugan_tf.networks import layers
from rugan_tf.train.losses import gradient_norm, gradient_penalty

RNG = np.random.default_rng(0)
INTERPOLATED = tf.constant(RNG.dirichlet(np.ones(4), (3, 4, 4)), tf.float32)
LABEL = tf.constant([0.3, -1.0, 2.0])


def outcome(settings, monkeypatch=None):
    """Return the penalty, its gradients and the number of convolutions in their graph; of real ReLUs if patched."""
    if monkeypatch is not None:
        monkeypatch.setattr(networks, "rectify", keras.ops.relu)
    critic = networks.Critic(4, projection=True, dropout=0.0, **settings)
    critic.build()
    rng = np.random.default_rng(1)
    for weight in critic.trainable_variables:
        weight.assign(0.4 * rng.normal(size=weight.shape))

    @tf.function
    def compute():
        with tf.GradientTape() as tape:
            score = lambda encoding: critic({"encoding": encoding, "label": LABEL}, training=True)[0]  # noqa: E731
            penalty = gradient_penalty(gradient_norm(score, INTERPOLATED))
        weights = [weight.value for weight in critic.trainable_variables]
        return penalty, tape.gradient(penalty, weights, unconnected_gradients="zero")

    pending, needed = [tensor.op for tensor in compute.get_concrete_function().graph.outputs], {}
    while pending:  # what is traced and not needed is dropped before it runs
        operation = pending.pop()
        if operation.name not in needed:
            needed[operation.name] = operation.type
            pending += [tensor.op for tensor in operation.inputs]
    return *compute(), sum("Conv2D" in kind for kind in needed.values())


@pytest.mark.parametrize("settings", [{}, {"head_layers": 2}], ids=["paper", "head"])
def test_gradients_are_those_of_relus_for_fewer_convolutions(settings, monkeypatch):
    ours, reference = outcome(settings), outcome(settings, monkeypatch)
    assert float(ours[0]) == pytest.approx(float(reference[0]), rel=1e-5)
    assert max(np.abs(gradient).max() for gradient in reference[1]) > 1e-2
    for gradient, expected in zip(ours[1], reference[1], strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)
    forward = 7  # six convolutions and a shortcut
    assert ours[2] == 4 * forward
    assert reference[2] >= 4 * forward + 11  # weights and activations once more


def test_rectify():
    values = tf.constant([-1.0, 0.0, 2.0, float("nan"), float("inf")])
    with tf.GradientTape() as tape:
        tape.watch(values)
        rectified = networks.rectify(values)
    np.testing.assert_array_equal(rectified, [0.0, 0.0, 2.0, np.nan, np.inf])
    np.testing.assert_array_equal(tape.gradient(rectified, values), [0.0, 0.0, 1.0, 0.0, 1.0])


def pad_by_gather(cells, axis):
    size = cells.shape[axis]
    return tf.gather(cells, np.arange(-1, size + 1) % size, axis=axis)


@pytest.mark.parametrize("axis", [1, 2])
def test_padding_has_the_gradients_of_a_gather_of_either_order(axis):
    sheet = tf.constant(RNG.normal(size=(2, 4, 5, 3)), tf.float32)
    outcomes = []
    for pad in (layers.pad_by_one, pad_by_gather):
        with tf.GradientTape() as outer:
            outer.watch(sheet)
            with tf.GradientTape() as inner:
                inner.watch(sheet)
                padded = pad(sheet, axis)
                weights = np.random.default_rng(5).normal(size=padded.shape)
                value = tf.reduce_sum(weights * padded**3)
            first = inner.gradient(value, sheet)
            total = tf.reduce_sum(first**2)
        outcomes.append((padded, first, outer.gradient(total, sheet)))
    for ours, expected in zip(*outcomes, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4)
