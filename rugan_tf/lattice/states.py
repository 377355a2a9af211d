"""States of cells as integers, checked and encoded. What a state means is a matter of the system."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice

States = NDArray[np.uint8]


def validate_states(states: ArrayLike, lattice: Lattice, num_states: int) -> States:
    """Return `states` as uint8 (batch, rows, cols).

    Raises:
        InputError: another rank, dtype, size or value.
    """
    array = require_sheets(states)
    lattice.validate_size(*array.shape[1:])
    if array.size and (array.min() < 0 or array.max() >= num_states):
        raise InputError(f"states must lie in 0..{num_states - 1}. Received: values {array.min()} to {array.max()}")
    return array.astype(np.uint8, copy=False)


def require_sheets(states: ArrayLike) -> NDArray[Any]:
    """Return `states` as an array of integers with three axes; what they may be is for whoever knows the material.

    Raises:
        InputError: another rank or dtype.
    """
    array = np.asarray(states)
    if array.ndim != 3:
        raise InputError(f"states must have the shape (batch, rows, cols). Received: shape={array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"states must be integers. Received: dtype={array.dtype}")
    return array


def encode(states: States, num_states: int) -> NDArray[np.float32]:
    """Return the one-hot float32 (batch, rows, cols, num_states) of uint8 states (batch, rows, cols)."""
    return np.eye(num_states, dtype=np.float32)[states]


def decode(encoding: NDArray[np.float32]) -> States:
    """Return the most probable states, uint8 (batch, rows, cols), of an encoding or of probabilities."""
    return np.asarray(np.argmax(encoding, axis=-1).astype(np.uint8))
