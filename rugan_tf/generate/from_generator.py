"""Sheets straight from a Keras generator, as a training looks at it: no calibration, no repair, latents from NumPy."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf.generate.natural_maps import NaturalMaps
from rugan_tf.saved.label_scale import LabelScale

UPSCALING = 2  # cells for each latent cell


@dataclasses.dataclass(frozen=True)
class LabelledGenerator:
    """A generator with what its labels mean.

    Attributes:
        generator: with `latent_channels`; it takes `latent` and standardised `label`, and gives probabilities.
        scale: of its labels.
        maps: what it learnt its labels from; None if its labels were one for a sheet.
    """

    generator: keras.Model
    scale: LabelScale
    maps: NaturalMaps | None = None

    def draw(
        self, energy_per_area: NDArray[np.floating], *, rows: int, cols: int, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return the most probable states, uint8 (n, rows, cols), at energies per area (n,).

        Args:
            energy_per_area: requested, in the unit of the labels.
            rows: lattice cells, even.
            cols: lattice cells, even.
            rng: of latents and maps.
        """
        shape = (len(energy_per_area), rows // UPSCALING, cols // UPSCALING, self.generator.latent_channels)
        # By NumPy: what looks at a training must not use up random numbers of the training.
        latent = rng.standard_normal(shape, dtype=np.float32)
        label = np.broadcast_to(self.scale.label(energy_per_area)[:, None, None], shape[:3])
        if self.maps is not None:
            energy, seed = tf.constant(energy_per_area, tf.float32), tf.constant(rng.integers(2**62), tf.int64)
            drawn = self.maps.draw(energy, tf.constant(shape[1]), tf.constant(shape[2]), seed)
            label = self.scale.label(drawn.numpy())
        probabilities = self.generator({"latent": latent, "label": label}, training=False)
        return keras.ops.convert_to_numpy(probabilities).argmax(axis=-1).astype(np.uint8)
