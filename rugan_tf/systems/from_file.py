"""A material that a TOML file describes: lattice, states and quantity, with functions where there are some."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.importing import imported
from rugan_tf.systems.atoms import Atoms
from rugan_tf.systems.conditions import Condition
from rugan_tf.systems.definition import Definition, DrawingDefinition, read_definition, require_elements
from rugan_tf.systems.energy import EnergyOrigin, SheetEnergy
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.systems.told_energy import ToldEnergy

if TYPE_CHECKING:
    import ase


class SystemFromFile(LatticeSystem):
    """A material as a file says it. Two are equal if their files say the same.

    It is recorded by the content of the file, so that what was made with it opens where the file is not.

    Args:
        content: of the file, TOML.
        where: its name, for messages.
        recorded_as: what it is found by again; the content unless given.
    """

    def __init__(self, content: str, where: str, recorded_as: str | None = None) -> None:
        self.definition = read_definition(content, where)
        self.recorded_as = recorded_as or content
        told: Definition = self.definition
        self.name, self.lattice, self.species = told.name, told.lattice, told.species
        self.quantity, self.length_unit = told.quantity, told.length_unit
        self.atoms = Atoms(told.lattice, told.species) if told.has_atoms else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SystemFromFile) and self.definition == other.definition

    def __hash__(self) -> int:
        # Of the name alone: options of a drawing may be lists, which have no hash.
        return hash(self.definition.name)

    @property
    def spec(self) -> str:
        """The content of the file; the name of a material that comes with this package."""
        return self.recorded_as

    @property
    def short_spec(self) -> str:
        """The name: nobody wants to read the file in a message."""
        return self.name

    @functools.cached_property
    def drawing(self) -> Any:  # found when it is asked for, as energies are
        """The options of `draw_states`; None if the file says nothing of drawing."""
        return None if self.definition.drawing is None else drawing_options(self.definition.drawing, self.name)

    @property
    def reference_drawing(self) -> Any:
        """The same options."""
        return self.drawing

    def draw_states(
        self, rng: np.random.Generator, num_sheets: int, rows: int, cols: int, options: Any
    ) -> NDArray[np.uint8]:
        """Draw sheets as the options do, uint8 (num_sheets, rows, cols)."""
        # Checked, as a class of the user's own may draw anything.
        return self.validate_states(options.draw_states(self, rng, num_sheets, rows, cols))

    def structure(self, states: NDArray[np.uint8]) -> "ase.Atoms":
        """Return one sheet (rows, cols) as atoms, or raise InputError where there are none, or no such elements."""
        if self.definition.has_atoms:  # a record, unlike a file, has not been asked yet
            require_elements(self.species, self.name)
        return super().structure(states)

    @property
    def reference_energies(self) -> Mapping[str, SheetEnergy]:
        """The energies that the file names."""
        return {told.name: ToldEnergy(self, told) for told in self.definition.energies}

    def properties(self, origin: EnergyOrigin, rows: int, cols: int) -> Mapping[str, Callable[[], Condition]]:
        """Return the conditions that the file names: they are of the states alone."""
        del origin, rows, cols
        return {told.name: lambda told=told: told for told in self.definition.conditions}  # type: ignore[misc]


def drawing_options(told: DrawingDefinition, name: str) -> Any:
    """Return the options of a drawing, of the class that the file names.

    Raises:
        InputError: no such class, one that does not draw, or options that it does not have.
    """
    kind = imported(told.by, f"The drawing of {name}")
    if not (inspect.isclass(kind) and hasattr(kind, "draw_states") and dataclasses.is_dataclass(kind)):
        raise InputError(
            f"A drawing must be a frozen dataclass with the method draw_states. Received: {told.by}, {kind!r}"
        )
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    values = {}
    for key, value in told.options:
        if key not in defaults:
            raise InputError(f"[drawing] must hold only by, {', '.join(defaults)}. Received: {key!r} for {name}")
        wanted = type(defaults[key])
        values[key] = float(value) if wanted is float and type(value) is int else value
        if type(values[key]) is not wanted and defaults[key] is not dataclasses.MISSING:
            raise InputError(f"drawing.{key} must be like {defaults[key]!r}. Received: {value!r} for {name}")
    return kind(**values)


def read_system(path: Path) -> SystemFromFile:
    """Read a material from a file.

    Raises:
        InputError: there is no such file, or it describes no material.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The file of a material must be text that can be read. Received: {path} ({error})") from None
    system = SystemFromFile(content, str(path))
    if system.definition.has_atoms:
        require_elements(system.species, str(path))
    return system


def built_in(name: str) -> SystemFromFile:
    """Read a material that comes with this package: the TOML file of its folder."""
    path = Path(__file__).parent / name / f"{name}.toml"
    return SystemFromFile(path.read_text(encoding="utf-8"), path.name, recorded_as=name)
