"""The one interface between a material and everything that learns from it."""

import abc
import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice import states as lattice_states
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.lattice.statistics import two_point_correlation
from rugan_tf.physics.tight_binding import TightBindingParameters
from rugan_tf.systems.atoms import Atoms
from rugan_tf.systems.conditions import ENERGY_PER_AREA, CellSum, Condition
from rugan_tf.systems.energy import EnergyOrigin, SheetEnergy
from rugan_tf.systems.images import SymmetricImages
from rugan_tf.systems.passivation import Passivation
from rugan_tf.systems.quantity import LabelQuantity, VacancyWords
from rugan_tf.systems.rule import Rule

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
        positions_label: what the positions are, with their unit; of shares what the classes are.
        classes: names (n,) of the classes; empty for the other kinds.
    """

    kind: Literal["shares", "curve", "samples"]
    values: NDArray[np.float64]
    label: str
    positions: NDArray[np.float64] | None = None
    positions_label: str = ""
    classes: tuple[str, ...] = ()


class LatticeSystem(abc.ABC):
    """A periodic lattice whose cells are in one of a few states, uint8 (batch, rows, cols).

    A material gives the attributes, and overrides methods to add to them. Systems are equal if their classes are.

    Attributes:
        name: of the material, a word.
        lattice: where sites are.
        species: by the state, then by the site: what is there; None for nothing.
        quantity: what labels mean.
        length_unit: of the lattice.
        vacancy: what sites without an atom are called.
        drawing: the options of `draw_states`, an instance of a frozen dataclass; None if sheets cannot be drawn.
        reference_drawing: the same for sheets that references are computed for, where another range is better.
        rule: what valid sheets obey; None if all are valid.
        atoms: how sheets become structures; None if they have no atoms.
        passivation: how its edges are saturated; None if they cannot be.
        tight_binding: the numbers of its one element, for energies and densities of states; None if there are none.
        known_sheets: from rows and columns to the sheets by name whose energies people quote; None if there are none.
    """

    name: str
    lattice: Lattice
    species: tuple[tuple[str | None, ...], ...]
    quantity: LabelQuantity
    length_unit: str
    vacancy: VacancyWords = VacancyWords()
    drawing: Any = None
    reference_drawing: Any = None
    rule: Rule | None = None
    atoms: Atoms | None = None
    passivation: Passivation | None = None
    tight_binding: TightBindingParameters | None = None
    known_sheets: Callable[[int, int], Mapping[str, NDArray[np.uint8]]] | None = None

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @property
    def spec(self) -> str:
        """What the system is found by again: its name if it comes with this package, else package.module:Class."""
        kind = type(self)
        is_ours = kind.__module__.startswith(f"{__name__.partition('.')[0]}.")
        return self.name if is_ours else f"{kind.__module__}:{kind.__qualname__}"

    @property
    def short_spec(self) -> str:
        """What messages call the system, so that it is told from others."""
        return self.spec

    @property
    def num_states(self) -> int:
        """Number of states of a cell."""
        return len(self.species)

    @property
    def row_period(self) -> int:
        """Rows after which the lattice repeats."""
        return self.lattice.row_period

    @property
    def col_period(self) -> int:
        """Columns after which the lattice repeats."""
        return self.lattice.col_period

    @property
    def error_unit(self) -> str:
        """The unit that errors of totals are told in: thousandths, for each atom, or site where there are no atoms."""
        return f"m{self.quantity.total_unit}/{'atom' if self.atoms else 'site'}"

    @property
    @abc.abstractmethod
    def reference_energies(self) -> Mapping[str, SheetEnergy]:
        """The energies that the material knows by name; the first is its reference."""

    @property
    def reference_name(self) -> str:
        """The name of the first of `reference_energies`, or raise InputError where there is none."""
        if not self.reference_energies:
            raise InputError(f"A system must know an energy to be its reference. Received: {self.name}, which has none")
        return next(iter(self.reference_energies))

    def validate_size(self, rows: int, cols: int) -> None:
        """Raise InputError unless a periodic sheet of this size exists."""
        self.lattice.validate_size(rows, cols)

    def validate_states(self, states: ArrayLike) -> NDArray[np.uint8]:
        """Return states as uint8 (batch, rows, cols), or raise InputError."""
        return lattice_states.validate_states(states, self.lattice, self.num_states)

    def area(self, rows: int, cols: int) -> float:
        """Return the area of a sheet, in the unit of length squared."""
        return self.lattice.area(rows, cols)

    def num_sites(self, rows: int, cols: int) -> int:
        """Return the number of sites of a sheet."""
        self.validate_size(rows, cols)
        return rows * cols * self.lattice.num_sites

    def extent(self, rows: int, cols: int) -> float:
        """Return what totals are divided by: the area of a sheet, or its number of sites."""
        if self.quantity.per == "area":
            return self.area(rows, cols)
        return float(self.num_sites(rows, cols))

    def energy_per_area(self, energy: ArrayLike, rows: int, cols: int) -> NDArray[np.float64]:
        """Return the labels (n,) of total energies (n,): these over the extent of a sheet."""
        return np.asarray(energy, dtype=np.float64) / self.extent(rows, cols)

    @property
    def energy_condition(self) -> Condition:
        """The label of every data set as something that sheets can be asked for."""
        return Condition(
            ENERGY_PER_AREA, self.quantity.words, self.quantity.unit, CellSum(1.0, (0.0,) * self.num_states)
        )

    def properties(
        self,
        origin: EnergyOrigin,  # noqa: ARG002
        rows: int,  # noqa: ARG002
        cols: int,  # noqa: ARG002
    ) -> Mapping[str, Callable[[], Condition]]:
        """Return what the material can tell of a sheet beside its energy: what makes each condition, by its name.

        Args:
            origin: of the energies that the sheets come with; a property may mean something for energies of one method
                and one zero alone.
            rows: lattice cells of the sheets.
            cols: lattice cells of the sheets.
        """
        return {}

    def draw_states(  # what materials that can be drawn are given
        self,
        rng: np.random.Generator,  # noqa: ARG002
        num_sheets: int,  # noqa: ARG002
        rows: int,  # noqa: ARG002
        cols: int,  # noqa: ARG002
        options: Any,  # noqa: ARG002
    ) -> NDArray[np.uint8]:
        """Draw sheets at random, uint8 (num_sheets, rows, cols)."""
        raise InputError(f"The system must say how sheets are drawn. Received: {self.name}, which does not")

    def drawing_options(self, metadata: Mapping[str, Any]) -> Any:
        """Return the options of `draw_states` that the metadata of a data set tell; None if they tell none."""
        options = metadata.get("options")
        drawn = options.get("drawing") if isinstance(options, dict) else None
        return type(self.drawing)(**drawn) if isinstance(drawn, dict) and self.drawing is not None else None

    def repair(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return what the rule leaves of sheets (batch, rows, cols); these themselves where there is no rule."""
        return states.copy() if self.rule is None else np.asarray(self.rule.repair(states))

    def is_valid(self, states: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return bool (batch,): whether a sheet obeys the rule that the data obeys."""
        return np.ones(len(states), dtype=bool) if self.rule is None else self.rule.is_valid(states)

    def num_atoms(self, states: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the number of atoms (batch,); of sites where there are no atoms."""
        if self.atoms is not None:
            return self.atoms.num_atoms(states)
        return np.full(len(states), self.num_sites(*states.shape[1:]), dtype=np.int64)

    def structure(self, states: NDArray[np.uint8]) -> "ase.Atoms":
        """Return one sheet (rows, cols) as atoms in a periodic cell, or raise InputError where there are no atoms."""
        if self.atoms is None:
            raise InputError(f"Sheets must have atoms to be structures. Received: {self.name}, which has none")
        return self.atoms.structure(states)

    def saturated(self, states: NDArray[np.uint8], element: str) -> "ase.Atoms":
        """Return one sheet (rows, cols) as atoms with its edges saturated, or raise InputError where they cannot be."""
        return self.passivation_by(element).saturated(states, element)

    def passivation_by(self, element: str) -> Passivation:
        """Return how an element saturates edges, or raise InputError where it, or any, does not."""
        if self.passivation is None:
            raise InputError(f"A material must say how its edges are saturated. Received: {self.name}, which does not")
        self.passivation.require_element(element)
        return self.passivation

    def environments(self, states: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
        """Return the number of each kind of place in sheets (n, rows, cols), (n,) by name: the states, unless told.

        What two methods differ in is fitted to these numbers, so they must be few.
        """
        return {f"state {state}": (states == state).sum(axis=(1, 2)) for state in range(self.num_states)}

    @functools.cached_property
    def images(self) -> SymmetricImages:
        """The symmetries of the lattice that map states onto states."""
        return SymmetricImages.of(self.lattice, self.species)

    def draw_symmetric_images(self, rng: np.random.Generator, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a random image of each sheet under the symmetries of the lattice, of equal energy."""
        return self.images.draw(rng, states)

    def point_images(self, states: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Return the images of sheets under the symmetries that shifts by the periods do not give, themselves first."""
        return self.images.points(states)

    def statistics(self, states: NDArray[np.uint8]) -> dict[str, Statistic]:
        """Return what describes the structure of a set of sheets, each statistic by its name.

        The shares of the states, that of the commonest in each sheet, and how often two sites at a distance hold the
        same. Bins of distances are so narrow that those of near sites are all apart.
        """
        counts = np.stack([(states == state).sum(axis=(1, 2)) for state in range(self.num_states)], axis=-1)
        shares = counts.sum(axis=0) / max(1, states.size)
        commonest = counts.max(axis=1) / np.prod(states.shape[1:])
        names = tuple(" ".join(name or "-" for name in sites) for sites in self.species)
        held = self.images.kinds[states]
        reach = self.lattice.reach
        curves = [
            two_point_correlation(self.lattice, held == kind, 10 * reach, reach / 10) for kind in range(held.max() + 1)
        ]
        distance, same = curves[0][0], np.sum([curve for _, curve in curves], axis=0)
        return {
            "states": Statistic("shares", shares, "share of cells", positions_label="what a cell holds", classes=names),
            "commonest_state": Statistic("samples", commonest, "share of the commonest state in a sheet"),
            "two_point_correlation": Statistic(
                "curve", same, "pairs of sites that hold the same (share)", distance, f"distance ({self.length_unit})"
            ),
        }
