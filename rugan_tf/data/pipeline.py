"""Batches for training: an order and an augmentation that depend on the seed and the step alone.

Nothing is kept between steps, so a training that resumes at step k gets the batches it would have got.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf.data.map_batches import LabelMaps
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
    sheets = {"states": tf.constant(states), "label": tf.constant(label)}
    if maps is not None:
        sheets["local"] = tf.constant(maps.local)

    def batch(step: Any) -> dict[str, Any]:
        index = epoch_order(step * batch_size + tf.range(batch_size, dtype=tf.int64), len(states), seed)
        chosen = {name: tf.gather(values, index) for name, values in sheets.items()}
        if shifts:
            chosen |= shifted(chosen, draw_shifts(chosen["states"].shape, period, seed, step), period)
        if maps is not None:
            # Not the keys of the shifts, which end in 2 step and 2 step + 1.
            key = tf.stack([tf.constant(seed, tf.int64), -1 - step])
            chosen["label"], chosen["asked"] = maps.draw(chosen.pop("local"), key)
        return {name: tf.gather(values, place) for name, values in chosen.items()}

    steps = tf.data.Dataset.range(first_step, np.iinfo(np.int64).max)
    # In order whatever the number of threads: a seed means the batches and their order.
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


def draw_shifts(shape: Any, period: tuple[int, int], seed: int, step: Any) -> list[Any]:
    """Return shifts (batch,) in cells along rows and along columns of sheets of a shape, multiples of the period."""
    drawn = []
    for axis, (size, every) in enumerate(zip(shape[1:], period, strict=True)):
        key = tf.stack([tf.constant(seed, tf.int64), 2 * step + axis])
        draws = tf.random.stateless_uniform((shape[0],), key, 0, size // every, tf.int32, alg="philox")
        drawn.append(draws * every)
    return drawn


def shifted(chosen: dict[str, Any], shifts: list[Any], period: tuple[int, int]) -> dict[str, Any]:
    """Return sheets, and where their energies are if that is known, as they lie after shifts (batch,) in cells."""
    moved = {"states": shift_periodic(chosen["states"], *shifts)}
    if "local" in chosen:  # a tile is a period
        tiles = (shift // every for shift, every in zip(shifts, period, strict=True))
        moved["local"] = shift_periodic(chosen["local"], *tiles)
    return moved


def shift_periodic(states: Any, row_shift: Any, col_shift: Any) -> Any:
    """Roll each sheet (batch, rows, cols) by its own shifts (batch,)."""
    rows, cols = states.shape[1:]
    row = (tf.range(rows)[None, :] - row_shift[:, None]) % rows
    col = (tf.range(cols)[None, :] - col_shift[:, None]) % cols
    shifted = tf.gather(states, row, axis=1, batch_dims=1)
    return tf.gather(shifted, col[:, None, :] + tf.zeros_like(row)[:, :, None], axis=2, batch_dims=2)
