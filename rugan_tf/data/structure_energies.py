"""The energies that come with structures: where they are in a file, in which unit, and relative to what."""

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rugan_tf.errors import InputError
from rugan_tf.formats.energy_table import EnergyTable, read_energy_table
from rugan_tf.formats.frames import Frame
from rugan_tf.systems.conditions import require_name

if TYPE_CHECKING:
    import ase

USUAL = ("REF_energy", "energy")  # in `info`; the calculator that ASE makes of a file's own energy is asked as well
UNITS = {"eV": 1.0, "Ha": 27.211386245988, "Ry": 13.605693122994, "kcal/mol": 0.0433641042, "kJ/mol": 0.010364269656}
ALIKE = 1e-6  # relative difference of two energies of a frame that are taken for one
DEFAULT_METHOD = "imported"


@dataclasses.dataclass(frozen=True)
class EnergySource:
    """Where energies come from."""

    property: str | None = None
    """Name of the energy: a key of `info`, a column of a database, of the table, or of the atoms (which is summed);
    the energy that ASE finds, or REF_energy, unless said otherwise."""
    table: Path | None = None
    """CSV with energies for files that hold none: columns file, frame (if files hold several), and numbers."""
    energy_unit: Literal["eV", "Ha", "Ry", "kcal/mol", "kJ/mol"] | None = None
    """Unit of the energies; eV unless said otherwise, and asked for where the numbers look like another."""
    energy_per: Literal["structure", "atom"] = "structure"
    """Whether energies are totals, or have been divided by the number of atoms."""
    zero_per_atom: tuple[str, ...] = ()
    """What has the energy 0, in eV: energy of an atom, one number or SYMBOL=NUMBER for each element."""
    zero_from: Path | None = None
    """Pristine structure, with its energy: its energy per atom becomes 0."""
    method: str = DEFAULT_METHOD
    """What computed the energies, in a few words: kept with the data, and compared with other data."""
    without_energies: bool = False
    """Import the structures alone; `rugan data label` computes energies."""
    properties: tuple[str, ...] = ()
    """Other numbers that are kept of every frame, for `rugan train --conditions`, as NAME or NAME=UNIT: keys of `info`,
    columns of a database or of the table. Values must not grow with the sheet: band gaps, or totals per area."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.zero_per_atom and self.zero_from is not None:
            raise InputError("The zero must be told once. Received: --zero-per-atom with --zero-from")
        # A data set says "method: description", from which the method is read again.
        if ": " in self.method or not self.method.strip():
            raise InputError(f"method must be words without ': '. Received: method={self.method!r}")
        for name in property_units(self.properties):
            require_name(name)
        if self.properties and self.without_energies:
            raise InputError("Properties stand in a data set, which has energies. Received: --without-energies")
        if self.without_energies and (self.property or self.table or self.zero_per_atom or self.zero_from):
            raise InputError("Structures are imported with energies or without. Received: --without-energies with both")


@dataclasses.dataclass(frozen=True)
class Zero:
    """Energies of single atoms that are taken off, eV.

    Attributes:
        of_all: of every atom that is kept, whatever it is; 0 if elements have their own.
        by_element: of the atoms of an element, those that are dropped included.
    """

    of_all: float = 0.0
    by_element: tuple[tuple[str, float], ...] = ()

    @classmethod
    def told(cls, words: tuple[str, ...]) -> "Zero":
        """Read what --zero-per-atom says.

        >>> Zero.told(("C=-9.2", "H=-3.4")).by_element
        (('C', -9.2), ('H', -3.4))
        """
        pairs = [word.rpartition("=") for word in words]
        try:
            values = [float(value) for _, _, value in pairs]
        except ValueError as error:
            raise InputError(f"zero_per_atom must be a number or SYMBOL=NUMBER. Received: {error}") from None
        names = [name for name, _, _ in pairs]
        if not all(map(math.isfinite, values)) or len(set(names)) < len(names) or (len(names) > 1 and "" in names):
            raise InputError(
                f"zero_per_atom must be one finite number, or one for each element. Received: {' '.join(words)}"
            )
        if names == [""]:
            return cls(of_all=values[0])
        return cls(by_element=tuple(zip(names, values, strict=True)))

    def of(self, structure: "ase.Atoms", dropped: tuple[str, ...]) -> float:
        """Return what is taken off the energy of a structure."""
        symbols = structure.get_chemical_symbols()
        named = sum(symbols.count(symbol) * value for symbol, value in self.by_element)
        return named + self.of_all * sum(symbol not in dropped for symbol in symbols)

    @property
    def words(self) -> str:
        """What has the energy 0, in words."""
        told = [f"{value:.10g} eV per atom of {name}" for name, value in self.by_element]
        told += [f"{self.of_all:.10g} eV per atom"] if self.of_all else []
        return ", ".join(told) if told else "as the files have it"


class EnergyReader:
    """Finds the total energy of a frame, in eV and relative to the zero that was chosen.

    Args:
        options: where energies come from.
        dropped: elements whose atoms are on no site.

    Raises:
        InputError: a table that is none, or a zero that means nothing.
    """

    def __init__(self, options: EnergySource, dropped: tuple[str, ...] = ()) -> None:
        self.options, self.dropped = options, dropped
        self.table: EnergyTable | None = None if options.table is None else read_energy_table(options.table)
        self.zero = Zero.told(options.zero_per_atom) if options.zero_per_atom else Zero()
        if options.zero_from is not None:
            self.zero = Zero(of_all=self.pristine_energy(options.zero_from))

    def pristine_energy(self, path: Path) -> float:
        """Return the energy per atom of the structure that a file holds, eV."""
        from rugan_tf.formats.structures import read_structures

        frame = next(read_structures((str(path),)))
        if frame.structure is None or not len(frame.structure):
            raise InputError(f"zero_from must be a structure with atoms. Received: {frame.name} {frame.failure}")
        return self.total(frame, frame.structure) / len(frame.structure)

    def energy(self, frame: Frame, structure: "ase.Atoms") -> float:
        """Return the energy of a frame, eV, relative to the zero.

        Raises:
            InputError: it has none, several, or one that is not finite.
        """
        return self.total(frame, structure) - self.zero.of(structure, self.dropped)

    def total(self, frame: Frame, structure: "ase.Atoms") -> float:
        """Return the energy of a frame as its file has it, in eV."""
        found = self.found(frame, structure)
        if not found:
            wanted = self.options.property or f"{' or '.join(USUAL)}, or another that --property names"
            raise InputError(f"A frame must have an energy, {wanted}. Received: {', '.join(held(structure)) or 'none'}")
        (name, energy), *others = found.items()
        for other, value in others:
            if abs(value - energy) > ALIKE * max(abs(value), abs(energy)):
                raise InputError(
                    f"A frame must have one energy; --property says which. Received: {name} {energy}, {other} {value}"
                )
        if not math.isfinite(energy):
            raise InputError(f"An energy must be finite. Received: {name} {energy}")
        per = len(structure) if self.options.energy_per == "atom" else 1
        return energy * per * UNITS[self.options.energy_unit or "eV"]

    def properties(self, frame: Frame, structure: "ase.Atoms") -> dict[str, float]:
        """Return the other numbers that are kept of a frame, by name.

        Raises:
            InputError: the frame lacks one, or it is not finite.
        """
        told = self.table.numbers(frame.path, frame.index) if self.table else {}
        results = {} if structure.calc is None else structure.calc.results
        kept: dict[str, float] = {}
        for name in property_units(self.options.properties):
            places = [place for place in (told, structure.info, results) if place.get(name) is not None]
            if not places:
                raise InputError(f"A frame must have {name}. Received: {', '.join(held(structure)) or 'no number'}")
            kept[name] = number(places[0][name], name)
            if not math.isfinite(kept[name]):
                raise InputError(f"A property must be finite. Received: {name} {kept[name]}")
        return kept

    def found(self, frame: Frame, structure: "ase.Atoms") -> dict[str, float]:
        """Return the energies that a frame has, by where they are."""
        told = self.table.numbers(frame.path, frame.index) if self.table else {}
        name = self.options.property
        if name is None:
            # All are looked at, and must agree: since ASE 3.23 a file may hold its energy in a calculator, and another
            # in REF_energy.
            places = {f"{key} of the table": told[key] for key in USUAL if key in told}
            places |= {key: number(structure.info[key], key) for key in USUAL if key in structure.info}
            # Of what it holds: to ask it for an energy might start a calculation.
            if structure.calc is not None and structure.calc.results.get("energy") is not None:
                places["energy of the calculator"] = float(structure.calc.results["energy"])
            return places
        if name in told:
            return {name: told[name]}
        if name in structure.info:
            return {name: number(structure.info[name], name)}
        if name in structure.arrays:
            return {name: number(np.sum(structure.arrays[name]), name)}
        results = {} if structure.calc is None else structure.calc.results
        return {name: number(results[name], name)} if name in results else {}


def property_units(told: tuple[str, ...]) -> dict[str, str]:
    """Return the unit of each property, by its name; empty where none was told.

    >>> property_units(("band_gap=eV", "porosity"))
    {'band_gap': 'eV', 'porosity': ''}
    """
    return {name: unit for name, _, unit in (one.partition("=") for one in told)}


def number(value: object, name: str) -> float:
    """Return a value as a number, or raise InputError."""
    try:
        return float(np.asarray(value, dtype=np.float64).reshape(()))
    except (TypeError, ValueError):
        raise InputError(f"An energy or a property must be one number. Received: {name} {value!r}") from None


def held(structure: "ase.Atoms") -> list[str]:
    """Return the names of the numbers that a structure holds, which might be its energy."""
    arrays = {name: np.asarray(value) for name, value in structure.info.items()}
    return [name for name, value in arrays.items() if value.size == 1 and value.dtype.kind in "if"]
