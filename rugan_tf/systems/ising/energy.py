"""The energy of the Ising model, E = -J sum of s s' over pairs of neighbours, without a field (Ising, 1925)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def spins_of(states: ArrayLike) -> NDArray[np.int8]:
    """Return spins -1 and +1 of states 0 and 1."""
    return 2 * np.asarray(states, dtype=np.int8) - 1


def ising_energies(states: ArrayLike) -> NDArray[np.float64]:
    """Return the total energies (n,) of periodic sheets, uint8 (n, rows, cols), in J.

    Every site has four neighbours and each pair counts once. In a sheet of two rows a site meets the other one of its
    column on both sides, and in one of a single row itself: the energy of a supercell is then that of its parts.
    """
    spins = spins_of(states)
    # Summed in double precision: spins are bytes, in which the sum over a sheet overflows.
    return -(spins * (np.roll(spins, -1, 1) + np.roll(spins, -1, 2))).sum(axis=(1, 2), dtype=np.float64)
