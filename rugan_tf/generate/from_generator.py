"""Sheets straight from a Keras generator, as a training looks at it: no calibration, no repair, latents from NumPy."""

import keras
import numpy as np
from numpy.typing import NDArray

from rugan_tf.saved.label_scale import LabelScale

UPSCALING = 2  # cells for each latent cell


def draw_from_generator(
    generator: keras.Model,
    scale: LabelScale,
    energy_per_area: NDArray[np.floating],
    *,
    rows: int,
    cols: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Return the most probable states, uint8 (n, rows, cols), at energies per area (n,).

    Args:
        generator: with `latent_channels`; it takes `latent` and standardised `label`, and gives probabilities.
        scale: of its labels.
        energy_per_area: requested, in the unit of the labels.
        rows: lattice cells, even.
        cols: lattice cells, even.
        rng: of the latents.
    """
    shape = (len(energy_per_area), rows // UPSCALING, cols // UPSCALING, generator.latent_channels)
    # By NumPy: what looks at a training must not use up random numbers of the training.
    latent = rng.standard_normal(shape, dtype=np.float32)
    label = np.broadcast_to(scale.label(energy_per_area)[:, None, None], shape[:3])
    probabilities = generator({"latent": latent, "label": label}, training=False)
    return keras.ops.convert_to_numpy(probabilities).argmax(axis=-1).astype(np.uint8)
