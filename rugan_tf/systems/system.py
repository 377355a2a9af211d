"""The one interface between a material and everything that learns from it."""

import abc
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.systems.energy import SheetEnergy

if TYPE_CHECKING:
    import ase


@dataclasses.dataclass(frozen=True)
class Statistic:
    """One statistic of a set of sheets, in a form that two sets can be compared in.

    Attributes:
        kind: `shares` of named classes, a `curve`, or `samples` of a distribution.
        values: float64 (n,): the shares, the curve, or the samples.
        label: what the values are, with their unit.
        positions: float64 (n,), where the curve has its values; None for the other kinds.
        positions_label: what the positions are, with their unit.
        classes: names (n,) of the classes; empty for the other kinds.
    """

    kind: Literal["shares", "curve", "samples"]
    values: NDArray[np.float64]
    label: str
    positions: NDArray[np.float64] | None = None
    positions_label: str = ""
    classes: tuple[str, ...] = ()


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

    @property
    @abc.abstractmethod
    def reference_energies(self) -> Mapping[str, SheetEnergy]:
        """The energies that the material knows by name."""

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
    def point_images(self, states: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Return the images of sheets under the symmetries that shifts by the periods do not give, themselves first."""

    @abc.abstractmethod
    def statistics(self, states: NDArray[np.uint8]) -> dict[str, Statistic]:
        """Return what describes the structure of a set of sheets, each statistic by its name."""

    @abc.abstractmethod
    def drawing_options(self, metadata: Mapping[str, Any]) -> Any:
        """Return the options of `draw_states` that the metadata of a data set tell; None if they tell none."""

    @abc.abstractmethod
    def num_atoms(self, states: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the number of atoms (batch,)."""

    @abc.abstractmethod
    def structure(self, states: NDArray[np.uint8]) -> "ase.Atoms":
        """Return one sheet (rows, cols) as atoms in a periodic cell."""

    def __eq__(self, other: object) -> bool:
        """Return whether the other is the same material: one that was sent to another process is."""
        return isinstance(other, LatticeSystem) and other.name == self.name

    def __hash__(self) -> int:
        """Return a hash that goes with equality."""
        return hash(self.name)

    def energy_per_area(self, energy: NDArray[np.float64], rows: int, cols: int) -> NDArray[np.float64]:
        """Return energy / area, eV/Å², of energies in eV."""
        return np.asarray(energy, dtype=np.float64) / self.area(rows, cols)

    def is_valid(self, states: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return bool (batch,): whether a sheet obeys the rule that the data obeys."""
        return np.asarray((self.repair_step(states.astype(np.int8), np) == states).all(axis=(1, 2)))
