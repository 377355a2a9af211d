"""Data sets as .npz files: states, energies per area, properties, metadata as JSON. No pickles, written atomically."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.formats.npz import read_arrays, write_npz
from rugan_tf.systems.conditions import ENERGY_PER_AREA
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem

ARRAYS = ("states", ENERGY_PER_AREA, "metadata")
KNOWN_SHEETS = "known_sheets"  # key of the metadata: names, one for each sheet
FEWEST_REFERENCE = 40  # sheets of which an EDNN can be made: a tenth of them must do for its test


@dataclasses.dataclass(frozen=True)
class DataSet:
    """Sheets with their energies.

    Attributes:
        states: uint8 (n, rows, cols).
        energy_per_area: float64 (n,), in the unit of the system.
        metadata: JSON content; "system" names the LatticeSystem, and "properties" may hold the unit of a property.
        properties: other numbers of the sheets by name, each float64 (n,).
    """

    states: NDArray[np.uint8]
    energy_per_area: NDArray[np.float64]
    metadata: dict[str, Any]
    properties: Mapping[str, NDArray[np.float64]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no data set can be."""
        if not len(self.states):
            raise InputError("A data set must hold at least one sheet. Received: 0 sheets")
        for name, values in {ENERGY_PER_AREA: self.energy_per_area, **self.properties}.items():
            if values.shape != (len(self.states),):
                raise InputError(f"{name} must have the shape ({len(self.states)},). Received: shape={values.shape}")
        require_finite(ENERGY_PER_AREA, self.energy_per_area)

    @property
    def system(self) -> LatticeSystem:
        """The LatticeSystem that the metadata name."""
        return system_named(self.metadata["system"])

    def labelled_by(self, name: str) -> "DataSet":
        """Return the sheets with a property, per area as energies are, in place of the energy.

        Raises:
            InputError: there is no such property, or it is not finite.
        """
        if name not in self.properties:
            known = ", ".join(self.properties) or "none"
            raise InputError(f"A property must be one that the data hold: {known}. Received: {name!r}")
        require_finite(name, self.properties[name])
        # Method and zero are those of the energy that the property replaces.
        told = {key: value for key, value in self.metadata.items() if key != "energy_origin"}
        return DataSet(self.states, self.properties[name], {**told, "energy": property_words(name)})

    @property
    def known_sheets(self) -> tuple[str, ...]:
        """The names of sheets that the material knows by name, one for each; empty where they are drawn or imported."""
        return tuple(self.metadata.get(KNOWN_SHEETS, ()))

    @property
    def checksum(self) -> str:
        """SHA-256 over states and energies, hexadecimal."""
        digest = hashlib.sha256(self.states.tobytes())
        digest.update(self.energy_per_area.tobytes())
        return digest.hexdigest()


def property_words(name: str) -> str:
    """Return what data, and what is trained on them, say of a property that takes the place of the energy."""
    return f"{name}: a property of the data, in units relative to 0"


def require_finite(name: str, values: NDArray[np.float64]) -> None:
    """Raise InputError unless all values (n,) of a quantity are finite."""
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(f"{name} must be finite. Received: {values[bad[0]]} for sheet {bad[0]}")


def write_data_set(path: Path | str, data_set: DataSet, *, overwrite: bool = False) -> None:
    """Write a data set as compressed .npz.

    Args:
        path: .npz.
        data_set: what is written.
        overwrite: replace a file that exists.

    Raises:
        InputError: another suffix.
        OSError: the file exists and may not be replaced, or cannot be written.
    """
    files.require_free(Path(path), overwrite=overwrite)
    arrays = {"states": data_set.states, ENERGY_PER_AREA: data_set.energy_per_area, **data_set.properties}
    write_npz(path, arrays, data_set.metadata)


def read_data_set(path: Path | str) -> DataSet:
    """Read and check a data set; other arrays of one floating number for each sheet are its properties.

    Raises:
        InputError: the file is damaged, lacks an array, or holds values that no sheet has.
    """
    arrays = read_arrays(path, ARRAYS, others=True)
    metadata = decode_metadata(path, arrays["metadata"])
    states = system_named(metadata["system"]).validate_states(arrays["states"])
    energy = arrays["energy_per_area"]
    if not np.issubdtype(energy.dtype, np.floating):
        raise InputError(f"energy_per_area must be of a floating type. Received: dtype={energy.dtype} in {path}")
    return DataSet(states, energy.astype(np.float64), metadata, properties_in(arrays, len(states)))


def properties_in(arrays: Mapping[str, NDArray[Any]], num_sheets: int) -> dict[str, NDArray[np.float64]]:
    """Return the arrays that hold one floating number for each sheet, beside those that every data set has."""
    return {
        name: array.astype(np.float64)
        for name, array in arrays.items()
        if name not in ARRAYS and array.shape == (num_sheets,) and np.issubdtype(array.dtype, np.floating)
    }


def read_properties(path: Path | str, num_sheets: int) -> tuple[dict[str, NDArray[np.float64]], dict[str, Any]]:
    """Read the properties of sheets that need energies, and what the metadata of the file keep of the sheets.

    Raises:
        InputError: an array is pickled.
    """
    arrays = read_arrays(path, (), others=True)
    properties = properties_in(arrays, num_sheets)
    metadata = decode_metadata(path, arrays["metadata"]) if "metadata" in arrays else {}
    of_each = metadata.get("properties")
    units = {name: of_each[name] for name in properties if name in of_each} if isinstance(of_each, dict) else {}
    told = {"properties": units} if units else {}
    return properties, told | {key: metadata[key] for key in (KNOWN_SHEETS,) if key in metadata}


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
