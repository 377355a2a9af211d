"""Energies of planar carbon sheets from the orthogonal sp3 tight binding of Xu, Wang, Chan and Ho.

J. Phys.: Condens. Matter 4, 6047 (1992). In a plane, pz couples to nothing but pz: the Hamiltonian falls into
a sigma block (s, px, py) and a pi block (pz), which share one Fermi level. All at the Gamma point of a
periodic orthorhombic cell, which may be shorter than the reach of hoppings: every image of an atom counts.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigvalsh
from scipy.optimize import brentq
from scipy.sparse import coo_array
from scipy.spatial import cKDTree
from scipy.special import expit

from rugan_tf.physics.structures import sheet_positions

Floats = NDArray[np.float64]

E_S, E_P = -2.99, 3.71  # on-site energies, eV
SIGMA_ONSITE, PI_ONSITE = (E_S, E_P, E_P), (E_P,)  # s, px, py; pz
V_SS, V_SP, V_PP_SIGMA, V_PP_PI = -5.0, 4.7, 5.5, -1.55  # hoppings at 1.536329 Å, eV
CUTOFF = 2.6  # Å, of hoppings and repulsion
HOPPING_TAIL_START, REPULSION_TAIL_START = 2.45, 2.57  # Å
# Coefficients of rising powers of r - start for the tails, of the repulsion's sum for the embedding.
HOPPING_TAIL = (6.7392620074314e-3, -8.1885359517898e-2, 0.1932365259144, 0.3542874332380)
REPULSION_TAIL = (2.2504290109e-8, -1.4408640561e-6, 2.1043303374e-5, 6.6024390226e-5)
EMBEDDING = (-2.5909765118191, 0.5721151498619, -1.7896349903996e-3, 2.3539221516757e-5, -1.24251169551587e-7)
SMEARING = 0.1  # kT of the Fermi function, eV
CLOSEST = 0.5  # Å; the model means nothing for atoms closer than this
FREE_ATOM_ENERGY = 2 * E_S + 2 * E_P  # eV, the band energy of one atom alone


class Pairs(NamedTuple):
    """Ordered pairs of neighbours, one entry for each periodic image within the cutoff."""

    first: NDArray[np.intp]  # (num_pairs,)
    second: NDArray[np.intp]  # (num_pairs,)
    distance: Floats  # (num_pairs,), Å
    direction: Floats  # (num_pairs, 2), unit vector from first to second


def _decay(r: Floats, reference: float, power: float, range_: float, sharpness: float) -> Floats:
    """Return (reference / r)^power times the smooth cut-off that equals 1 at r = reference."""
    exponent = power * ((reference / range_) ** sharpness - (r / range_) ** sharpness)
    return np.asarray((reference / r) ** power * np.exp(exponent))


def _with_tail(r: Floats, inner: Floats, start: float, tail: tuple[float, ...]) -> Floats:
    outer = np.polynomial.polynomial.polyval(r - start, tail)
    return np.where(r < start, inner, np.where(r < CUTOFF, outer, 0.0))


def scaling(r: ArrayLike) -> Floats:
    """Return the factor of all four hoppings at the distance r > 0 (any shape), Å; 1 at 1.536329 Å."""
    r = np.asarray(r, np.float64)
    return _with_tail(r, _decay(r, 1.536329, 2.0, 2.18, 6.5), HOPPING_TAIL_START, HOPPING_TAIL)


def repulsive_pair(r: ArrayLike) -> Floats:
    """Return the pair repulsion phi at the distance r > 0 (any shape), Å, in eV."""
    r = np.asarray(r, np.float64)
    inner = 8.18555 * _decay(r, 1.64, 3.30304, 2.1052, 8.6655)
    return _with_tail(r, inner, REPULSION_TAIL_START, REPULSION_TAIL)


def embedding(x: ArrayLike) -> Floats:
    """Return one atom's repulsive energy f(x), eV, where x is its sum of pair repulsions (any shape), eV."""
    return np.asarray(np.polynomial.polynomial.polyval(np.asarray(x, np.float64), EMBEDDING))


def _validate(positions: ArrayLike, cell_lengths: ArrayLike) -> tuple[Floats, Floats]:
    positions, cell = np.asarray(positions, np.float64), np.asarray(cell_lengths, np.float64)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise ValueError(f"positions must have the shape (num_atoms, 2). Received: shape={positions.shape}")
    if not np.isfinite(positions).all():
        raise ValueError(f"positions must be finite. Received: {positions[~np.isfinite(positions)][0]}")
    if cell.shape != (2,) or not (np.isfinite(cell).all() and (cell > 0).all()):
        raise ValueError(f"cell_lengths must be two positive lengths, Å. Received: {cell.tolist()}")
    if (cell < CLOSEST).any():
        raise ValueError(f"cell_lengths must be at least {CLOSEST} Å. Received: {cell.tolist()}")
    return positions, cell


def neighbour_pairs(positions: ArrayLike, cell_lengths: ArrayLike) -> Pairs:
    """Return all ordered pairs within the cutoff, each image of an atom (its own, too) for itself.

    Args:
        positions: float64 (num_atoms, 2), Å.
        cell_lengths: float64 (2,), periods along x and y, Å.

    Raises:
        ValueError: positions that are not finite, a cell that is not positive, or atoms closer than 0.5 Å.
    """
    positions, cell = _validate(positions, cell_lengths)
    wrapped = positions - cell * np.floor(positions / cell)
    ranges = [np.arange(-count, count + 1) for count in np.ceil(CUTOFF / cell).astype(int)]
    shifts = np.array(list(itertools.product(*ranges)))  # (num_shifts, 2)
    images = (wrapped + (shifts * cell)[:, None]).reshape(-1, 2)  # (num_shifts * num_atoms, 2)
    is_near = ((images >= -CUTOFF) & (images <= cell + CUTOFF)).all(axis=1)
    source = np.flatnonzero(is_near)
    found = cKDTree(wrapped).sparse_distance_matrix(cKDTree(images[is_near]), CUTOFF, output_type="ndarray")
    first, image, distance = found["i"], source[found["j"]], found["v"]
    itself = (len(shifts) // 2) * len(wrapped) + first  # the middle shift is (0, 0)
    first, image, distance = (part[image != itself] for part in (first, image, distance))
    if len(distance) and distance.min() < CLOSEST:
        raise ValueError(f"Atoms must be at least {CLOSEST} Å apart. Received: {distance.min():.3g} Å")
    direction = (images[image] - wrapped[first]) / distance[:, None]
    return Pairs(first, image % max(len(wrapped), 1), distance, direction)


def _block_levels(pairs: Pairs, hoppings: Floats, onsite: list[float], num_atoms: int) -> Floats:
    """Return a block's eigenvalues from hoppings (num_pairs, orbitals, orbitals) and on-site energies."""
    width = len(onsite)
    orbital = np.arange(width)
    row = np.broadcast_to(width * pairs.first[:, None, None] + orbital[:, None], hoppings.shape)
    col = np.broadcast_to(width * pairs.second[:, None, None] + orbital, hoppings.shape)
    entries = (hoppings.ravel(), (row.ravel(), col.ravel()))  # entries at the same place are summed: images
    matrix = coo_array(entries, shape=(width * num_atoms,) * 2).toarray(order="F")
    matrix[np.diag_indices_from(matrix)] += np.tile(onsite, num_atoms)
    return np.asarray(eigvalsh(matrix, driver="ev", overwrite_a=True, check_finite=False))


def sigma_hoppings(distance: Floats, direction: Floats) -> Floats:
    """Return the hoppings (num_pairs, 3, 3), eV, between s, px, py of first and second atoms.

    Args:
        distance: float64 (num_pairs,), Å.
        direction: float64 (num_pairs, 2), unit vectors from the first to the second atom.
    """
    outer = direction[:, :, None] * direction[:, None, :]  # (num_pairs, 2, 2)
    sigma = np.empty((len(distance), 3, 3))
    sigma[:, 0, 0] = V_SS
    sigma[:, 0, 1:] = V_SP * direction
    sigma[:, 1:, 0] = -V_SP * direction
    sigma[:, 1:, 1:] = V_PP_SIGMA * outer + V_PP_PI * (np.eye(2) - outer)
    return np.asarray(sigma * scaling(distance)[:, None, None])


def pi_hoppings(distance: Floats) -> Floats:
    """Return the hoppings (num_pairs, 1, 1), eV, between pz orbitals at distances (num_pairs,), Å."""
    return np.asarray(V_PP_PI * scaling(distance)[:, None, None])


def electronic_levels(pairs: Pairs, num_atoms: int) -> tuple[Floats, Floats]:
    """Return the levels of the sigma (3 num_atoms,) and of the pi (num_atoms,) block, ascending, eV."""
    return (
        _block_levels(pairs, sigma_hoppings(pairs.distance, pairs.direction), list(SIGMA_ONSITE), num_atoms),
        _block_levels(pairs, pi_hoppings(pairs.distance), list(PI_ONSITE), num_atoms),
    )


def fermi_level(levels: Floats, num_electrons: float, smearing: float = SMEARING) -> float:
    """Return the Fermi level in eV that fills `levels` (num_levels,), eV, twice each, with the electrons."""

    def surplus(level: float) -> float:
        return float(2 * expit((level - levels) / smearing).sum() - num_electrons)

    return float(brentq(surplus, levels.min() - 50 * smearing, levels.max() + 50 * smearing, xtol=1e-13))


def band_energy(levels: Floats, num_electrons: float, smearing: float = SMEARING) -> float:
    """Return the sum of the occupied levels in eV; the entropy of the smearing is not subtracted."""
    occupations = expit((fermi_level(levels, num_electrons, smearing) - levels) / smearing)
    return float(2 * (occupations * levels).sum())


def tight_binding_energy(positions: ArrayLike, cell_lengths: ArrayLike, *, smearing: float = SMEARING) -> float:
    """Return the energy of planar carbon in a periodic cell: band energy at Gamma plus repulsion.

    Args:
        positions: float64 (num_atoms, 2), Å.
        cell_lengths: float64 (2,), periods along x and y, Å.
        smearing: kT of the Fermi function, eV.

    Returns:
        eV for the cell, relative to 2 E_s + 2 E_p per atom.

    Raises:
        ValueError: positions that are not finite, a cell that is not positive, atoms closer than 0.5 Å, or a
            smearing that is not positive.
    """
    if not (np.isfinite(smearing) and smearing > 0):
        raise ValueError(f"smearing must be positive, in eV. Received: smearing={smearing}")
    pairs = neighbour_pairs(positions, cell_lengths)
    num_atoms = len(np.asarray(positions))
    if not num_atoms:
        return 0.0
    levels = np.concatenate(electronic_levels(pairs, num_atoms))
    repulsion = embedding(np.bincount(pairs.first, repulsive_pair(pairs.distance), num_atoms)).sum()
    return band_energy(levels, 4 * num_atoms, smearing) + float(repulsion) - num_atoms * FREE_ATOM_ENERGY


def sheet_energy(states: ArrayLike) -> float:
    """Return the tight-binding energy of one sheet, uint8 (rows, cols), in eV; 0 for an empty one."""
    return tight_binding_energy(*sheet_positions(states))
