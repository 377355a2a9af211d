"""Sheets as integers: state = occupied(A) + 2 occupied(B) for each cell, and which atoms dangle.

Functions that take `xp` accept NumPy or keras.ops, so the same rule runs here and inside a SavedModel.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.lattice import pieces, statistics
from rugan_tf.lattice import states as lattice_states
from rugan_tf.lattice.states import States
from rugan_tf.systems.porous_graphene.geometry import LATTICE, SPECIES

NUM_STATES = len(SPECIES)


def validate_states(states: ArrayLike) -> States:
    """Return `states` as uint8 (batch, rows, cols), values 0 to 3, or raise InputError."""
    return lattice_states.validate_states(states, LATTICE, NUM_STATES)


def occupancies(states: States) -> NDArray[np.uint8]:
    """Return uint8 (..., rows, cols, 2): 1 where site A or B holds an atom."""
    return np.stack([states & 1, states >> 1], axis=-1)


def from_occupancies(occupied: NDArray[np.integer] | NDArray[np.bool_]) -> States:
    """Return the states (..., rows, cols) of sites (..., rows, cols, 2) that are occupied or not."""
    return np.asarray(occupied[..., 0] + 2 * occupied[..., 1], dtype=np.uint8)


def num_atoms(states: States) -> NDArray[np.int64]:
    """Return the number of atoms (batch,) of states (batch, rows, cols)."""
    return np.asarray(occupancies(states).sum(axis=(-3, -2, -1), dtype=np.int64))


def neighbour_counts(states: States) -> NDArray[np.uint8]:
    """Return uint8 (batch, rows, cols, 2): atoms next to site A and to site B, whether occupied or not."""
    return statistics.neighbour_counts(LATTICE, occupancies(states) == 1)


def dangling(states: States) -> NDArray[np.bool_]:
    """Return bool (batch, rows, cols, 2): atoms with fewer than two neighbours."""
    return (occupancies(states) == 1) & (neighbour_counts(states) < 2)


def remove_dangling(site_a: Any, site_b: Any, xp: Any = np) -> tuple[Any, Any]:
    """Remove all atoms that have fewer than two neighbours now, once; integer arrays (batch, rows, cols).

    With 0 to 3 neighbours, `count // 2` is 1 exactly for those that stay.
    """
    around_a, around_b = LATTICE.around((site_a, site_b), xp)
    count_a, count_b = sum(around_a[1:], around_a[0]), sum(around_b[1:], around_b[0])
    return site_a * (count_a // 2), site_b * (count_b // 2)


def num_pieces(states: States) -> NDArray[np.int64]:
    """Return the pieces (n,) that the atoms of each sheet (n, rows, cols) fall into; 0 for an empty sheet."""
    return pieces.num_pieces(LATTICE, occupancies(states) == 1)


def keep_largest_piece(states: States) -> States:
    """Remove all atoms but those of the largest piece of each sheet, uint8 (n, rows, cols); of equals the first stays.

    No atom of the piece loses a neighbour, so a sheet without dangling atoms stays one.
    """
    return from_occupancies(pieces.largest_piece(LATTICE, occupancies(states) == 1))
