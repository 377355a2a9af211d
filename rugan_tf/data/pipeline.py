"""Batches for training: an order and an augmentation that depend on the seed and the step alone.

Nothing is kept between steps, so a training that resumes at step k gets the batches it would have got.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf.data.label_maps import LabelMaps
from rugan_tf.errors import InputError


def training_batches(
    states: NDArray[np.uint8],
    label: NDArray[np.float32],
    *,
    batch_size: int,
    seed: int,
    period: tuple[int, int],
    first_step: int = 0,
    critic_steps: int = 1,
    num_replicas: int = 1,
    shifts: bool = True,
    maps: LabelMaps | None = None,
) -> tf.data.Dataset:
    """Return an endless dataset of {"states": uint8 (batch, rows, cols), "label": float32 (batch,)}.

    With `maps` labels are float32 (batch, rows/2, cols/2), and "asked" are these without noise.

    Every epoch visits every sheet once in an order of its own. With `shifts` every sheet is shifted at random by
    multiples of the lattice's period, which changes its energy by nothing.

    Args:
        states: uint8 (n, rows, cols).
        label: float32 (n,).
        batch_size: sheets in one element.
        seed: of order and shifts.
        period: rows and columns after which the lattice repeats.
        first_step: elements to begin after.
        critic_steps: batches in one element, one after another.
        num_replicas: into which a strategy cuts an element, in equal parts one after another. The sheets are then put
            so that the parts of all replicas together hold the same batches as one replica would.
        shifts: shift sheets at random.
        maps: where in the sheets their labels are.

    Raises:
        InputError: the sheets of an element do not divide into batches and replicas.
    """
    if batch_size % (critic_steps * num_replicas):
        raise InputError(
            "batch_size must be a multiple of critic_steps times num_replicas. Received: "
            f"batch_size={batch_size}, critic_steps={critic_steps}, num_replicas={num_replicas}"
        )
    place = np.arange(batch_size).reshape(critic_steps, num_replicas, -1).transpose(1, 0, 2).ravel()
    num_sheets, rows, cols = states.shape
    all_states, all_labels = tf.constant(states), tf.constant(label)
    all_local = None if maps is None else tf.constant(maps.local)

    def batch(step: Any) -> dict[str, Any]:
        index = epoch_order(step * batch_size + tf.range(batch_size, dtype=tf.int64), num_sheets, seed)
        chosen, labels = tf.gather(all_states, index), {"label": tf.gather(all_labels, index)}
        local = None if maps is None else tf.gather(all_local, index)
        if shifts:
            by_axis = enumerate(zip((rows, cols), period, strict=True))
            drawn = [draw_shifts(batch_size, size, every, seed, step, axis) for axis, (size, every) in by_axis]
            chosen = shift_periodic(chosen, *drawn)
            if maps is not None:  # a tile is a period: the maps are of the sheets as they lie now
                tiles = (moved // every for moved, every in zip(drawn, period, strict=True))
                local = shift_periodic(local, *tiles)
        if maps is not None:
            # Not the keys of the shifts, which end in 2 step and 2 step + 1.
            key = tf.stack([tf.constant(seed, tf.int64), -1 - step])
            labels["label"], labels["asked"] = maps.draw(local, key)
        return {name: tf.gather(values, place) for name, values in {"states": chosen, **labels}.items()}

    steps = tf.data.Dataset.range(first_step, np.iinfo(np.int64).max)
    return steps.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def epoch_order(position: Any, num_sheets: int, seed: int) -> Any:
    """Return which sheet stands at each position (n,) of an endless sequence of shuffled epochs."""
    return tf.raw_ops.RandomIndexShuffle(  # tf.random.experimental.index_shuffle takes one key for all
        index=position % num_sheets,
        seed=epoch_keys(position // num_sheets, seed),
        max_index=tf.constant(num_sheets - 1, tf.int64),
        rounds=16,  # with 4, the default of TensorFlow, small keys gave orders close to the identity
    )


def epoch_keys(epoch: Any, seed: int) -> Any:
    """Return keys (n, 3), int32: 24 bits that seed and epoch (n,) determine, mixed as in SplitMix64.

    The shuffle looks at the lowest 8 bits of each of the three words alone (measured, TensorFlow 2.21), so plain
    epochs and seeds would come again after 256.
    """
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    mixed = tf.constant(start) + tf.cast(epoch, tf.uint64) * tf.constant(0x9E3779B97F4A7C15, tf.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        shifted = tf.bitwise.right_shift(mixed, tf.constant(shift, tf.uint64))
        mixed = tf.bitwise.bitwise_xor(mixed, shifted) * tf.constant(factor, tf.uint64)
    words = tf.bitwise.right_shift(mixed[:, None], tf.constant([40, 48, 56], tf.uint64))
    return tf.cast(words % tf.constant(256, tf.uint64), tf.int32)


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
