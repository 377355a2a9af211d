"""RUGAN: the training algorithm as a Keras model. Networks and optimisers are given to it."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf.train import losses, replicas
from rugan_tf.train.averaging import MovingAverage
from rugan_tf.train.loss_options import LossOptions

LOGGED = (
    "critic_loss",
    "wasserstein_estimate",
    "gradient_penalty",
    "gradient_norm",
    "consistency_term",
    "generator_loss",
    "label_error_real",
    "label_error_fake",
)


@dataclasses.dataclass(frozen=True)
class MapLoss:
    """How a generator learns a label that is a map.

    Attributes:
        weight: of the squared error of the map, in the generator's loss.
        obtained: encoding (batch, rows, cols, states) to the map (batch, rows/2, cols/2) that the sheets have.
        smoothing: the filter of maps as a matrix (cells of a map, cells of a map).
    """

    weight: float
    obtained: Callable[[Any], Any]
    smoothing: NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class JudgedLabels:
    """How a generator learns labels that can be told of its sheets, one of each condition for a sheet.

    Attributes:
        weight: of the squared error of the labels, in the generator's loss.
        obtained: encoding (batch, rows, cols, states) to the standardised labels that the sheets have.
    """

    weight: float
    obtained: Callable[[Any], Any]


class RUGAN(keras.Model):
    """Regressive upscaling GAN (Mills, Casert, Tamblyn 2019), trained as a Wasserstein GAN.

    Args:
        generator: {"latent", "label" map} to probabilities (batch, rows, cols, states).
        critic: {"encoding", "label"} to (score, features), or to (score, features, predicted label).
        num_states: states of a cell.
        latent_channels: channels of the Gaussian latent.
        critic_steps: critic updates per generator update.
        loss_options: weights of the critic's loss.
        average_decay: of the moving average of the generator's weights.
        hard_samples: show the critic one-hot sheets instead of probabilities.
        label_maps: how the generator learns a label that is a map; None for one label for a sheet.
        judged_labels: how it learns labels of whole sheets that can be told of them; None if only a critic knows them.
        sample_noise: scale of the Gumbel noise on the log probabilities, of which hard samples are the best;
            0 for the states that users get, 1 to draw every cell by itself from its probabilities.
        seed: of latents and of the interpolation.
    """

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        *,
        num_states: int,
        latent_channels: int,
        critic_steps: int = 10,
        loss_options: LossOptions | None = None,
        average_decay: float = 0.998,
        hard_samples: bool = False,
        sample_noise: float = 0.0,
        label_maps: MapLoss | None = None,
        judged_labels: JudgedLabels | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if critic_steps < 1:
            raise ValueError(f"critic_steps must be at least 1. Received: critic_steps={critic_steps}")
        if not sample_noise >= 0 or (sample_noise and not hard_samples):
            raise ValueError(
                "sample_noise must not be negative, and needs hard samples. "
                f"Received: sample_noise={sample_noise}, hard_samples={hard_samples}"
            )
        self.generator, self.critic = generator, critic
        self.num_states, self.latent_channels = num_states, latent_channels
        self.critic_steps, self.hard_samples, self.sample_noise = critic_steps, hard_samples, sample_noise
        self.loss_options, self.label_maps = loss_options or LossOptions(), label_maps
        self.judged_labels = judged_labels
        for network in (generator, critic):
            if not network.built:
                network.build()
        self.average = MovingAverage(generator, average_decay, name="average")
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in LOGGED}
        self.built = True

    def compile(
        self,
        critic_optimizer: keras.optimizers.Optimizer,
        generator_optimizer: keras.optimizers.Optimizer,
        *,
        use_xla: bool = False,
        run_eagerly: bool = False,
    ) -> None:
        """Set the optimisers, and how losses and gradients are compiled: by XLA, without it, or not at all."""
        super().compile(run_eagerly=run_eagerly)
        # Built now: a checkpoint is restored before the first update, and must find the moments of Adam.
        self.critic_optimizer, self.generator_optimizer = critic_optimizer, generator_optimizer
        critic_optimizer.build(self.critic.trainable_variables)
        generator_optimizer.build(self.generator.trainable_variables)
        # Losses and gradients are compiled and optimisers are not: under MirroredStrategy an optimiser waits for the
        # other replicas, which nothing inside a compiled function can.
        compiled: Any = functools.partial(tf.function, jit_compile=use_xla, autograph=False)
        if run_eagerly:
            compiled = lambda function: function  # noqa: E731 (a debugger can stop inside)
        self.critic_gradients = compiled(self.compute_critic_gradients)
        self.generator_gradients = compiled(self.compute_generator_gradients)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers, reset at the start of every epoch."""
        return list(self.trackers.values())

    def train_step(self, data: dict[str, Any]) -> dict[str, Any]:
        """Update the critic `critic_steps` times, then the generator once.

        Args:
            data: {"states": uint8 (critic_steps batch, rows, cols), "label": float32 (critic_steps batch,)}.
                Where labels are maps, "label" is float32 (critic_steps batch, rows/2, cols/2), and the same without
                noise comes as "asked". Of several conditions it is float32 (critic_steps batch, conditions).
        """
        # A Python loop: inside tf.while_loop replicas could not wait for each other between two critic updates.
        for states, label in zip(self.split(data["states"]), self.split(data["label"]), strict=True):
            logs, gradients = self.critic_gradients(states, label, self.next_seed(), replicas.own_number())
            self.critic_optimizer.apply(gradients, self.critic.trainable_variables)
            self.track(logs)
        # New latents under the labels of the last batch: labels that the data has, without one batch more.
        asked = self.split(data["asked"])[-1] if self.label_maps else label
        logs, gradients = self.generator_gradients(states, label, asked, self.next_seed(), replicas.own_number())
        self.generator_optimizer.apply(gradients, self.generator.trainable_variables)
        self.average.update(self.generator, self.generator_optimizer.iterations)
        self.track(logs)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def split(self, values: Any) -> list[Any]:
        """Split (critic_steps batch, ...) into critic_steps batches."""
        if values.shape[0] is not None and values.shape[0] % self.critic_steps:
            raise ValueError(
                "The sheets of a step must divide into critic_steps batches. "
                f"Received: {values.shape[0]} sheets, critic_steps={self.critic_steps}"
            )
        return tf.split(values, self.critic_steps)

    def compute_critic_gradients(
        self, states: Any, label: Any, seed: Any, replica: Any
    ) -> tuple[dict[str, Any], list[Any]]:
        """Return the parts of the critic's loss and its gradients.

        The critic sees real, real again (with other dropout) and fake sheets in one pass.

        Args:
            states: uint8 (batch, rows, cols).
            label: float32 (batch,).
            seed: int32 (2,), of latents and interpolation; the same on all replicas.
            replica: int32 (), which of the replicas this is.
        """
        real = tf.one_hot(tf.cast(states, tf.int32), self.num_states)
        latent_seed, epsilon_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2, alg="philox"))
        # Training mode, as when the generator learns: the critic must see the sheets that batch statistics make.
        fake = tf.stop_gradient(self.draw_fake(states, label, latent_seed, replica))
        epsilon = replicas.own_part(tf.random.stateless_uniform, (replicas.own_batch(label),), epsilon_seed, replica)
        interpolated = losses.interpolate(real, fake, epsilon)
        options = self.loss_options
        with tf.GradientTape() as tape:
            # One pass of three batches: real twice, since dropout differs from sheet to sheet, and the consistency term
            # compares the very pass of the Wasserstein term with a second one.
            score, features, *predicted = self.critic(
                {"encoding": tf.concat([real, real, fake], 0), "label": tf.concat([label] * 3, 0)}, training=True
            )
            real_score, again_score, fake_score = tf.split(score, 3)
            real_features, again_features, _ = tf.split(features, 3)
            wasserstein = losses.critic_wasserstein_loss(real_score, fake_score)
            norm = losses.gradient_norm(
                lambda encoding: self.critic({"encoding": encoding, "label": label}, training=True)[0], interpolated
            )
            penalty = losses.gradient_penalty(norm)
            consistency = losses.consistency_term(
                real_score,
                again_score,
                real_features,
                again_features,
                weight=options.consistency_weight,
                margin=options.consistency_margin,
                form=options.consistency_form,
            )
            loss = wasserstein + options.gradient_penalty_weight * penalty + consistency
            # Of real sheets alone: what a fake one should have is not what it has.
            error = losses.label_error(tf.split(predicted[0], 3)[0], label) if predicted else tf.constant(0.0)
            loss += options.regression_weight * error
            scaled = replicas.own_share(loss)
        gradients = tape.gradient(scaled, self.critic.trainable_variables)
        logs = {
            "critic_loss": loss,
            "wasserstein_estimate": -wasserstein,
            "gradient_penalty": penalty,
            "gradient_norm": tf.reduce_mean(norm),
            "consistency_term": consistency,
            "label_error_real": error,
        }
        return logs, gradients

    def compute_generator_gradients(
        self, states: Any, label: Any, asked: Any, seed: Any, replica: Any
    ) -> tuple[dict[str, Any], list[Any]]:
        """Return the generator's loss and its gradients, for new latents under the labels of a batch.

        Args:
            states: uint8 (batch, rows, cols), whose size the fake sheets have.
            label: what the networks see.
            asked: what the sheets should have: the label, where it is a map without its noise.
            seed: int32 (2,), of latents.
            replica: int32 (), which of the replicas this is.
        """
        with tf.GradientTape() as tape:
            fake = self.draw_fake(states, label, seed, replica)
            score, _, *predicted = self.critic({"encoding": fake, "label": label}, training=True)
            error, weight = tf.constant(0.0), self.loss_options.regression_weight
            if self.label_maps is not None:
                # One number everywhere asks for no more than the mean: such a label leaves the rest to the generator.
                is_uniform = tf.reduce_all(tf.equal(label, label[:, :1, :1]), axis=(1, 2))
                smoothing = tf.constant(self.label_maps.smoothing)
                error = losses.map_error(self.label_maps.obtained(fake), asked, smoothing, is_uniform)
                weight = self.label_maps.weight
            elif self.judged_labels is not None:
                error, weight = losses.label_error(self.judged_labels.obtained(fake), label), self.judged_labels.weight
            elif predicted:
                error = losses.label_error(predicted[0], label)
            loss = losses.generator_loss(score) + weight * error
            scaled = replicas.own_share(loss)
        return {"generator_loss": loss, "label_error_fake": error}, tape.gradient(
            scaled, self.generator.trainable_variables
        )

    def draw_fake(self, states: Any, label: Any, seed: Any, replica: Any) -> Any:
        """Generate sheets as large as `states`, with new latents, in training mode.

        They are probabilities; with `hard_samples` one-hot, with the gradient of the probabilities (the
        straight-through estimator of Bengio et al., arXiv 1308.3432). With `sample_noise` a cell that the generator
        leaves undecided becomes one or the other (Gumbel-softmax, Jang et al., arXiv 1611.01144), so that the critic
        sees which sheets are near to those that users get; the generator learns to decide.
        """
        batch, rows, cols = tf.unstack(tf.shape(states))
        if None not in states.shape:  # numbers where they are known: XLA compiles for one shape
            batch, rows, cols = states.shape
        shape = (batch, rows // 2, cols // 2, self.latent_channels)
        noise_seed = None
        if self.sample_noise:
            seed, noise_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2, alg="philox"))
        latent = replicas.own_part(tf.random.stateless_normal, shape, seed, replica)
        label_map = label
        if len(label.shape) < 3:  # numbers of a whole sheet
            several = label.shape[1:]
            label_map = tf.ones((*shape[:3], *several)) * tf.reshape(label, (-1, 1, 1, *several))
        probabilities = self.generator({"latent": latent, "label": label_map}, training=True)
        if not self.hard_samples:
            return probabilities
        if self.sample_noise:
            shape = (batch, rows, cols, self.num_states)
            uniform = replicas.own_part(tf.random.stateless_uniform, shape, noise_seed, replica)
            # 1e-7: a uniform number of float32 may be 0, and so may a probability; a logarithm of 0 would be infinite.
            gumbel = -tf.math.log(1e-7 - tf.math.log(uniform + 1e-7))
            probabilities = tf.nn.softmax(tf.math.log(probabilities + 1e-7) + self.sample_noise * gumbel)
        hard = tf.one_hot(tf.argmax(probabilities, axis=-1), self.num_states)
        return probabilities + tf.stop_gradient(hard - probabilities)

    def next_seed(self) -> Any:
        """Return a seed (2,), int32, that no other draw has; the same on all replicas."""
        return tf.cast(self.seed_generator.next(), tf.int32)

    def track(self, logs: dict[str, Any]) -> None:
        """Add the values of one update to their means."""
        for name, value in logs.items():
            self.trackers[name].update_state(value)
