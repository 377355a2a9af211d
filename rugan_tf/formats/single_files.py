"""Formats whose files hold one structure without its energy: CIF, POSCAR, data of LAMMPS, PDB."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rugan_tf.errors import InputError
from rugan_tf.formats.frames import Frame, ReadOptions, read_by_ase, said

if TYPE_CHECKING:
    import ase

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


def write_cif(path: Path, structure: "ase.Atoms", _elements: list[str]) -> None:
    """Write one structure; without atoms it is its cell, for which ASE has no words."""
    if len(structure):
        write_by_ase(path, structure, "cif")
    else:
        path.write_text(EMPTY_CIF.format(*structure.cell.cellpar()), encoding="ascii")


def read_cif(path: Path, _options: ReadOptions) -> Iterator[Frame]:
    """Yield the structures of a file; of a block without atoms, its cell.

    Where the file lists every atom (space group 1), it is taken at its word: ASE compares each with every other, which
    takes seconds for some hundred atoms.
    """
    from ase.io.cif import parse_cif

    index = 0
    # Names of authors in older files are in various encodings; this one reads any byte, and atoms are ASCII.
    with warnings.catch_warnings(), open(path, encoding="latin-1") as file:
        warnings.simplefilter("ignore")  # of ASE, about settings of space groups that it chooses
        try:
            for block in parse_cif(file):
                if block.get_cellpar() is not None:
                    yield Frame(path, index, structure_in(block))
                    index += 1
        except Exception as error:  # ASE's readers raise whatever their first wrong step raises
            yield Frame(path, index, None, f"ASE cannot read it, nor what follows it ({said(error)})")
            return
    if not index:
        yield Frame(path, 0, None, "a CIF must hold a cell")


def structure_in(block: Any) -> "ase.Atoms":
    """Return the structure of one block of a CIF that has a cell, or raise InputError if sites are partly occupied."""
    import ase

    if not any(name.startswith(("_atom_site_fract", "_atom_site_cartn")) for name in block):
        return ase.Atoms(cell=block.get_cell(), pbc=True)
    shares = [float(share) for share in block.get("_atom_site_occupancy") or [] if isinstance(share, int | float)]
    if min(shares, default=1.0) < 0.999:
        raise InputError(f"Sites must be occupied or not. Received: an occupancy of {min(shares):g}")
    structure = block.get_unsymmetrized_structure() if lists_all(block) else block.get_atoms()
    structure.pbc = True
    return structure


def lists_all(block: Any) -> bool:
    """Return whether a block of a CIF has no symmetry but its translations."""
    names = "_space_group_symop_operation_xyz", "_space_group_symop.operation_xyz", "_symmetry_equiv_pos_as_xyz"
    found = [block.get(name) for name in names if block.get(name)]
    if found:
        return isinstance(found[0], str) or len(found[0]) == 1
    numbers = "_space_group_it_number", "_space_group.it_number", "_symmetry_int_tables_number"
    return any(block.get(name) == 1 for name in numbers)


def write_poscar(path: Path, structure: "ase.Atoms", elements: list[str]) -> None:
    """Write one structure; without atoms its line of species names those of the material, none of each."""
    empty = {} if len(structure) else {"symbol_count": [(symbol, 0) for symbol in elements]}
    write_by_ase(path, structure, "vasp", direct=True, **empty)


def read_poscar(path: Path, _options: ReadOptions) -> Iterator[Frame]:
    """Yield the structure of a POSCAR or CONTCAR."""
    yield from read_by_ase(path, "vasp")


def write_lammps(path: Path, structure: "ase.Atoms", elements: list[str]) -> None:
    """Write one structure as LAMMPS reads it, with masses, from which types of atoms are told apart."""
    write_by_ase(path, structure, "lammps-data", masses=True, specorder=elements)


def read_lammps(path: Path, options: ReadOptions) -> Iterator[Frame]:
    """Yield the structure of a data file of LAMMPS, whose types are the species told, or follow from their masses.

    Raises:
        InputError: a species that is no element.
    """
    from ase.data import atomic_numbers

    unknown = [symbol for symbol in options.species if symbol not in atomic_numbers]
    if unknown:
        raise InputError(f"species must be chemical symbols. Received: {unknown[0]}")
    numbers = {index + 1: atomic_numbers[symbol] for index, symbol in enumerate(options.species)}
    # None lets ASE go by the masses; of an empty table it would find no type.
    yield from read_by_ase(path, "lammps-data", Z_of_type=numbers or None)


def write_pdb(path: Path, structure: "ase.Atoms", _elements: list[str]) -> None:
    """Write one structure, to a thousandth of an Å."""
    write_by_ase(path, structure, "proteindatabank")


def read_pdb(path: Path, _options: ReadOptions) -> Iterator[Frame]:
    """Yield the models of a file."""
    yield from read_by_ase(path, "proteindatabank")


def write_by_ase(path: Path, structure: "ase.Atoms", form: str, **options: object) -> None:
    """Write a structure in a format of ASE."""
    import ase.io

    write: Callable[..., None] = ase.io.write
    write(path, structure, format=form, **options)
