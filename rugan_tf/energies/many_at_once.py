"""Energies by a function of many sheets, so fast that nothing is kept on the way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import Work
from rugan_tf.errors import InputError
from rugan_tf.lattice.states import require_sheets
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.told_energy import ToldEnergy

CELLS_AT_ONCE = 2**21  # bounds the memory


@dataclass(frozen=True)
class ManyAtOnce:
    """The energies of many sheets by a function that takes them all.

    Args:
        told: the energy, which the file of a material says to be such a function.
    """

    told: ToldEnergy

    @property
    def origin(self) -> EnergyOrigin:
        """Method and zero of the energies."""
        return self.told.origin

    is_fast = True

    @property
    def by_halo(self) -> None:
        """A function of whole sheets tells nothing of their parts."""
        return None

    def energies(self, states: NDArray[np.uint8], work: Work = Work()) -> NDArray[np.float64]:  # noqa: ARG002 - no time
        """Return the energies (n,) of sheets (n, rows, cols).

        Raises:
            InputError: states that are no sheets, or an energy is not finite.
        """
        states = require_sheets(states)
        size = max(1, CELLS_AT_ONCE // max(1, states[:1].size))
        parts = [self.told.energies(states[start : start + size]) for start in range(0, len(states), size)]
        energies = np.concatenate(parts) if parts else np.empty(0)
        if not np.isfinite(energies).all():
            index = int(np.flatnonzero(~np.isfinite(energies))[0])
            raise InputError(f"Energies must be finite. Received: {energies[index]} for sheet {index}")
        return energies
