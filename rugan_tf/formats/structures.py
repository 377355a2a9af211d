"""Files of structures: which format a path means, what is written into one, and what is read from any."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rugan_tf import files
from rugan_tf.formats.databases import read_database, write_database
from rugan_tf.formats.extxyz import read_extxyz, write_extxyz
from rugan_tf.formats.frames import Frame, Reader, ReadOptions, expanded, read_by_ase
from rugan_tf.formats.single_files import (
    read_cif,
    read_lammps,
    read_pdb,
    read_poscar,
    write_cif,
    write_lammps,
    write_pdb,
    write_poscar,
)  # fmt: skip
from rugan_tf.systems.system import LatticeSystem

if TYPE_CHECKING:
    import ase

OTHERS = (".traj", ".xdatcar", ".xml", ".outcar", ".out", ".in", ".xsf", ".gen", ".res")  # which folders are read for
OTHER_NAMES = ("XDATCAR", "OUTCAR", "vasprun")


@dataclasses.dataclass(frozen=True)
class StructureFormat:
    """A format that structures are written in.

    Attributes:
        suffixes: of its files, lower case; the first is what it is called.
        read: yields the frames of a file.
        write_one: writes a structure, knowing the elements of the material; of formats whose files hold one.
        write_all: writes structures and their energies; of formats whose files hold many.
        names: what its files are called, or begin with, where they have no suffix.
    """

    suffixes: tuple[str, ...]
    read: Reader
    write_one: Callable[[Path, "ase.Atoms", list[str]], None] | None = None
    write_all: Callable[[Path, list["ase.Atoms"]], None] | None = None
    names: tuple[str, ...] = ()


FORMATS = (
    StructureFormat((".extxyz", ".xyz"), read_extxyz, write_all=write_extxyz),
    StructureFormat((".db", ".json"), read_database, write_all=write_database),
    StructureFormat((".cif",), read_cif, write_one=write_cif),
    StructureFormat((".vasp", ".poscar"), read_poscar, write_one=write_poscar, names=("POSCAR", "CONTCAR")),
    StructureFormat((".data", ".lmp", ".lammps"), read_lammps, write_one=write_lammps),
    StructureFormat((".pdb",), read_pdb, write_one=write_pdb),
)
SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)


def format_of(path: Path) -> StructureFormat | None:
    """Return the format of a file by its suffix, in letters of any case, or by its name.

    >>> format_of(Path("sheet.CIF")).suffixes
    ('.cif',)
    >>> format_of(Path("run/CONTCAR")).suffixes
    ('.vasp', '.poscar')
    """
    for form in FORMATS:
        if path.suffix.lower() in form.suffixes or path.name.startswith(form.names or ("\0",)):
            return form
    return None


def is_structure_file(path: Path) -> bool:
    """Return whether a file's name is one that structures are known to have."""
    is_other = path.suffix.lower() in OTHERS or path.name.startswith(OTHER_NAMES)
    return not path.name.startswith(".") and (format_of(path) is not None or is_other)


def structure_paths(path: Path, num_sheets: int, numbers: Sequence[int] | None = None) -> list[Path]:
    """Return the files that sheets become; numbers that are given are those of their names, of one sheet, too.

    >>> [target.name for target in structure_paths(Path("sheet.cif"), 2)]
    ['sheet-0000.cif', 'sheet-0001.cif']
    >>> [target.name for target in structure_paths(Path("sheet.cif"), 1, numbers=[3])]
    ['sheet-0003.cif']
    """
    form = format_of(path)
    if form is None or form.write_all is not None or (num_sheets == 1 and numbers is None):
        return [path]
    named = range(num_sheets) if numbers is None else numbers
    return [path.with_name(f"{path.stem}-{index:04d}{path.suffix}") for index in named]


def write_structures(
    path: Path, system: LatticeSystem, structures: list["ase.Atoms"], numbers: Sequence[int] | None = None
) -> list[Path]:
    """Write structures in the format that the path names, and return the files written.

    Args:
        path: as of one of `FORMATS`; see `structure_paths`.
        system: the material.
        structures: what `info` and calculators hold is kept by formats of many structures.
        numbers: as of `structure_paths`.
    """
    form = format_of(path)
    if form is None:
        raise ValueError(f"no format of structures: {path}")
    paths = structure_paths(path, len(structures), numbers)
    if form.write_all is not None:
        with files.replacing(path) as temporary:
            form.write_all(temporary, structures)
    elif form.write_one is not None:
        named = elements(system, structures)
        for target, structure in zip(paths, structures, strict=True):
            with files.replacing(target) as temporary:
                form.write_one(temporary, structure, named)
    return paths


def read_structures(names: tuple[str, ...], options: ReadOptions = ReadOptions()) -> Iterator[Frame]:
    """Yield the frames of files, folders and patterns, whatever ASE reads, one after another.

    Raises:
        FileNotFoundError: a file that does not exist.
        InputError: a folder or a pattern without files.
    """
    for path in expanded(names, is_structure_file):
        form = format_of(path)
        found = form.read(path, options) if form is not None else read_by_ase(path)
        # A file without any frame must be named among what is left out, not passed over.
        first = next(found, Frame(path, 0, None, "the file holds no structure, or none that is selected"))
        yield first
        yield from found


def elements(system: LatticeSystem, structures: list["ase.Atoms"] | None = None) -> list[str]:
    """Return the symbols of the elements of a material, sorted, and then others that structures hold.

    >>> from rugan_tf.systems.named import DEFAULT_SYSTEM, system_named
    >>> elements(system_named(DEFAULT_SYSTEM))
    ['C']
    """
    own = sorted({symbol for sites in system.species for symbol in sites if symbol is not None})
    held = {symbol for structure in structures or [] for symbol in structure.get_chemical_symbols()}
    return own + sorted(held - set(own))
