"""From the states of one sheet to atoms in space, for lattices whose sites hold chemical species."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.lattice.states import validate_states

if TYPE_CHECKING:
    import ase

PLANE = (True, True, False)  # periodic in the sheet alone
VACUUM = 20.0  # Å


@dataclasses.dataclass(frozen=True)
class Atoms:
    """Flat sheets of atoms on the sites of a lattice.

    ASE is imported when structures are made, so that energies without it start at once.

    Attributes:
        lattice: lengths in Å.
        species: by the state, then by the site: a chemical symbol, or None where no atom is.
    """

    lattice: Lattice
    species: tuple[tuple[str | None, ...], ...]

    @functools.cached_property
    def occupied(self) -> NDArray[np.bool_]:
        """Whether a state has an atom on a site, bool (states, sites)."""
        return np.array([[symbol is not None for symbol in sites] for sites in self.species])

    def num_atoms(self, states: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the number of atoms (batch,) of states (batch, rows, cols)."""
        # One byte a cell, since sheets have millions of them.
        counts = self.occupied.sum(axis=1).astype(np.uint8)
        return np.asarray(counts[states].sum(axis=(-2, -1), dtype=np.int64))

    def positions(self, states: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where the atoms of one sheet are, and how long its periodic cell is.

        Args:
            states: uint8 (rows, cols), one sheet.

        Returns:
            Positions float64 (num_atoms, 2) in Å, ordered by row, then column, then site, and the lengths float64 (2,)
            of the orthorhombic cell in Å.

        Raises:
            InputError: not one sheet, or not valid states.
        """
        sheet = self.one_sheet(states)
        return self.lattice.positions(*sheet.shape)[self.occupied[sheet]], self.lattice.cell_lengths(*sheet.shape)

    def one_sheet(self, states: ArrayLike) -> NDArray[np.uint8]:
        """Return the states (rows, cols) of one sheet, checked."""
        array = np.asarray(states)
        if array.ndim != 2:
            raise InputError(f"states must have the shape (rows, cols), one sheet. Received: shape={array.shape}")
        return validate_states(array[None], self.lattice, len(self.species))[0]

    def structure(self, states: ArrayLike, vacuum: float = VACUUM, pbc: tuple[bool, bool, bool] = PLANE) -> ase.Atoms:
        """Return one sheet as atoms in the plane z = vacuum / 2.

        Args:
            states: uint8 (rows, cols), one sheet.
            vacuum: height of the cell, Å.
            pbc: directions in which the cell is periodic.

        Raises:
            InputError: not one sheet, not valid states, or a height that is not positive.
        """
        if not (math.isfinite(vacuum) and vacuum > 0):
            raise InputError(f"vacuum must be positive, in Å. Received: vacuum={vacuum}")
        planar, lengths = self.positions(states)
        sheet = self.one_sheet(states)
        symbols = np.array([[symbol or "" for symbol in sites] for sites in self.species])[sheet][self.occupied[sheet]]

        from ase import Atoms as Structure

        positions = np.column_stack([planar, np.full(len(planar), vacuum / 2)])
        return Structure(symbols.tolist(), positions, cell=[*lengths, vacuum], pbc=pbc)
