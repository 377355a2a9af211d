"""Atoms in the formats of other programs, through ASE: which files sheets become, and what they hold."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.systems.system import LatticeSystem

if TYPE_CHECKING:
    import ase

SUFFIXES = (".extxyz", ".cif", ".vasp")
ONE_SHEET_SUFFIXES = (".cif", ".vasp")  # formats whose files hold one structure
EMPTY_CIF = """data_sheet_without_atoms
_cell_length_a       {0:.10g}
_cell_length_b       {1:.10g}
_cell_length_c       {2:.10g}
_cell_angle_alpha    {3:.10g}
_cell_angle_beta     {4:.10g}
_cell_angle_gamma    {5:.10g}

_space_group_name_H-M_alt    "P 1"
_space_group_IT_number       1
"""


def structure_paths(path: Path, num_sheets: int) -> list[Path]:
    """Return the files that sheets become.

    >>> [target.name for target in structure_paths(Path("sheet.cif"), 2)]
    ['sheet-0000.cif', 'sheet-0001.cif']
    """
    if path.suffix not in ONE_SHEET_SUFFIXES or num_sheets == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{index:04d}{path.suffix}") for index in range(num_sheets)]


def write_structures(
    path: Path, system: LatticeSystem, states: NDArray[np.uint8], properties: Mapping[str, NDArray[np.floating]]
) -> list[Path]:
    """Write sheets as atoms in the format that the suffix names, and return the files written.

    Args:
        path: .extxyz (sheets as frames), .cif or .vasp (see `structure_paths`).
        system: the material.
        states: uint8 (n, rows, cols).
        properties: of the sheets, each (n,), by the names that they get in `info`, which .extxyz keeps.
    """
    structures = [system.structure(sheet) for sheet in states]
    for index, structure in enumerate(structures):
        structure.info.update({name: float(values[index]) for name, values in properties.items()})
    paths = structure_paths(path, len(structures))
    frames = [structures] if len(paths) == 1 else [[structure] for structure in structures]
    for target, content in zip(paths, frames, strict=True):
        with files.replacing(target) as temporary:
            WRITERS[path.suffix](temporary, content, system)
    return paths


def write_extxyz(path: Path, structures: list["ase.Atoms"], _: LatticeSystem) -> None:
    """Write structures as frames of one file."""
    write_by_ase(path, structures, "extxyz")


def write_cif(path: Path, structures: list["ase.Atoms"], _: LatticeSystem) -> None:
    """Write one structure; without atoms it is its cell, for which ASE has no words."""
    if len(structures[0]):
        write_by_ase(path, structures, "cif")
    else:
        path.write_text(EMPTY_CIF.format(*structures[0].cell.cellpar()), encoding="ascii")


def write_poscar(path: Path, structures: list["ase.Atoms"], system: LatticeSystem) -> None:
    """Write one structure; without atoms its line of species names those of the material, none of each."""
    empty = {} if len(structures[0]) else {"symbol_count": [(symbol, 0) for symbol in elements(system)]}
    write_by_ase(path, structures, "vasp", direct=True, **empty)


def write_by_ase(path: Path, structures: list["ase.Atoms"], form: str, **options: object) -> None:
    """Write structures in a format of ASE."""
    import ase.io

    write: Callable[..., None] = ase.io.write
    write(path, structures, format=form, **options)


WRITERS = {".extxyz": write_extxyz, ".cif": write_cif, ".vasp": write_poscar}


def elements(system: LatticeSystem) -> list[str]:
    """Return the symbols of the elements that a material's states put on its sites, sorted.

    >>> from rugan_tf.systems.named import DEFAULT_SYSTEM, system_named
    >>> elements(system_named(DEFAULT_SYSTEM))
    ['C']
    """
    return sorted({symbol for sites in system.species for symbol in sites if symbol is not None})
