"""Sheets straight from a Keras generator, as a training looks at it: no calibration, no repair, latents from NumPy."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf.generate.natural_maps import NaturalMaps
from rugan_tf.saved.conditions import LearntConditions

UPSCALING = 2  # cells for each latent cell


@dataclasses.dataclass(frozen=True)
class LabelledGenerator:
    """A generator with what its labels mean.

    Attributes:
        generator: with `latent_channels`; it takes `latent` and standardised `label`, and gives probabilities.
        learnt: what makes its labels.
        maps: what it learnt its labels from; None if its labels were one for a sheet.
    """

    generator: keras.Model
    learnt: LearntConditions
    maps: NaturalMaps | None = None

    def draw(
        self, requested: NDArray[np.floating], *, rows: int, cols: int, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return the most probable states, uint8 (n, rows, cols), at conditions (n, c).

        Args:
            requested: in the units of the conditions.
            rows: lattice cells, even.
            cols: lattice cells, even.
            rng: of latents and maps.
        """
        shape = (len(requested), rows // UPSCALING, cols // UPSCALING, self.generator.latent_channels)
        # By NumPy: what looks at a training must not use up random numbers of the training.
        latent = rng.standard_normal(shape, dtype=np.float32)
        of_sheet = self.learnt.label(requested)  # (n,), or (n, c) of several conditions
        label = np.broadcast_to(of_sheet[:, None, None], shape[:3] + of_sheet.shape[1:])
        if self.maps is not None:
            energy, seed = tf.constant(requested[:, 0], tf.float32), tf.constant(rng.integers(2**62), tf.int64)
            drawn = self.maps.draw(energy, tf.constant(shape[1]), tf.constant(shape[2]), seed)
            label = self.learnt.each[0].scale.label(drawn.numpy())
        probabilities = self.generator({"latent": latent, "label": label}, training=False)
        return keras.ops.convert_to_numpy(probabilities).argmax(axis=-1).astype(np.uint8)
