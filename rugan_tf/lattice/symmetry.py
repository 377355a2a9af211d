"""The symmetries that map every rectangular periodic sheet onto itself, as permutations of its sites.

Translations, the two reflections along the axes of the sheet, and the half turn, which is both. They are found from
the positions of the sites, so nothing about parities is assumed. Quarter turns of square sheets are left out: they
are no symmetry of a sheet whose sides differ.
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.lattice import Lattice, Offset

REFLECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1))


@dataclasses.dataclass(frozen=True)
class Operation:
    """One symmetry up to translations by whole periods.

    Attributes:
        signs: of x and y.
        images: by the parity of a column in row 0, then by the site: where it comes to.
    """

    signs: tuple[int, int]
    images: tuple[tuple[Offset, ...], ...]

    def keeps_cells(self) -> bool:
        """Return whether the sites of a cell come to one cell, whichever it is."""
        return all(len({(image.row, image.col) for image in images}) == 1 for images in self.images)


@functools.cache
def operations(lattice: Lattice) -> tuple[Operation, ...]:
    """Return all symmetries that translations by whole periods do not make of each other, the identity first."""
    return tuple(operation for signs in REFLECTIONS for operation in operations_of(lattice, signs))


def operations_of(lattice: Lattice, signs: tuple[int, int]) -> Iterator[Operation]:
    """Yield the symmetries with these signs: each brings the first site to another one of the period."""
    block = [[Offset(0, col, site) for site in range(lattice.num_sites)] for col in range(lattice.col_period)]
    first = lattice.place(block[0][0])
    # Targets of one period are enough: whole periods further on, it is the same symmetry and a translation.
    for target in (offset for offsets in block for offset in offsets):
        place = lattice.place(target)
        moved = [
            [lattice.find(*moved_place(lattice.place(offset), first, signs, place)) for offset in offsets]
            for offsets in block
        ]
        # A site that comes to where no site is rules the operation out.
        images = tuple(tuple(image for image in offsets if image is not None) for offsets in moved)
        if all(len(offsets) == lattice.num_sites for offsets in images):
            yield Operation(signs, images)


def moved_place(
    place: tuple[float, float], first: tuple[float, float], signs: tuple[int, int], image: tuple[float, float]
) -> tuple[float, float]:
    """Return where a place comes to if `first` comes to `image`."""
    x, y = (sign * (at - start) + end for sign, at, start, end in zip(signs, place, first, image, strict=True))
    return x, y


def permutation(lattice: Lattice, operation: Operation, rows: int, cols: int) -> NDArray[np.int64]:
    """Return (rows cols sites,): which site comes to each site. Sites count row by row, column by column."""
    lattice.validate_size(rows, cols)
    row, col = np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij")
    parity = col % lattice.col_period
    target = np.empty((rows, cols, lattice.num_sites), dtype=np.int64)
    for site in range(lattice.num_sites):
        image = np.array([offsets[site] for offsets in operation.images])[parity]  # (rows, cols, 3)
        image_row = (operation.signs[0] * row + image[..., 0]) % rows
        # The period of a column is reflected, its place within the period is looked up: images are known of one period.
        image_col = (operation.signs[1] * (col - parity) + image[..., 1]) % cols
        target[..., site] = (image_row * cols + image_col) * lattice.num_sites + image[..., 2]
    # The inverse: an image is then a single indexing of the sheet.
    found = np.empty(target.size, dtype=np.int64)
    found[target.ravel()] = np.arange(target.size)
    return found


# Tables of operations x translations x sites are large; a program meets a few sizes of sheets.
@functools.lru_cache(maxsize=8)
def site_permutations(lattice: Lattice, allowed: tuple[Operation, ...], rows: int, cols: int) -> NDArray[np.int32]:
    """Return int32 (operations translations, sites): for each symmetry, which site comes to each site."""
    shape = (rows, cols, lattice.num_sites)
    shifts = [(row, col) for row in range(rows) for col in range(0, cols, lattice.col_period)]
    found = []
    # Shifts of a table and not of sheets: each image of a sheet costs the same one indexing.
    for operation in allowed:
        grid = permutation(lattice, operation, rows, cols).reshape(shape)
        found += [np.roll(grid, shift, (0, 1)).ravel() for shift in shifts]
    return np.stack(found).astype(np.int32)
