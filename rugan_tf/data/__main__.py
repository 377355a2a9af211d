"""`python -m rugan_tf.data`: draw sheets and compute energies, import structures, label sheets that the user brings."""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rugan_tf import files
from rugan_tf.config import Command, counted, run_command, to_json
from rugan_tf.data.import_command import ImportOptions, import_data
from rugan_tf.data.window_command import WindowOptions, window
from rugan_tf.errors import InputError
from rugan_tf.systems.drawing import drawing_of, with_drawing
from rugan_tf.systems.named import DEFAULT_SYSTEM, system_in

if TYPE_CHECKING:
    from rugan_tf.energies.function import EnergyFunction
    from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True)
class EnergyOptions:
    """How energies are computed."""

    energy: str | None = None
    """One that the material knows by name, its reference unless said otherwise; ednn, the shipped EDNN, or ednn:FOLDER;
    or ase:package.module:Class for an ASE calculator."""
    processes: int | None = None
    """Worker processes; one per core unless said otherwise."""
    timeout: float | None = None
    """Longest time for one sheet, s; one that takes longer has failed."""
    pbc: tuple[bool, bool, bool] | None = None
    """For calculators: whether structures are periodic along x, y and z; in the plane alone unless said otherwise."""
    vacuum: float | None = None
    """For calculators: height of the cell across the sheet, Å; 20 unless said otherwise."""
    skip_failed: bool = False
    """Write the data set without the sheets that failed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        if self.processes is not None and self.processes < 1:
            raise InputError(f"processes must be at least 1. Received: processes={self.processes}")
        if self.timeout is not None and not self.timeout > 0:
            raise InputError(f"timeout must be positive, in s. Received: timeout={self.timeout}")


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """Draw sheets at random and compute their energies."""

    out: Path
    """Data set to write, .npz."""
    num_sheets: int = 512
    """Number of sheets."""
    rows: int = 14
    """Lattice cells along the rows."""
    cols: int = 16
    """Lattice cells along the columns; even where odd columns are shifted."""
    seed: int = 0
    """Seed of the random numbers."""
    system: str = DEFAULT_SYSTEM
    """Material, by its name or, of your own, FILE.toml or package.module:Class."""
    distinct: bool = False
    """Draw again instead of a sheet that was drawn before."""
    known: bool = False
    """Take the sheets that the material knows by name, such as vacancies; how many are drawn, and how, is not used."""
    overwrite: bool = False
    """Replace a data set that exists."""
    computation: EnergyOptions = EnergyOptions()


@dataclasses.dataclass(frozen=True)
class LabelOptions:
    """Compute the energies of sheets that you bring."""

    states: Path
    """Sheets: an .npz with the array `states`, or a .zarr array for sheets of any size; uint8 (n, rows, cols)."""
    out: Path
    """Data set to write, .npz; for a .zarr array it holds the energies without the states."""
    system: str = DEFAULT_SYSTEM
    """Material, by its name or, of your own, FILE.toml or package.module:Class."""
    overwrite: bool = False
    """Replace a data set that exists."""
    computation: EnergyOptions = EnergyOptions()


def build(options: BuildOptions) -> None:
    """Draw, label, write."""
    import numpy as np

    from rugan_tf.data.synthesis import draw_sheets, require_even
    from rugan_tf.formats.data_set import KNOWN_SHEETS
    from rugan_tf.systems.named import system_named

    system = system_named(options.system)
    system.validate_size(options.rows, options.cols)
    # Now: a training would refuse such sheets, and their energies may take days.
    require_even(options.rows, options.cols)
    check_target(options)
    energy_function = energy_of(system, options.computation)
    if options.known:
        named = known_sheets(system, options.rows, options.cols)
        told = {KNOWN_SHEETS: list(named)}
        label_and_write(system, np.stack(list(named.values())), energy_function, options, told_of_sheets=told)
        return
    states = draw_sheets(
        system,
        options.num_sheets,
        options.rows,
        options.cols,
        options.seed,
        drawing_of(system, options),
        distinct=options.distinct,
    )
    label_and_write(system, states, energy_function, options)


def known_sheets(system: "LatticeSystem", rows: int, cols: int) -> "Mapping[str, Any]":
    """Return the sheets (rows, cols) that a material knows by name, or raise InputError where it knows none."""
    if system.known_sheets is None:
        raise InputError(f"The material must know sheets by name. Received: {system.name}, which knows none")
    return system.known_sheets(rows, cols)


def label(options: LabelOptions) -> None:
    """Read, label, write."""
    from rugan_tf.formats.data_set import read_properties, read_states
    from rugan_tf.systems.named import system_named

    system = system_named(options.system)
    check_target(options)
    files.require_present(options.states)
    energy_function = energy_of(system, options.computation)
    if options.states.suffix.lower() == ".zarr":
        label_chunks(system, energy_function, options)
        return
    states = read_states(options.states, system)
    label_and_write(system, states, energy_function, options, *read_properties(options.states, len(states)))


def label_chunks(system: "LatticeSystem", energy_function: "EnergyFunction", options: LabelOptions) -> None:
    """Compute the energies of sheets in a Zarr array chunk by chunk, in bounded memory."""
    from rugan_tf.energies.chunked import chunked_energies, write_energies
    from rugan_tf.energies.origin import as_metadata
    from rugan_tf.formats.zarr_states import open_zarr_states

    by_halo = energy_function.by_halo
    if by_halo is None:
        raise InputError(
            "Sheets in a Zarr array are labelled by an energy that is a sum over places, ednn. "
            f"Received: --energy {options.computation.energy}"
        )
    states = open_zarr_states(options.states, system)
    energy = chunked_energies(states, by_halo)
    metadata = {"system": system.spec, **as_metadata(energy_function.origin), "options": to_json(options)}
    write_energies(options.out, energy, system.energy_per_area(energy, *states.shape[1:]), metadata)
    sheets = " ".join(f"{value:.6g}" for value in energy[:3])
    print(
        f"{options.out}: energies of {counted(len(energy), 'sheet')} of {states.shape[1]}x{states.shape[2]} cells: "
        f"{sheets} ... {system.quantity.total_unit}"
    )


def check_target(options: BuildOptions | LabelOptions) -> None:
    """Refuse a bad or existing output before any work is done."""
    if options.out.suffix.lower() != ".npz":
        raise InputError(f"A data set must be an .npz file. Received: {options.out}")
    files.require_absent(options.out, overwrite=options.overwrite, what="data set")
    options.out.parent.mkdir(parents=True, exist_ok=True)


def energy_of(system: "LatticeSystem", options: EnergyOptions) -> "EnergyFunction":
    """Return what computes the energies, or raise InputError where it cannot be found."""
    from rugan_tf.energies.named import energy_named

    function = energy_named(system, options.energy or system.reference_name, pbc=options.pbc, vacuum=options.vacuum)
    _ = function.origin  # found now: drawing thousands of sheets takes minutes
    return function


def label_and_write(
    system: "LatticeSystem",
    states: Any,
    energy_function: "EnergyFunction",
    options: BuildOptions | LabelOptions,
    properties: Mapping[str, Any] = MappingProxyType({}),
    told_of_sheets: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Compute the energies, going on with an interrupted labelling of the same sheets, and write the data set.

    Args:
        system: the material.
        states: uint8 (n, rows, cols).
        energy_function: what computes the energies.
        options: of the command.
        properties: numbers (n,) by name that the sheets had before, and keep.
        told_of_sheets: what the metadata keep of the sheets.
    """
    import numpy as np

    import rugan_tf
    from rugan_tf.energies.function import SheetsFailedError, Work
    from rugan_tf.energies.origin import as_metadata
    from rugan_tf.formats.data_set import DataSet, write_data_set

    told = options.computation
    journal, failed = (options.out.with_name(f"{options.out.stem}.{kind}") for kind in ("progress", "failed"))
    work = Work(told.energy or system.reference_name, told.processes, told.timeout, journal, failed)
    skipped: list[int] = []
    try:
        energy = energy_function.energies(states, work)
    except SheetsFailedError as error:
        # Without a single energy there is nothing to write, whatever may be left out.
        if not told.skip_failed or not np.isfinite(error.energies).any():
            raise
        skipped = sorted(error.failures)
        print(f"rugan data: warning: {error}", file=sys.stderr)
        has_energy = np.isfinite(error.energies)
        states, energy = states[has_energy], error.energies[has_energy]
        properties = {name: values[has_energy] for name, values in properties.items()}
        told_of_sheets = without_failed(told_of_sheets, has_energy)
    metadata = {
        **told_of_sheets,
        "system": system.spec,
        **as_metadata(energy_function.origin),
        "options": to_json(options),
        "skipped": skipped,
        **time_taken(journal),
        "rugan_tf": rugan_tf.__version__,
    }
    per_area = system.energy_per_area(energy, *states.shape[1:])
    write_data_set(options.out, DataSet(states, per_area, metadata, properties), overwrite=options.overwrite)
    # Only now: until the data set stands, or where a file is in its way, the journal is all that there is of the work.
    journal.unlink(missing_ok=True)
    left_out = f"; {len(skipped)} failed and are left out" if skipped else ""
    print(
        f"{options.out}: {counted(len(states), 'sheet')} of {states.shape[1]}x{states.shape[2]} cells, "
        f"{per_area.min():.3f} to {per_area.max():.3f} {system.quantity.unit}{left_out}\n"
        f"next: {next_step(system, options.out, len(states))}"
    )


def without_failed(told_of_sheets: Mapping[str, Any], has_energy: Any) -> Mapping[str, Any]:
    """Return what the metadata keep of sheets without the names of those that failed."""
    from rugan_tf.formats.data_set import KNOWN_SHEETS

    if KNOWN_SHEETS not in told_of_sheets:
        return told_of_sheets
    names = [name for name, has in zip(told_of_sheets[KNOWN_SHEETS], has_energy, strict=True) if has]
    return {**told_of_sheets, KNOWN_SHEETS: names}


def time_taken(journal: Path) -> dict[str, Any]:
    """Return what the metadata keep of the seconds that energies took, one core each; nothing where none is known."""
    import statistics

    from rugan_tf.energies.journal import seconds_in

    taken = list(seconds_in(journal).values())
    if not taken:
        return {}
    return {
        "seconds_per_sheet": {"median": statistics.median(taken), "longest": max(taken), "all": sum(taken)},
    }


def next_step(system: "LatticeSystem", data: Path, num_sheets: int) -> str:
    """Return what to do with data: train, or first train the EDNN that a training on maps needs."""
    from rugan_tf.energies.ednn import has_shipped_ednn
    from rugan_tf.formats.data_set import FEWEST_REFERENCE

    if num_sheets < FEWEST_REFERENCE:
        return f"python -m rugan_tf.ednn cross-check --data {data} ... compares methods; a training needs more sheets"
    if has_shipped_ednn(system):
        return f"python -m rugan_tf.train quick --data {data} --run-dir runs/quick"
    return f"python -m rugan_tf.ednn train --data {data} --run-dir runs/ednn"


def commands(args: Sequence[str] | None = None) -> dict[str, Command]:
    """Return the subcommands; how sheets are drawn is told by the system that the arguments name."""
    given = sys.argv[1:] if args is None else args
    # Only `build` draws: others need no module that a file names for it.
    build_options = with_drawing(BuildOptions, system_in(args).drawing) if "build" in given[:1] else BuildOptions
    return {
        "build": Command(build_options, build, "Draw sheets and compute their energies."),
        "import": Command(ImportOptions, import_data, "Make a data set of structures that you have."),
        "label": Command(LabelOptions, label, "Compute the energies of sheets that you bring."),
        "window": Command(WindowOptions, window, "Take a window out of a large sheet, as atoms or as states."),
    }


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    return run_command("rugan data", commands, args)


if __name__ == "__main__":
    sys.exit(main())
