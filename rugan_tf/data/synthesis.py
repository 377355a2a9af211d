"""Sheets drawn at random in blocks, so that memory is bounded and a seed gives the same sheets for any number."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.systems.system import LatticeSystem

BLOCK = 2048


def draw_sheets(
    system: LatticeSystem, num_sheets: int, rows: int, cols: int, seed: int, options: Any
) -> NDArray[np.uint8]:
    """Draw sheets, uint8 (num_sheets, rows, cols).

    The first sheets of a larger draw are the sheets of a smaller one with the same seed.
    """
    if num_sheets < 1:
        raise ValueError(f"num_sheets must be at least 1. Received: num_sheets={num_sheets}")
    if seed < 0:
        raise ValueError(f"seed must not be negative. Received: seed={seed}")
    system.validate_size(rows, cols)
    return np.concatenate(list(drawn_blocks(system, num_sheets, rows, cols, seed, options)))[:num_sheets]


def drawn_blocks(
    system: LatticeSystem, num_sheets: int, rows: int, cols: int, seed: int, options: Any
) -> Iterator[NDArray[np.uint8]]:
    """Draw whole blocks until there are enough sheets, each block from a random stream of its own."""
    for block in tqdm(range(-(-num_sheets // BLOCK)), desc="drawing", unit="block", disable=num_sheets <= BLOCK):
        yield system.draw_states(np.random.default_rng([seed, block]), BLOCK, rows, cols, options)
