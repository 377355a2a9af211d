"""`python -m rugan_tf.data window`: the atoms of a part of a sheet of any size."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from rugan_tf import files
from rugan_tf.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rugan_tf.formats.zarr_store import StatesStore

ARRAYS = ".npz"


@dataclasses.dataclass(frozen=True)
class WindowOptions:
    """Take a window out of a large sheet, as atoms or as states."""

    states: Path
    """Zarr folder that `rugan generate` wrote, or is writing."""
    out: Path
    """File to write: extxyz, cif, vasp and others that take atoms, or .npz for the states."""
    origin: tuple[str, str] = ("0", "0")
    """Corner of the window, x and y: in Å unless a unit is said, as 1um; the sheet is periodic."""
    size: tuple[str, ...] = ("100",)
    """Lengths of the window along x and y, or one for both."""
    sheet: int = 0
    """Number of the sheet."""
    overwrite: bool = False
    """Replace a file that exists."""


def window(options: WindowOptions) -> None:
    """Read, write, say where."""
    from rugan_tf.formats.zarr_store import open_store

    check_target(options)
    store = open_store(options.states, is_writable=False)
    num_sheets = store.states.shape[0]
    if not 0 <= options.sheet < num_sheets:
        raise InputError(f"sheet must be one of the {num_sheets} sheets, from 0. Received: sheet={options.sheet}")
    row, col, rows, cols = cells_of(store, options)
    states = store.window(options.sheet, row, col, rows, cols)
    write_window(store, states, (row, col), options)
    pitches = store.system.lattice.row_pitch, store.system.lattice.col_pitch
    corner = f"{row * pitches[0]:.6g} {col * pitches[1]:.6g} {store.system.length_unit}"
    print(f"{options.out}: {rows}x{cols} cells from row {row} and column {col}, at {corner}")


def check_target(options: WindowOptions) -> None:
    """Refuse an unknown format or an existing file before any work is done."""
    from rugan_tf.formats.structures import SUFFIXES, format_of

    if options.out.suffix != ARRAYS and format_of(options.out) is None:
        raise InputError(f"The file must end in one of {ARRAYS}, {', '.join(SUFFIXES)}. Received: {options.out}")
    files.require_absent(options.out, overwrite=options.overwrite)


def cells_of(store: "StatesStore", options: WindowOptions) -> tuple[int, int, int, int]:
    """Return first row, first column, rows and columns of the window that is nearest, whole periods of the lattice.

    Raises:
        InputError: no lengths, or a window larger than the sheet.
    """
    from rugan_tf.systems.lengths import length_of, nearest_size

    system, (_, *whole) = store.system, store.states.shape
    rows, cols = nearest_size(system, options.size)
    if rows > whole[0] or cols > whole[1]:
        raise InputError(
            f"A window must be within the sheet, {whole[0]}x{whole[1]} cells. Received: {rows}x{cols} cells"
        )
    periods, pitches = (system.row_period, system.col_period), (system.lattice.row_pitch, system.lattice.col_pitch)
    corner = [
        period * round(length_of(text, system) / (period * pitch)) % size
        for text, period, pitch, size in zip(options.origin, periods, pitches, whole, strict=True)
    ]
    return corner[0], corner[1], rows, cols


def write_window(
    store: "StatesStore", states: "NDArray[np.uint8]", corner: tuple[int, int], options: WindowOptions
) -> None:
    """Write states, uint8 (rows, cols), in the format of the file. Atoms are not periodic: a window is a part."""
    from rugan_tf.formats.npz import write_npz
    from rugan_tf.formats.structures import write_structures

    if options.out.suffix == ARRAYS:
        write_npz(options.out, {"states": states[None]}, {"system": store.system.spec, "window_of": str(store.path)})
        return
    structure = store.system.structure(states)
    structure.pbc = False
    pitches = store.system.lattice.row_pitch, store.system.lattice.col_pitch
    structure.info["origin"] = [cell * pitch for cell, pitch in zip(corner, pitches, strict=True)]
    write_structures(options.out, store.system, [structure])
