"""What a sheet is asked to be at each of its places."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ConditionMap(Protocol):
    """The energy per area that the generator is asked for, at every latent cell of a periodic sheet."""

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:
        """Return the energies per area, float32 (rows, cols), of a window that begins at a latent cell.

        A latent cell is 2x2 lattice cells. The map is periodic: a window may begin before the sheet and end after it.
        """


@dataclass(frozen=True)
class UniformMap:
    """The same energy per area everywhere.

    >>> UniformMap(-2.5).window(0, 0, 1, 2).tolist()
    [[-2.5, -2.5]]

    Attributes:
        value: in the unit of the system.
    """

    value: float

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:  # noqa: ARG002 - it is the same everywhere
        """Return the value at every latent cell, float32 (rows, cols)."""
        return np.full((rows, cols), self.value, np.float32)
