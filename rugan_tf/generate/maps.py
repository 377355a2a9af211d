"""What a sheet is asked to be at each of its places."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

WINDOW = 512  # latent cells along each side of what a map is asked for at once, where only its mean is wanted


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

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:  # noqa: ARG002
        """Return the value at every latent cell, float32 (rows, cols)."""
        return np.full((rows, cols), self.value, np.float32)


@dataclass(frozen=True)
class ShiftedMap:
    """Another map with a constant added.

    Attributes:
        map: what is shifted.
        shift: in the unit of the system.
    """

    map: ConditionMap
    shift: float

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:
        """Return a window of the shifted map, float32 (rows, cols)."""
        return self.map.window(row, col, rows, cols) + np.float32(self.shift)


class MapModel(Protocol):
    """What a natural map asks of a model."""

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays, and return arrays."""


@dataclass(frozen=True)
class NaturalMap:
    """Energies that vary over a sheet as those of matter do; the model knows how, and draws windows of it.

    Attributes:
        model: with the signature `map`.
        energy_per_area: what the map has as its mean, in the unit of the system.
        rows: lattice cells of the sheet.
        cols: lattice cells of the sheet.
        seed: of the sheets.
        sheet: which of the sheets of that seed.
        largest: latent cells along each side of what is asked for at once.
    """

    model: MapModel
    energy_per_area: float
    rows: int
    cols: int
    seed: int = 0
    sheet: int = 0
    largest: int = WINDOW

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:
        """Return a window of the map, float32 (rows, cols)."""
        return self.drawn(row, col, rows, cols) + np.float32(self.energy_per_area - self.mean)

    @functools.cached_property
    def mean(self) -> float:
        """The mean of what is drawn over the whole sheet: known only when all of it was drawn once."""
        # In double precision: a large sheet has millions of latent cells.
        total = sum(float(part.sum(dtype=np.float64)) for part in self.parts())
        return total / (self.rows // 2 * (self.cols // 2))

    def parts(self) -> Iterator[NDArray[np.float32]]:
        """Yield what is drawn, window by window."""
        height, width = self.rows // 2, self.cols // 2
        for row in range(0, height, self.largest):
            for col in range(0, width, self.largest):
                yield self.drawn(row, col, min(self.largest, height - row), min(self.largest, width - col))

    def drawn(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:
        """Return a window before the mean is what was asked for."""
        # Windows of a periodic map may begin before it; the signature takes no negative origin.
        answer = self.model.predict(
            "map",
            energy_per_area=np.array([self.energy_per_area], np.float32),
            rows=np.int32(self.rows),
            cols=np.int32(self.cols),
            seed=np.int64(self.seed),
            first_sheet=np.int64(self.sheet),
            origin=np.array([row % (self.rows // 2), col % (self.cols // 2)], np.int32),
            shape=np.array([rows, cols], np.int32),
        )
        return np.asarray(answer["energy_per_area"][0])
