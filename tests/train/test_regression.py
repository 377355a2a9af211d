"""The auxiliary task: a critic that predicts labels, and a generator that is held to them."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_networks import CHANNELS, TinyGenerator

from rugan_tf.networks.critic import Critic
from rugan_tf.train import losses
from rugan_tf.train.loss_options import LossOptions
from rugan_tf.train.rugan import RUGAN


def build(weight):
    model = RUGAN(
        TinyGenerator(),
        Critic(4, head_layers=1, regression=True, dropout=0.0),
        num_states=4,
        latent_channels=CHANNELS,
        loss_options=LossOptions(regression_weight=weight, gradient_penalty_weight=0.0, consistency_weight=0.0),
    )
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.4)
    return model


def batch():
    rng = np.random.default_rng(1)
    return {
        "states": tf.constant(rng.integers(0, 4, (6, 4, 4)), tf.uint8),
        "label": tf.constant(rng.normal(size=6), tf.float32),
        "seed": tf.constant([3, 4]),
        "replica": tf.constant(0),
    }


def test_label_error_worked_by_hand():
    assert float(losses.label_error(tf.constant([1.0, -2.0]), tf.constant([0.0, 1.0]))) == (1 + 9) / 2


@pytest.mark.parametrize("part", ["critic", "generator"])
def test_either_loss_holds_its_share_of_the_label_error(part):
    loss, error = f"{part}_loss", "label_error_real" if part == "critic" else "label_error_fake"
    arguments = batch() if part == "critic" else batch() | {"asked": batch()["label"]}
    without, with_it = (getattr(build(weight), f"compute_{part}_gradients")(**arguments) for weight in (0.0, 7.0))
    assert float(with_it[0][error]) > 0.01
    difference = float(with_it[0][loss] - without[0][loss])
    assert difference == pytest.approx(7 * float(with_it[0][error]), rel=1e-4)
    changed = [np.abs(one - other).max() for one, other in zip(with_it[1], without[1], strict=True)]
    assert max(changed) > 1e-3


def test_critic_learns_labels_from_real_sheets_alone():
    model = build(1.0)
    arguments = batch()
    names = [variable.path for variable in model.critic.trainable_variables]
    _, gradients = model.compute_critic_gradients(**arguments)
    regression = next(gradient for name, gradient in zip(names, gradients, strict=True) if "regression/kernel" in name)
    real = tf.one_hot(tf.cast(arguments["states"], tf.int32), 4)
    with tf.GradientTape() as tape:
        predicted = model.critic({"encoding": real, "label": arguments["label"]}, training=True)[2]
        error = losses.label_error(predicted, arguments["label"])
    expected = tape.gradient(error, model.critic.regression.kernel.value)
    np.testing.assert_allclose(regression, expected, rtol=1e-4, atol=1e-6)
