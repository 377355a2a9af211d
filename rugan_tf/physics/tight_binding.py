"""Energies of planar sheets from an orthogonal sp3 tight binding with a pairwise repulsion under an embedding function.

The form is that of Xu, Wang, Chan and Ho, J. Phys.: Condens. Matter 4, 6047 (1992); the numbers of an element come as
`TightBindingParameters`. In a plane, pz couples to nothing but pz: the Hamiltonian falls into a sigma block (s, px, py)
and a pi block (pz), which share one Fermi level. All at the Gamma point of a periodic orthorhombic cell, which may be
shorter than the reach of hoppings: every image of an atom counts.

SciPy is imported where it is used: every command knows the parameters of a material, and few compute with them.
"""

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError

Floats = NDArray[np.float64]

SMEARING = 0.1  # kT of the Fermi function, eV
CLOSEST = 0.5  # Å; no model means anything for atoms closer than this


@dataclasses.dataclass(frozen=True)
class Decay:
    """A power law with a smooth cut-off, strength (reference / r)^power exp(power ((reference/range)^s - (r/range)^s)).

    Beyond `tail_start` a polynomial in r - tail_start takes over.

    Attributes:
        strength: the value at the reference distance.
        reference: distance, Å.
        power: of the distance.
        range: of the cut-off, Å.
        sharpness: of the cut-off, s.
        tail_start: Å.
        tail: coefficients of rising powers of r - tail_start.
    """

    strength: float
    reference: float
    power: float
    range: float
    sharpness: float
    tail_start: float
    tail: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class TightBindingParameters:
    """The numbers of one element.

    Attributes:
        name: whose numbers they are.
        element: chemical symbol.
        s_onsite: energy of an s orbital, eV.
        p_onsite: energy of a p orbital, eV.
        v_ss: hopping at the hopping's reference distance, eV; likewise the other three.
        v_sp: hopping, eV.
        v_pp_sigma: hopping, eV.
        v_pp_pi: hopping, eV.
        hopping: how all four fall with the distance, no unit.
        repulsion: of a pair, eV.
        embedding: coefficients of rising powers of an atom's sum of pair repulsions.
        cutoff: beyond it there is neither hopping nor repulsion, Å.
        s_electrons: of a free atom.
        p_electrons: of a free atom.
    """

    name: str
    element: str
    s_onsite: float
    p_onsite: float
    v_ss: float
    v_sp: float
    v_pp_sigma: float
    v_pp_pi: float
    hopping: Decay
    repulsion: Decay
    embedding: tuple[float, ...]
    cutoff: float
    s_electrons: int = 2
    p_electrons: int = 2

    @property
    def num_electrons(self) -> int:
        """Electrons of an atom."""
        return self.s_electrons + self.p_electrons

    @property
    def free_atom_energy(self) -> float:
        """The band energy of one atom alone, eV."""
        return self.s_electrons * self.s_onsite + self.p_electrons * self.p_onsite

    @property
    def sigma_onsite(self) -> tuple[float, float, float]:
        """On-site energies of s, px, py, eV."""
        return self.s_onsite, self.p_onsite, self.p_onsite

    @property
    def pi_onsite(self) -> tuple[float]:
        """On-site energy of pz, eV."""
        return (self.p_onsite,)


class Pairs(NamedTuple):
    """Ordered pairs of neighbours, one entry for each periodic image within the cutoff."""

    first: NDArray[np.intp]  # (num_pairs,)
    second: NDArray[np.intp]  # (num_pairs,)
    distance: Floats  # (num_pairs,), Å
    direction: Floats  # (num_pairs, 2), unit vector from first to second


def decay(r: Floats, law: Decay, cutoff: float) -> Floats:
    """Return a decay at distances r > 0 (any shape), Å; 0 from the cutoff on."""
    exponent = law.power * ((law.reference / law.range) ** law.sharpness - (r / law.range) ** law.sharpness)
    inner = law.strength * ((law.reference / r) ** law.power * np.exp(exponent))
    outer = np.polynomial.polynomial.polyval(r - law.tail_start, law.tail)
    return np.where(r < law.tail_start, inner, np.where(r < cutoff, outer, 0.0))


def scaling(parameters: TightBindingParameters, r: ArrayLike) -> Floats:
    """Return the factor of all four hoppings at the distance r > 0 (any shape), Å."""
    return decay(np.asarray(r, np.float64), parameters.hopping, parameters.cutoff)


def repulsive_pair(parameters: TightBindingParameters, r: ArrayLike) -> Floats:
    """Return the pair repulsion phi at the distance r > 0 (any shape), Å, in eV."""
    return decay(np.asarray(r, np.float64), parameters.repulsion, parameters.cutoff)


def embedding(parameters: TightBindingParameters, x: ArrayLike) -> Floats:
    """Return one atom's repulsive energy f(x), eV, where x is its sum of pair repulsions (any shape), eV."""
    return np.asarray(np.polynomial.polynomial.polyval(np.asarray(x, np.float64), parameters.embedding))


def _validate(positions: ArrayLike, cell_lengths: ArrayLike) -> tuple[Floats, Floats]:
    positions, cell = np.asarray(positions, np.float64), np.asarray(cell_lengths, np.float64)
    if positions.ndim != 2 or positions.shape[1] != 2:
        raise InputError(f"positions must have the shape (num_atoms, 2). Received: shape={positions.shape}")
    if not np.isfinite(positions).all():
        raise InputError(f"positions must be finite. Received: {positions[~np.isfinite(positions)][0]}")
    if cell.shape != (2,) or not (np.isfinite(cell).all() and (cell > 0).all()):
        raise InputError(f"cell_lengths must be two positive lengths, Å. Received: {cell.tolist()}")
    if (cell < CLOSEST).any():
        raise InputError(f"cell_lengths must be at least {CLOSEST} Å. Received: {cell.tolist()}")
    return positions, cell


def neighbour_pairs(positions: ArrayLike, cell_lengths: ArrayLike, cutoff: float) -> Pairs:
    """Return all ordered pairs within the cutoff, each image of an atom (its own, too) for itself.

    Args:
        positions: float64 (num_atoms, 2), Å.
        cell_lengths: float64 (2,), periods along x and y, Å.
        cutoff: Å.

    Raises:
        InputError: positions that are not finite, a cell that is not positive, or atoms closer than 0.5 Å.
    """
    from scipy.spatial import cKDTree

    positions, cell = _validate(positions, cell_lengths)
    wrapped = positions - cell * np.floor(positions / cell)
    ranges = [np.arange(-count, count + 1) for count in np.ceil(cutoff / cell).astype(int)]
    shifts = np.array(list(itertools.product(*ranges)))  # (num_shifts, 2)
    images = (wrapped + (shifts * cell)[:, None]).reshape(-1, 2)  # (num_shifts * num_atoms, 2)
    is_near = ((images >= -cutoff) & (images <= cell + cutoff)).all(axis=1)
    source = np.flatnonzero(is_near)
    found = cKDTree(wrapped).sparse_distance_matrix(cKDTree(images[is_near]), cutoff, output_type="ndarray")
    first, image, distance = found["i"], source[found["j"]], found["v"]
    itself = (len(shifts) // 2) * len(wrapped) + first  # the middle shift is (0, 0)
    first, image, distance = (part[image != itself] for part in (first, image, distance))
    if len(distance) and distance.min() < CLOSEST:
        raise InputError(f"Atoms must be at least {CLOSEST} Å apart. Received: {distance.min():.3g} Å")
    direction = (images[image] - wrapped[first]) / distance[:, None]
    return Pairs(first, image % max(len(wrapped), 1), distance, direction)


def _block_levels(pairs: Pairs, hoppings: Floats, onsite: tuple[float, ...], num_atoms: int) -> Floats:
    """Return a block's eigenvalues from hoppings (num_pairs, orbitals, orbitals) and on-site energies."""
    from scipy.linalg import eigvalsh
    from scipy.sparse import coo_array

    width = len(onsite)
    orbital = np.arange(width)
    row = np.broadcast_to(width * pairs.first[:, None, None] + orbital[:, None], hoppings.shape)
    col = np.broadcast_to(width * pairs.second[:, None, None] + orbital, hoppings.shape)
    entries = (hoppings.ravel(), (row.ravel(), col.ravel()))  # entries at the same place are summed: images
    matrix = coo_array(entries, shape=(width * num_atoms,) * 2).toarray(order="F")
    matrix[np.diag_indices_from(matrix)] += np.tile(onsite, num_atoms)
    return np.asarray(eigvalsh(matrix, driver="ev", overwrite_a=True, check_finite=False))


def sigma_hoppings(parameters: TightBindingParameters, distance: Floats, direction: Floats) -> Floats:
    """Return the hoppings (num_pairs, 3, 3), eV, between s, px, py of first and second atoms.

    Args:
        parameters: of the element.
        distance: float64 (num_pairs,), Å.
        direction: float64 (num_pairs, 2), unit vectors from the first to the second atom.
    """
    outer = direction[:, :, None] * direction[:, None, :]  # (num_pairs, 2, 2)
    sigma = np.empty((len(distance), 3, 3))
    sigma[:, 0, 0] = parameters.v_ss
    sigma[:, 0, 1:] = parameters.v_sp * direction
    sigma[:, 1:, 0] = -parameters.v_sp * direction
    sigma[:, 1:, 1:] = parameters.v_pp_sigma * outer + parameters.v_pp_pi * (np.eye(2) - outer)
    return np.asarray(sigma * scaling(parameters, distance)[:, None, None])


def pi_hoppings(parameters: TightBindingParameters, distance: Floats) -> Floats:
    """Return the hoppings (num_pairs, 1, 1), eV, between pz orbitals at distances (num_pairs,), Å."""
    return np.asarray(parameters.v_pp_pi * scaling(parameters, distance)[:, None, None])


def electronic_levels(parameters: TightBindingParameters, pairs: Pairs, num_atoms: int) -> tuple[Floats, Floats]:
    """Return the levels of the sigma (3 num_atoms,) and of the pi (num_atoms,) block, ascending, eV."""
    sigma = sigma_hoppings(parameters, pairs.distance, pairs.direction)
    return (
        _block_levels(pairs, sigma, parameters.sigma_onsite, num_atoms),
        _block_levels(pairs, pi_hoppings(parameters, pairs.distance), parameters.pi_onsite, num_atoms),
    )


def fermi_level(levels: Floats, num_electrons: float, smearing: float = SMEARING) -> float:
    """Return the Fermi level in eV that fills `levels` (num_levels,), eV, twice each, with the electrons."""
    from scipy.optimize import brentq
    from scipy.special import expit

    def surplus(level: float) -> float:
        return float(2 * expit((level - levels) / smearing).sum() - num_electrons)

    return float(brentq(surplus, levels.min() - 50 * smearing, levels.max() + 50 * smearing, xtol=1e-13))


def band_energy(levels: Floats, num_electrons: float, smearing: float = SMEARING) -> float:
    """Return the sum of the occupied levels in eV; the entropy of the smearing is not subtracted."""
    from scipy.special import expit

    occupations = expit((fermi_level(levels, num_electrons, smearing) - levels) / smearing)
    return float(2 * (occupations * levels).sum())


def tight_binding_energy(
    parameters: TightBindingParameters, positions: ArrayLike, cell_lengths: ArrayLike, *, smearing: float = SMEARING
) -> float:
    """Return the energy of a planar sheet in a periodic cell: band energy at Gamma plus repulsion.

    Args:
        parameters: of the element.
        positions: float64 (num_atoms, 2), Å.
        cell_lengths: float64 (2,), periods along x and y, Å.
        smearing: kT of the Fermi function, eV.

    Returns:
        eV for the cell, relative to the band energies of free atoms.

    Raises:
        InputError: positions that are not finite, a cell that is not positive, atoms closer than 0.5 Å, or a
            smearing that is not positive.
    """
    if not (np.isfinite(smearing) and smearing > 0):
        raise InputError(f"smearing must be positive, in eV. Received: smearing={smearing}")
    pairs = neighbour_pairs(positions, cell_lengths, parameters.cutoff)
    num_atoms = len(np.asarray(positions))
    if not num_atoms:
        return 0.0
    levels = np.concatenate(electronic_levels(parameters, pairs, num_atoms))
    per_atom = np.bincount(pairs.first, repulsive_pair(parameters, pairs.distance), num_atoms)
    band = band_energy(levels, parameters.num_electrons * num_atoms, smearing)
    return band + float(embedding(parameters, per_atom).sum()) - num_atoms * parameters.free_atom_energy
