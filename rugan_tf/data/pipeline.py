"""Batches for training: an order and an augmentation that depend on the seed and the step alone.

Nothing is kept between steps, so a training that resumes at step k gets the batches it would have got.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def training_batches(
    states: NDArray[np.uint8],
    label: NDArray[np.float32],
    *,
    batch_size: int,
    seed: int,
    period: tuple[int, int],
    first_step: int = 0,
) -> tf.data.Dataset:
    """Return an endless dataset of {"states": uint8 (batch, rows, cols), "label": float32 (batch,)}.

    Every epoch visits every sheet once in an order of its own; every sheet is shifted at random by multiples of the
    lattice's period, which changes its energy by nothing.

    Args:
        states: uint8 (n, rows, cols).
        label: float32 (n,).
        batch_size: sheets in one element.
        seed: of order and shifts.
        period: rows and columns after which the lattice repeats.
        first_step: elements to begin after.
    """
    num_sheets, rows, cols = states.shape
    all_states, all_labels = tf.constant(states), tf.constant(label)

    def batch(step: Any) -> dict[str, Any]:
        index = epoch_order(step * batch_size + tf.range(batch_size, dtype=tf.int64), num_sheets, seed)
        shifts = [
            draw_shifts(batch_size, size, every, seed, step, axis)
            for axis, (size, every) in enumerate(zip((rows, cols), period, strict=True))
        ]
        return {
            "states": shift_periodic(tf.gather(all_states, index), *shifts),
            "label": tf.gather(all_labels, index),
        }

    steps = tf.data.Dataset.range(first_step, np.iinfo(np.int64).max)
    return steps.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def epoch_order(position: Any, num_sheets: int, seed: int) -> Any:
    """Return which sheet stands at each position (n,) of an endless sequence of shuffled epochs."""
    epoch = position // num_sheets
    first, second = tf.constant(seed % 2**31, tf.int64), tf.constant(seed // 2**31 % 2**31, tf.int64)
    keys = tf.stack([tf.fill(tf.shape(epoch), first), tf.fill(tf.shape(epoch), second), epoch], axis=-1)
    return tf.raw_ops.RandomIndexShuffle(  # tf.random.experimental.index_shuffle takes one key for all positions only
        index=position % num_sheets,
        seed=tf.cast(keys, tf.int32),
        max_index=tf.constant(num_sheets - 1, tf.int64),
        rounds=4,
    )


def draw_shifts(num_sheets: int, size: int, every: int, seed: int, step: Any, axis: int) -> Any:
    """Return shifts (num_sheets,) in cells, multiples of `every` below `size`."""
    key = tf.stack([tf.constant(seed, tf.int64), 2 * step + axis])
    draws = tf.random.stateless_uniform((num_sheets,), key, 0, size // every, tf.int32, alg="philox")
    return draws * every


def shift_periodic(states: Any, row_shift: Any, col_shift: Any) -> Any:
    """Roll each sheet (batch, rows, cols) by its own shifts (batch,)."""
    rows, cols = states.shape[1:]
    row = (tf.range(rows)[None, :] - row_shift[:, None]) % rows
    col = (tf.range(cols)[None, :] - col_shift[:, None]) % cols
    shifted = tf.gather(states, row, axis=1, batch_dims=1)
    return tf.gather(shifted, col[:, None, :] + tf.zeros_like(row)[:, :, None], axis=2, batch_dims=2)
