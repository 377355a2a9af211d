"""The calibration of the label: which energy to ask the generator for so that sheets have the one requested."""

import dataclasses
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Calibration:
    """An offset that is added to a requested energy per area, a function of it and of the size of the sheet.

    Between the scales it is linear in 1 / scale, the share that a sheet's border has of it; outside of the scales and
    of the energies that were fitted it is constant.

    Attributes:
        rows: lattice cells of a sheet of scale 1, along the rows.
        cols: the same along the columns.
        scales: (s,), ascending; the square root of the number of cells in units of rows cols.
        energy_per_area: (first, last) of the evenly spaced energies requested, in the unit of the system.
        offset: (s, k), in the unit of the system.
    """

    rows: int
    cols: int
    scales: tuple[float, ...]
    energy_per_area: tuple[float, float]
    offset: tuple[tuple[float, ...], ...]

    def calibrate(self, energy_per_area: Any, rows: Any, cols: Any) -> Any:
        """Return the energies per area to ask the generator for, float32 (batch,), in the unit of the system.

        Args:
            energy_per_area: requested, float32 (batch,), in the unit of the system.
            rows: int32 (), lattice cells.
            cols: int32 (), lattice cells.
        """
        area = tf.cast(rows, tf.float32) * tf.cast(cols, tf.float32)
        inverse_scale = tf.math.rsqrt(area / float(self.rows * self.cols))
        knots = tf.constant([1.0 / scale for scale in reversed(self.scales)], tf.float32)
        offset = interpolate(knots, tf.constant(self.offset[::-1], tf.float32), inverse_scale[None])[0]  # (k,)
        energies = tf.linspace(*(tf.constant(energy, tf.float32) for energy in self.energy_per_area), offset.shape[0])
        return energy_per_area + interpolate(energies, offset[:, None], energy_per_area)[:, 0]


def interpolate(knots: Any, values: Any, points: Any) -> Any:
    """Return values (k, n) at knots (k,), ascending, linearly interpolated at points (batch,): (batch, n)."""
    if knots.shape[0] == 1:
        return tf.repeat(values, tf.size(points), axis=0)
    points = tf.clip_by_value(points, knots[0], knots[-1])
    right = tf.clip_by_value(tf.searchsorted(knots, points, side="right"), 1, knots.shape[0] - 1)
    low, high = tf.gather(knots, right - 1), tf.gather(knots, right)
    weight = ((points - low) / (high - low))[:, None]
    return tf.gather(values, right - 1) * (1.0 - weight) + tf.gather(values, right) * weight
