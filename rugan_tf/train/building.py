"""The networks and optimisers of a training, from its options and its data."""

from typing import Any

import keras

from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet
from rugan_tf.networks.critic import Critic
from rugan_tf.networks.generator import Generator
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import RUGAN


def require_even(data_set: DataSet) -> None:
    """Raise InputError unless the generator, which doubles its latent, can make sheets of this size."""
    rows, cols = data_set.states.shape[1:]
    if rows % 2 or cols % 2:
        raise InputError(f"rows and cols must be even to be generated. Received: rows={rows}, cols={cols}")


def lattice_period(data_set: DataSet) -> tuple[int, int]:
    """Return the rows and columns after which the lattice repeats."""
    return data_set.system.row_period, data_set.system.col_period


def build_model(options: TrainOptions, data_set: DataSet) -> RUGAN:
    """Build networks and optimisers."""
    num_states = data_set.system.num_states
    critic = Critic(
        options.critic_width,
        num_states,
        lattice_period(data_set),
        options.dropout,
        options.projection,
        options.head_layers,
        options.loss.regression_weight > 0,
        options.critic_blocks,
        name="critic",
    )
    model = RUGAN(
        build_generator(options, data_set),
        critic,
        num_states=num_states,
        latent_channels=options.latent_channels,
        critic_steps=options.critic_steps,
        loss_options=options.loss,
        average_decay=options.average_decay,
        hard_samples=options.hard_samples,
        sample_noise=options.sample_noise,
        seed=options.seed,
    )
    model.compile(
        build_optimizer(options, options.num_updates * options.critic_steps),
        build_optimizer(options, options.num_updates),
        use_xla=options.xla,
    )
    return model


def build_generator(options: TrainOptions, data_set: DataSet) -> Generator:
    """Build a generator, to be trained or to take the averaged weights."""
    period = lattice_period(data_set) if options.fold_generator else (1, 1)
    window = data_set.states.shape[1:] if options.window_means else None
    return Generator(
        options.width,
        data_set.system.num_states,
        options.latent_channels,
        period,
        window,
        options.refinements,
        name="generator",
    )


def build_optimizer(options: TrainOptions, num_steps: int) -> keras.optimizers.Optimizer:
    """Build Adam with the paper's moments, its rate constant or decaying linearly to zero over `num_steps`."""
    rate: Any = options.learning_rate
    if options.decay_learning_rate:
        rate = keras.optimizers.schedules.PolynomialDecay(rate, num_steps, end_learning_rate=0.0)
    return keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.9, epsilon=1e-8)
