"""The label that networks see: the energy per area, standardised by the training data."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class LabelScale:
    """Standardisation label = (energy_per_area - mean) / standard_deviation; both in the unit of the labels."""

    mean: float
    standard_deviation: float

    def __post_init__(self) -> None:
        """Refuse data that cannot be standardised."""
        if not self.standard_deviation > 0:
            raise InputError(
                "Energies must differ between sheets to condition on them. "
                f"Received: standard deviation {self.standard_deviation}"
            )

    @classmethod
    def of(cls, energy_per_area: NDArray[np.float64]) -> "LabelScale":
        """Return the scale of a data set's energies (n,), in the unit of the system."""
        return cls(float(np.mean(energy_per_area)), float(np.std(energy_per_area)))

    def label(self, energy_per_area: ArrayLike) -> NDArray[np.float32]:
        """Return standardised labels, float32, of the same shape."""
        return ((np.asarray(energy_per_area) - self.mean) / self.standard_deviation).astype(np.float32)
