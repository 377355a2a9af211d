"""Bonds of planar sheets: two sublattices, zero modes that they force, and the distance of atoms from edges."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching
from scipy.spatial import cKDTree

from rugan_tf.physics.hamiltonian import PlanarAtoms, nearest_neighbour_pi

MOST_MATCHED = 10_000  # atoms
COMPLETE = 3  # bonds of an atom that is at no edge


class ZeroModes(NamedTuple):
    """How many zero modes of the nearest-neighbour pi model the bonds force.

    Attributes:
        imbalance: |N_A - N_B|, summed over pieces that no bond connects (Sutherland; Lieb).
        unmatched: atoms that no pairing of bonded atoms can pair, at least the imbalance (Longuet-Higgins); None above
            10,000 atoms, where SciPy's search takes minutes.
    """

    imbalance: int
    unmatched: int | None


def bond_matrix(atoms: PlanarAtoms) -> Any:
    """Return which atoms are closer than 1.7 Å, a boolean CSR array (num_atoms, num_atoms)."""
    blocks = nearest_neighbour_pi(atoms, hopping=1.0).blocks
    return csr_array(vstack([block.astype(bool) for block in blocks], format="csr"))


def sublattices(bonds: Any) -> tuple[NDArray[np.int8], NDArray[np.int64]] | None:
    """Return each atom's sublattice (num_atoms,), 0 or 1, and piece (num_atoms,); None if a ring has an odd length.

    In the double cover (each atom twice, bonds between different copies) the two copies of an atom are connected
    exactly if some ring through its piece has an odd length.
    """
    size = bonds.shape[0]
    cover = block_array([[None, bonds], [bonds, None]], format="csr")
    labels = connected_components(cover, directed=False)[1].astype(np.int64)
    first, second = labels[:size], labels[size:]
    if (first == second).any():
        return None
    return (first > second).astype(np.int8), np.minimum(first, second)


def zero_modes(bonds: Any) -> ZeroModes | None:
    """Return the zero modes that the bonds force; None for rings of odd length, which have no two sublattices."""
    found = sublattices(bonds)
    if found is None:
        return None
    side, piece = found
    difference = np.bincount(piece, 1.0 - 2.0 * side)
    unmatched = None
    if len(side) <= MOST_MATCHED:
        between = bonds[np.flatnonzero(side == 0)][:, np.flatnonzero(side == 1)].tocsr()
        matched = int((maximum_bipartite_matching(between) >= 0).sum()) if min(between.shape) else 0
        unmatched = len(side) - 2 * matched
    return ZeroModes(int(abs(difference).sum()), unmatched)


def edge_distances(atoms: PlanarAtoms, bonds: Any) -> NDArray[np.float64]:
    """Return the distance (num_atoms,) to the nearest atom with fewer than three bonds, Å; inf without edges."""
    is_edge = np.diff(bonds.indptr) < COMPLETE
    distance = np.full(len(atoms.positions), np.inf)
    if not is_edge.any():
        return distance
    fractional = atoms.positions @ np.linalg.inv(atoms.cell)
    fractional -= np.floor(fractional)
    edges = fractional[is_edge]
    # Images of one period around: an edge further than that is nearer in another image.
    shifts = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    images = ((edges + shifts[:, None]) @ atoms.cell).reshape(-1, 2)
    return np.asarray(cKDTree(images).query(fractional @ atoms.cell)[0])
