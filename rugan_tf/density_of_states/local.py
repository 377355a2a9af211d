"""Local densities of states: by site, or by distance from the nearest edge."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.cores import available_cores
from rugan_tf.density_of_states.spectra import Build, SpectrumSettings, common_bounds
from rugan_tf.physics.hamiltonian import RowBlocks, row_blocks
from rugan_tf.physics.kernel_polynomials import MomentSpectrum
from rugan_tf.physics.levels import KPoint, all_states, gaussians
from rugan_tf.physics.recursion import (
    Bounds,
    moments_of,
    on_all_cores,
    projected_moments,
    random_signs,
    scaled,
    spectral_bounds,
    vector_groups,
)

Floats = NDArray[np.float64]

DISTANCE_STEP = 1.5  # Å, about a bond: classes hold the edge, its neighbours, theirs, ...
NUM_DISTANCES = 12  # the last class holds all that is further


@dataclasses.dataclass(frozen=True)
class LocalLevels:
    """How much of each exact state lies on each class of sites.

    Attributes:
        levels: float64 (num_k, num_levels), eV.
        shares: float64 (num_k, num_classes, num_levels).
        weights: float64 (num_k,).
        broadening: standard deviation of a level, eV.
    """

    levels: Floats
    shares: Floats
    weights: Floats
    broadening: float

    def densities(self, energy: Floats) -> Floats:
        """Return levels per eV of each class (num_classes, num_energies)."""
        total = np.zeros((self.shares.shape[1], len(energy)))
        for levels, shares, weight in zip(self.levels, self.shares, self.weights, strict=True):
            total += weight * (shares @ gaussians(energy, levels, self.broadening).T)
        return total


@dataclasses.dataclass(frozen=True)
class LocalMoments:
    """Moments of each class of sites, (num_classes, num_moments), as a spectrum each."""

    spectrum: MomentSpectrum

    def densities(self, energy: Floats) -> Floats:
        """Return levels per eV of each class (num_classes, num_energies)."""
        return self.spectrum.densities(energy)


def distance_classes(distance: Floats) -> NDArray[np.intp]:
    """Return the class (num_atoms,) of each distance from the nearest edge, Å: 0 for edges, then steps of 1.5 Å."""
    # What is a whole step but for rounding belongs to the class that ends there.
    return np.minimum(np.ceil(distance / DISTANCE_STEP - 1e-9), NUM_DISTANCES - 1).astype(np.intp)


def local_spectrum(
    build: Build, k_points: Sequence[KPoint], settings: SpectrumSettings, group: NDArray[np.intp], num_groups: int
) -> LocalLevels | LocalMoments:
    """Return the local spectrum of classes of sites.

    Args:
        build: the matrix at a k-point; its rows are atom by atom.
        k_points: with their weights.
        settings: how it is computed.
        group: class of each atom (num_atoms,).
        num_groups: number of classes.
    """
    matrices = [build(point.twist) for point in k_points]
    rows = np.repeat(group, matrices[0].num_rows // len(group))
    weights = np.array([point.weight for point in k_points])
    if settings.method_for(len(rows)) == "exact":
        found = [all_states(matrix) for matrix in matrices]
        shares = np.zeros((len(matrices), num_groups, len(rows)))
        for k, (_, states) in enumerate(found):
            # add.at: several orbitals are of one class, of which an addition by index would count one.
            np.add.at(shares[k], rows, abs(states) ** 2)
        return LocalLevels(np.array([levels for levels, _ in found]), shares, weights, settings.broadening)
    bounds = common_bounds([spectral_bounds(matrix) for matrix in matrices])
    num_moments = settings.moments_for(bounds)
    moments = np.zeros((num_groups, num_moments))
    for k, (matrix, weight) in enumerate(zip(matrices, weights, strict=True)):
        for mean in _projected(matrix, bounds, num_moments, settings, rows, num_groups, k):
            moments += weight / settings.num_vectors * mean
    return LocalMoments(MomentSpectrum(moments, bounds, len(rows)))


def _projected(
    matrix: RowBlocks,
    bounds: Bounds,
    num_moments: int,
    settings: SpectrumSettings,
    rows: NDArray[np.intp],
    num_groups: int,
    k: int,
) -> list[Floats]:
    """Return the moments (num_groups, num_moments) of the vectors at one k-point, summed over each group of vectors."""
    small, threads = scaled(matrix, bounds), settings.threads or available_cores()

    def work(group: range) -> Floats:
        # The vectors of the total density, so that the classes add up to it.
        start = random_signs(matrix, settings.seed, [k * settings.num_vectors + number for number in group])
        return projected_moments(small, bounds, start, num_moments, rows, num_groups).sum(axis=0)

    groups = vector_groups(matrix, settings.num_vectors, threads)
    found = dict(on_all_cores(work, groups, threads))
    # In order, so that sums do not depend on which core was done first.
    return [found[group] for group in groups]


def site_densities(hamiltonian: Any, rows: Sequence[int], energy: Floats, settings: SpectrumSettings) -> Floats:
    """Return the local densities (num_rows, num_energies), states per eV, on rows of any Hermitian sparse matrix.

    Kernel polynomials with the orbital itself as the start vector: no random vectors and no error bar.

    Args:
        hamiltonian: scipy sparse (n, n), or `RowBlocks`.
        rows: which orbitals.
        energy: (num_energies,), eV.
        settings: broadening, moments and cores.
    """
    matrix = row_blocks(hamiltonian)
    bounds = spectral_bounds(matrix)
    num_moments, threads = settings.moments_for(bounds), settings.threads or available_cores()
    small = scaled(matrix, bounds)

    def work(group: range) -> Floats:
        start = np.zeros((matrix.num_rows, len(group)), matrix.dtype)
        start[[rows[number] for number in group], np.arange(len(group))] = 1
        return moments_of(small, bounds, start, num_moments)

    groups = vector_groups(matrix, len(rows), threads)
    found = dict(on_all_cores(work, groups, threads))
    return MomentSpectrum(np.concatenate([found[group] for group in groups]), bounds, 1).densities(energy)
