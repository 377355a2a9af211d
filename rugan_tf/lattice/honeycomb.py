"""Geometry of the honeycomb on a rectangular grid of two-site cells.

Rows run along zigzag (x), columns along armchair (y); odd columns are shifted by half a lattice constant along x,
which is why a periodic sheet needs an even number of columns and any number of rows. Lengths are in Å.
"""

import math

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError

LATTICE_CONSTANT = 2.46
BOND_LENGTH = LATTICE_CONSTANT / math.sqrt(3)
COLUMN_PITCH = LATTICE_CONSTANT * math.sqrt(3) / 2


def validate_size(rows: int, cols: int) -> None:
    """Raise InputError unless a periodic honeycomb of `rows` x `cols` cells exists."""
    if rows < 1:
        raise InputError(f"rows must be at least 1. Received: rows={rows}")
    if cols < 2:
        raise InputError(f"cols must be at least 2. Received: cols={cols}")
    if cols % 2:
        raise InputError(f"cols must be even. Received: cols={cols}")


def cell_lengths(rows: int, cols: int) -> NDArray[np.float64]:
    """Return the periods (2,) of a sheet along rows and along columns, Å."""
    validate_size(rows, cols)
    return np.array([rows * LATTICE_CONSTANT, cols * COLUMN_PITCH])


def site_positions(rows: int, cols: int) -> NDArray[np.float64]:
    """Return the positions (rows, cols, 2 sites, 2) of sites A and B of every cell, Å.

    >>> site_positions(1, 2).shape
    (1, 2, 2, 2)
    """
    validate_size(rows, cols)
    row, col = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
    site_a = np.stack([(row + (col % 2) / 2) * LATTICE_CONSTANT, col * COLUMN_PITCH], axis=-1)
    return np.stack([site_a, site_a + np.array([0.0, BOND_LENGTH])], axis=2)
