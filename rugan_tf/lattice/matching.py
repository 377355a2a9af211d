"""Which site of a lattice each of some points is on, in a cell that is turned, shifted and a little strained.

Points come as fractions of a periodic plane cell, so how the cell lies in space does not matter. A `CellFit` says how
many rows and columns a rectangular supercell of it holds, and which of its directions are the rows. The origin is where
the density of the points and that of the sites agree best; it needs no point to be exact, and no neighbours.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.lattice import Lattice

FURTHEST = 12  # cells along each vector that a supercell may reach; skew cells of m x n need m and 2n over their gcd
MOST_COPIES = 24  # of the cell in a supercell
MOST_FITS = 24  # a structure on another lattice costs as many tries
SMALL_STRAIN = 0.002  # weighs as much as one more cell in the supercell
GRID = 32  # places of the origin along each period that are compared before it is refined
REFINEMENTS = 2  # means of what is left; each makes the error of the origin smaller by an order


@dataclasses.dataclass(frozen=True)
class CellFit:
    """A rectangular supercell of a plane cell that holds whole rows and columns of a lattice.

    Attributes:
        supercell: which sums of the cell's vectors are along the rows, and along the columns.
        rows: lattice cells along the first.
        cols: lattice cells along the second.
        strain: of the supercell against the lattice, along rows and columns.
    """

    supercell: tuple[tuple[int, int], tuple[int, int]]
    rows: int
    cols: int
    strain: tuple[float, float]

    @property
    def num_copies(self) -> int:
        """Cells in the supercell."""
        (a, b), (c, d) = self.supercell
        return a * d - b * c


class Match(NamedTuple):
    """Points on the sites of a lattice.

    Attributes:
        fit: of their cell.
        sites: int64 (n,), the nearest site of each point, copy after copy of the cell; sites count by row, then by
            column, then by site of the cell.
        distances: float64 (n,), how far each is from it, in the lattice's unit of length.
    """

    fit: CellFit
    sites: NDArray[np.int64]
    distances: NDArray[np.float64]


UPRIGHT = (((1, 0), (0, 1)), ((0, 1), (-1, 0)))  # the cell itself, with rows along its first or its second vector


def fits_in_turn(lattice: Lattice, cell: tuple[float, float, float], max_strain: float) -> Iterator[CellFit]:
    """Yield how a lattice fits into a cell, as `cell_fits`; first the cell itself, without a search for supercells.

    Most cells are rectangular, and those of relaxed structures all differ, so nothing that is searched for one serves
    another.
    """
    first, second, cosine = cell
    if abs(cosine) <= max_strain:
        lengths = {UPRIGHT[0]: (first, second), UPRIGHT[1]: (second, first)}
        fits = [fit for supercell in UPRIGHT for fit in fits_of(lattice, supercell, lengths[supercell], max_strain)]
        yield from sorted(fits, key=unlikeliness)
    yield from cell_fits(lattice, cell, max_strain)


def fits_of(
    lattice: Lattice,
    supercell: tuple[tuple[int, int], tuple[int, int]],
    lengths: tuple[float, float],
    max_strain: float,
) -> list[CellFit]:
    """Return the numbers of rows and columns that fit into a supercell of two lengths."""
    return [
        CellFit(supercell, rows, cols, (along_rows, along_cols))
        for rows, along_rows in whole_numbers(lengths[0], lattice.row_pitch, lattice.row_period, max_strain)
        for cols, along_cols in whole_numbers(lengths[1], lattice.col_pitch, lattice.col_period, max_strain)
    ]


@functools.lru_cache(maxsize=64)
def cell_fits(lattice: Lattice, cell: tuple[float, float, float], max_strain: float) -> tuple[CellFit, ...]:
    """Return how a lattice fits into a periodic plane cell, the likeliest first.

    Args:
        lattice: the sites.
        cell: the lengths of two vectors, in the lattice's unit, and the cosine of the angle between them.
        max_strain: largest strain along rows or columns, and largest cosine between the two.
    """
    first, second, cosine = cell
    plane = np.array([[first, 0.0], [second * cosine, second * math.sqrt(1 - cosine**2)]])
    numbers = range(-FURTHEST, FURTHEST + 1)
    sums = np.array([pair for pair in itertools.product(numbers, numbers) if math.gcd(*pair) == 1])
    vectors = sums @ plane
    lengths = np.linalg.norm(vectors, axis=1)
    copies = sums[:, None, 0] * sums[None, :, 1] - sums[:, None, 1] * sums[None, :, 0]
    cosines = vectors @ vectors.T / np.outer(lengths, lengths)
    # A supercell turned by half a turn is the same one, so the first vector points to one side.
    is_half = (sums[:, 1] > 0) | ((sums[:, 1] == 0) & (sums[:, 0] > 0))
    pairs = np.argwhere((copies > 0) & (copies <= MOST_COPIES) & (np.abs(cosines) <= max_strain) & is_half[:, None])
    fits = [
        fit
        for i, j in pairs
        for fit in fits_of(
            lattice, (tuple(sums[i].tolist()), tuple(sums[j].tolist())), (lengths[i], lengths[j]), max_strain
        )
    ]
    return tuple(sorted(fits, key=unlikeliness)[:MOST_FITS])


def cosine_of(cell: tuple[float, float, float], supercell: tuple[tuple[int, int], tuple[int, int]]) -> float:
    """Return the cosine of the angle between the vectors of a supercell; the cell is as of `cell_fits`.

    >>> round(cosine_of((1.0, 1.0, 0.5), ((1, 0), (-1, 2))), 12)
    0.0
    """
    first, second, cosine = cell
    plane = np.array([[first, 0.0], [second * cosine, second * math.sqrt(1 - cosine**2)]])
    along_rows, along_cols = np.array(supercell) @ plane
    return float(along_rows @ along_cols / np.linalg.norm(along_rows) / np.linalg.norm(along_cols))


def unlikeliness(fit: CellFit) -> tuple[float, bool]:
    """Return what fits are tried in the order of.

    A large supercell can always be found that fits by chance. Of a hexagonal cell's three directions that fit equally
    well, the first vector is the one that its maker looked along.
    """
    return round(fit.num_copies * (1 + math.hypot(*fit.strain) / SMALL_STRAIN), 6), fit.supercell[0] != (1, 0)


def whole_numbers(length: float, pitch: float, period: int, max_strain: float) -> list[tuple[int, float]]:
    """Return the numbers of pitches that a length may be, whole periods, and its strain for each."""
    step = pitch * period
    least, most = math.ceil(length / (step * (1 + max_strain))), math.floor(length / (step * (1 - max_strain)))
    return [(period * number, float(length / (step * number)) - 1) for number in range(max(1, least), most + 1)]


def match_points(lattice: Lattice, fractions: NDArray[np.float64], fit: CellFit) -> Match:
    """Return on which site each point is.

    Args:
        lattice: the sites.
        fractions: float64 (n, 2), of the two vectors of the cell, from anywhere; n >= 1.
        fit: of the cell.
    """
    lengths = np.array([fit.rows * lattice.row_pitch, fit.cols * lattice.col_pitch])
    points = supercell_fractions(fractions, fit.supercell) * lengths
    origin = best_origin(lattice, points)
    for _ in range(REFINEMENTS):
        origin = origin + nearest_sites(lattice, points - origin, fit.rows, fit.cols)[1].mean(axis=0)
    sites, offsets = nearest_sites(lattice, points - origin, fit.rows, fit.cols)
    return Match(fit, sites, np.linalg.norm(offsets, axis=1))


def supercell_fractions(
    fractions: NDArray[np.float64], supercell: tuple[tuple[int, int], tuple[int, int]]
) -> NDArray[np.float64]:
    """Return points (copies n, 2) in fractions of a supercell, in [0, 1], copy after copy of the cell."""
    inverse = np.linalg.inv(np.array(supercell, dtype=np.float64))
    reach = int(np.abs(supercell).sum())
    shifts = np.array(list(itertools.product(range(-reach, reach + 1), repeat=2)))
    placed = shifts @ inverse
    edge = 1e-9  # a shift along a border of the supercell must not be counted twice
    inside = ((placed > -edge) & (placed < 1 - edge)).all(axis=1)
    return ((fractions @ inverse)[None] + placed[inside][:, None]).reshape(-1, 2) % 1.0


@dataclasses.dataclass(frozen=True)
class Waves:
    """Plane waves of one period of a lattice, which the densities of points and sites are compared by.

    Attributes:
        period: lengths (2,) of the period.
        sites: float64 (m, 2), the sites in it.
        along: how often waves go up and down along x and along y, two arrays.
        density: complex (waves along x, waves along y), of the sites, conjugate; 0 for the mean.
    """

    period: NDArray[np.float64]
    sites: NDArray[np.float64]
    along: tuple[NDArray[np.int64], NDArray[np.int64]]
    density: NDArray[np.complex128]


@functools.lru_cache(maxsize=16)
def waves_of(lattice: Lattice) -> Waves:
    """Return the waves that tell the sites of a lattice apart: two for the shortest distance of any two sites."""
    period = np.array([lattice.row_pitch, lattice.col_pitch * lattice.col_period])
    sites = lattice.positions(1, lattice.col_period).reshape(-1, 2)
    apart = closest_distance(lattice)
    x, y = (np.arange(-number, number + 1) for number in np.ceil(2 * period / apart).astype(int))
    density = plane_waves(sites, period, (x, y)).conj()
    density[len(x) // 2, len(y) // 2] = 0
    return Waves(period, sites, (x, y), density)


def closest_distance(lattice: Lattice) -> float:
    """Return the shortest distance of two sites, periodic images included.

    >>> closest_distance(Lattice(1.0, 2.0, 1.1))
    1.0
    """
    cells = lattice.positions(3, 3 * lattice.col_period)
    middle = cells[1, lattice.col_period : 2 * lattice.col_period].reshape(-1, 2)
    distances = np.linalg.norm(middle[:, None] - cells.reshape(-1, 2), axis=-1)
    return float(distances[distances > 1e-6 * lattice.row_pitch].min())


def plane_waves(
    points: NDArray[np.float64], period: NDArray[np.float64], along: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> NDArray[np.complex128]:
    """Return the sum over points (n, 2) of each plane wave, complex (waves along x, waves along y)."""
    x, y = (np.exp(-2j * np.pi * np.outer(points[:, i] / period[i], along[i])) for i in range(2))
    return np.asarray(x.T @ y)


def best_origin(lattice: Lattice, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the shift (2,) of the sites by which their density agrees best with that of the points (n, 2)."""
    waves = waves_of(lattice)
    product = plane_waves(points, waves.period, waves.along) * waves.density
    places = np.arange(GRID) / GRID
    x, y = (np.exp(2j * np.pi * np.outer(places, along)) for along in waves.along)
    overlap = (x @ product @ y.T).real
    return np.array(np.unravel_index(int(overlap.argmax()), overlap.shape)) / GRID * waves.period


def nearest_sites(
    lattice: Lattice, points: NDArray[np.float64], rows: int, cols: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest site (n,) of each point (n, 2), and the offset (n, 2) from it."""
    waves = waves_of(lattice)
    offsets = points[:, None] - waves.sites
    cells = np.rint(offsets / waves.period)
    offsets -= cells * waves.period
    nearest = np.square(offsets).sum(axis=-1).argmin(axis=1)
    chosen = np.arange(len(points)), nearest
    row, block = np.moveaxis(cells[chosen].astype(np.int64), -1, 0)
    col = lattice.col_period * block + nearest // lattice.num_sites
    sites = ((row % rows) * cols + col % cols) * lattice.num_sites + nearest % lattice.num_sites
    return sites, offsets[chosen]
