"""What is done with a tile while it is hot: it is repaired by the material's rule, and judged by an energy.

Both see beyond the tile, so it is cut out of a window with a halo.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import HaloEnergy
from rugan_tf.generate.regions import Stretch
from rugan_tf.systems.system import LatticeSystem


class Place(NamedTuple):
    """A rectangle of a sheet: first row and column, rows and columns."""

    row: int
    col: int
    rows: int
    cols: int


class Tile(NamedTuple):
    """A finished part of a sheet: where it is, its states uint8 (rows, cols), and its part of the total energy."""

    place: Place
    states: NDArray[np.uint8]
    energy: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finishing:
    """What is done with what the generator made.

    Attributes:
        system: the material, whose rule repairs.
        repaired: whether the rule is applied.
        energy: judges tiles; None for no energies.
        whole_up_to: cells of sheets that are repaired whole, so exactly, and not window by window.
    """

    system: LatticeSystem
    repaired: bool = True
    energy: HaloEnergy | None = None
    whole_up_to: int = 2**18

    @property
    def halos(self) -> tuple[int, int]:
        """Rows and columns that the rule and the energy see beyond a tile."""
        rule = self.system.rule if self.repaired else None
        seen = [(0, 0) if rule is None else rule.halo, (0, 0) if self.energy is None else self.energy.halo]
        # Added: the energy sees cells beyond the tile as the rule leaves them, which see as far again.
        return seen[0][0] + seen[1][0], seen[0][1] + seen[1][1]

    def window(self, place: Place, size: tuple[int, int]) -> tuple[Stretch, Stretch]:
        """Return the rows and columns of a sheet that a tile follows from."""
        if size[0] * size[1] <= self.whole_up_to:
            return Stretch(0, size[0], size[0]), Stretch(0, size[1], size[1])
        return (
            Stretch.around(place.row, place.rows, size[0], self.halos[0]),
            Stretch.around(place.col, place.cols, size[1], self.halos[1]),
        )

    def repair(self, states: NDArray[np.uint8], *, is_window: bool) -> NDArray[np.uint8]:
        """Return what the rule leaves of a window, uint8 (rows, cols)."""
        rule = self.system.rule
        if not self.repaired or rule is None:
            return states
        return np.asarray(rule.repair(states[None], is_window=is_window)[0])

    def tile(self, place: Place, repaired: NDArray[np.uint8], rows: Stretch, cols: Stretch) -> Tile:
        """Return the tile at a place of a repaired window, and judge it."""

        def cut(halo: tuple[int, int]) -> NDArray[np.uint8]:
            from_rows = rows.places(place.row - halo[0], place.rows + 2 * halo[0])
            from_cols = cols.places(place.col - halo[1], place.cols + 2 * halo[1])
            return repaired[np.ix_(from_rows, from_cols)]

        energy = None if self.energy is None else float(self.energy.halo_energies(cut(self.energy.halo)[None])[0])
        return Tile(place, cut((0, 0)), energy)


class Repairs:
    """Repairs windows; a window that is the whole sheet only once.

    Args:
        finishing: how.
    """

    def __init__(self, finishing: Finishing) -> None:
        self.finishing = finishing
        self.whole: NDArray[np.uint8] | None = None

    def tile(self, place: Place, states: NDArray[np.uint8], rows: Stretch, cols: Stretch) -> Tile:
        """Return a tile of a window of states as the generator made them."""
        is_window = not (rows.is_whole and cols.is_whole)
        if is_window or self.whole is None:
            repaired = self.finishing.repair(states, is_window=is_window)
            # Kept: every tile of such a sheet would repair all of it again.
            self.whole = None if is_window else repaired
        else:
            repaired = self.whole
        return self.finishing.tile(place, repaired, rows, cols)
