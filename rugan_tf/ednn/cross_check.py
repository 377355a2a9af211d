"""How far a reference can be trusted: its energies beside those of other methods, of the same sheets."""

import dataclasses
import hashlib
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.ednn.cross_check_figure import cross_figure
from rugan_tf.ednn.options import CrossCheckOptions
from rugan_tf.energies.function import EnergyFunction, SheetsFailedError, Work
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.origin import origin_in
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.figures.style import write_figure
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.systems.drawing import drawing_of
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.units import error_key

Floats = NDArray[np.float64]
FEWEST = 3  # sheets; a line goes through any two points


@dataclasses.dataclass(frozen=True)
class Sheets:
    """Sheets of one size.

    Attributes:
        states: uint8 (n, rows, cols).
        names: of sheets that are known by one, (n,); empty for drawn ones.
    """

    states: NDArray[np.uint8]
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Method:
    """Energies of all sheets by one method.

    Attributes:
        name: as it was asked for.
        origin: method and zero.
        energies: float64 (n,) for each set of sheets, eV; NaN for sheets that failed.
        seconds: what they took in this run, on all cores; None where they were read from a file.
        repeat: copies of a sheet along both axes that it was asked for; 0 where they were read from a file.
    """

    name: str
    origin: EnergyOrigin
    energies: list[Floats]
    seconds: float | None = None
    repeat: int = 0


def cross_check(options: CrossCheckOptions) -> dict[str, Any]:
    """Compute energies of the same sheets by several methods, fit straight lines, write numbers and a figure.

    Every method has a zero of its own for each atom. It is taken off: by the sheet of all sites where the sheets have
    one, else by the best fit. What is left is what the methods say about bonds and edges.
    """
    system = system_named(options.system)
    # Refused now, not after the minutes that energies take.
    if not options.overwrite:
        files.require_fresh_folder(options.out)
    others = {name: energy_named(system, name) for name in options.other}
    if options.data and options.energy is not None:
        raise InputError(
            f"The reference must be --data or --energy, not both. Received: --data and --energy {options.energy}"
        )
    sheets, reference = given(options.data, system) if options.data else drawn(options, system)
    require_enough(sheets)
    methods = [computed(name, function, sheets, options.out, options.repeat) for name, function in others.items()]
    content = described(system, sheets, reference, methods, options.repeat)
    # What an earlier check left goes only now that there is something to put in its place.
    folder = files.require_fresh_folder(options.out, overwrite=options.overwrite)
    files.write_json(folder / "cross_check.json", content)
    write_figure(folder / "cross_check.png", cross_figure(system, content))
    for method in (reference, *methods):
        forget(method, options.out)
    return content


def require_enough(sheets: list[Sheets]) -> None:
    """Raise InputError unless there are sheets that a line can be fitted to."""
    number = sum(len(of_size.states) for of_size in sheets if not of_size.names)
    if number < FEWEST:
        raise InputError(
            f"Methods must be compared on at least {FEWEST} sheets that are not known by name. Received: {number}"
        )


def given(data: Sequence[Path], system: LatticeSystem) -> tuple[list[Sheets], Method]:
    """Return the sheets of data sets, and their labels as the reference.

    Raises:
        InputError: data of another material, or labels of several methods or zeros.
    """
    sheets, energies, origins = [], [], []
    for path in data:
        data_set = read_data_set(path)
        if data_set.system != system:
            raise InputError(f"Data must be of {system.name}. Received: {data_set.system.name} in {path}")
        has_atoms = system.num_atoms(data_set.states) > 0
        names = data_set.known_sheets
        kept = tuple(name for name, has in zip(names, has_atoms, strict=True) if has) if names else ()
        sheets.append(Sheets(data_set.states[has_atoms], kept))
        energies.append((data_set.energy_per_area * system.extent(*data_set.states.shape[1:]))[has_atoms])
        origins.append(origin_in(data_set.metadata))
    if len({(origin.method, origin.zero) for origin in origins}) > 1:
        raise InputError(
            "The labels of all data must be of one method and one zero. "
            f"Received: {'; '.join(origin.description for origin in origins)}"
        )
    return sheets, Method(origins[0].method, origins[0], energies)


def drawn(options: CrossCheckOptions, system: LatticeSystem) -> tuple[list[Sheets], Method]:
    """Return sheets that are drawn, and their energies by the reference."""
    name = options.energy or system.reference_name
    function = energy_named(system, name)
    drawing = drawing_of(system, options)
    states = draw_sheets(system, options.num_sheets, options.rows, options.cols, options.seed, drawing, distinct=True)
    # Without atoms there is nothing that two methods could differ in.
    has_atoms = system.num_atoms(states) > 0
    if not has_atoms.all():
        print(f"{options.out}: {np.sum(~has_atoms)} of {len(states)} sheets have no atom and are left out")
    states = states[has_atoms]
    sheets = [Sheets(states)]
    require_enough(sheets)
    return sheets, computed(name, function, sheets, options.out, 1)


def journals(out: Path, name: str, repeat: int, number: int) -> list[Path]:
    """Return where the energies of a method are kept until the result is written, one file for each set of sheets."""
    # By the method and not by its place: with another list of methods each goes on with its own.
    key = hashlib.sha256(f"{name} {repeat}".encode()).hexdigest()[:8]
    return [out.with_name(f"{out.name}.{key}-{index}.progress") for index in range(number)]


def computed(name: str, function: EnergyFunction, sheets: list[Sheets], out: Path, repeat: int) -> Method:
    """Return the energies of all sheets by a method; sheets that fail are told, and have none.

    Args:
        name: of the method.
        function: what computes it.
        sheets: of every size.
        out: what is written in the end; the energies are kept beside it until then.
        repeat: copies of a sheet along both axes that the method is asked for.
    """
    began, energies = time.monotonic(), []
    for of_size, journal in zip(sheets, journals(out, name, repeat, len(sheets)), strict=True):
        states = np.tile(of_size.states, (1, repeat, repeat))
        try:
            found = function.energies(states, Work(name, journal=journal))
        except SheetsFailedError as error:
            warnings.warn(f"{name} has not all energies: {error}", InputWarning, stacklevel=2)
            found = error.energies
        energies.append(found / repeat**2)  # of one copy, as the reference has them
    return Method(name, function.origin, energies, time.monotonic() - began, repeat)


def forget(method: Method, out: Path) -> None:
    """Remove what is kept of a method, now that the result is written; where sheets failed, it stays to go on from."""
    if method.repeat and all(np.isfinite(energies).all() for energies in method.energies):
        for journal in journals(out, method.name, method.repeat, len(method.energies)):
            journal.unlink(missing_ok=True)


def described(
    system: LatticeSystem, sheets: list[Sheets], reference: Method, methods: list[Method], repeat: int = 1
) -> dict[str, Any]:
    """Return what the check found: for each method, and for each sheet that is known by name."""
    atoms = [system.num_atoms(of_size.states).astype(np.float64) for of_size in sheets]
    sites = [system.num_sites(*of_size.states.shape[1:]) for of_size in sheets]
    everything = [reference, *methods]
    full = full_sheet(atoms, sites, everything)
    beyond = {method.name: without_atoms(method.energies, atoms, full) for method in everything}
    extents = [system.extent(*of_size.states.shape[1:]) for of_size in sheets]

    def of_drawn(parts: list[Floats]) -> Floats:
        """Return what the sheets that have no names have per area, in one array."""
        chosen = [part / extents[index] for index, part in enumerate(parts) if not sheets[index].names]
        return np.concatenate([np.empty(0), *chosen])

    density = of_drawn(atoms)
    per_area = {method.name: (of_drawn(method.energies), of_drawn(beyond[method.name])) for method in everything}
    key = error_key(system.error_unit)
    return {
        "sheets": len(density),
        "sizes": [f"{rows}x{cols}" for rows, cols in (of_size.states.shape[1:] for of_size in sheets)],
        "repeat": repeat,
        "zero_of_atoms": "the best fit" if full is None else "the sheet of all sites",
        "reference": {
            "name": reference.name,
            "description": reference.origin.description,
            "seconds": reference.seconds,
        },
        "methods": [
            {
                "name": method.name,
                "description": method.origin.description,
                "seconds": method.seconds,
                **comparison(per_area[reference.name], per_area[method.name], density, key),
            }
            for method in methods
        ],
        "known_sheets": known_sheets(sheets, beyond),
        "atoms_per_area": density.tolist(),
        "energy_per_area": {name: as_json(values[0]) for name, values in per_area.items()},
        "beyond_atoms_per_area": {name: as_json(values[1]) for name, values in per_area.items()},
    }


def full_sheet(atoms: list[Floats], sites: list[int], methods: list[Method]) -> tuple[int, int] | None:
    """Return which set has a sheet without a vacant site that all methods have, and which it is; None if none has."""
    for index, (count, most) in enumerate(zip(atoms, sites, strict=True)):
        has = np.all([np.isfinite(method.energies[index]) for method in methods], axis=0)
        found = np.flatnonzero((count == most) & has)
        if len(found):
            return index, int(found[0])
    return None


def without_atoms(energies: list[Floats], atoms: list[Floats], full: tuple[int, int] | None) -> list[Floats]:
    """Return the energies of sheets less a constant for each atom: that of the full sheet, else the best fit."""
    if full is None:
        constant = fitted_constant(np.concatenate(energies), np.concatenate(atoms))
    else:
        at, sheet = full
        constant = float(energies[at][sheet] / atoms[at][sheet])
    return [energy - constant * count for energy, count in zip(energies, atoms, strict=True)]


def as_json(values: Floats) -> list[float | None]:
    """Return values (n,) as a list; None, which JSON knows, for those of sheets that failed."""
    return [float(value) if np.isfinite(value) else None for value in values]


def fitted_constant(energies: Floats, atoms: Floats) -> float:
    """Return the energy per atom that fits energies (n,) of sheets best; sheets without an energy say nothing."""
    has = np.isfinite(energies)
    return float(energies[has] @ atoms[has] / (atoms[has] @ atoms[has]))


def known_sheets(sheets: list[Sheets], beyond: dict[str, list[Floats]]) -> dict[str, dict[str, float | None]]:
    """Return, for each sheet that is known by name, its energy beyond atoms by each method, in the unit of totals."""
    return {
        f"{name}, {of_size.states.shape[1]}x{of_size.states.shape[2]}": {
            method: as_json(parts[index][position : position + 1])[0] for method, parts in beyond.items()
        }
        for index, of_size in enumerate(sheets)
        for position, name in enumerate(of_size.names)
    }


def comparison(
    reference: tuple[Floats, Floats], other: tuple[Floats, Floats], density: Floats, key: str
) -> dict[str, Any]:
    """Return how another method follows the reference: Pearson r and slope, of energies per area and of what is left.

    Args:
        reference: energies per area (n,), and the same without what is of atoms.
        other: the same of the other method; NaN for sheets that it has no energy of.
        density: atoms per area (n,).
        key: unit of the mean absolute difference of what is left, for each atom.
    """
    # Of energies the number of atoms explains nearly all, so any two methods agree; what is left tells them apart.
    has = np.isfinite(other[0])
    if has.sum() < FEWEST:
        return {"num_sheets": int(has.sum())}
    first, first_rest, second, second_rest, density = (values[has] for values in (*reference, *other, density))
    return {
        "num_sheets": len(first),
        "pearson_r": float(np.corrcoef(first, second)[0, 1]),
        "slope": float(np.polyfit(first, second, 1)[0]),
        "pearson_r_beyond_atoms": float(np.corrcoef(first_rest, second_rest)[0, 1]),
        "slope_beyond_atoms": float(np.polyfit(first_rest, second_rest, 1)[0]),
        f"mae_{key}_beyond_atoms": float(1000 * np.mean(np.abs(second_rest - first_rest) / density)),
    }
