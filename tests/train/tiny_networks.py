"""A generator and a critic of a few dozen parameters, which RUGAN must take as it takes the real ones."""

import keras
from keras import ops

from rugan_tf.train.rugan import RUGAN

CHANNELS = 2


class TinyGenerator(keras.Model):
    """Each cell of the latent becomes 2x2 equal cells: 16 parameters."""

    def __init__(self):
        super().__init__()
        self.latent_channels = CHANNELS
        self.dense = keras.layers.Dense(4, activation="softmax")

    def build(self, input_shape=None):
        self.dense.build((None, None, None, CHANNELS + 1))
        self.built = True

    def call(self, inputs, *, training=False):
        cells = self.dense(ops.concatenate([inputs["latent"], inputs["label"][..., None]], axis=-1))
        return ops.repeat(ops.repeat(cells, 2, axis=1), 2, axis=2)


class TinyCritic(keras.Model):
    """Smooth in its weights and its input, blind to neighbours: 22 parameters."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.dense = keras.layers.Dense(3, activation="softplus")
        self.dropout = keras.layers.Dropout(dropout, seed=4)
        self.linear = keras.layers.Dense(1)

    def build(self, input_shape=None):
        self.dense.build((None, None, None, 5))
        self.linear.build((None, 3))
        self.built = True

    def call(self, inputs, *, training=False):
        encoding = inputs["encoding"]
        label = ops.ones_like(encoding[..., :1]) * ops.reshape(inputs["label"], (-1, 1, 1, 1))
        hidden = self.dense(ops.concatenate([encoding, label], axis=-1))
        features = self.dropout(ops.mean(hidden, axis=(1, 2)), training=training)
        return self.linear(features)[:, 0], features


def build_rugan(critic_steps=2, dropout=0.0, loss_options=None, seed=3, learning_rate=1e-2, **samples):
    """Build and compile a RUGAN of tiny networks, the same for the same arguments."""
    keras.utils.set_random_seed(seed)
    model = RUGAN(
        TinyGenerator(),
        TinyCritic(dropout),
        num_states=4,
        latent_channels=CHANNELS,
        critic_steps=critic_steps,
        loss_options=loss_options,
        average_decay=0.9,
        seed=seed,
        **samples,
    )
    adam = [keras.optimizers.Adam(learning_rate, beta_1=0.0, beta_2=0.9) for _ in range(2)]
    model.compile(*adam)
    return model
