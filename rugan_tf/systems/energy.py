"""What a material says of its reference energies: a function of one sheet, and what its numbers mean."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class EnergyOrigin:
    """Where energies come from; two sets of energies can be compared where method and zero agree.

    Attributes:
        method: what computes them, or for an EDNN what it was trained on.
        zero: what has the energy 0; None where nobody said.
        description: both in words, as a data set keeps it.
    """

    method: str
    zero: str | None
    description: str


class SheetEnergy(Protocol):
    """The total energy of one sheet, slow: tight binding, a calculator. It can be pickled into worker processes."""

    @property
    def origin(self) -> EnergyOrigin:
        """Method and zero of the energy."""

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols); an empty sheet has 0."""


class Estimate(NamedTuple):
    """The energy of one sheet as an estimate by random numbers.

    Attributes:
        energy: total energy, as the call gives it.
        standard_error: of the energy, in its unit; 0 where it is exact.
    """

    energy: float
    standard_error: float


@runtime_checkable
class EstimatedSheetEnergy(Protocol):
    """What a `SheetEnergy` has besides where it tells how well it knows an energy."""

    def with_error(self, states: ArrayLike) -> Estimate:
        """Return the total energy of one sheet, uint8 (rows, cols), with its standard error; an empty sheet has 0."""


@runtime_checkable
class LocalSheetEnergy(SheetEnergy, Protocol):
    """An energy of many sheets at once that is a sum over cells, each of which sees a few cells around it.

    Where a sheet changes, only a window of it has to be summed anew. Monte Carlo needs such an energy, or an EDNN.
    """

    @property
    def reach(self) -> tuple[int, int] | None:
        """Rows and columns around a cell that its energy depends on; None where nobody said."""

    def energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the total energies (n,) of sheets (n, rows, cols)."""
