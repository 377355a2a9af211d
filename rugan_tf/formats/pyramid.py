"""Large sheets to look at: shares of filled sites, ever coarser, as OME-Zarr describes its images.

Each level halves the one before, so a viewer reads of a sheet of any size what fills its window, and no more.
"""

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.system import LatticeSystem

FINEST = 4  # cells along each side of a pixel of level 0
FEWEST = 256  # pixels along the longer side of the last level, at most
FULL = 255  # the value of a pixel all of whose sites are filled
GROUP = "filling"


def filled_sites(system: LatticeSystem) -> NDArray[np.float64]:
    """Return by state the share (states,) of a cell's sites that hold what the last state puts there.

    Of materials with vacancies that is the share of sites that are not vacant.

    >>> from rugan_tf.systems.named import DEFAULT_SYSTEM, system_named
    >>> filled_sites(system_named(DEFAULT_SYSTEM)).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    same = [[held == full for held, full in zip(state, system.species[-1], strict=True)] for state in system.species]
    return np.mean(same, axis=1)


def level_shapes(rows: int, cols: int) -> list[tuple[int, int]]:
    """Return the pixels of every level, the finest first.

    >>> level_shapes(4066, 4694)
    [(1017, 1174), (509, 587), (255, 294), (128, 147)]
    """
    shapes = [(math.ceil(rows / FINEST), math.ceil(cols / FINEST))]
    while max(shapes[-1]) > FEWEST:
        shapes.append((math.ceil(shapes[-1][0] / 2), math.ceil(shapes[-1][1] / 2)))
    return shapes


def coarse(values: NDArray[np.floating], factor: int) -> NDArray[np.float64]:
    """Return means over squares of `factor` pixels a side; squares at the end may be smaller.

    >>> coarse(np.array([[0.0, 2.0, 5.0]]), 2).tolist()
    [[1.0, 5.0]]
    """
    starts = [np.arange(0, length, factor) for length in values.shape]
    # reduceat and not a reshape, since the last square may be smaller.
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0, dtype=np.float64), starts[1], axis=1)
    sides = [np.diff([*first, length]) for first, length in zip(starts, values.shape, strict=True)]
    return np.asarray(sums / np.outer(*sides))


def finest_pixels(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return level 0 of a chunk of states, uint8 (pixel rows, pixel cols)."""
    return as_pixels(coarse(filled_sites(system)[states], FINEST))


def as_pixels(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return shares between 0 and 1 as pixels."""
    return np.round(FULL * shares).astype(np.uint8)


def build_levels(levels: list[Any], chunk: int) -> None:
    """Compute every level but the finest, uint8 arrays (n, rows, cols), from the one before it, chunk by chunk."""
    for fine, coarser in itertools.pairwise(levels):
        for sheet in range(coarser.shape[0]):
            for row in range(0, coarser.shape[1], chunk):
                for col in range(0, coarser.shape[2], chunk):
                    part = fine[sheet, 2 * row : 2 * (row + chunk), 2 * col : 2 * (col + chunk)]
                    coarser[sheet, row : row + chunk, col : col + chunk] = np.round(coarse(part, 2)).astype(np.uint8)


def multiscales(system: LatticeSystem, num_levels: int) -> dict[str, Any]:
    """Return the attribute that OME-Zarr 0.5 describes a pyramid by; lengths in the unit of the system."""
    unit = {"unit": "angstrom"} if system.length_unit == "Å" else {}
    pitches = system.lattice.row_pitch, system.lattice.col_pitch
    axes: list[dict[str, str]] = [
        {"name": "sheet", "type": "channel"},
        *({"name": name, "type": "space", **unit} for name in ("x", "y")),
    ]
    datasets = []
    for level in range(num_levels):
        cells = FINEST * 2**level
        steps = {"type": "scale", "scale": [1.0, *(cells * pitch for pitch in pitches)]}
        # OME-Zarr places the middle of the first pixel, which is not that of the first cell.
        centre = {"type": "translation", "translation": [0.0, *((cells - 1) / 2 * pitch for pitch in pitches)]}
        datasets.append({"path": f"{GROUP}/{level}", "coordinateTransformations": [steps, centre]})
    image = {"name": "share of filled sites, 255 for all", "axes": axes, "datasets": datasets, "type": "mean"}
    return {"version": "0.5", "multiscales": [image]}
