"""Structure of porous sheets in numbers: coordination, edges, pores, two-point correlation.

A pore is a connected component of vacant sites, connected along bonds of the periodic honeycomb.
"""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.honeycomb import cell_lengths, site_positions
from rugan_tf.lattice.pieces import MOST_SITES, component_sizes, connected_sites
from rugan_tf.lattice.states import States, neighbour_counts, occupancies, sum_neighbours


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
    next_to_edge = np.stack(sum_neighbours(edge[..., 0].astype(np.int8), edge[..., 1].astype(np.int8)), axis=-1)
    armchair = edge & (next_to_edge > 0)
    return np.stack([(edge & ~armchair).sum(axis=(1, 2, 3)), armchair.sum(axis=(1, 2, 3))], axis=-1)


def pore_sizes(states: States) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the vacant sites of every pore (pores,), sheet by sheet, and the pores of each sheet (n,)."""
    size = max(1, MOST_SITES // (2 * states[0].size))
    parts = [pore_sizes_at_once(states[start : start + size]) for start in range(0, len(states), size)]
    return np.concatenate([sizes for sizes, _ in parts]), np.concatenate([numbers for _, numbers in parts])


def pore_sizes_at_once(states: States) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what `pore_sizes` does, with memory in proportion to the sheets."""
    sheet_of, sizes = component_sizes(connected_sites(occupancies(states) == 0), len(states))
    return sizes, np.bincount(sheet_of, minlength=len(states)).astype(np.int64)


def two_point_correlation(
    states: States, furthest: float, bin_width: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return distances (bins,), Å, and the share (bins,) of pairs of sites at that distance that are both vacant.

    The mean over all sheets. By Fourier transform over rectangular cells of four sites, two columns each.

    Args:
        states: uint8 (n, rows, cols).
        furthest: largest distance, Å; at most half the shorter side of the sheet, beyond which pairs repeat.
        bin_width: Å. A bin without pairs of sites is left out.
    """
    num_sheets, rows, cols = states.shape
    lengths, positions = cell_lengths(rows, cols), site_positions(rows, cols)
    furthest = min(furthest, lengths.min() / 2)
    vacant = (occupancies(states) == 0).reshape(num_sheets, rows, cols // 2, 4)
    spectrum = np.zeros((4, 4, rows, cols // 4 + 1), dtype=np.complex128)
    size = max(1, MOST_SITES // vacant[0].size)
    for start in range(0, num_sheets, size):
        transformed = np.fft.rfft2(vacant[start : start + size].astype(np.float64), axes=(1, 2))
        spectrum += np.einsum("nrca,nrcb->abrc", transformed.conj(), transformed)
    pairs = np.fft.irfft2(spectrum, s=(rows, cols // 2), axes=(2, 3)) / num_sheets / (rows * cols // 2)
    basis, moved = positions[0, :2].reshape(4, 2), positions.reshape(rows, cols // 2, 4, 2)
    offset = moved.transpose(2, 0, 1, 3)[None] - basis[:, None, None, None]
    offset -= lengths * np.rint(offset / lengths)
    distance = np.sqrt(np.square(offset).sum(axis=-1))  # (4, 4, rows, cols / 2), as `pairs`
    edges = np.arange(bin_width / 2, furthest, bin_width)
    which = np.digitize(distance.ravel(), edges)
    number = np.bincount(which, minlength=len(edges) + 1)[1 : len(edges)]
    total = np.bincount(which, pairs.ravel(), minlength=len(edges) + 1)[1 : len(edges)]
    middle = np.bincount(which, distance.ravel(), minlength=len(edges) + 1)[1 : len(edges)]
    held = number > 0
    return middle[held] / number[held], total[held] / number[held]
