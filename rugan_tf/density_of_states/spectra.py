"""The spectrum of a Hamiltonian behind one function: all levels, or kernel polynomials."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.cores import available_cores
from rugan_tf.density_of_states.options import Method
from rugan_tf.errors import InputError
from rugan_tf.formats.pieces import Pieces
from rugan_tf.physics.hamiltonian import RowBlocks, row_blocks
from rugan_tf.physics.kernel_polynomials import MomentSpectrum, moments_needed
from rugan_tf.physics.levels import KPoint, LevelSpectrum, all_levels, k_grid
from rugan_tf.physics.recursion import (
    Bounds,
    moments_of,
    on_all_cores,
    random_signs,
    scaled,
    spectral_bounds,
    vector_groups,
)

Floats = NDArray[np.float64]
Build = Callable[[tuple[float, float]], RowBlocks]  # the matrix at a k-point
Tick = Callable[[int], None]  # told how many matrices or vectors are done

EXACT_ROWS = 6_000  # about a minute on two cores
NOTHING_KEPT = Pieces(None)


@dataclasses.dataclass(frozen=True)
class SpectrumSettings:
    """How a spectrum is computed.

    Attributes:
        method: `exact`, `polynomials`, or None for exact up to 6,000 rows.
        broadening: standard deviation of a level, eV.
        num_moments: of polynomials; None for as many as the broadening needs.
        num_vectors: random vectors of polynomials.
        seed: of the random vectors.
        threads: cores; None for all.
    """

    method: Method | None = None
    broadening: float = 0.1
    num_moments: int | None = None
    num_vectors: int = 8
    seed: int = 0
    threads: int | None = None

    def method_for(self, num_rows: int) -> Method:
        """Return the method for a matrix of this size."""
        return self.method or ("exact" if num_rows <= EXACT_ROWS else "polynomials")

    def moments_for(self, bounds: Bounds) -> int:
        """Return the number of moments.

        Raises:
            InputError: fewer were asked for than the broadening needs.
        """
        needed = moments_needed(bounds, self.broadening)
        if self.num_moments is not None and self.num_moments < needed:
            raise InputError(
                f"A broadening of {self.broadening:g} eV needs at least {needed} moments for levels within "
                f"{2 * bounds.half_width:.3g} eV. Received: num_moments={self.num_moments}"
            )
        return self.num_moments or needed


DEFAULTS = SpectrumSettings()


@dataclasses.dataclass(frozen=True)
class Density:
    """A density of states.

    Attributes:
        energy: float64 (num_energies,), eV.
        density: float64 (num_energies,), levels per eV; one spin.
        error: float64 (num_energies,), its standard error; zero for the exact method, NaN for one vector.
        resolution: standard deviation of a level, eV.
    """

    energy: Floats
    density: Floats
    error: Floats
    resolution: float


def density_of_states(
    hamiltonian: Any, energy: ArrayLike, settings: SpectrumSettings = DEFAULTS, *, pieces: Pieces = NOTHING_KEPT
) -> Density:
    """Return the density of states of a Hermitian scipy sparse matrix.

    >>> from scipy.sparse import diags_array
    >>> chain = diags_array([1.0, 1.0], offsets=[-1, 1], shape=(100, 100))
    >>> density_of_states(chain, np.linspace(-3, 3, 601)).density.sum() * 0.01
    np.float64(100.0)

    Args:
        hamiltonian: scipy sparse (n, n), real or complex; or `RowBlocks`.
        energy: where the density is wanted, (num_energies,), eV.
        settings: how it is computed.
        pieces: where moments are kept while it runs, to go on after an interruption.

    Raises:
        InputError: not a Hermitian sparse matrix, or too few moments for the broadening.
    """
    matrix = row_blocks(hamiltonian)
    grid = np.asarray(energy, np.float64)
    spectrum = block_spectrum(lambda _: matrix, k_grid(1, 1), settings, pieces=pieces)
    return Density(grid, *spectrum.density(grid), spectrum.resolution)


def block_spectrum(
    build: Build,
    k_points: Sequence[KPoint],
    settings: SpectrumSettings,
    *,
    pieces: Pieces = NOTHING_KEPT,
    tick: Tick = lambda _: None,
) -> LevelSpectrum | MomentSpectrum:
    """Return the spectrum of one block at all k-points.

    Args:
        build: the matrix at a k-point.
        k_points: with their weights.
        settings: how it is computed.
        pieces: where levels and moments are kept while it runs.
        tick: progress.
    """
    first = build(k_points[0].twist)
    matrices = [first, *(build(point.twist) for point in k_points[1:])] if len(k_points) > 1 else [first]
    weights = np.array([point.weight for point in k_points])
    if settings.method_for(first.num_rows) == "exact":
        levels = [_kept_levels(matrix, pieces, f"k{k}", tick) for k, matrix in enumerate(matrices)]
        return LevelSpectrum(np.array(levels), weights, settings.broadening)
    bounds = common_bounds([spectral_bounds(matrix) for matrix in matrices])
    num_moments = settings.moments_for(bounds)
    moments = np.zeros((settings.num_vectors, num_moments))
    for k, (matrix, weight) in enumerate(zip(matrices, weights, strict=True)):
        moments += weight * _kept_moments(matrix, bounds, num_moments, settings, pieces, k, tick)
    return MomentSpectrum(moments, bounds, first.num_rows)


def common_bounds(several: list[Bounds]) -> Bounds:
    """Return one interval that holds all of several: moments at all k-points must be of the same polynomials."""
    low = min(bounds.centre - bounds.half_width for bounds in several)
    high = max(bounds.centre + bounds.half_width for bounds in several)
    return several[0] if len(several) == 1 else Bounds((low + high) / 2, (high - low) / 2)


def _kept_levels(matrix: RowBlocks, pieces: Pieces, name: str, tick: Tick) -> Floats:
    levels = pieces.read(f"levels-{name}")
    if levels is None:
        levels = all_levels(matrix)
        pieces.keep(f"levels-{name}", levels)
    tick(1)
    return levels


def _kept_moments(
    matrix: RowBlocks,
    bounds: Bounds,
    num_moments: int,
    settings: SpectrumSettings,
    pieces: Pieces,
    k: int,
    tick: Tick,
) -> Floats:
    """Return moments (num_vectors, num_moments) at one k-point, each vector computed or found among the pieces."""
    names = [f"moments-k{k}-vector{number}" for number in range(settings.num_vectors)]
    rows = {number: row for number, name in enumerate(names) if (row := pieces.read(name)) is not None}
    small, threads = scaled(matrix, bounds), settings.threads or available_cores()

    # A group with a missing vector is computed again as a whole: the sums of a run that goes on then have the
    # same order, and the result is the same to the last bit.
    groups = [
        group
        for group in vector_groups(matrix, settings.num_vectors, threads)
        if not all(number in rows for number in group)
    ]
    tick(settings.num_vectors - sum(map(len, groups)))

    def work(group: range) -> Floats:
        # Vectors at different k-points differ, so that their errors average out.
        start = random_signs(matrix, settings.seed, [k * settings.num_vectors + number for number in group])
        return moments_of(small, bounds, start, num_moments)

    for group, found in on_all_cores(work, groups, threads):
        for number, row in zip(group, found, strict=True):
            rows[number] = row
            pieces.keep(names[number], row)
        tick(len(group))
    return np.stack([rows[number] for number in range(settings.num_vectors)])
