"""From the states of one sheet to carbon atoms in space, as arrays or as an `ase.Atoms`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.systems.atoms import VACUUM, Atoms
from rugan_tf.systems.porous_graphene.geometry import LATTICE, SPECIES

if TYPE_CHECKING:
    import ase

ATOMS = Atoms(LATTICE, SPECIES)


def sheet_positions(states: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions (num_atoms, 2) of one sheet, uint8 (rows, cols), and the lengths (2,) of its cell, Å."""
    return ATOMS.positions(states)


def sheet_structure(states: ArrayLike, vacuum: float = VACUUM) -> ase.Atoms:
    """Return one sheet, uint8 (rows, cols), as carbon atoms in the plane z = vacuum / 2, Å.

    >>> sheet_structure(np.full((2, 2), 3, np.uint8)).get_chemical_formula()
    'C8'
    """
    return ATOMS.structure(states, vacuum)
