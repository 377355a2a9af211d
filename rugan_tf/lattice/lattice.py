"""A periodic plane lattice, given by where its sites are; all else is derived from the positions.

Rows run along x and columns along y. Odd columns may be shifted along x, which is how a honeycomb or a triangular
lattice fits a rectangular grid; then a periodic sheet needs an even number of columns.

The neighbour rule is written once, over rolls and integer arithmetic, so that NumPy and TensorFlow share it: functions
that take `xp` accept any namespace with `shape`, `arange` and `roll` as NumPy has them, keras.ops among them.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError

MOST_CELLS = 2**31 - 1  # along a side: models and files count them in 32 bits
TOLERANCE = 1e-6  # of the row pitch: positions closer than this are one


class Offset(NamedTuple):
    """From a cell to a site of another: rows and columns between the two cells, and the site in the other."""

    row: int
    col: int
    site: int


@dataclasses.dataclass(frozen=True)
class Lattice:
    """Cells on a rectangular grid, each with the same sites.

    >>> square(1.0).num_neighbours
    (4,)
    >>> honeycomb(2.46).num_neighbours
    (3, 3)

    Attributes:
        row_pitch: distance of two cells along x, in the unit of length of whoever uses the lattice.
        col_pitch: distance of two columns along y.
        reach: sites at most this far apart are neighbours.
        sites: (x, y) of each site from the origin of its cell.
        col_shift: share of the row pitch by which odd columns are shifted along x.
    """

    row_pitch: float
    col_pitch: float
    reach: float
    sites: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    col_shift: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no lattice."""
        for name in ("row_pitch", "col_pitch", "reach"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} must be positive. Received: {name}={value}")
        if not 0 <= self.col_shift < 1:
            raise InputError(f"col_shift must lie in [0, 1). Received: col_shift={self.col_shift}")
        if not self.sites:
            raise InputError("sites must hold at least one position. Received: none")
        for number, place in enumerate(self.sites):
            # The first site that is found at the place of another one, or of its image in another cell.
            found = self.find(*place)
            if found is not None and found.site != number:
                raise InputError(f"sites must differ. Received: {self.sites[found.site]} and {place}")

    @property
    def num_sites(self) -> int:
        """Sites of a cell."""
        return len(self.sites)

    @property
    def row_period(self) -> int:
        """Rows after which the lattice repeats."""
        return 1

    @property
    def col_period(self) -> int:
        """Columns after which the lattice repeats."""
        return 2 if self.col_shift else 1

    def validate_size(self, rows: int, cols: int) -> None:
        """Raise InputError unless a periodic sheet of `rows` x `cols` cells exists."""
        if rows < 1:
            raise InputError(f"rows must be at least 1. Received: rows={rows}")
        if cols < self.col_period:
            raise InputError(f"cols must be at least {self.col_period}. Received: cols={cols}")
        if cols % self.col_period:
            raise InputError(f"cols must be even. Received: cols={cols}")
        if max(rows, cols) > MOST_CELLS:
            raise InputError(f"rows and cols must be at most {MOST_CELLS}. Received: rows={rows:.6g}, cols={cols:.6g}")

    def cell_lengths(self, rows: int, cols: int) -> NDArray[np.float64]:
        """Return the periods (2,) of a sheet along rows and along columns."""
        self.validate_size(rows, cols)
        return np.array([rows * self.row_pitch, cols * self.col_pitch])

    def area(self, rows: int, cols: int) -> float:
        """Return the area of a sheet."""
        return float(np.prod(self.cell_lengths(rows, cols)))

    def positions(self, rows: int, cols: int) -> NDArray[np.float64]:
        """Return the positions (rows, cols, sites, 2) of the sites of every cell.

        >>> square(1.0).positions(2, 3).shape
        (2, 3, 1, 2)
        """
        self.validate_size(rows, cols)
        row, col = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
        origin = np.stack([(row + (col % 2) * self.col_shift) * self.row_pitch, col * self.col_pitch], axis=-1)
        return np.asarray(origin[:, :, None] + np.array(self.sites))

    def place(self, offset: Offset, parity: int = 0) -> tuple[float, float]:
        """Return where a site is, counted from the origin of a column of even (0) or odd (1) number."""
        shift = self.col_shift * (((parity + offset.col) % 2) - parity % 2)
        x, y = self.sites[offset.site]
        return (offset.row + shift) * self.row_pitch + x, offset.col * self.col_pitch + y

    def find(self, x: float, y: float, parity: int = 0) -> Offset | None:
        """Return which site is at a place, counted as in `place`; None if there is none."""
        for site, (site_x, site_y) in enumerate(self.sites):
            col = round((y - site_y) / self.col_pitch)
            shift = self.col_shift * (((parity + col) % 2) - parity % 2)
            found = Offset(round((x - site_x) / self.row_pitch - shift), col, site)
            if math.dist(self.place(found, parity), (x, y)) < TOLERANCE * self.row_pitch:
                return found
        return None

    @functools.cached_property
    def neighbours(self) -> tuple[tuple[tuple[Offset, ...], ...], ...]:
        """The neighbours of each site, by the parity of its column, then by the site: found from the positions."""
        spans = np.ptp(np.array(self.sites), axis=0)
        most_rows = math.ceil((self.reach + spans[0]) / self.row_pitch) + 1
        most_cols = math.ceil((self.reach + spans[1]) / self.col_pitch) + 1
        ranges = range(-most_rows, most_rows + 1), range(-most_cols, most_cols + 1), range(self.num_sites)
        offsets = [Offset(*index) for index in itertools.product(*ranges)]
        furthest = self.reach + TOLERANCE * self.row_pitch
        return tuple(
            tuple(
                tuple(
                    offset
                    for offset in offsets
                    if offset != (0, 0, site) and math.dist(self.place(offset, parity), self.sites[site]) <= furthest
                )
                for site in range(self.num_sites)
            )
            for parity in range(self.col_period)
        )

    @property
    def num_neighbours(self) -> tuple[int, ...]:
        """Neighbours of each site of an even column."""
        return tuple(len(offsets) for offsets in self.neighbours[0])

    @functools.cached_property
    def slots(self) -> tuple[tuple[tuple[Offset | None, Offset | None], ...], ...]:
        """The neighbours of each site in pairs: one for even columns, one for odd ones.

        Offsets that are the same for both are paired first, since such a pair needs no look at the parity.
        """
        even, odd = self.neighbours[0], self.neighbours[-1]
        paired = []
        for site in range(self.num_sites):
            both = [offset for offset in even[site] if offset in odd[site]]
            rest = [[offset for offset in offsets[site] if offset not in both] for offsets in (even, odd)]
            pairs: list[tuple[Offset | None, Offset | None]] = [(offset, offset) for offset in both]
            for key in sorted({(offset.col, offset.site) for offsets in rest for offset in offsets}):
                alike = [[offset for offset in offsets if (offset.col, offset.site) == key] for offsets in rest]
                pairs += [(first, second) for first, second in itertools.zip_longest(*alike)]
            paired.append(tuple(pairs))
        return tuple(paired)

    def around(self, values: Sequence[Any], xp: Any = np, *, once: bool = False) -> list[list[Any]]:
        """Return what stands on the neighbours of every site: for each site of a cell a list, one array a neighbour.

        Where columns of one parity have fewer neighbours than those of the other, 0 stands for those that lack.

        Args:
            values: integer arrays (batch, rows, cols), one for each site of a cell.
            xp: NumPy, or a namespace like it.
            once: leave out one of the two directions of every pair of neighbours.
        """
        odd = xp.arange(xp.shape(values[0])[2]) % 2
        moved: dict[tuple[int, int, int], Any] = {}

        def move(offset: Offset) -> Any:
            along_cols = (0, offset.col, offset.site)
            if along_cols not in moved:
                field = values[offset.site]
                moved[along_cols] = xp.roll(field, -offset.col, 2) if offset.col else field
            if offset not in moved:
                moved[offset] = xp.roll(moved[along_cols], -offset.row, 1)
            return moved[offset]

        def value(even: Offset | None, other: Offset | None) -> Any:
            if even is not None and even == other:
                return move(even)
            parts = [(offset, mask) for offset, mask in ((even, 1 - odd), (other, odd)) if offset is not None]
            return sum((mask * move(offset) for offset, mask in parts[1:]), parts[0][1] * move(parts[0][0]))

        def is_wanted(site: int, offset: Offset | None) -> bool:
            return offset is not None and (not once or (offset.col, offset.row, offset.site) > (0, 0, site))

        kept = [
            [tuple(offset if is_wanted(site, offset) else None for offset in pair) for pair in pairs]
            for site, pairs in enumerate(self.slots)
        ]
        return [[value(*pair) for pair in pairs if pair != (None, None)] for pairs in kept]


def honeycomb(lattice_constant: float) -> Lattice:
    """Return the honeycomb: rows along zigzag, columns along armchair, sites A and B one bond apart along armchair."""
    distance = lattice_constant / math.sqrt(3)
    col_pitch = lattice_constant * math.sqrt(3) / 2
    return Lattice(lattice_constant, col_pitch, 1.1 * distance, ((0.0, 0.0), (0.0, distance)), 0.5)


def square(pitch: float) -> Lattice:
    """Return the square lattice, four neighbours a site."""
    return Lattice(pitch, pitch, 1.1 * pitch)
