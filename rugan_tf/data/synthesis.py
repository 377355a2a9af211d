"""Sheets drawn at random in blocks, so that memory is bounded and a seed gives the same sheets for any number."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem

MOST_SHEETS, MOST_CELLS = 2048, 2**19  # of a block


def require_even(rows: int, cols: int) -> None:
    """Raise InputError unless a generator, which doubles its latent, can be trained to make sheets of this size."""
    if rows % 2 or cols % 2:
        raise InputError(f"rows and cols must be even to be generated. Received: rows={rows}, cols={cols}")


def draw_sheets(
    system: LatticeSystem,
    num_sheets: int,
    rows: int,
    cols: int,
    seed: int,
    options: Any,
    *,
    distinct: bool = False,
) -> NDArray[np.uint8]:
    """Draw sheets, uint8 (num_sheets, rows, cols).

    The first sheets of a larger draw are the sheets of a smaller one with the same seed.

    Args:
        system: the material.
        num_sheets: how many.
        rows: lattice cells.
        cols: lattice cells.
        seed: not negative.
        options: of the system's drawing.
        distinct: draw again instead of a sheet that was drawn before.

    Raises:
        InputError: bad numbers, or fewer distinct sheets than asked for in twenty times as many draws.
    """
    if num_sheets < 1:
        raise InputError(f"num_sheets must be at least 1. Received: num_sheets={num_sheets}")
    if seed < 0:
        raise InputError(f"seed must not be negative. Received: seed={seed}")
    system.validate_size(rows, cols)
    size = min(MOST_SHEETS, max(1, MOST_CELLS // (rows * cols)))
    num_blocks = -(-num_sheets // size) * (20 if distinct else 1)
    kept: list[NDArray[np.uint8]] = []
    seen: set[bytes] = set()
    bar = tqdm(total=num_sheets, desc="drawing", unit="sheet", disable=num_sheets <= size)
    with bar:
        for block in range(num_blocks):
            # Seed and block side by side: their sum would give neighbouring seeds the same blocks.
            states = system.draw_states(np.random.default_rng([seed, block]), size, rows, cols, options)
            kept.append(states[is_new(states, seen)] if distinct else states)
            bar.update(min(len(kept[-1]), bar.total - bar.n))
            if sum(map(len, kept)) >= num_sheets:
                return np.concatenate(kept)[:num_sheets]
    raise InputError(
        f"There must be enough distinct sheets. Received: {sum(map(len, kept))} of {num_sheets} "
        f"after {num_blocks * size} draws"
    )


def is_new(states: NDArray[np.uint8], seen: set[bytes]) -> NDArray[np.bool_]:
    """Return bool (n,): which sheets are not in `seen`; they are added to it."""
    new = np.zeros(len(states), dtype=bool)
    for index, sheet in enumerate(states):
        key = sheet.tobytes()
        new[index] = key not in seen
        seen.add(key)
    return new
