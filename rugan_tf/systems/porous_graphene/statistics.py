"""Structure of porous sheets in numbers: coordination, edges, pores, two-point correlation.

A pore is a connected component of vacant sites, connected along bonds of the periodic honeycomb.
"""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice import pieces, statistics
from rugan_tf.lattice.states import States
from rugan_tf.systems.porous_graphene.geometry import LATTICE
from rugan_tf.systems.porous_graphene.sites import neighbour_counts, occupancies
from rugan_tf.systems.system import Statistic
from rugan_tf.units import LENGTH

FURTHEST, BIN_WIDTH = 30.0, 1.0  # Å, of the two-point correlation


def coordination_counts(states: States) -> NDArray[np.int64]:
    """Return the atoms (n, 4) of each sheet (n, rows, cols) that have 0, 1, 2 and 3 neighbours."""
    counts, atoms = neighbour_counts(states), occupancies(states) == 1
    return np.stack([((counts == number) & atoms).sum(axis=(1, 2, 3)) for number in range(4)], axis=-1)


def edge_counts(states: States) -> NDArray[np.int64]:
    """Return the edge atoms (n, 2) of each sheet (n, rows, cols): on zigzag and on armchair edges.

    An edge atom has two neighbours. Along an armchair edge they come in bonded pairs, along a zigzag edge an edge
    atom has neighbours of three bonds each: so the one with a bond to another edge atom counts as armchair.
    """
    edge = (occupancies(states) == 1) & (neighbour_counts(states) == 2)
    armchair = edge & (statistics.neighbour_counts(LATTICE, edge) > 0)
    return np.stack([(edge & ~armchair).sum(axis=(1, 2, 3)), armchair.sum(axis=(1, 2, 3))], axis=-1)


def pore_sizes(states: States) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the vacant sites of every pore (pores,), sheet by sheet, and the pores of each sheet (n,)."""
    return pieces.piece_sizes(LATTICE, occupancies(states) == 0)


def two_point_correlation(
    states: States, furthest: float = FURTHEST, bin_width: float = BIN_WIDTH
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return distances (bins,), Å, and the share (bins,) of pairs of sites at that distance that are both vacant."""
    return statistics.two_point_correlation(LATTICE, occupancies(states) == 0, furthest, bin_width)


def sheet_statistics(states: States) -> dict[str, Statistic]:
    """Return coordination, edges, pores and the two-point correlation of vacant sites of a set of sheets."""
    coordination, edges = coordination_counts(states).sum(axis=0), edge_counts(states).sum(axis=0)
    sizes, numbers = pore_sizes(states)
    distance, correlation = two_point_correlation(states)
    shares = coordination / max(1, coordination.sum()), edges / max(1, edges.sum())
    density = numbers / LATTICE.area(*states.shape[1:])
    return {
        "coordination": Statistic(
            "shares", shares[0], "share of atoms", positions_label="neighbours of an atom", classes=("0", "1", "2", "3")
        ),
        "edges": Statistic(
            "shares", shares[1], "share of edge atoms", positions_label="edge", classes=("zigzag", "armchair")
        ),
        "pore_size": Statistic("samples", sizes.astype(np.float64), "vacant sites of a pore"),
        "pore_density": Statistic("samples", density, f"pores per area (1/{LENGTH}²)"),
        "two_point_correlation": Statistic(
            "curve", correlation, "pairs of sites both vacant (share)", distance, f"distance ({LENGTH})"
        ),
    }
