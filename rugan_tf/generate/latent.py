"""Latents that depend on the seed and the place alone: the same whether a sheet is made whole or tile by tile."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

BLOCK = 8  # latent cells along each side of a block that is drawn at once


@tf.function(autograph=False)
def draw_latent(seed: Any, num_sheets: Any, rows: Any, cols: Any, channels: int) -> Any:
    """Draw Gaussian latents, float32 (num_sheets, rows, cols, channels).

    Each block of 8x8 latent cells has a random stream keyed by (seed, sheet, block row, block column), so its values
    do not depend on how large the sheet is, nor on how many sheets are drawn.

    Args:
        seed: int64 ().
        num_sheets: int32 ().
        rows: int32 (), latent cells.
        cols: int32 (), latent cells.
        channels: Gaussian channels.
    """
    block_rows, block_cols = -(-rows // BLOCK), -(-cols // BLOCK)
    sheet, row, col = tf.meshgrid(tf.range(num_sheets), tf.range(block_rows), tf.range(block_cols), indexing="ij")
    keys = tf.cast(tf.stack([tf.reshape(index, (-1,)) for index in (sheet, row, col)], axis=-1), tf.int64)
    # Whole blocks, also at the border: what is cut off there is part of a larger sheet of this seed.
    blocks = tf.map_fn(
        lambda key: draw_block(seed, key, channels),
        keys,
        fn_output_signature=tf.TensorSpec((BLOCK, BLOCK, channels), tf.float32),
    )
    blocks = tf.reshape(blocks, (num_sheets, block_rows, block_cols, BLOCK, BLOCK, channels))
    joined = tf.transpose(blocks, (0, 1, 3, 2, 4, 5))  # (sheets, block rows, BLOCK, block cols, BLOCK, channels)
    joined = tf.reshape(joined, (num_sheets, block_rows * BLOCK, block_cols * BLOCK, channels))
    return joined[:, :rows, :cols]


def draw_block(seed: Any, key: Any, channels: int) -> Any:
    """Draw the latent (BLOCK, BLOCK, channels) of one block; key is int64 (sheet, block row, block column)."""
    # Folded in one after the other, not added: neighbouring seeds, sheets and blocks share no numbers.
    stream = tf.stack([seed, key[0]])
    for place in (key[1], key[2]):
        stream = tf.random.experimental.stateless_fold_in(stream, place, alg="philox")
    # Philox by name: what TensorFlow chooses by itself depends on the device.
    return tf.random.stateless_normal((BLOCK, BLOCK, channels), stream, alg="philox")


def draw_window(
    seed: int, rows: NDArray[np.integer], cols: NDArray[np.integer], channels: int, *, sheet: int = 0
) -> NDArray[np.float32]:
    """Return the latents (1, rows, cols, channels) of some rows and columns of one sheet of `draw_latent`.

    Only the blocks that the window touches are drawn.

    Args:
        seed: as of `draw_latent`.
        rows: numbers of latent rows, in any order.
        cols: numbers of latent columns, in any order.
        channels: Gaussian channels.
        sheet: number of the sheet.
    """
    (block_rows, place_row), (block_cols, place_col) = (
        # Each block once, though a window that goes around comes back to its first.
        np.unique(index // BLOCK, return_inverse=True)
        for index in (rows, cols)
    )
    places = block_rows.astype(np.int64), block_cols.astype(np.int64)
    blocks = draw_blocks(np.int64(seed), np.int64(sheet), *places, channels).numpy()
    place = place_row[:, None], place_col[None], (rows % BLOCK)[:, None], (cols % BLOCK)[None]
    return np.asarray(blocks[place][None])


@tf.function(autograph=False, reduce_retracing=True)  # windows of all sizes share a graph
def draw_blocks(seed: Any, sheet: Any, block_rows: Any, block_cols: Any, channels: int) -> Any:
    """Draw blocks of one sheet, float32 (block rows, block cols, BLOCK, BLOCK, channels)."""
    row, col = tf.meshgrid(block_rows, block_cols, indexing="ij")
    keys = tf.stack([tf.fill([tf.size(row)], sheet), tf.reshape(row, (-1,)), tf.reshape(col, (-1,))], axis=-1)
    blocks = tf.map_fn(
        lambda key: draw_block(seed, key, channels),
        keys,
        fn_output_signature=tf.TensorSpec((BLOCK, BLOCK, channels), tf.float32),
    )
    return tf.reshape(blocks, (tf.size(block_rows), tf.size(block_cols), BLOCK, BLOCK, channels))


@tf.function(autograph=False, reduce_retracing=True)
def draw_cells(seed: Any, sheets: Any, rows: Any, cols: Any, channels: int) -> Any:
    """Draw the latents float32 (sheets, rows, cols, channels) of some rows and columns of some sheets.

    Args:
        seed: int64 ().
        sheets: int64 (n,), numbers of sheets.
        rows: int32 (r,), numbers of latent rows, in any order.
        cols: int32 (c,), numbers of latent columns, in any order.
        channels: Gaussian channels.
    """
    (block_rows, place_row), (block_cols, place_col) = (tf.unique(index // BLOCK) for index in (rows, cols))
    keys = tf.meshgrid(sheets, tf.cast(block_rows, tf.int64), tf.cast(block_cols, tf.int64), indexing="ij")
    blocks = tf.map_fn(
        lambda key: draw_block(seed, key, channels),
        tf.stack([tf.reshape(index, (-1,)) for index in keys], axis=-1),
        fn_output_signature=tf.TensorSpec((BLOCK, BLOCK, channels), tf.float32),
    )
    shape = (tf.size(sheets), tf.size(block_rows), tf.size(block_cols), BLOCK, BLOCK, channels)
    places = (place_row[:, None], place_col[None], (rows % BLOCK)[:, None], (cols % BLOCK)[None])
    index = tf.stack([tf.broadcast_to(place, (tf.size(rows), tf.size(cols))) for place in places], axis=-1)
    by_place = tf.transpose(tf.reshape(blocks, shape), (1, 2, 3, 4, 0, 5))  # what is gathered by comes first
    return tf.transpose(tf.gather_nd(by_place, index), (2, 0, 1, 3))
