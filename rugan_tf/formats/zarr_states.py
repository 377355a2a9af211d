"""Sheets that do not fit into memory: Zarr arrays of states."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem

CHUNK = 512  # lattice cells along each side, as energies are summed


def write_zarr_states(path: Path, states: NDArray[np.uint8], metadata: Mapping[str, Any]) -> None:
    """Write states, uint8 (n, rows, cols), as a Zarr array, and JSON content as its attributes.

    Raises:
        FileExistsError: the folder exists.
    """
    import zarr

    chunks = (1, min(CHUNK, states.shape[1]), min(CHUNK, states.shape[2]))
    with files.replacing(path) as temporary:
        array = zarr.create_array(
            temporary, shape=states.shape, dtype=np.uint8, chunks=chunks, attributes=dict(metadata),
            config={"write_empty_chunks": True},
        )  # fmt: skip
        array[:] = states


def open_zarr_states(path: Path, system: LatticeSystem) -> Any:
    """Open a Zarr array of states, uint8 (n, rows, cols), for reading.

    Raises:
        InputError: no Zarr array, another dtype or rank, a size that no sheet has, or chunks that were never written.
    """
    import zarr

    try:
        array = zarr.open_array(path, mode="r")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"Sheets must be a Zarr array. Received: {path} ({error})") from None
    if array.ndim != 3 or array.dtype != np.uint8:
        raise InputError(
            f"states must be uint8 (n, rows, cols). Received: dtype={array.dtype}, shape={array.shape} in {path}"
        )
    if not array.shape[0]:
        raise InputError(f"states must hold at least one sheet. Received: 0 sheets in {path}")
    system.validate_size(*array.shape[1:])
    if array.nchunks_initialized != array.nchunks:
        raise InputError(
            "Every chunk of a Zarr array must have been written (write_empty_chunks=True). "
            f"Received: {array.nchunks_initialized} of {array.nchunks} chunks in {path}"
        )
    return array
