"""States in Zarr: as `zarr_store` writes them, or as an array that a user brings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.formats.zarr_store import Chunk, create_store, open_store
from rugan_tf.systems.system import LatticeSystem


def write_zarr_states(
    path: Path, system: LatticeSystem, states: NDArray[np.uint8], metadata: Mapping[str, Any]
) -> None:
    """Write sheets that are whole in memory, uint8 (n, rows, cols), as a stream would; the folder appears whole.

    Raises:
        FileExistsError: the folder exists.
    """
    with files.replacing(path) as temporary:
        store = create_store(temporary, system, states.shape, metadata, has_energy=False)
        for index in np.ndindex(store.group["chunk_filling"].shape):
            chunk = Chunk(*index)
            store.write(chunk, states[store.place(chunk)], None)
        store.finish()


def open_zarr_states(path: Path, system: LatticeSystem) -> Any:
    """Open a Zarr array of states, uint8 (n, rows, cols), for reading.

    Raises:
        InputError: no Zarr array, another dtype or rank, a size that no sheet has, or chunks that were never written.
    """
    import zarr

    try:
        found = zarr.open(path, mode="r")
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"Sheets must be a Zarr array. Received: {path} ({error})") from None
    if isinstance(found, zarr.Group):
        store = open_store(path, system, is_writable=False)
        missing = int(np.isnan(store.chunk_values("chunk_filling")).sum())
        if missing:
            raise InputError(
                "Every chunk must be finished; the command that began goes on where it was. "
                f"Received: {missing} chunks missing in {path}"
            )
        return store.states
    if found.ndim != 3 or found.dtype != np.uint8:
        raise InputError(
            f"states must be uint8 (n, rows, cols). Received: dtype={found.dtype}, shape={found.shape} in {path}"
        )
    if not found.shape[0]:
        raise InputError(f"states must hold at least one sheet. Received: 0 sheets in {path}")
    system.validate_size(*found.shape[1:])
    if found.nchunks_initialized != found.nchunks:
        raise InputError(
            "Every chunk of a Zarr array must have been written (write_empty_chunks=True). "
            f"Received: {found.nchunks_initialized} of {found.nchunks} chunks in {path}"
        )
    return found
