"""Generated sheets as files, the format named by the suffix. Each file appears whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.extras import require_extra
from rugan_tf.formats import structures
from rugan_tf.formats.npz import write_npz
from rugan_tf.formats.zarr_states import write_zarr_states
from rugan_tf.systems.system import LatticeSystem

SUFFIXES = (".npz", ".zarr", *structures.SUFFIXES, ".png")


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
        path: .npz (arrays laid out as in a data set), .zarr (states, chunk by chunk), .extxyz (sheets as frames),
            .cif or .vasp (several sheets become NAME-0000.cif, NAME-0001.cif, ...) or .png.
        system: the material.
        states: uint8 (n, rows, cols), n >= 1.
        energy_per_area_requested: (n,), in the unit of the system.
        energy_per_area_obtained: (n,), likewise, where it is known; also in .npz, .zarr, .extxyz and .png.
        metadata: JSON content that .npz and .zarr keep beside the name of the system; it should say that the energies
            were requested.

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
    path = Path(path)
    paths = target_paths(path, len(states))
    told = {"system": system.spec, **(metadata or {})}
    if path.suffix == ".npz":
        energies = energies_by_name("energy_per_area", requested, energy_per_area_obtained)
        write_npz(path, {"states": states, **energies}, told)
    elif path.suffix == ".zarr":
        energies = energies_by_name("energy_per_area_requested", requested, energy_per_area_obtained)
        write_zarr_states(path, system, states, told | {name: values.tolist() for name, values in energies.items()})
    elif path.suffix == ".png":
        write_png(path, system, states, requested, energy_per_area_obtained)
    else:
        energies = energies_by_name("energy_per_area_requested", requested, energy_per_area_obtained)
        structures.write_structures(path, system, states, energies)
    return paths


def target_paths(path: Path | str, num_sheets: int) -> list[Path]:
    """Return the files that `num_sheets` sheets become.

    Raises:
        InputError: an unknown suffix, or one of a format whose extra is not installed.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f"The file must end in one of {', '.join(SUFFIXES)}. Received: {path}")
    if path.suffix == ".zarr":
        require_extra("large")
    return structures.structure_paths(path, num_sheets)


def energies_by_name(
    requested_name: str, requested: NDArray[np.float64], obtained: NDArray[np.floating] | None
) -> dict[str, NDArray[np.floating]]:
    """Return the energies that are known by the names that files give them."""
    named: dict[str, NDArray[np.floating]] = {requested_name: requested}
    return named if obtained is None else {**named, "energy_per_area_obtained": obtained}


def write_png(
    path: Path,
    system: LatticeSystem,
    states: NDArray[np.uint8],
    requested: NDArray[np.float64],
    obtained: NDArray[np.floating] | None,
) -> None:
    """Draw the sheets."""
    from rugan_tf.figures.sheets import sheets_figure
    from rugan_tf.figures.style import write_figure

    write_figure(path, sheets_figure(system, states, requested, obtained))
