"""Generated sheets as atoms with their energies, where those who read the files look for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.system import LatticeSystem

if TYPE_CHECKING:
    import ase

REQUESTED, OBTAINED, TOTAL = "energy_per_area_requested", "energy_per_area_obtained", "REF_energy"

NONE: Mapping[str, NDArray[np.floating]] = MappingProxyType({})


def energies_by_name(
    requested_name: str, requested: NDArray[np.floating] | None, obtained: NDArray[np.floating] | None
) -> dict[str, NDArray[np.floating]]:
    """Return the energies that are known by the names that files give them."""
    named = {requested_name: requested, OBTAINED: obtained}
    return {name: values for name, values in named.items() if values is not None}


def numbers_by_name(
    requested: Mapping[str, NDArray[np.floating]], obtained: Mapping[str, NDArray[np.floating]]
) -> dict[str, NDArray[np.floating]]:
    """Return what was requested and obtained of conditions (n,) by the names that files give these numbers.

    The energy per area obtained is not among them: files have it of all sheets.
    """
    named = {f"{name}_requested": values for name, values in requested.items()}
    told = {f"{name}_obtained": values for name, values in obtained.items()}
    return {name: values for name, values in {**named, **told}.items() if name != OBTAINED}


def total_energies(
    system: LatticeSystem, states: NDArray[np.uint8], obtained: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the total energies (n,) of sheets of which energies per area (n,) were obtained."""
    return np.asarray(obtained, np.float64) * system.extent(*states.shape[1:])


def labelled_structures(
    system: LatticeSystem,
    states: NDArray[np.uint8],
    requested: NDArray[np.float64] | None,
    obtained: NDArray[np.floating] | None,
    *,
    passivate: str | None = None,
    numbers: Mapping[str, NDArray[np.floating]] = NONE,
) -> list["ase.Atoms"]:
    """Return sheets as atoms, with their energies.

    The total energy is in `info` as REF_energy, by which programs that train on it ask for it, and in a calculator, so
    that `get_potential_energy()` returns it. Sheets whose edges are saturated have neither: their energies are those
    of other atoms.

    Args:
        system: the material.
        states: uint8 (n, rows, cols).
        requested: energies per area (n,), in the unit of the system; None if something else was requested.
        obtained: likewise, where they are known.
        passivate: the element that saturates edges.
        numbers: other numbers (n,) that go with the sheets, by name.
    """
    make = system.structure if passivate is None else (lambda sheet: system.saturated(sheet, passivate))
    structures = [make(sheet) for sheet in states]
    tell(structures, {**energies_by_name(REQUESTED, requested, obtained), **numbers})
    if obtained is not None and passivate is None:
        totals = total_energies(system, states, obtained)
        tell(structures, {TOTAL: totals})
        for structure, energy in zip(structures, totals, strict=True):
            keep_energy(structure, float(energy))
    return structures


def tell(structures: list["ase.Atoms"], numbers: Mapping[str, NDArray[np.floating]]) -> None:
    """Write numbers (n,) by name into the `info` of structures."""
    for index, structure in enumerate(structures):
        structure.info.update({name: float(values[index]) for name, values in numbers.items()})


def keep_energy(structure: "ase.Atoms", energy: float) -> None:
    """Let a structure return an energy that was computed before."""
    from ase.calculators.singlepoint import SinglePointCalculator

    # It tells the energy of these very positions, and raises once an atom has moved.
    structure.calc = SinglePointCalculator(structure, energy=energy)


def numbers_of(structures: list["ase.Atoms"]) -> dict[str, NDArray[np.float64]]:
    """Return the numbers (n,) that all structures hold in `info`, by name."""
    names = [name for name, value in structures[0].info.items() if isinstance(value, int | float)]
    return {name: np.array([float(one.info[name]) for one in structures]) for name in names}
