"""Sheets as integers: state = occupied(A) + 2 occupied(B) for each cell, and what follows from neighbours.

The neighbour rule is written once, over rolls and integer arithmetic, so that NumPy and TensorFlow share it:
functions that take `xp` accept any namespace with `shape`, `arange` and `roll` as NumPy has them, keras.ops among them.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.honeycomb import validate_size

NUM_STATES = 4
States = NDArray[np.uint8]


def validate_states(states: ArrayLike) -> States:
    """Return `states` as uint8 (batch, rows, cols), values 0 to 3.

    Raises:
        InputError: another rank, dtype, size or value.
    """
    array = np.asarray(states)
    if array.ndim != 3:
        raise InputError(f"states must have the shape (batch, rows, cols). Received: shape={array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"states must be integers. Received: dtype={array.dtype}")
    validate_size(*array.shape[1:])
    if array.size and (array.min() < 0 or array.max() >= NUM_STATES):
        raise InputError(f"states must lie in 0..{NUM_STATES - 1}. Received: values {array.min()} to {array.max()}")
    return array.astype(np.uint8, copy=False)


def occupancies(states: States) -> NDArray[np.uint8]:
    """Return uint8 (..., rows, cols, 2): 1 where site A or B holds an atom."""
    return np.stack([states & 1, states >> 1], axis=-1)


def num_atoms(states: States) -> NDArray[np.int64]:
    """Return the number of atoms (batch,) of states (batch, rows, cols)."""
    return np.asarray(occupancies(states).sum(axis=(-3, -2, -1), dtype=np.int64))


def encode(states: States) -> NDArray[np.float32]:
    """Return the one-hot float32 (batch, rows, cols, 4) of uint8 states (batch, rows, cols)."""
    return np.eye(NUM_STATES, dtype=np.float32)[states]


def decode(encoding: NDArray[np.float32]) -> States:
    """Return the most probable states, uint8 (batch, rows, cols), of an encoding or of probabilities."""
    return np.asarray(np.argmax(encoding, axis=-1).astype(np.uint8))


def neighbours(site_a: Any, site_b: Any, xp: Any = np) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """Return what stands on the three neighbours of every A, and of every B site; integer arrays (batch, rows, cols).

    A neighbours B of its own cell and two B of the column before, B neighbours A of its own cell and two A of
    the column after; the second of the two lies one row up for even columns and one row down for odd ones.
    """
    odd = xp.arange(xp.shape(site_a)[2]) % 2

    def second(site: Any) -> Any:
        return (1 - odd) * xp.roll(site, 1, 1) + odd * xp.roll(site, -1, 1)

    before, after = xp.roll(site_b, 1, 2), xp.roll(site_a, -1, 2)
    return (site_b, before, second(before)), (site_a, after, second(after))


def sum_neighbours(site_a: Any, site_b: Any, xp: Any = np) -> tuple[Any, Any]:
    """Sum over the three neighbours of every A and of every B site; integer arrays (batch, rows, cols)."""
    around_a, around_b = neighbours(site_a, site_b, xp)
    return sum(around_a[1:], around_a[0]), sum(around_b[1:], around_b[0])


def neighbour_counts(states: States) -> NDArray[np.uint8]:
    """Return uint8 (batch, rows, cols, 2): atoms next to site A and to site B, whether occupied or not."""
    pair = occupancies(states)
    return np.stack(sum_neighbours(pair[..., 0], pair[..., 1]), axis=-1).astype(np.uint8)


def dangling(states: States) -> NDArray[np.bool_]:
    """Return bool (batch, rows, cols, 2): atoms with fewer than two neighbours."""
    return (occupancies(states) == 1) & (neighbour_counts(states) < 2)


def remove_dangling(site_a: Any, site_b: Any, xp: Any = np) -> tuple[Any, Any]:
    """Remove all atoms that have fewer than two neighbours now, once; integer arrays (batch, rows, cols).

    With 0 to 3 neighbours, `count // 2` is 1 exactly for those that stay.
    """
    count_a, count_b = sum_neighbours(site_a, site_b, xp)
    return site_a * (count_a // 2), site_b * (count_b // 2)


def prune(states: States) -> States:
    """Remove dangling atoms until none is left; uint8 (batch, rows, cols), a new array.

    Each round works only on the sheets that the round before changed.
    """
    pruned = states.copy()
    active = np.arange(len(states))
    while len(active):
        current = pruned[active]
        site_a, site_b = remove_dangling((current & 1).astype(np.int8), (current >> 1).astype(np.int8))
        reduced = (site_a + 2 * site_b).astype(np.uint8)
        pruned[active] = reduced
        active = active[(reduced != current).any(axis=(1, 2))]
    return pruned
