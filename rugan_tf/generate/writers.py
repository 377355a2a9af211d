"""Generated sheets as files, the format named by the suffix. Each file appears whole or not at all."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf import files
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.extras import require_extra
from rugan_tf.figures.titles import energy_titles
from rugan_tf.formats import structures as formats
from rugan_tf.formats.energy_table import TABLE_SUFFIX, table_path, write_energy_table
from rugan_tf.formats.npz import write_npz
from rugan_tf.formats.zarr_states import write_zarr_states
from rugan_tf.generate.labelled import (
    NONE,
    REQUESTED,
    TOTAL,
    energies_by_name,
    labelled_structures,
    numbers_of,
    total_energies,
)  # fmt: skip
from rugan_tf.systems.system import LatticeSystem

if TYPE_CHECKING:
    import ase

PICTURES = (".png", ".svg", ".pdf")
SUFFIXES = (".npz", ".zarr", *formats.SUFFIXES, *PICTURES)
SHEETS_OF_A_PICTURE = 9  # whose energies stand above them


def write_sheets(
    path: Path | str,
    system: LatticeSystem,
    states: NDArray[np.uint8],
    energy_per_area_requested: ArrayLike | None = None,
    energy_per_area_obtained: NDArray[np.floating] | None = None,
    metadata: Mapping[str, Any] | None = None,
    *,
    structures: list["ase.Atoms"] | None = None,
    numbers: Mapping[str, NDArray[np.floating]] = NONE,
    sheet_numbers: Sequence[int] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write sheets in the format that `path` names, and return the files written.

    Formats of one structure number their files, NAME-0000.cif, ... Numbers stand in NAME.csv where these hold none.

    Args:
        path: .npz (arrays laid out as in a data set), .zarr (states, chunk by chunk); .extxyz, .xyz, .db, .json (sheets
            as frames); .cif, .vasp or POSCAR, .data (LAMMPS), .pdb (a file for each sheet); .png, .svg, .pdf.
        system: the material.
        states: uint8 (n, rows, cols), n >= 1.
        energy_per_area_requested: (n,), in the unit of the system; None if something else was requested.
        energy_per_area_obtained: (n,), likewise, where it is known.
        metadata: JSON content that .npz and .zarr keep beside the system; it should say that energies were requested.
        structures: (n,), the sheets as atoms where something was done to them: edges saturated, atoms relaxed.
        numbers: (n,) each, other numbers that go with the sheets, by name.
        sheet_numbers: (n,), in the names of numbered files; 0, 1, ... unless given.
        overwrite: replace files that exist.

    Raises:
        InputError: another suffix, arrays that do not belong together, or structures for what holds states.
        OSError: a file exists and may not be replaced, or cannot be written.
    """
    states = system.validate_states(states)
    requested = None if energy_per_area_requested is None else np.asarray(energy_per_area_requested, np.float64)
    require_one_for_each(len(states), requested, numbers)
    path, paths = Path(path), free_paths(path, len(states), sheet_numbers, overwrite=overwrite)
    warn_of_empty(system, states)
    if structures is not None:
        require_structure_format(path)
    told = {"system": system.spec, **(metadata or {})}
    suffix, obtained = path.suffix.lower(), energy_per_area_obtained
    energies = {**energies_by_name(REQUESTED, requested, obtained), **numbers}
    if suffix == ".npz":
        write_npz(path, {"states": states, **as_of_data(requested, obtained), **numbers}, told)
    elif suffix == ".zarr":
        write_zarr_states(path, system, states, told | {name: values.tolist() for name, values in energies.items()})
    elif suffix in PICTURES:
        write_picture(path, system, states, titles_of(system, requested, obtained, numbers, told))
        if obtained is not None:
            energies[TOTAL] = total_energies(system, states, obtained)
    else:
        structures = structures or labelled_structures(system, states, requested, obtained, numbers=numbers)
        formats.write_structures(path, system, structures, sheet_numbers)
        energies = {**numbers_of(structures)}
    if has_table(path, len(states)):
        write_energy_table(paths[-1], frames_in(paths[:-1], len(states)), energies)
    return paths


def files_in_words(written: Sequence[Path]) -> str:
    """Return the files of sheets as messages say them.

    >>> files_in_words([Path("a-0000.cif"), Path("a-0001.cif"), Path("a.csv")])
    'a-0000.cif to a-0001.cif, with numbers in a.csv'
    """
    has_numbers = len(written) > 1 and written[-1].suffix == TABLE_SUFFIX
    sheets = written[:-1] if has_numbers else written
    names = str(sheets[0]) if len(sheets) == 1 else f"{sheets[0]} to {sheets[-1].name}"
    return f"{names}, with numbers in {written[-1].name}" if has_numbers else names


def warn_of_empty(system: LatticeSystem, states: NDArray[np.uint8]) -> None:
    """Warn of sheets without atoms: a reader takes their files, which hold cells alone, for damaged."""
    number = int((system.num_atoms(states) == 0).sum())
    if number:
        told = f"sheets without any atom are written as empty cells: {number} of {len(states)}"
        warnings.warn(told, InputWarning, stacklevel=3)


def as_of_data(
    requested: NDArray[np.float64] | None, obtained: NDArray[np.floating] | None
) -> dict[str, NDArray[np.floating]]:
    """Return energies (n,) by the names of a data set; where none was requested those obtained take its place."""
    return energies_by_name("energy_per_area", obtained if requested is None else requested, obtained)


def free_paths(path: Path | str, num_sheets: int, numbers: Sequence[int] | None, *, overwrite: bool) -> list[Path]:
    """Return what `target_paths` does, or raise FileExistsError for files that may not be replaced."""
    paths = target_paths(path, num_sheets, numbers)
    files.require_free(*paths, overwrite=overwrite)
    return paths


def target_paths(path: Path | str, num_sheets: int, numbers: Sequence[int] | None = None) -> list[Path]:
    """Return the files that sheets become; the table of their energies, if there is one, is the last.

    Args:
        path: as of `write_sheets`.
        num_sheets: how many they are.
        numbers: in the names of numbered files; 0, 1, ... unless given.

    Raises:
        InputError: an unknown suffix, or one of a format whose extra is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES and formats.format_of(path) is None:
        raise InputError(f"The file must end in one of {', '.join(SUFFIXES)}, or be POSCAR. Received: {path}")
    if path.suffix.lower() == ".zarr":
        require_extra("large")
    table = [table_path(path)] if has_table(path, num_sheets) else []
    return [*formats.structure_paths(path, num_sheets, numbers), *table]


def require_structure_format(path: Path) -> None:
    """Refuse formats that hold states or pictures, for sheets whose atoms are no longer on their sites."""
    if formats.format_of(path) is None:
        raise InputError(
            f"Sheets that are saturated or relaxed must be written as atoms, {', '.join(formats.SUFFIXES)}. "
            f"Received: {path}"
        )


def has_table(path: Path, num_sheets: int) -> bool:
    """Return whether energies stand beside the files, which cannot hold those of all sheets."""
    if path.suffix.lower() in (".png", ".svg"):
        return num_sheets > SHEETS_OF_A_PICTURE
    form = formats.format_of(path)
    return form is not None and form.write_all is None


def frames_in(paths: list[Path], num_sheets: int) -> list[tuple[str, int]]:
    """Return for each sheet the file that it is in, and its number there."""
    if len(paths) == 1:
        return [(paths[0].name, index) for index in range(num_sheets)]
    return [(path.name, 0) for path in paths]


def require_one_for_each(
    num_sheets: int, requested: NDArray[np.float64] | None, numbers: Mapping[str, NDArray[np.floating]]
) -> None:
    """Refuse no sheets, and numbers that are not one for each sheet."""
    shapes = {"energies": (num_sheets,) if requested is None else requested.shape}
    shapes |= {name: values.shape for name, values in numbers.items()}
    wrong = next((name for name, shape in shapes.items() if shape != (num_sheets,)), None)
    if not num_sheets or wrong is not None:
        name = wrong or "energies"
        got = f"{num_sheets} sheets, {name} of shape {shapes[name]}"
        raise InputError(f"There must be sheets, and one requested energy for each. Received: {got}")


def titles_of(
    system: LatticeSystem,
    requested: NDArray[np.float64] | None,
    obtained: NDArray[np.floating] | None,
    numbers: Mapping[str, NDArray[np.floating]],
    metadata: Mapping[str, Any],
) -> list[str]:
    """Return what stands above each sheet: energies, or the other numbers where those were requested, with units."""
    if requested is not None:
        return energy_titles(system, requested, obtained)
    lines: dict[str, list[list[str]]] = {}
    for name, values in numbers.items():
        unit = metadata.get("properties", {}).get(name, {}).get("unit")
        words, _, what = name.rpartition("_")  # NAME_requested, NAME_obtained
        heading = words.replace("_", " ") + (f" ({unit})" if unit else "")
        lines.setdefault(heading, []).append([f"{value:.3f} {what}" for value in values])
    told = [[f"{heading}: {', '.join(one)}" for one in zip(*parts, strict=True)] for heading, parts in lines.items()]
    return ["\n".join(one) for one in zip(*told, strict=True)]


def write_picture(path: Path, system: LatticeSystem, states: NDArray[np.uint8], titles: list[str]) -> None:
    """Draw the sheets: the first nine as PNG or SVG, all of them on the pages of a PDF."""
    from rugan_tf.figures.sheets import titled_figure
    from rugan_tf.figures.style import write_figure, write_pages

    if path.suffix.lower() != ".pdf":
        write_figure(path, titled_figure(system, states, titles))
        return
    pages = [slice(start, start + SHEETS_OF_A_PICTURE) for start in range(0, len(states), SHEETS_OF_A_PICTURE)]
    # Drawn one by one as they are written: figures of all sheets would fill the memory.
    write_pages(path, (titled_figure(system, states[page], titles[page]) for page in pages))
