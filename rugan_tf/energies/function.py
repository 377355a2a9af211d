"""The door to energies: whatever computes them takes sheets and returns one energy each."""

import dataclasses
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import PartlyDoneError
from rugan_tf.systems.energy import EnergyOrigin

LISTED = 10  # failures; the reasons of thousands are mostly one


@dataclasses.dataclass(frozen=True)
class Work:
    """How a long calculation is done; what is fast has no use for most of it.

    Attributes:
        description: what the progress bar says.
        processes: worker processes, one per core unless said otherwise; 1 stays in this process.
        timeout: longest time for one sheet, s; needs worker processes, which can be ended.
        journal: file that keeps every finished energy, and that the same work goes on from; whoever stores the result
            removes it. None keeps nothing.
        failed_folder: where the files of failed calculations are kept; None keeps none.
    """

    description: str = "energies"
    processes: int | None = None
    timeout: float | None = None
    journal: Path | None = None
    failed_folder: Path | None = None


class EnergyFunction(Protocol):
    """What gives the total energies of sheets."""

    @property
    def origin(self) -> EnergyOrigin:
        """Method and zero of the energies."""

    @property
    def is_fast(self) -> bool:
        """Whether thousands of sheets take seconds, so that what is nice to know may be computed too."""

    @property
    def by_halo(self) -> "HaloEnergy | None":
        """The energies of sheets that come in chunks, where the energy is a sum over places; else None."""

    def energies(self, states: NDArray[np.uint8], work: Work = Work()) -> NDArray[np.float64]:
        """Return the energies (n,) of sheets (n, rows, cols).

        Raises:
            SheetsFailedError: some sheets have none; those of the others are in it.
        """


class Estimates(NamedTuple):
    """The energies of many sheets.

    Attributes:
        energies: float64 (n,).
        standard_errors: float64 (n,), in the unit of the energies; None where the function tells none.
    """

    energies: NDArray[np.float64]
    standard_errors: NDArray[np.float64] | None


@runtime_checkable
class EstimatingFunction(Protocol):
    """What an `EnergyFunction` has besides where it may tell how well it knows energies."""

    def estimates(self, states: NDArray[np.uint8], work: Work = Work()) -> Estimates:
        """Return the energies of sheets (n, rows, cols), with their standard errors where they have some.

        Raises:
            SheetsFailedError: some sheets have none; those of the others are in it.
        """


def estimates_of(function: EnergyFunction, states: NDArray[np.uint8], work: Work = Work()) -> Estimates:
    """Return the energies of sheets (n, rows, cols), with standard errors where the function tells them."""
    if isinstance(function, EstimatingFunction):
        return function.estimates(states, work)
    return Estimates(function.energies(states, work), None)


class HaloEnergy(Protocol):
    """What gives the part of the energy that lies in a chunk of a sheet, seen with a halo around it."""

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns that are seen beyond the chunk, lattice cells."""

    @property
    def period(self) -> tuple[int, int]:
        """Rows and columns that a chunk must be a multiple of, lattice cells."""

    def halo_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the energies (n,) of chunks with their halo (n, rows, cols)."""


class SheetsFailedError(PartlyDoneError):
    """Some sheets have no energy.

    Args:
        energies: float64 (n,); NaN for the sheets that failed.
        failures: reason by number of the sheet.
        work: how it was done.
        given_up: why sheets that were never begun have none either; empty if all were tried.
    """

    def __init__(self, energies: NDArray[np.float64], failures: dict[int, str], work: Work, given_up: str = "") -> None:
        self.energies, self.failures, self.given_up = energies, failures, given_up
        listed = [f"  sheet {index}: {reason}" for index, reason in sorted(failures.items())[:LISTED]]
        more = len(failures) - len(listed)
        kept = int(np.isfinite(energies).sum())
        lines = [f"Every sheet must have an energy. Received: {len(failures)} of {len(energies)} failed", *listed]
        lines += [f"  and {more} more"] if more else []
        lines += [given_up] if given_up else []
        if work.failed_folder is not None and work.failed_folder.exists():
            lines.append(f"The files of what failed are in {work.failed_folder}.")
        if work.journal is not None:
            lines.append(f"{kept} energies are kept in {work.journal}; the same command tries the others again.")
        super().__init__("\n".join(lines))
