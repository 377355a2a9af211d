"""What the sheets of a data set can be asked for: energies, what the material tells of sheets, numbers of the data."""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.origin import origin_in
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, require_finite
from rugan_tf.systems.conditions import ENERGY_PER_AREA, Condition, require_name


@dataclasses.dataclass(frozen=True)
class Labels:
    """Conditions and their values.

    Attributes:
        conditions: (c,).
        values: float64 (n, c), of the sheets of a data set.
    """

    conditions: tuple[Condition, ...]
    values: NDArray[np.float64]

    def checksum(self, states: NDArray[np.uint8]) -> str:
        """Return the SHA-256 over sheets and values, hexadecimal; for energies alone that of the data set."""
        digest = hashlib.sha256(states.tobytes())
        digest.update(np.ascontiguousarray(self.values).tobytes())
        return digest.hexdigest()


def labels_of(data_set: DataSet, names: Sequence[str]) -> Labels:
    """Return the conditions of a data set by name.

    A number that the data set brings comes before what the material says under the same name.

    Raises:
        InputError: none or two of a name, a name that nothing has, values that are not finite, or all the same.
    """
    if not names or len(set(names)) < len(names):
        raise InputError(f"conditions must be different names, one at least. Received: {' '.join(names) or 'none'}")
    rows, cols = data_set.states.shape[1:]
    by_material = data_set.system.properties(origin_in(data_set.metadata), rows, cols)
    # What the data bring is meant by whoever brought it, so it comes before what the material would compute.
    known = [ENERGY_PER_AREA, *data_set.properties, *(name for name in by_material if name not in data_set.properties)]
    conditions, columns = [], []
    for name in names:
        if name not in known:
            raise InputError(f"A condition must be one that the data have: {', '.join(known)}. Received: {name!r}")
        if name in data_set.properties:
            require_name(name)
            condition, values = Condition(name, name.replace("_", " "), unit_in(data_set, name)), None
        else:
            condition = data_set.system.energy_condition if name == ENERGY_PER_AREA else by_material[name]()
            values = (
                None if condition.rule is None else condition.rule.values(data_set.states, data_set.energy_per_area)
            )
        column = data_set.properties[name] if values is None else values
        require_finite(name, column)
        # Labels are divided by their spread.
        if not np.ptp(column) > 0:
            raise InputError(
                f"A condition must differ between sheets; the data have {', '.join(known)}. "
                f"Received: {name}, which is {column[0]:g} for all {len(column)} sheets"
            )
        conditions.append(condition)
        columns.append(column)
    return Labels(tuple(conditions), np.stack(columns, axis=1))


def unit_in(data_set: DataSet, name: str) -> str:
    """Return the unit that the metadata of a data set give one of its properties; empty where they do not."""
    told = data_set.metadata.get("properties")
    entry = told.get(name) if isinstance(told, dict) else None
    unit = entry.get("unit") if isinstance(entry, dict) else None
    return unit if isinstance(unit, str) else ""
