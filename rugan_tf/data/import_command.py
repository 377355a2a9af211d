"""`python -m rugan_tf.data import`: structures that the user has become a data set."""

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rugan_tf import files
from rugan_tf.config import counted, to_json
from rugan_tf.data.structure_energies import EnergySource, property_units
from rugan_tf.errors import InputError
from rugan_tf.systems.named import DEFAULT_SYSTEM

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rugan_tf.data.importing import Imported
    from rugan_tf.formats.frames import ReadOptions
    from rugan_tf.systems.structure_match import MatchLimits
    from rugan_tf.systems.system import LatticeSystem

WINDOW_WORDS = (
    "a window is not periodic: its opposite sides were joined, and what then broke the rule of the material was "
    "repaired; the energy of the large sheet is not that of its windows, so compute theirs"
)


@dataclasses.dataclass(frozen=True)
class ImportOptions:
    """Make a data set of structures that you have, in any format that ASE reads."""

    structures: tuple[str, ...]
    """Files, folders, or patterns with * or ** (quoted): extxyz, CIF, POSCAR, XDATCAR, LAMMPS data, traj, db, ...;
    with --windows also pictures."""
    out: Path
    """Data set to write, .npz."""
    system: str = DEFAULT_SYSTEM
    """Material, by its name or, of your own, FILE.toml or package.module:Class."""
    tolerance: tuple[float, ...] = (0.6, 1.0)
    """Furthest an atom may be from its site in the plane, and from the plane, Å; one number for both."""
    max_strain: float = 0.03
    """Largest strain of a cell against the lattice of the material, a share."""
    drop: tuple[str, ...] = ()
    """Elements whose atoms are on no site and are left out, such as H on edges; refused unless named here."""
    species: tuple[str, ...] = ()
    """Elements of the types of atoms 1, 2, ... in LAMMPS data; by their masses unless said."""
    selection: str = ""
    """Rows of a database, as `ase db` takes them: "id>10,relaxed=1"."""
    strict: bool = False
    """Write nothing if one frame does not fit; otherwise it is named and the others are kept."""
    windows: tuple[int, int] | None = None
    """Cut large sheets into windows of so many rows and columns; then there are no energies."""
    stride: tuple[int, int] | None = None
    """Rows and columns from one window to the next; the size of a window unless said otherwise."""
    scale: float | None = None
    """Pictures with --windows: Å of a pixel; white is material, rows run along the width."""
    overwrite: bool = False
    """Replace a data set that exists."""
    source: EnergySource = EnergySource()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not 1 <= len(self.tolerance) <= 2:
            raise InputError(f"tolerance must be one number or two, in Å. Received: {len(self.tolerance)} numbers")
        if self.windows is None and (self.stride, self.scale) != (None, None):  # a scale of 0 is one that was given
            raise InputError("stride and scale are those of windows. Received: no --windows")

    @property
    def limits(self) -> "MatchLimits":
        """How far structures may be from perfect sheets."""
        from rugan_tf.systems.structure_match import MatchLimits

        # A single number is the first and the last, and so holds for both.
        return MatchLimits(self.tolerance[0], self.tolerance[-1], self.max_strain, self.drop)

    @property
    def reading(self) -> "ReadOptions":
        """What formats need to be told."""
        from rugan_tf.formats.frames import ReadOptions

        return ReadOptions(self.species, self.selection)


def import_data(options: ImportOptions) -> None:
    """Read, match, write."""
    from rugan_tf.systems.named import system_named

    system = system_named(options.system)
    if options.out.suffix.lower() != ".npz":
        raise InputError(f"A data set must be an .npz file. Received: {options.out}")
    files.require_absent(options.out, overwrite=options.overwrite, what="data set")
    if options.windows is not None:
        import_windows(system, options)
        return
    from rugan_tf.data.importing import import_structures

    imported = import_structures(
        system, options.structures, energies=options.source, limits=options.limits, reading=options.reading,
        strict=options.strict,
    )  # fmt: skip
    for warning in imported.warnings():
        print(f"rugan data: warning: {warning}", file=sys.stderr)
    rows, cols = imported.states.shape[1:]
    strains = " to ".join(f"{strain:+.2%}" for strain in imported.strain)
    told = f"strain {strains}, atoms up to {imported.furthest[0]:.2f} Å from their sites in the plane"
    told += f" and {imported.furthest[1]:.2f} Å from it"
    told += "".join(f", {number} {symbol} dropped" for symbol, number in imported.num_dropped.items())
    write_imported(system, imported, options)
    print(f"{options.out}: {counted(len(imported.states), 'sheet')} of {rows}x{cols} cells; {told}")
    print(next_step(system, imported, options))


def next_step(system: "LatticeSystem", imported: "Imported", options: ImportOptions) -> str:
    """Return the energies in short, and what a user may want to do now."""
    if imported.energy is None:
        return f"next: {label_command(options.out)}"
    from rugan_tf.formats.data_set import FEWEST_REFERENCE

    per_area = system.energy_per_area(imported.energy, *imported.states.shape[1:])
    told = f"{per_area.min():.4g} to {per_area.max():.4g} {system.quantity.unit}; zero: {imported.origin.zero}\n"
    if len(imported.states) < FEWEST_REFERENCE:
        return f"{told}next: the same command with more structures; {FEWEST_REFERENCE} sheets make an EDNN"
    return f"{told}next: python -m rugan_tf.ednn train --data {options.out} --run-dir runs/ednn"


def label_command(path: Path) -> str:
    """Return the command that computes energies of sheets."""
    return f"python -m rugan_tf.data label --states {path} --out {path.with_name(f'{path.stem}-labelled.npz')}"


def write_imported(system: "LatticeSystem", imported: "Imported", options: ImportOptions) -> None:
    """Write the data set; energies that cannot be totals in eV are asked about first."""
    from rugan_tf.data.magnitudes import doubt, warn_of_zero
    from rugan_tf.data.structure_energies import Zero
    from rugan_tf.energies.origin import as_metadata
    from rugan_tf.formats.data_set import DataSet, write_data_set

    metadata = described(system, options, list(imported.names))
    if imported.energy is None:
        write_states(options.out, imported.states, metadata)
        return
    source = options.source
    if source.zero_per_atom:
        warn_of_zero(system, imported.states, imported.energy, Zero.told(source.zero_per_atom))
    has_zero = bool(source.zero_per_atom) or source.zero_from is not None
    # Whoever says the unit is believed; whether the energies are those of these structures is another question.
    told_unit = source.energy_unit is not None
    if reason := doubt(system, imported.states, imported.energy, has_zero=has_zero, has_unit=told_unit):
        raise InputError(
            f"Energies must be totals in eV, or --energy-unit and --energy-per say what they are (also if it is eV). "
            f"Received: {reason}"
        )
    per_area = system.energy_per_area(imported.energy, *imported.states.shape[1:])
    told = {**metadata, **as_metadata(imported.origin)}
    if imported.properties:
        told["properties"] = {name: {"unit": unit} for name, unit in property_units(options.source.properties).items()}
    data_set = DataSet(imported.states, per_area, told, imported.properties)
    write_data_set(options.out, data_set, overwrite=options.overwrite)


def described(system: "LatticeSystem", options: ImportOptions, names: list[str]) -> dict[str, Any]:
    """Return what a data set keeps of where its sheets come from."""
    import rugan_tf

    return {
        "system": system.spec,
        "options": to_json(options),
        "frames": names,
        "rugan_tf": rugan_tf.__version__,
    }


def write_states(path: Path, states: "NDArray[np.uint8]", metadata: dict[str, Any]) -> None:
    """Write sheets without energies, as `data label` takes them."""
    from rugan_tf.formats.npz import write_npz

    write_npz(path, {"states": states}, metadata)


def import_windows(system: "LatticeSystem", options: ImportOptions) -> None:
    """Cut large sheets into windows and write those."""
    import numpy as np

    from rugan_tf.data.windows import cut_windows

    if options.windows is None:
        raise InputError("Windows must have a size. Received: no --windows")
    parts, names = [], []
    for name, large in large_sheets(system, options):
        cut = cut_windows(system, large, options.windows, options.stride)
        parts.append(cut)
        names += [name] * len(cut.states)
    states = np.concatenate([part.states for part in parts])
    # Weighted, so that it is the share of all cells and not the mean over large sheets.
    changed = float(np.average([part.changed for part in parts], weights=[len(part.states) for part in parts]))
    write_states(options.out, states, described(system, options, names))
    rows, cols = options.windows
    print(
        f"{options.out}: {counted(len(states), 'window')} of {rows}x{cols} cells of "
        f"{counted(len(parts), 'large sheet')}\n"
        f"{WINDOW_WORDS} ({changed:.1%} of the cells were changed)\nnext: {label_command(options.out)}"
    )


def large_sheets(system: "LatticeSystem", options: ImportOptions) -> list[tuple[str, "NDArray[np.uint8]"]]:
    """Return large sheets by name: those of pictures, and those of structures."""
    from rugan_tf.data.importing import fitting_sheets, left_out_words
    from rugan_tf.data.windows import sheet_of_mask
    from rugan_tf.formats.frames import expanded
    from rugan_tf.formats.masks import is_mask, read_mask
    from rugan_tf.formats.structures import is_structure_file

    paths = expanded(options.structures, lambda path: is_structure_file(path) or is_mask(path))
    pictures = [path for path in paths if is_mask(path)]
    if pictures and options.scale is None:
        raise InputError(f"A picture must come with its --scale, Å of a pixel. Received: {pictures[0]} without")
    large = [(str(path), sheet_of_mask(system, read_mask(path), options.scale or 0.0)) for path in pictures]
    others = [path for path in paths if not is_mask(path)]
    if others:
        found, left_out = fitting_sheets(system, others, None, options.limits, options.reading, strict=options.strict)
        if left_out:
            print(f"rugan data: warning: {left_out_words(left_out, len(found))}", file=sys.stderr)
        large += [(sheet.name, sheet.match.states) for sheet in found]
    return large
