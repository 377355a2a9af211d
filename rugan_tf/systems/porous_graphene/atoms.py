"""From the states of one sheet to atoms in space, as arrays or as an `ase.Atoms`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.honeycomb import cell_lengths, site_positions
from rugan_tf.lattice.states import occupancies, validate_states

if TYPE_CHECKING:
    import ase


def sheet_positions(states: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where the atoms of one sheet are, and how long its periodic cell is.

    Args:
        states: uint8 (rows, cols), one sheet.

    Returns:
        Positions float64 (num_atoms, 2) in Å, ordered by row, then column, then site A before site B, and the
        lengths float64 (2,) of the orthorhombic cell in Å.

    Raises:
        InputError: not one sheet, or not valid states.
    """
    array = np.asarray(states)
    if array.ndim != 2:
        raise InputError(f"states must have the shape (rows, cols), one sheet. Received: shape={array.shape}")
    sheet = validate_states(array[None])[0]
    is_occupied = occupancies(sheet).astype(bool)  # (rows, cols, 2 sites)
    return site_positions(*sheet.shape)[is_occupied], cell_lengths(*sheet.shape)


def sheet_structure(states: ArrayLike, vacuum: float = 20.0) -> ase.Atoms:
    """Return one sheet as carbon atoms in the plane z = vacuum / 2.

    ASE is imported here and not with the module, so that energies without it start at once.

    >>> sheet_structure(np.full((2, 2), 3, np.uint8)).get_chemical_formula()
    'C8'

    Args:
        states: uint8 (rows, cols), one sheet.
        vacuum: height of the cell, Å.

    Returns:
        An `ase.Atoms` with an orthorhombic cell, periodic in x and y and not in z.

    Raises:
        InputError: not one sheet, not valid states, or a height that is not positive.
    """
    if not (math.isfinite(vacuum) and vacuum > 0):
        raise InputError(f"vacuum must be positive, in Å. Received: vacuum={vacuum}")
    planar, lengths = sheet_positions(states)

    from ase import Atoms

    positions = np.column_stack([planar, np.full(len(planar), vacuum / 2)])
    return Atoms(["C"] * len(planar), positions, cell=[*lengths, vacuum], pbc=(True, True, False))
