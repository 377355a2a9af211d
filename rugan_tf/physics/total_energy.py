"""Total energies of planar sheets: exact with k-points, and by kernel polynomials in a time linear in the atoms.

The band energy is a trace, Tr e f(e), which random vectors estimate. Vectors of random signs over the whole sheet
have an error of hundreds of meV per atom at a thousand atoms, nearly all of it from pairs of atoms close to each
other. So each vector lives on one orbital of the atoms of one colour, and atoms of a colour are several Å apart
(probing: Tang and Saad, Numer. Linear Algebra Appl. 19, 485 (2012)): fifty times less error for the same work.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from rugan_tf.cores import available_cores
from rugan_tf.errors import InputError
from rugan_tf.physics.hamiltonian import (
    ROWS_PER_BLOCK,
    PlanarAtoms,
    RowBlocks,
    neighbours_by_rows,
    pi_block,
    sigma_block,
)
from rugan_tf.physics.kernel_polynomials import Function, MomentSpectrum
from rugan_tf.physics.levels import KPoint, LevelSpectrum, all_levels, k_grid
from rugan_tf.physics.occupation import Spectrum, fermi_function, neutral_level
from rugan_tf.physics.recursion import (
    Bounds,
    moments_of,
    on_all_cores,
    scaled,
    spectral_bounds,
    vector_groups,
)
from rugan_tf.physics.tight_binding import SMEARING, embedding, repulsive_pair

Floats = NDArray[np.float64]

SEPARATIONS = (4.3, 6.5)  # Å, of the sigma and the pi block: measured, both then err by 1.5 meV/atom at 1,000 atoms
MANY_ATOMS = 200_000  # from here less suffices: the error per atom falls with the root of the number of atoms
SEPARATIONS_OF_MANY = (2.5, 2.9)  # Å: measured, 10 and 7 meV/atom at 1,000 atoms, 0.3 and 0.2 at a million
CONFIDENCE = 0.95
SERIES_TOLERANCE = 1e-5  # of the Fermi function's Chebyshev series


@dataclasses.dataclass(frozen=True)
class EnergyEstimate:
    """A total energy by kernel polynomials.

    Attributes:
        energy: eV, relative to free atoms, as the exact tight-binding energies are.
        standard_error: eV, from independent repetitions.
        interval: half width of the 95 % interval, eV: the standard error times Student's factor.
        fermi_level: eV.
        num_atoms: atoms of the sheet.
        num_vectors: start vectors of both blocks together.
        num_moments: of the sigma and of the pi block.
    """

    energy: float
    standard_error: float
    interval: float
    fermi_level: float
    num_atoms: int
    num_vectors: int
    num_moments: tuple[int, int]

    @property
    def energy_per_atom(self) -> float:
        """The energy divided by the number of atoms, eV."""
        return self.energy / self.num_atoms


def repulsion_energy(atoms: PlanarAtoms) -> float:
    """Return the repulsive part of the energy, eV."""
    total = 0.0
    for start, found in zip(
        itertools.count(0, ROWS_PER_BLOCK),
        neighbours_by_rows(atoms, atoms.element.cutoff, ROWS_PER_BLOCK),
        strict=False,
    ):
        count = min(ROWS_PER_BLOCK, len(atoms.positions) - start)
        sums = np.bincount(found.first - start, repulsive_pair(atoms.element, found.distance), count)
        total += float(embedding(atoms.element, sums).sum())
    return total


def exact_energy(
    atoms: PlanarAtoms, *, k_points: Sequence[KPoint] = k_grid(1, 1), smearing: float = SMEARING, free: bool = False
) -> float:
    """Return the total energy, eV per cell, from all levels at the k-points.

    Args:
        atoms: with the numbers of their element.
        k_points: at Gamma alone this is the reference energy of the project.
        smearing: kT of the Fermi function, eV.
        free: with half of the entropy's share, kT sum f ln f + (1 - f) ln (1 - f), which extrapolates to no smearing.
    """
    weights = np.array([point.weight for point in k_points])
    blocks = [
        LevelSpectrum(np.array([all_levels(build(atoms, point.twist)) for point in k_points]), weights, smearing)
        for build in (sigma_block, pi_block)
    ]
    level = neutral_level(blocks, atoms.element.num_electrons * len(atoms.positions), smearing)
    energy = band_energy(blocks, level, smearing)
    if free:
        energy += sum(block.trace(lambda e: _entropy_term(e, level, smearing)) for block in blocks)
    return energy + repulsion_energy(atoms) - len(atoms.positions) * atoms.element.free_atom_energy


def _entropy_term(energy: Floats, level: float, smearing: float) -> Floats:
    """Return half of -T S of both spins, (n,), eV."""
    occupied = fermi_function(energy, level, smearing)
    empty = fermi_function(-energy, -level, smearing)
    tiny = np.finfo(float).tiny  # 0 ln 0 is 0
    return np.asarray(smearing * (occupied * np.log(occupied + tiny) + empty * np.log(empty + tiny)))


def band_energy(spectra: Sequence[Spectrum], level: float, smearing: float) -> float:
    """Return the sum of the occupied levels of both spins, eV."""
    return 2 * sum(spectrum.trace(_occupied_energy(level, smearing)) for spectrum in spectra)


def _occupied_energy(level: float, smearing: float) -> Function:
    return lambda energy: energy * fermi_function(energy, level, smearing)


def colours(atoms: PlanarAtoms, separation: float) -> NDArray[np.intp]:
    """Return colours (num_atoms,), from 0, so that no two atoms of a colour are closer than the separation, Å.

    Each atom in turn takes the first colour that none of its neighbours has: some twenty colours at 6 Å.
    """
    colour = np.full(len(atoms.positions), -1, np.intp)
    for found in neighbours_by_rows(atoms, separation, ROWS_PER_BLOCK):
        order = np.argsort(found.first, kind="stable")
        first, second = found.first[order], found.second[order]
        number, starts = np.unique(first, return_index=True)
        for atom, around in zip(number.tolist(), np.split(second, starts[1:]), strict=True):
            used = set(colour[around].tolist())
            colour[atom] = next(free for free in itertools.count() if free not in used)
    colour[colour < 0] = 0  # atoms without any neighbour
    return colour


def series_length(bounds: Bounds, smearing: float) -> int:
    """Return how many moments a Fermi function needs: the series falls as exp(-n pi kT / half width)."""
    return 2 * math.ceil(bounds.half_width / (math.pi * smearing) * -math.log(SERIES_TOLERANCE) / 2)


def linear_scaling_energy(
    atoms: PlanarAtoms,
    *,
    num_repetitions: int = 4,
    separations: tuple[float, float] | None = None,
    smearing: float = SMEARING,
    twist: ArrayLike = (0.0, 0.0),
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EnergyEstimate:
    """Return the tight-binding energy of a sheet of up to millions of atoms, with its error bar.

    Args:
        atoms: with the numbers of their element.
        num_repetitions: independent estimates, at least 2, whose spread is the error bar.
        separations: least distance of atoms of one colour, Å, of the sigma and of the pi block; a repetition takes
            orbitals times colours vectors. 4.3 and 6.5 unless said otherwise, 2.5 and 2.9 from 200,000 atoms on.
        smearing: kT of the Fermi function, eV.
        twist: a k-point, fractions of the reciprocal cell.
        seed: of the random signs.
        threads: cores to use; all unless said otherwise.
        progress: called with the number of vectors done and of all vectors.

    Raises:
        InputError: fewer than two repetitions, or separations that are not positive.
    """
    if num_repetitions < 2:
        raise InputError(f"An error bar needs at least 2 repetitions. Received: num_repetitions={num_repetitions}")
    distances = separations or (SEPARATIONS if len(atoms.positions) < MANY_ATOMS else SEPARATIONS_OF_MANY)
    if not min(distances) > 0:
        raise InputError(f"separations must be positive, in Å. Received: separations={distances}")
    matrices = sigma_block(atoms, twist), pi_block(atoms, twist)
    painted = [
        _orbital_colours(colours(atoms, distance), width) for distance, width in zip(distances, (3, 1), strict=True)
    ]
    total = num_repetitions * sum(int(colour.max()) + 1 for colour in painted)
    done = itertools.count(1)

    def count() -> None:
        number = next(done)
        if progress is not None:
            progress(number, total)

    cores = threads or available_cores()
    spectra = [
        _probed(matrix, colour, num_repetitions, smearing, [seed, number], cores, count)
        for number, (matrix, colour) in enumerate(zip(matrices, painted, strict=True))
    ]
    rest = repulsion_energy(atoms) - len(atoms.positions) * atoms.element.free_atom_energy
    energy, error, level = _jackknife(spectra, atoms.element.num_electrons * len(atoms.positions), smearing)
    factor = float(student.ppf((1 + CONFIDENCE) / 2, num_repetitions - 1))
    num_moments = spectra[0].moments.shape[1], spectra[1].moments.shape[1]
    return EnergyEstimate(energy + rest, error, factor * error, level, len(atoms.positions), total, num_moments)


def _orbital_colours(colour: NDArray[np.intp], width: int) -> NDArray[np.intp]:
    """Return colours (width * num_atoms,) that differ between the orbitals of an atom, too."""
    return (colour[:, None] * width + np.arange(width)).ravel()


def _probed(
    matrix: RowBlocks,
    colour: NDArray[np.intp],
    num_repetitions: int,
    smearing: float,
    seed: list[int],
    threads: int,
    count: Callable[[], None],
) -> MomentSpectrum:
    """Return the moments of a block, one row for each repetition: the sum over its vectors, one of each colour."""
    bounds = spectral_bounds(matrix)
    num_moments, num_colours = series_length(bounds, smearing), int(colour.max()) + 1
    small = scaled(matrix, bounds)

    def work(group: Iterable[int]) -> Floats:
        start = np.stack([_one_colour(matrix, colour, num_colours, seed, number) for number in group], axis=1)
        return moments_of(small, bounds, start, num_moments)

    groups = vector_groups(matrix, num_repetitions * num_colours, threads)
    sums: dict[int, Floats] = {}
    for group, moments in on_all_cores(work, groups, threads):
        for number, row in zip(group, moments, strict=True):
            sums[number] = row
            count()
    # Added in order, so that the result does not depend on which core was done first.
    rows = np.stack([sums[number] for number in sorted(sums)])
    return MomentSpectrum(rows.reshape(num_repetitions, num_colours, -1).sum(axis=1), bounds, matrix.num_rows)


def _one_colour(
    matrix: RowBlocks, colour: NDArray[np.intp], num_colours: int, seed: list[int], number: int
) -> NDArray[Any]:
    repetition, wanted = divmod(number, num_colours)
    rng = np.random.default_rng([*seed, repetition])
    signs = 2 * rng.integers(0, 2, matrix.num_rows, np.int8) - 1
    return np.where(colour == wanted, signs, 0).astype(matrix.dtype)


def _jackknife(spectra: list[MomentSpectrum], num_electrons: int, smearing: float) -> tuple[float, float, float]:
    """Return band energy, its standard error and the Fermi level, eV; each repetition is left out once.

    The Fermi level follows the moments, so the energies of single repetitions are not independent of it.
    """

    def evaluate(chosen: NDArray[np.bool_]) -> tuple[float, float]:
        some = [dataclasses.replace(spectrum, moments=spectrum.moments[chosen]) for spectrum in spectra]
        level = neutral_level(some, num_electrons, smearing)
        return band_energy(some, level, smearing), level

    count = len(spectra[0].moments)
    energy, level = evaluate(np.ones(count, bool))
    without = np.array([evaluate(np.arange(count) != left_out)[0] for left_out in range(count)])
    error = math.sqrt((count - 1) * without.var())
    return energy, error, level
