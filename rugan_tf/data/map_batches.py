"""The maps of a batch of sheets: labels that say where in a sheet its energy is."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf.data.map_filter import MapFilter


@dataclasses.dataclass(frozen=True)
class LabelMaps:
    """What a training makes the maps of its sheets from.

    Attributes:
        local: float32 (n, rows/period, cols/period), standardised label of every tile; their mean is the sheet's.
        passed: from tiles to maps.
        noise: standard deviation of the white noise on a map.
        uniform_share: share of the sheets whose map is one number.
    """

    local: NDArray[np.float32]
    passed: MapFilter
    noise: float
    uniform_share: float

    def draw(self, local: Any, seed: Any) -> tuple[Any, Any]:
        """Return what networks see of the maps of some sheets, and the maps, both float32 (batch, rows/2, cols/2).

        Args:
            local: float32 (batch, rows/period, cols/period), of sheets of the data, shifted or not.
            seed: int64 (2,), of noise and choice.
        """
        asked = filtered(self.passed, local)
        # Two seeds: from one the choice would follow from the noise.
        noise_seed, choice_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2, alg="philox"))
        noise = self.noise * tf.random.stateless_normal(tf.shape(asked), noise_seed, alg="philox")
        # Without its mean: the label of the whole sheet is known exactly, whatever is unknown about places in it.
        noise -= tf.reduce_mean(noise, axis=(1, 2), keepdims=True)
        is_uniform = tf.random.stateless_uniform(tf.shape(asked)[:1], choice_seed, alg="philox") < self.uniform_share
        mean = tf.reduce_mean(asked, axis=(1, 2), keepdims=True)
        return tf.where(is_uniform[:, None, None], mean + tf.zeros_like(asked), asked + noise), asked


def filtered(passed: MapFilter, local: Any) -> Any:
    """Return the maps (batch, rows/2, cols/2) of what tiles (batch, rows/period, cols/period) have."""
    flat = tf.reshape(local, (-1, passed.tiles[0] * passed.tiles[1]))
    return tf.reshape(tf.matmul(flat, passed.operator), (-1, *passed.size))
