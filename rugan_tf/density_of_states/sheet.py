"""One sheet: its blocks, its Fermi level, and what its levels and bonds tell."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rugan_tf.density_of_states.local import LocalLevels, LocalMoments, distance_classes, local_spectrum
from rugan_tf.density_of_states.options import DensityOptions
from rugan_tf.density_of_states.results import NOT_COUNTED
from rugan_tf.density_of_states.spectra import Build, SpectrumSettings, Tick, block_spectrum
from rugan_tf.errors import InputError
from rugan_tf.formats.pieces import Pieces
from rugan_tf.physics.hamiltonian import PlanarAtoms, nearest_neighbour_pi, pi_block, sigma_block
from rugan_tf.physics.kernel_polynomials import MomentSpectrum
from rugan_tf.physics.levels import LevelSpectrum, all_levels, k_grid, participation, states_near
from rugan_tf.physics.occupation import neutral_level
from rugan_tf.physics.sublattices import bond_matrix, edge_distances, zero_modes

Floats = NDArray[np.float64]

ZERO = 1e-6  # eV; levels closer to zero than this are zero modes
MOST_PAIRED = 2_000_000  # atoms up to which neighbours are paired: beyond, that takes more memory than the moments
ORBITALS = {"sigma": 3, "pi": 1}


@dataclasses.dataclass(frozen=True)
class LocalSheet:
    """The local spectra of a sheet's blocks, and how many atoms each class has."""

    spectra: tuple[LocalLevels | LocalMoments, ...]
    num_atoms: NDArray[np.int64]
    distance: Floats


@dataclasses.dataclass(frozen=True)
class SheetSpectrum:
    """The spectrum of one sheet; fields are named as in `DensityResults`."""

    blocks: dict[str, LevelSpectrum | MomentSpectrum]
    num_atoms: int
    fermi_level: float
    gap: float
    num_zero_modes: int
    sublattice_imbalance: int
    unmatched_atoms: int
    state_energy: Floats
    participation: Floats
    local: LocalSheet | None


def settings_of(options: DensityOptions) -> SpectrumSettings:
    """Return the settings that options say."""
    names = [field.name for field in dataclasses.fields(SpectrumSettings)]
    return SpectrumSettings(**{name: getattr(options, name) for name in names})


def builders(atoms: PlanarAtoms, options: DensityOptions) -> dict[str, Build]:
    """Return what makes the matrix of each block at a k-point."""
    if options.model == "pi":
        return {"pi": functools.partial(nearest_neighbour_pi, atoms, hopping=options.hopping)}
    return {"sigma": functools.partial(sigma_block, atoms), "pi": functools.partial(pi_block, atoms)}


def num_ticks(options: DensityOptions, num_atoms: int) -> int:
    """Return how many steps of the progress bar a sheet takes."""
    k_points, settings = k_grid(*options.k_points), settings_of(options)
    names = ("pi",) if options.model == "pi" else ("sigma", "pi")
    exact = [settings.method_for(ORBITALS[name] * num_atoms) == "exact" for name in names]
    return sum(len(k_points) * (1 if is_exact else options.num_vectors) for is_exact in exact)


def sheet_spectrum(atoms: PlanarAtoms, options: DensityOptions, pieces: Pieces, tick: Tick) -> SheetSpectrum:
    """Return the spectrum of a sheet; what was computed before is found among the pieces."""
    k_points, settings = k_grid(*options.k_points), settings_of(options)
    built = builders(atoms, options)
    # Without the threads: they change no number, and a run may go on with others.
    what = (options.model, options.hopping, options.k_points, dataclasses.replace(settings, threads=None))
    blocks = {
        name: block_spectrum(
            build, k_points, settings, pieces=pieces.of(atoms.positions, atoms.cell, name, *what), tick=tick
        )
        for name, build in built.items()
    }
    needs_bonds = options.local != "none" or len(atoms.positions) <= MOST_PAIRED
    bonds = bond_matrix(atoms) if needs_bonds else None
    forced = zero_modes(bonds) if bonds is not None and len(atoms.positions) <= MOST_PAIRED else None
    # Only with two sublattices: rings of odd length have odd moments.
    if options.model == "pi" and forced is not None:
        blocks["pi"] = paired(blocks["pi"])
    num_electrons = (1 if options.model == "pi" else atoms.element.num_electrons) * len(atoms.positions)
    level = neutral_level(list(blocks.values()), num_electrons, options.smearing)
    energies, spread = np.empty(0), np.empty(0)
    if options.num_states:
        energies, states = states_near(built["pi"]((0.0, 0.0)), level, options.num_states)
        energies, spread = energies - level, participation(states)
    return SheetSpectrum(
        blocks,
        len(atoms.positions),
        level,
        gap(list(blocks.values()), num_electrons),
        count_zero_modes(atoms, blocks["pi"], options),
        NOT_COUNTED if forced is None else forced.imbalance,
        NOT_COUNTED if forced is None or forced.unmatched is None else forced.unmatched,
        energies,
        spread,
        None if options.local == "none" else local_sheet(built, options, edge_distances(atoms, bonds)),
    )


def paired(block: LevelSpectrum | MomentSpectrum) -> LevelSpectrum | MomentSpectrum:
    """Return the spectrum without odd moments: on two sublattices levels come in pairs e, -e, and odd traces vanish."""
    if isinstance(block, LevelSpectrum):
        return block
    even = np.arange(block.moments.shape[1]) % 2 == 0
    return dataclasses.replace(block, moments=np.where(even, block.moments, 0.0))


def local_sheet(built: dict[str, Build], options: DensityOptions, distance: Floats) -> LocalSheet:
    """Return local spectra by distance from the nearest edge or by site.

    Raises:
        InputError: densities by site of a sheet that is too large for all of its states.
    """
    k_points, settings = k_grid(*options.k_points), settings_of(options)
    # All classes, also those without an atom: sheets of one file have the same ones.
    classes, count = distance_classes(distance), int(distance_classes(np.array([np.inf]))[0]) + 1
    if options.local == "sites":
        if settings.method_for(ORBITALS["sigma" if "sigma" in built else "pi"] * len(distance)) != "exact":
            raise InputError(
                f"Densities by site need all states: give --method exact, or --local distance. "
                f"Received: a sheet of {len(distance)} atoms"
            )
        classes, count = np.arange(len(distance)), len(distance)
    spectra = tuple(local_spectrum(build, k_points, settings, classes, count) for build in built.values())
    return LocalSheet(spectra, np.bincount(classes, minlength=count).astype(np.int64), distance)


def gap(blocks: Sequence[LevelSpectrum | MomentSpectrum], num_electrons: float) -> float:
    """Return the gap between filled and empty levels, eV, over all k-points; NaN where levels are not known."""
    levels, weights = [], []
    for block in blocks:
        if not isinstance(block, LevelSpectrum):
            return float("nan")
        levels.append(block.levels.ravel())
        weights.append(np.repeat(block.weights, block.num_levels))
    order = np.argsort(np.concatenate(levels))
    level, held = np.concatenate(levels)[order], 2 * np.cumsum(np.concatenate(weights)[order])
    # Weights of k-points add up to the electrons but for rounding.
    highest = int(np.searchsorted(held, num_electrons - 1e-6))
    is_half_filled = held[highest] > num_electrons + 1e-6
    return 0.0 if is_half_filled else float(level[highest + 1] - level[highest])


def count_zero_modes(atoms: PlanarAtoms, block: LevelSpectrum | MomentSpectrum, options: DensityOptions) -> int:
    """Return the zero modes of the nearest-neighbour pi model at Gamma; -1 where levels are not known."""
    if not isinstance(block, LevelSpectrum):
        return NOT_COUNTED
    levels = block.levels[0] if options.model == "pi" else all_levels(nearest_neighbour_pi(atoms))
    return int((abs(levels) < ZERO).sum())
