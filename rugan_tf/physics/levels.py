"""Exact levels of sparse Hamiltonians: all of a small one, those next to an energy of a larger one; k-points."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, eigvalsh
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from rugan_tf.errors import InputError
from rugan_tf.physics.hamiltonian import RowBlocks
from rugan_tf.physics.kernel_polynomials import Function

Floats = NDArray[np.float64]

DENSE_ROWS = 3_000  # below, all levels take less time than a few by shift and invert
OFF_SHIFT = 1e-5  # eV; a shift that is a level itself, as zero often is, cannot be inverted


class KPoint(NamedTuple):
    """A k-point and its share of the Brillouin zone."""

    twist: tuple[float, float]  # fractions of the reciprocal cell
    weight: float


def k_grid(along_first: int, along_second: int) -> tuple[KPoint, ...]:
    """Return a grid of k-points that holds Gamma; k and -k have the same levels and are one point.

    A sheet on this grid has the levels of the sheet repeated so many times, at Gamma.

    >>> [(point.twist, point.weight) for point in k_grid(2, 1)]
    [((0.0, 0.0), 0.5), ((0.5, 0.0), 0.5)]

    Raises:
        InputError: not positive numbers.
    """
    if along_first < 1 or along_second < 1:
        raise InputError(f"k_points must be two positive numbers. Received: {along_first} {along_second}")
    counts: dict[tuple[int, int], int] = {}
    for i in range(along_first):
        for j in range(along_second):
            point = min((i, j), (-i % along_first, -j % along_second))
            counts[point] = counts.get(point, 0) + 1
    total = along_first * along_second
    return tuple(KPoint((i / along_first, j / along_second), count / total) for (i, j), count in counts.items())


@dataclasses.dataclass(frozen=True)
class LevelSpectrum:
    """A spectrum known level by level, drawn with Gaussians.

    Attributes:
        levels: float64 (num_k, num_levels), ascending, eV.
        weights: float64 (num_k,), shares of the k-points.
        broadening: standard deviation of a level, eV.
    """

    levels: Floats
    weights: Floats
    broadening: float

    @property
    def num_levels(self) -> int:
        """Levels of the block, for one k-point."""
        return int(self.levels.shape[1])

    @property
    def resolution(self) -> float:
        """Standard deviation of a level, eV."""
        return self.broadening

    def density(self, energy: Floats) -> tuple[Floats, Floats]:
        """Return levels per eV (num_energies,) at energies (num_energies,), eV, and their error, which is zero."""
        density = np.zeros(len(energy))
        for levels, weight in zip(self.levels, self.weights, strict=True):
            density += weight * gaussians(energy, levels, self.broadening).sum(axis=1)
        return density, np.zeros(len(energy))

    def trace(self, function: Function) -> float:
        """Return the trace of a function of the energy, eV."""
        return float(self.weights @ function(self.levels.ravel()).reshape(self.levels.shape).sum(axis=1))


def gaussians(energy: Floats, levels: Floats, broadening: float) -> Floats:
    """Return the normalised Gaussians (num_energies, num_levels), 1/eV, of levels (num_levels,), eV."""
    distance = (energy[:, None] - levels) / broadening
    return np.asarray(np.exp(-0.5 * distance**2) / (broadening * np.sqrt(2 * np.pi)))


def all_levels(matrix: RowBlocks) -> Floats:
    """Return all levels (num_rows,), ascending, eV."""
    return np.asarray(eigvalsh(matrix.toarray(), overwrite_a=True, check_finite=False))


def all_states(matrix: RowBlocks) -> tuple[Floats, NDArray[Any]]:
    """Return all levels (num_rows,), eV, and states (num_rows, num_rows) as columns."""
    levels, states = eigh(matrix.toarray(), overwrite_a=True, check_finite=False)
    return levels, states


def states_near(matrix: RowBlocks, energy: float, number: int) -> tuple[Floats, NDArray[Any]]:
    """Return the levels (number,) nearest to an energy, eV, ascending, and their states (num_rows, number).

    Raises:
        InputError: fewer levels than asked for, or an iteration that does not converge.
    """
    if not 1 <= number <= matrix.num_rows:
        raise InputError(f"The number of states must lie in 1..{matrix.num_rows}. Received: {number}")
    if matrix.num_rows <= DENSE_ROWS or number >= matrix.num_rows - 1:
        levels, states = all_states(matrix)
        chosen = np.sort(np.argsort(abs(levels - energy), kind="stable")[:number])
        return levels[chosen], states[:, chosen]
    whole = matrix.tocsr()
    start = np.random.default_rng(0).standard_normal(matrix.num_rows)  # ARPACK's own would differ from run to run
    try:
        found = eigsh(whole, number, sigma=energy + OFF_SHIFT, v0=start, ncv=min(matrix.num_rows, 4 * number + 20))
    except ArpackNoConvergence as error:
        raise InputError(f"The states near an energy must converge. Received: {error}") from None
    order = np.argsort(found[0])
    return found[0][order], found[1][:, order]


def participation(states: NDArray[Any], orbitals_per_site: int = 1) -> Floats:
    """Return over how many sites each state spreads (number,): 1 / sum of squared site weights, from 1 to all sites.

    Args:
        states: (num_rows, number), normalised columns.
        orbitals_per_site: rows that belong to one site.
    """
    weights = (abs(states) ** 2).reshape(-1, orbitals_per_site, states.shape[1]).sum(axis=1)
    return np.asarray(1 / (weights**2).sum(axis=0))
