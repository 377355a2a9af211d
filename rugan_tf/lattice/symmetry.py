"""The symmetries that map a periodic honeycomb sheet onto itself, as permutations of its sites.

Translations by one row, and by one column with half a row (a primitive vector of the honeycomb, so two columns
alone are a translation as well); the two reflections; the half turn, which is both. They are found from the
positions of the sites, so nothing about parities is assumed.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.honeycomb import BOND_LENGTH, COLUMN_PITCH, LATTICE_CONSTANT, cell_lengths, site_positions
from rugan_tf.lattice.states import States, occupancies

REFLECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1))


@functools.lru_cache(maxsize=8)
def site_permutations(rows: int, cols: int) -> NDArray[np.int32]:
    """Return int32 (4 rows cols, 2 rows cols): for each symmetry, which site comes to each site.

    Sites are numbered row by row, column by column, A before B.
    """
    lengths = cell_lengths(rows, cols)
    sites = site_positions(rows, cols).reshape(-1, 2)
    middle = np.array([0.0, BOND_LENGTH / 2])  # of a bond along armchair: the centre of both reflections
    permutations = []
    for signs in REFLECTIONS:
        for row in range(rows):
            for col in range(cols):
                shift = np.array([(row + col / 2) * LATTICE_CONSTANT, col * COLUMN_PITCH])
                moved = (sites - middle) * signs + middle + shift
                permutations.append(nearest_sites(sites, moved, lengths))
    return np.stack(permutations).astype(np.int32)


def nearest_sites(
    sites: NDArray[np.float64], moved: NDArray[np.float64], lengths: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return which of `sites` (n, 2) each of `moved` (n, 2) lies on, in a periodic cell.

    Raises:
        InputError: the motion does not map the sites onto themselves.
    """
    order, moved_order = (np.lexsort(grid_key(points, lengths).T) for points in (sites, moved))
    if not np.array_equal(grid_key(sites, lengths)[order], grid_key(moved, lengths)[moved_order]):
        raise InputError(f"A symmetry must map the lattice onto itself. Received: another motion in {lengths} Å")
    found = np.empty(len(sites), dtype=np.int64)
    found[moved_order] = order
    return found


def grid_key(points: NDArray[np.float64], lengths: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return points (n, 2) as integers on a grid that all sites lie on: half rows, and sixths of two columns."""
    steps = np.array([LATTICE_CONSTANT / 2, COLUMN_PITCH / 3])
    counts = np.rint(lengths / steps).astype(np.int64)
    return np.rint(points / steps).astype(np.int64) % counts


def transform(states: States, which: NDArray[np.integer]) -> States:
    """Apply to each sheet (n, rows, cols) the symmetry of number `which` (n,)."""
    permutations = site_permutations(*states.shape[1:])
    flat = occupancies(states).reshape(len(states), -1)
    moved = np.take_along_axis(flat, permutations[which].astype(np.int64), axis=1)
    pair = moved.reshape(*states.shape, 2)
    return pair[..., 0] + 2 * pair[..., 1]


def draw_symmetric_images(rng: np.random.Generator, states: States) -> States:
    """Return a random symmetric image of each sheet, uint8 (n, rows, cols)."""
    return transform(states, rng.integers(4 * states[0].size, size=len(states)))


def point_images(states: States) -> list[States]:
    """Return eight images of sheets (n, rows, cols): shifts by one row and by two columns give all others.

    The reflections, each without and with the shift by one column and half a row; the sheets themselves first.
    """
    rows, cols = states.shape[1:]
    first = [reflection * rows * cols + col for reflection in range(len(REFLECTIONS)) for col in (0, 1)]
    return [transform(states, np.full(len(states), which)) for which in first]
