"""The calibration of the label: which energy to ask the generator for so that sheets have the one requested."""

from typing import Any

import tensorflow as tf

from rugan_tf.saved.calibration import Calibration


def calibrated(calibration: Calibration, energy_per_area: Any, rows: Any, cols: Any) -> Any:
    """Return the energies per area to ask the generator for, float32 (batch,), in the unit of the system.

    Args:
        calibration: what is added to the energies requested.
        energy_per_area: requested, float32 (batch,), in the unit of the system.
        rows: int32 (), lattice cells.
        cols: int32 (), lattice cells.
    """
    area = tf.cast(rows, tf.float32) * tf.cast(cols, tf.float32)
    inverse_scale = tf.math.rsqrt(area / float(calibration.rows * calibration.cols))
    # By 1 / scale, and the other way round: a table is looked up in knots that ascend.
    knots = tf.constant([1.0 / scale for scale in reversed(calibration.scales)], tf.float32)
    table = tf.constant(calibration.offset[::-1], tf.float32)
    offset = interpolate(knots, table, inverse_scale[None])[0]  # (k,)
    ends = (tf.constant(energy, tf.float32) for energy in calibration.energy_per_area)
    energies = tf.linspace(*ends, offset.shape[0])
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
