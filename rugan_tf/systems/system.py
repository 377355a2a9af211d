"""The one interface between a material and everything that learns from it."""

import abc
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.physics.calculators import EnergyFunction

if TYPE_CHECKING:
    import ase


class LatticeSystem(abc.ABC):
    """A periodic lattice whose cells are in one of a few states.

    States are uint8 (batch, rows, cols). Shifts by `row_period` rows and by `col_period` columns map the lattice
    onto itself.
    """

    name: ClassVar[str]
    num_states: ClassVar[int]
    row_period: ClassVar[int]
    col_period: ClassVar[int]

    @abc.abstractmethod
    def validate_size(self, rows: int, cols: int) -> None:
        """Raise ValueError unless a periodic sheet of this size exists."""

    @abc.abstractmethod
    def validate_states(self, states: ArrayLike) -> NDArray[np.uint8]:
        """Return states as uint8 (batch, rows, cols), or raise ValueError."""

    @abc.abstractmethod
    def area(self, rows: int, cols: int) -> float:
        """Return the area of a sheet, Å²."""

    @abc.abstractmethod
    def draw_states(
        self, rng: np.random.Generator, num_sheets: int, rows: int, cols: int, options: Any
    ) -> NDArray[np.uint8]:
        """Draw sheets at random, uint8 (num_sheets, rows, cols)."""

    @abc.abstractmethod
    def energy_function(self, spec: str) -> EnergyFunction:
        """Return the reference energy that `spec` names: states (rows, cols) of one sheet to eV."""

    @abc.abstractmethod
    def repair_step(self, states: Any, xp: Any) -> Any:
        """Apply the rule that valid sheets are fixed points of, once; integer arrays (batch, rows, cols).

        `xp` is NumPy or keras.ops: the same rule runs here and inside a SavedModel.
        """

    @abc.abstractmethod
    def repair(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Apply the rule until nothing changes."""

    @abc.abstractmethod
    def draw_symmetric_images(self, rng: np.random.Generator, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a random image of each sheet under the symmetries of the lattice, of equal energy."""

    @abc.abstractmethod
    def num_atoms(self, states: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the number of atoms (batch,)."""

    @abc.abstractmethod
    def structure(self, states: NDArray[np.uint8]) -> "ase.Atoms":
        """Return one sheet (rows, cols) as atoms in a periodic cell."""

    def energy_per_area(self, energy: NDArray[np.float64], rows: int, cols: int) -> NDArray[np.float64]:
        """Return energy / area, eV/Å², of energies in eV."""
        return np.asarray(energy, dtype=np.float64) / self.area(rows, cols)

    def is_valid(self, states: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return bool (batch,): whether a sheet obeys the rule that the data obeys."""
        return np.asarray((self.repair_step(states.astype(np.int8), np) == states).all(axis=(1, 2)))
