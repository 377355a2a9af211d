"""Sheets from files: structures that ASE reads, `states` in .npz or .zarr. The one place here that knows formats."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import decode_metadata, read_states
from rugan_tf.formats.npz import read_arrays
from rugan_tf.formats.zarr_states import open_zarr_states
from rugan_tf.physics.hamiltonian import PlanarAtoms
from rugan_tf.physics.tight_binding import TightBindingParameters
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem

if TYPE_CHECKING:
    import ase

FLAT = 0.05  # Å between the highest and the lowest atom; the bonds of such a sheet are right to a thousandth
VACUUM = 12.0  # Å beyond the atoms along a direction that is not periodic


class Sheets(NamedTuple):
    """Sheets of a file, read one by one."""

    number: int
    sheets: Iterator[PlanarAtoms]


def read_sheets(path: Path, system: str) -> Sheets:
    """Return the sheets of a file.

    Args:
        path: .npz or .zarr with `states`, or a file that ASE reads.
        system: material of states whose file does not name it.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: no sheets of the element in a plane.
    """
    if not path.exists():
        raise FileNotFoundError(f"The file of structures must exist. Received: {path}")
    if path.suffix in (".npz", ".zarr"):
        material, states = _read_npz(path, system) if path.suffix == ".npz" else _read_zarr(path, system)
        number = int(states.shape[0])
        parameters = parameters_of(material)
        # Made when they are asked for: the structures of all sheets would fill the memory.
        made = (planar_atoms(material.structure(states[i]), f"sheet {i}", parameters) for i in range(number))
        return Sheets(number, made)
    import ase.io

    try:
        frames = ase.io.read(path, index=":")
    except Exception as error:  # ASE's readers raise whatever their first wrong step raises
        raise InputError(f"Structures must be in a format that ASE reads. Received: {path} ({error})") from None
    if not frames:
        raise InputError(f"There must be at least one structure. Received: {path} without any")
    parameters = parameters_of(system_named(system))
    return Sheets(len(frames), (planar_atoms(frame, f"frame {i}", parameters) for i, frame in enumerate(frames)))


def parameters_of(system: LatticeSystem) -> TightBindingParameters:
    """Return the numbers of a material's element, or raise InputError for one that has none."""
    if system.tight_binding is None:
        raise InputError(
            f"Densities of states need tight binding of the material. Received: {system.name}, which has none"
        )
    return system.tight_binding


def _read_npz(path: Path, system: str) -> tuple[LatticeSystem, NDArray[np.uint8]]:
    with np.load(path, allow_pickle=False) as archive:
        # An array under this name loads as well, and has no names.
        names = archive.files if isinstance(archive, np.lib.npyio.NpzFile) else []
    if "metadata" in names:
        system = decode_metadata(path, read_arrays(path, ("metadata",))["metadata"])["system"]
    return system_named(system), read_states(path, system_named(system))


def _read_zarr(path: Path, system: str) -> tuple[LatticeSystem, Any]:
    return system_named(system), open_zarr_states(path, system_named(system))


def planar_atoms(structure: "ase.Atoms", name: str, parameters: TightBindingParameters) -> PlanarAtoms:
    """Return a structure as atoms of one element in the plane of x and y.

    Args:
        structure: an `ase.Atoms`; along directions that are not periodic it is kept apart from its images.
        name: what errors call it.
        parameters: the numbers of the element.

    Raises:
        InputError: no atoms, other elements, atoms outside of one plane, or periods outside of it.
    """
    if not len(structure):
        raise InputError(f"A sheet must hold at least one atom. Received: {name}, which is empty")
    symbols = np.array(structure.get_chemical_symbols())
    others = np.flatnonzero(symbols != parameters.element)
    if len(others):
        first = others[0]
        raise InputError(
            f"Sheets must be of {parameters.element}. Received: {name} with {symbols[first]} as atom {first}"
        )
    heights = structure.positions[:, 2]
    if np.ptp(heights) > FLAT:
        raise InputError(
            f"Sheets must lie flat in the plane of x and y, within {FLAT} Å. "
            f"Received: {name}, {np.ptp(heights):.3g} Å from the lowest to the highest atom"
        )
    cell = np.array(structure.cell[:2])
    if abs(cell[:, 2]).max() > FLAT:
        raise InputError(f"The first two periods must lie in the plane of x and y. Received: {name}, {cell.tolist()}")
    positions, cell = np.array(structure.positions[:, :2]), cell[:, :2]
    for axis in range(2):
        if not structure.pbc[axis]:
            other = cell[1 - axis] if structure.pbc[1 - axis] else np.eye(2)[1 - axis]
            normal = np.array([other[1], -other[0]]) / np.linalg.norm(other)
            # Across the other period: along a slanted one images would be closer than the vacuum.
            cell[axis] = normal * (np.ptp(positions @ normal) + VACUUM)
    try:
        return PlanarAtoms(positions, cell, parameters)
    except ValueError as error:
        raise InputError(f"{error} ({name})") from None
