"""Natural maps: energies that vary over a sheet as those of matter do, from the seed and the place alone.

Plain TensorFlow, so that the same lines run inside of a SavedModel and outside of it.
"""

from typing import Any

import tensorflow as tf

from rugan_tf.generate.latent import draw_cells
from rugan_tf.saved.map_statistics import LEVELS, REACH, MapStatistics

CHANNELS = 2  # of noise: what becomes the field, and what stays white


class NaturalMaps:
    """Draws maps by their statistics.

    Args:
        statistics: of maps of the material.
    """

    def __init__(self, statistics: MapStatistics) -> None:
        kernels, spread = statistics.kernels()
        self.energies, self.noise = statistics.energies, statistics.noise
        self.kernels, self.spread, self.quantiles = kernels, spread, statistics.quantiles

    def draw(self, energy_per_area: Any, rows: Any, cols: Any, seed: Any) -> Any:
        """Return the maps float32 (batch, rows, cols) of whole sheets, whose means are the energies (batch,).

        Args:
            energy_per_area: float32 (batch,), in the unit of the system.
            rows: int32 (), latent cells.
            cols: int32 (), latent cells.
            seed: int64 (), of the sheets.
        """
        whole = tf.stack([rows, cols])
        varied = self.windows(energy_per_area, whole, tf.zeros(2, tf.int32), whole, seed, tf.constant(0, tf.int64))
        return varied + (energy_per_area - tf.reduce_mean(varied, axis=(1, 2)))[:, None, None]

    def windows(self, energy_per_area: Any, size: Any, origin: Any, shape: Any, seed: Any, first_sheet: Any) -> Any:
        """Return windows float32 (batch, rows, cols) of what `draw` makes maps of, before their means are exact.

        Whoever makes a sheet of windows adds what the mean over all of them lacks of the energy asked for.

        Args:
            energy_per_area: float32 (batch,), in the unit of the system.
            size: int32 (2,), latent cells of the sheets.
            origin: int32 (2,), the first latent cell of the window.
            shape: int32 (2,), latent cells of the window.
            seed: int64 (), of the sheets.
            first_sheet: int64 (), number of the first sheet; the others follow.
        """
        # Around the sheet, too: noise that is not periodic would leave a seam where the map closes.
        rows, cols = ((origin[axis] + tf.range(-REACH, shape[axis] + REACH)) % size[axis] for axis in (0, 1))
        sheets = first_sheet + tf.range(tf.size(energy_per_area, tf.int64))
        return self.vary(energy_per_area, draw_cells(stream_of(seed), sheets, rows, cols, CHANNELS))

    def vary(self, energy_per_area: Any, noise: Any) -> Any:
        """Return energies (batch, rows, cols) that vary about the given ones, of white noise with REACH around it."""
        share = hat_weights(energy_per_area, self.energies)  # (batch, k)
        flat = self.kernels.reshape(len(self.energies), -1)
        # All kernels on every sheet, then their mixture: one kernel for each sheet is a convolution that no library is
        # fast at.
        weights = tf.constant(flat.T.reshape(2 * REACH + 1, 2 * REACH + 1, 1, -1))
        fields = tf.nn.conv2d(noise[..., :1], weights, 1, "VALID")
        # A mixture of kernels has a variance of its own, and the quantiles are of a field of variance 1.
        variance = tf.einsum("bk,kl,bl->b", share, tf.constant(flat @ flat.T), share)
        field = tf.einsum("bhwk,bk->bhw", fields, share / tf.sqrt(variance)[:, None])
        values = replace_by_quantiles(field, share @ tf.constant(self.quantiles, tf.float32))
        spread = tf.linalg.matvec(share, tf.constant(self.spread))
        white = self.noise * noise[:, REACH:-REACH, REACH:-REACH, 1]
        return energy_per_area[:, None, None] + spread[:, None, None] * values + white


def stream_of(seed: Any) -> Any:
    """Return the seed of maps, which is none of latents: those are not negative."""
    return -1 - tf.cast(seed, tf.int64)


def hat_weights(points: Any, knots: tuple[float, ...]) -> Any:
    """Return float32 (batch, k): weights of linear interpolation between knots, ascending; constant beyond them."""
    if len(knots) == 1:
        return tf.ones((tf.size(points), 1))
    ends = tf.constant(knots, tf.float32)
    inside = tf.clip_by_value(points, ends[0], ends[-1])
    # Between two knots always: at the last one nothing lies to its right.
    right = tf.clip_by_value(tf.searchsorted(ends, inside, side="right"), 1, len(knots) - 1)
    low, high = tf.gather(ends, right - 1), tf.gather(ends, right)
    weight = ((inside - low) / (high - low))[:, None]
    return tf.one_hot(right - 1, len(knots)) * (1.0 - weight) + tf.one_hot(right, len(knots)) * weight


def replace_by_quantiles(field: Any, table: Any) -> Any:
    """Return a Gaussian field (batch, rows, cols) with values of tables (batch, levels) in place of its own."""
    step = LEVELS[1] - LEVELS[0]
    # A little less than the last level, which has no right neighbour.
    place = tf.clip_by_value((field - LEVELS[0]) / step, 0.0, len(LEVELS) - 1.001)
    left = tf.cast(place, tf.int32)
    low, high = (tf.gather(table, index, axis=1, batch_dims=1) for index in (left, left + 1))
    weight = place - tf.cast(left, tf.float32)
    return low * (1.0 - weight) + high * weight
