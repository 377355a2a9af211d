"""What a generator is asked for next, when the sheet that it made misses its request."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

# Measured on the shipped model of two conditions: 0.5 leaves brackets too early, and with none ever left the porosity
# of sheets of 2x2 errs by a tenth more.
STALE = 2.0


class Bounds(NamedTuple):
    """What gave too little and what gave too much so far; minus and plus infinity where nothing did.

    Attributes:
        low: asked for last of what gave too little, (batch,).
        high: asked for last of what gave too much, (batch,).
    """

    low: Any
    high: Any


def no_bounds(given: Any) -> Bounds:
    """Return the bounds before the first sheet, of the shape of what is asked for."""
    return Bounds(tf.zeros_like(given) - np.inf, tf.zeros_like(given) + np.inf)


def next_request(given: Any, missing: Any, bounds: Bounds) -> tuple[Any, Bounds]:
    """Return what is asked for next, and the bounds with what the last sheet told.

    As much more as is missing, until one request gave too little and another too much; then what lies half way between
    the last of either. Where a sheet changes at once, steps by what is missing jump over the place for ever.

    Args:
        given: what the generator was asked for, (batch,).
        missing: requested less obtained, (batch,).
        bounds: of the sheets before.
    """
    is_low = missing > 0
    low, high = tf.where(is_low, given, bounds.low), tf.where(is_low, bounds.high, given)
    is_known = tf.math.is_finite(low) & tf.math.is_finite(high)
    return tf.where(is_known, 0.5 * (low + high), given + missing), Bounds(low, high)


def without_stale(bounds: Bounds, missing: Any) -> Bounds:
    """Return the bounds, open where far more is missing than lies between them.

    What lies between them was found while the other conditions were asked for something else.
    """
    is_stale = tf.abs(missing) > STALE * (bounds.high - bounds.low)
    return Bounds(tf.where(is_stale, -np.inf, bounds.low), tf.where(is_stale, np.inf, bounds.high))
