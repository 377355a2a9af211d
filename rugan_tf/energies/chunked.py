"""Energies of sheets that do not fit into memory: by the EDNN, chunk by chunk, each with the halo it needs.

The EDNN's energy is a sum over tiles, so it is the sum over chunks of the energies of the tiles in each, whatever the
chunks are. Sheets are NumPy arrays, memory maps or Zarr arrays; the chunks are scheduled by Dask.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import HaloEnergy
from rugan_tf.errors import InputError
from rugan_tf.formats.npz import write_npz

CHUNK = 512  # lattice cells along each side


def chunked_energies(states: Any, energy_function: HaloEnergy, chunk: int = CHUNK) -> NDArray[np.float64]:
    """Return the energies (n,), eV, of sheets (n, rows, cols) of any size, in memory of a few chunks.

    Args:
        states: uint8 array, memory map or Zarr array.
        energy_function: of chunks with their halo.
        chunk: lattice cells along each side of a chunk; rounded to whole periods of the lattice.
    """
    import dask.array
    from dask.diagnostics import ProgressBar

    halo_rows, halo_cols = energy_function.halo
    row_chunk = whole_chunk(chunk, halo_rows, energy_function.period[0], states.shape[1])
    col_chunk = whole_chunk(chunk, halo_cols, energy_function.period[1], states.shape[2])
    sheets = dask.array.asarray(states) if not hasattr(states, "store") else dask.array.from_zarr(states)
    sheets = sheets.rechunk((1, row_chunk, col_chunk))

    def energy(block: NDArray[np.uint8]) -> NDArray[np.float64]:
        return energy_function.halo_energies(block)[:, None, None]

    padded = dask.array.overlap.overlap(
        sheets, depth={1: halo_rows, 2: halo_cols}, boundary={1: "periodic", 2: "periodic"}, allow_rechunk=False
    )
    ones = tuple((1,) * len(axis) for axis in sheets.chunks)
    energies = padded.map_blocks(energy, meta=np.empty((0, 0, 0)), chunks=ones)
    with ProgressBar(
        minimum=2.0, dt=1.0
    ):  # TensorFlow uses all cores for each chunk, so one chunk is computed at a time
        return np.asarray(energies.sum(axis=(1, 2)).compute(scheduler="synchronous"))


def write_energies(
    path: Path, energy: NDArray[np.float64], energy_per_area: NDArray[np.float64], metadata: dict[str, Any]
) -> None:
    """Write energies (n,) and energies per area (n,), without the states."""
    write_npz(path, {"energy": energy, "energy_per_area": energy_per_area}, metadata)


def whole_chunk(chunk: int, halo: int, period: int, size: int) -> tuple[int, ...] | int:
    """Return chunk lengths along one axis: whole periods, and none shorter than the halo.

    Raises:
        InputError: the sheet is smaller than the halo.
    """
    if size < halo:
        raise InputError(
            f"A sheet that is chunked must be at least as long as the halo, {halo}. Received: {size} cells"
        )
    # Whole periods, so that every tile lies in one chunk; no chunk shorter than the halo its neighbour takes of it.
    length = max(chunk // period * period, period, -(-halo // period) * period)
    lengths = [length] * (size // length)
    rest = size - sum(lengths)
    if rest and lengths and rest < halo:
        lengths[-1] += rest
    elif rest:
        lengths.append(rest)
    return tuple(lengths)
