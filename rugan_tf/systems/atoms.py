"""From the states of one sheet to atoms in space, and back: for lattices whose sites hold chemical species."""

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
MOST_OFF = 0.2  # of the lattice's reach: atoms further from a site than this are on none


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

    def states(self, structure: ase.Atoms) -> NDArray[np.uint8]:
        """Return the states (rows, cols) of a structure whose cell and axes are those of `structure`.

        A structure may be shifted as a whole in the plane. It is neither turned nor strained.

        Raises:
            InputError: a cell that is no whole number of cells, an atom on no site, two on one site, or a pair of
                species that is no state.
        """
        rows, cols = self.size_of(structure)
        sites = self.lattice.positions(rows, cols).reshape(-1, 2)
        if not len(structure):
            return self.from_symbols(np.full((rows, cols, self.lattice.num_sites), "", dtype="U2"))
        best = min(
            (self.matched(structure, start, sites, (rows, cols)) for start in self.starts()), key=lambda it: it[0]
        )
        furthest, found = best
        if furthest > MOST_OFF * self.lattice.reach:
            raise InputError(f"Atoms must lie on sites of the lattice. Received: one {furthest:.2f} Å from the nearest")
        if len(np.unique(found)) < len(found):
            twice = int(np.flatnonzero(np.bincount(found) > 1)[0])
            raise InputError(f"A site must hold one atom at most. Received: two at {sites[twice].round(2).tolist()} Å")
        symbols = np.full(len(sites), "", dtype="U2")
        symbols[found] = structure.get_chemical_symbols()
        return self.from_symbols(symbols.reshape(rows, cols, self.lattice.num_sites))

    def starts(self) -> NDArray[np.float64]:
        """Return the sites of one period (n, 2), on each of which the first atom of a structure may stand."""
        return self.lattice.positions(1, self.lattice.col_period).reshape(-1, 2)

    def size_of(self, structure: ase.Atoms) -> tuple[int, int]:
        """Return rows and columns of a structure's cell."""
        lengths = structure.cell.lengths()[:2]
        counts = lengths / (self.lattice.row_pitch, self.lattice.col_pitch)
        rows, cols = (round(count) for count in counts)
        if not np.allclose(structure.cell.angles(), 90, atol=0.1) or np.abs(counts / (rows, cols) - 1).max() > 0.01:
            pitches = f"{self.lattice.row_pitch:.3f} and {self.lattice.col_pitch:.3f} Å"
            raise InputError(f"The cell must be rectangular, of whole cells of {pitches}. Received: {lengths} Å")
        self.lattice.validate_size(rows, cols)
        return rows, cols

    def matched(
        self, structure: ase.Atoms, start: NDArray[np.float64], sites: NDArray[np.float64], size: tuple[int, int]
    ) -> tuple[float, NDArray[np.int64]]:
        """Return how far atoms are from sites at most, and the nearest of each, if the first stands on `start`."""
        from scipy.spatial import cKDTree

        lengths = self.lattice.cell_lengths(*size)
        placed = structure.positions[:, :2] * (lengths / structure.cell.lengths()[:2])
        moved = (placed - placed[0] + start) % lengths
        tree = cKDTree(sites % lengths, boxsize=lengths)
        distance, found = tree.query(np.where(moved >= lengths, 0.0, moved))
        return float(distance.max()), found

    def from_symbols(self, symbols: NDArray[np.str_]) -> NDArray[np.uint8]:
        """Return the states (rows, cols) of chemical symbols (rows, cols, sites), empty where no atom is."""
        known = {tuple(symbol or "" for symbol in sites): state for state, sites in enumerate(self.species)}
        cells, which = np.unique(symbols.reshape(-1, symbols.shape[-1]), axis=0, return_inverse=True)
        unknown = [cell for cell in map(tuple, cells.tolist()) if cell not in known]
        if unknown:
            raise InputError(f"The species of a cell must be those of a state. Received: {unknown[0]}")
        states = np.array([known[tuple(cell)] for cell in cells.tolist()], np.uint8)
        return np.asarray(states[which.ravel()].reshape(symbols.shape[:2]))
