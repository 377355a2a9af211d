"""Sheets as files, the format named by the suffix. Each file appears whole or not at all."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem

SUFFIXES = (".npz", ".extxyz", ".cif", ".vasp", ".png")
ONE_SHEET_SUFFIXES = (".cif", ".vasp")  # formats whose files hold one structure


def write_sheets(
    path: Path | str,
    system: LatticeSystem,
    states: NDArray[np.uint8],
    energy_per_area_requested: NDArray[np.floating],
    energy_per_area_obtained: NDArray[np.floating] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write sheets in the format that the suffix of `path` names, replacing what stands there.

    Args:
        path: .npz (arrays laid out as in a data set), .extxyz (sheets as frames), .cif or .vasp (several
            sheets become NAME-0000.cif, NAME-0001.cif, ...) or .png.
        system: the material.
        states: uint8 (n, rows, cols), n >= 1.
        energy_per_area_requested: (n,), in the unit of the system.
        energy_per_area_obtained: (n,), in the unit of the system, where it is known; also in .npz, .extxyz and .png.
        metadata: JSON content that an .npz keeps beside the name of the system.

    Returns:
        The files written.

    Raises:
        InputError: another suffix, or arrays that do not belong together.
        OSError: the file cannot be written.
    """
    states = system.validate_states(states)
    requested = np.asarray(energy_per_area_requested, dtype=np.float64)
    if not len(states) or requested.shape != (len(states),):
        raise InputError(
            f"There must be sheets, and one requested energy for each. "
            f"Received: {len(states)} sheets, energies of shape {requested.shape}"
        )
    paths = target_paths(path, len(states))
    if paths[0].suffix == ".npz":
        arrays = {"states": states, **energies_by_name("energy_per_area", requested, energy_per_area_obtained)}
        write_npz(paths[0], arrays, {"system": system.spec, **(metadata or {})})
    elif paths[0].suffix == ".png":
        write_png(paths[0], system, states, requested, energy_per_area_obtained)
    else:
        energies = energies_by_name("energy_per_area_requested", requested, energy_per_area_obtained)
        write_structures(paths, system, states, energies)
    return paths


def target_paths(path: Path | str, num_sheets: int) -> list[Path]:
    """Return the files that `num_sheets` sheets become, or raise InputError for an unknown suffix.

    >>> [target.name for target in target_paths("sheet.cif", 2)]
    ['sheet-0000.cif', 'sheet-0001.cif']
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"The file must end in one of {', '.join(SUFFIXES)}. Received: {path}")
    if path.suffix not in ONE_SHEET_SUFFIXES or num_sheets == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{index:04d}{path.suffix}") for index in range(num_sheets)]


def energies_by_name(
    requested_name: str, requested: NDArray[np.float64], obtained: NDArray[np.floating] | None
) -> dict[str, NDArray[np.floating]]:
    """Return the energies that are known by the names that files give them."""
    named: dict[str, NDArray[np.floating]] = {requested_name: requested}
    return named if obtained is None else {**named, "energy_per_area_obtained": obtained}


def write_npz(path: Path, arrays: dict[str, Any], metadata: Mapping[str, Any]) -> None:
    """Write arrays as a data set holds them; the metadata should say that the energies were requested."""
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays, metadata=np.array(json.dumps(metadata)))


def write_structures(
    paths: list[Path], system: LatticeSystem, states: NDArray[np.uint8], energies: dict[str, NDArray[np.floating]]
) -> None:
    """Write structures through ASE: all into the first file if there is one, else each into its own."""
    import ase.io

    structures = [system.structure(sheet) for sheet in states]
    for index, structure in enumerate(structures):
        structure.info.update({name: float(values[index]) for name, values in energies.items()})
    write: Callable[..., None] = ase.io.write
    frames = [structures] if len(paths) == 1 else [[structure] for structure in structures]
    for path, content in zip(paths, frames, strict=True):
        options = {"direct": True} if path.suffix == ".vasp" else {}
        with files.replacing(path) as temporary:
            write(temporary, content, format=path.suffix[1:], **options)


def write_png(
    path: Path,
    system: LatticeSystem,
    states: NDArray[np.uint8],
    requested: NDArray[np.float64],
    obtained: NDArray[np.floating] | None,
) -> None:
    """Draw the sheets."""
    from rugan_tf.figures.sheets import sheets_figure

    figure = sheets_figure(system, states, requested, obtained)
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
