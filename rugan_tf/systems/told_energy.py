"""An energy that the file of a material names, found when it is first needed.

A model and its data are opened where neither the function nor the calculator is installed: only who computes needs it.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.importing import imported, refuse_standard_library
from rugan_tf.systems.ase_energy import ASE_PREFIX, AseEnergy, split_spec
from rugan_tf.systems.definition import EnergyDefinition
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.system import LatticeSystem

SINGLE_STATES = "sheets that hold one state alone"


@dataclasses.dataclass(frozen=True)
class ToldEnergy:
    """The total energy of one sheet.

    Attributes:
        system: the material.
        told: what its file says of the energy.
    """

    system: LatticeSystem
    told: EnergyDefinition

    @functools.cached_property
    def function(self) -> Callable[[Any], Any]:
        """What computes energies, or raise InputError where it cannot be found."""
        if self.told.function.startswith(ASE_PREFIX):
            return AseEnergy(self.system, *split_spec(self.told.function))
        refuse_standard_library(self.told.function)
        found = imported(self.told.function, f"The energy {self.told.name} of {self.system.name}")
        if not callable(found):
            raise InputError(f"An energy must be a function of sheets. Received: {self.told.function}, {found!r}")
        return found

    @property
    def is_of_many(self) -> bool:
        """Whether the function takes many sheets at once."""
        return self.told.is_of_many

    @property
    def reach(self) -> tuple[int, int] | None:
        """Rows and columns around a cell that its energy depends on; None where the file does not say."""
        return self.told.reach

    @property
    def origin(self) -> EnergyOrigin:
        """The energy by its name, and its zero; a function that cannot be found is refused here, before any work."""
        _ = self.function
        zero = SINGLE_STATES if self.told.is_relative else self.told.zero or f"what {self.told.name} gives 0"
        words = f"{self.told.name}: {self.told.function}, in {self.system.quantity.total_unit} relative to {zero}"
        return EnergyOrigin(self.told.name, zero, words)

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols)."""
        return float(self.energies(np.asarray(states)[None])[0])

    def energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the total energies (n,) of sheets, uint8 (n, rows, cols).

        Raises:
            InputError: the function returns something else.
        """
        energies = self.as_the_function_gives(states)
        if not self.told.is_relative:
            return energies
        counts = np.stack([(states == state).sum(axis=(1, 2)) for state in range(self.system.num_states)], axis=-1)
        return energies - counts @ self.of_single_states(*states.shape[1:]) / np.prod(states.shape[1:])

    def as_the_function_gives(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the energies (n,) as the function gives them."""
        if not self.told.is_of_many:
            return np.array([float(self.function(sheet)) for sheet in states])
        energies = np.asarray(self.function(states), dtype=np.float64)
        if energies.shape != (len(states),):
            raise InputError(
                f"An energy of many sheets must have the shape ({len(states)},). "
                f"Received: shape={energies.shape} from {self.told.function}"
            )
        return energies

    def of_single_states(self, rows: int, cols: int) -> NDArray[np.float64]:
        """Return the energies (states,) of sheets of this size that hold one state alone."""
        # Kept by size: a function that is slow is asked once and not for every batch of sheets.
        if (rows, cols) not in self.known_sizes:
            sheets = [np.full((rows, cols), state, np.uint8) for state in range(self.system.num_states)]
            self.known_sizes[rows, cols] = self.as_the_function_gives(np.stack(sheets))
        return self.known_sizes[rows, cols]

    @functools.cached_property
    def known_sizes(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        """What `of_single_states` has computed."""
        return {}
