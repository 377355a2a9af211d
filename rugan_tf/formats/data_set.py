"""Data sets as .npz files: states, energy per area, metadata as JSON. Read without pickles, written atomically."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.formats.npz import read_arrays, write_npz
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem

ARRAYS = ("states", "energy_per_area", "metadata")


@dataclasses.dataclass(frozen=True)
class DataSet:
    """Sheets with their energies.

    Attributes:
        states: uint8 (n, rows, cols).
        energy_per_area: float64 (n,), in the unit of the system.
        metadata: JSON content; "system" names the LatticeSystem.
    """

    states: NDArray[np.uint8]
    energy_per_area: NDArray[np.float64]
    metadata: dict[str, Any]

    def __post_init__(self) -> None:
        """Refuse what no data set can be."""
        if not len(self.states):
            raise InputError("A data set must hold at least one sheet. Received: 0 sheets")
        shape = self.energy_per_area.shape
        if shape != (len(self.states),):
            raise InputError(f"energy_per_area must have the shape ({len(self.states)},). Received: shape={shape}")
        if not np.isfinite(self.energy_per_area).all():
            bad = int(np.flatnonzero(~np.isfinite(self.energy_per_area))[0])
            raise InputError(f"energy_per_area must be finite. Received: {self.energy_per_area[bad]} for sheet {bad}")

    @property
    def system(self) -> LatticeSystem:
        """The LatticeSystem that the metadata name."""
        return system_named(self.metadata["system"])

    @property
    def checksum(self) -> str:
        """SHA-256 over states and energies, hexadecimal."""
        digest = hashlib.sha256(self.states.tobytes())
        digest.update(self.energy_per_area.tobytes())
        return digest.hexdigest()


def write_data_set(path: Path | str, data_set: DataSet) -> None:
    """Write a data set as compressed .npz."""
    arrays: dict[str, NDArray[Any]] = {"states": data_set.states, "energy_per_area": data_set.energy_per_area}
    write_npz(path, arrays, data_set.metadata)


def read_data_set(path: Path | str) -> DataSet:
    """Read and check a data set.

    Raises:
        InputError: the file is damaged, lacks an array, or holds values that no sheet has.
    """
    arrays = read_arrays(path, ARRAYS)
    metadata = decode_metadata(path, arrays["metadata"])
    states = system_named(metadata["system"]).validate_states(arrays["states"])
    energy = arrays["energy_per_area"]
    if not np.issubdtype(energy.dtype, np.floating):
        raise InputError(f"energy_per_area must be of a floating type. Received: dtype={energy.dtype} in {path}")
    return DataSet(states, energy.astype(np.float64), metadata)


def read_states(path: Path | str, system: LatticeSystem) -> NDArray[np.uint8]:
    """Read the array `states` alone, uint8 (n, rows, cols); other arrays are not looked at."""
    states = system.validate_states(read_arrays(path, ("states",))["states"])
    if not len(states):
        raise InputError(f"states must hold at least one sheet. Received: 0 sheets in {path}")
    return states


def decode_metadata(path: Path | str, array: NDArray[Any]) -> dict[str, Any]:
    """Return the metadata of a data set, which must name its system."""
    try:
        metadata = json.loads(str(array))
    except json.JSONDecodeError as error:
        raise InputError(f"metadata must be a JSON string. Received: {error} in {path}") from None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("system"), str):
        raise InputError(f"metadata must be a JSON object that names a system. Received: {str(array)[:80]} in {path}")
    return metadata
