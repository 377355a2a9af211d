"""Training sheets cut out of one large sheet, or out of a picture of one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem


class Windows(NamedTuple):
    """Windows, made into periodic sheets.

    Attributes:
        states: uint8 (n, rows, cols), as the material's rule leaves them.
        changed: share of the cells that the rule changed, because sides meet that did not before.
    """

    states: NDArray[np.uint8]
    changed: float


def cut_windows(
    system: LatticeSystem, large: NDArray[np.uint8], size: tuple[int, int], stride: tuple[int, int] | None = None
) -> Windows:
    """Cut windows out of one large sheet.

    A window is not periodic, and a training sheet is: opposite sides of the window are joined, and what then obeys the
    rule of the material no more is repaired.

    Args:
        system: the material.
        large: uint8 (rows, cols).
        size: rows and columns of a window.
        stride: from one window to the next; their size unless given, so that none shares a cell with another.

    Raises:
        InputError: a size that no sheet has, a stride that is no whole period, or windows larger than the sheet.
    """
    system.validate_size(*size)
    rows, cols = stride or size
    if min(rows, cols) < 1 or cols % system.col_period:
        raise InputError(
            f"stride must be positive, whole periods of {system.col_period} columns. Received: {rows} {cols}"
        )
    if size[0] > large.shape[0] or size[1] > large.shape[1]:
        raise InputError(
            f"Windows must be smaller than the sheet, {large.shape[0]}x{large.shape[1]} cells. "
            f"Received: {size[0]}x{size[1]}"
        )
    # A stride of whole periods keeps the first column of every window an even one of the lattice.
    views = np.lib.stride_tricks.sliding_window_view(large, size)[::rows, ::cols]
    windows = views.reshape(-1, *size).copy()
    repaired = system.repair(windows)
    return Windows(repaired, float((windows != repaired).mean()))


def sheet_of_mask(system: LatticeSystem, mask: NDArray[np.bool_], scale: float) -> NDArray[np.uint8]:
    """Return the largest sheet that fits into a picture, uint8 (rows, cols): atoms where it is white.

    Rows run along the picture's width. A site takes the pixel that it falls on.

    Args:
        system: the material; each site holds one species or none.
        mask: bool (pixels up, pixels along), the lowest row first.
        scale: length of a pixel, in the unit of the lattice.

    Raises:
        InputError: a scale that is not positive, a picture smaller than a sheet, or a material of several species.
    """
    lattice = system.lattice
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"scale must be positive, {system.length_unit} of a pixel. Received: scale={scale}")
    occupied = np.array([[one is not None for one in sites] for sites in system.species])
    if len({tuple(sites) for sites in occupied.tolist()}) < len(system.species):
        raise InputError(f"A mask must tell every state; it knows black and white. Received: {system.name}")
    height, width = (scale * pixels for pixels in mask.shape)
    rows = int(width / lattice.row_pitch)
    # Whole periods, or the sheet would not close around its end.
    cols = int(height / lattice.col_pitch) // lattice.col_period * lattice.col_period
    if min(rows, cols) < 1:
        raise InputError(f"A mask must hold whole cells. Received: {width:.1f} x {height:.1f} {system.length_unit}")
    places = (lattice.positions(rows, cols) / scale).astype(np.int64)
    # Sites of odd columns that stand beyond the end of a row are on its other side.
    along, up = (places[..., axis] % mask.shape[1 - axis] for axis in (0, 1))
    table = np.full((2,) * lattice.num_sites, -1)
    table[tuple(occupied.astype(int).T)] = np.arange(len(occupied))
    states = table[tuple(np.moveaxis(mask[up, along].astype(int), -1, 0))]
    if states.min() < 0:
        raise InputError(f"A mask must tell every state; {system.name} has none for some combination of sites")
    return np.asarray(states, np.uint8)
