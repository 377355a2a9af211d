"""Training on maps: the loss worked by hand, and networks that take maps as labels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_networks import CHANNELS, TinyGenerator

from rugan_tf.errors import InputError
from rugan_tf.networks.critic import Critic
from rugan_tf.train import losses
from rugan_tf.train.loss_options import LossOptions
from rugan_tf.train.map_options import MapOptions
from rugan_tf.train.options import PRESETS
from rugan_tf.train.rugan import RUGAN, MapLoss

IDENTITY, MEAN = np.eye(2, dtype=np.float32), np.full((2, 2), 0.5, np.float32)


def error(obtained, asked, smoothing, is_uniform):
    maps = (tf.constant(values, tf.float32)[None, :, None] for values in (obtained, asked))
    return float(losses.map_error(*maps, tf.constant(smoothing), tf.constant([is_uniform])))


def test_map_error_worked_by_hand():
    assert error([1, 4], [0, 0], IDENTITY, is_uniform=False) == pytest.approx((1 + 16) / 2)
    assert error([1, 4], [0, 0], MEAN, is_uniform=False) == pytest.approx(2.5**2)
    assert error([1, 4], [0, 0], IDENTITY, is_uniform=True) == pytest.approx(2.5**2)
    assert error([1, -1], [0, 0], IDENTITY, is_uniform=True) == 0


def test_critic_sees_where_the_label_is():
    critic = Critic(width=4, maps=True, head_layers=1)
    critic.build()
    rng = np.random.default_rng(0)
    for weight in critic.trainable_weights:
        weight.assign(rng.normal(size=weight.shape) / 3)
    encoding = tf.one_hot(tf.random.stateless_uniform((1, 4, 8), (1, 2), 0, 4, tf.int32), 4)
    label = np.zeros((1, 2, 4), np.float32)
    elsewhere = label.copy()
    label[0, 0, 0], elsewhere[0, 1, 2] = 2.0, 2.0
    scores = [float(critic({"encoding": encoding, "label": tf.constant(one)})[0][0]) for one in (label, elsewhere)]
    assert scores[0] != pytest.approx(scores[1], abs=1e-4)
    moved = tf.roll(encoding, (2, 4), (1, 2)), np.roll(label, (1, 2), (1, 2))
    again = float(critic({"encoding": moved[0], "label": tf.constant(moved[1])})[0][0])
    assert again == pytest.approx(scores[0], abs=1e-5)


@pytest.mark.parametrize("options", [{"regression": True, "head_layers": 1}, {"period": (3, 1)}])
def test_critics_that_cannot_take_maps_are_refused(options):
    with pytest.raises(ValueError, match=r"maps|map of"):
        Critic(width=4, maps=True, **options)


class MapCritic(keras.Model):
    """Its score knows the map."""

    def __init__(self):
        super().__init__()
        self.linear = keras.layers.Dense(1)

    def build(self, input_shape=None):
        self.linear.build((None, 5))
        self.built = True

    def call(self, inputs, *, training=False):
        means = tf.reduce_mean(inputs["encoding"], axis=(1, 2))
        features = tf.concat([means, tf.reduce_mean(inputs["label"], axis=(1, 2))[:, None]], axis=-1)
        return self.linear(features)[:, 0], features


def test_generator_learns_to_put_energy_where_the_map_asks_for_it():
    def obtained(encoding):  # the share of state 3 in every latent cell, from -1 to 1
        share = encoding[..., 3]
        return 2 * tf.reduce_mean(tf.stack([share[:, row::2, col::2] for row in (0, 1) for col in (0, 1)]), axis=0) - 1

    keras.utils.set_random_seed(0)
    loss = MapLoss(10.0, obtained, np.eye(6, dtype=np.float32))
    options = LossOptions(gradient_penalty_weight=1.0)
    model = RUGAN(
        TinyGenerator(),
        MapCritic(),
        num_states=4,
        latent_channels=CHANNELS,
        critic_steps=1,
        loss_options=options,
        average_decay=0.9,
        label_maps=loss,
        seed=1,
    )
    model.compile(*(keras.optimizers.Adam(0.02, beta_1=0.0, beta_2=0.9) for _ in range(2)))
    rng = np.random.default_rng(0)
    asked = rng.choice([-0.8, 0.8], (8, 2, 3)).astype(np.float32)
    batch = {"states": tf.constant(rng.integers(0, 4, (8, 4, 6), np.uint8)), "label": asked, "asked": asked}
    errors = [float(model.train_step(batch)["label_error_fake"]) for _ in range(120)]
    model.reset_metrics()
    last = float(model.train_step(batch)["label_error_fake"])
    assert last < 0.3 * errors[0]


@pytest.mark.parametrize(
    "options", [{"map_weight": -1.0}, {"map_noise": -0.1}, {"map_cutoff": 0.0}, {"uniform_share": 1.5}]
)
def test_impossible_options_are_refused(options):
    (name,) = options
    with pytest.raises(InputError, match=rf"{name} must .*Received: {name}="):
        MapOptions(**options)


def test_paper_has_one_label_for_a_sheet_and_the_shipped_model_maps():
    assert PRESETS["paper"][0].maps.map_weight == 0
    assert PRESETS["cpu"][0].maps.map_weight > 0
