"""Pieces: sites that are connected along neighbours of the periodic lattice.

Exact, by SciPy, which is imported where it is used: few commands look for pieces. What a rule does to sheets of any
size inside a graph is in `flakes`.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.lattice import Lattice

MOST_SITES = 2**22  # of the sheets that are looked at together: bounds the memory of the graph
Sites = NDArray[np.bool_]  # (n, rows, cols, sites)


def connected_sites(lattice: Lattice, chosen: Sites) -> NDArray[np.int32]:
    """Return int32 (n, rows, cols, sites): the number of the piece that each chosen site belongs to, -1 elsewhere.

    Numbers ascend with the first site of a piece, sheet by sheet, so they do not depend on what else is there.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    number = np.arange(1, chosen.size + 1).reshape(chosen.shape)  # 0 stands for no neighbour
    values = [number[..., site] for site in range(lattice.num_sites)]
    around = lattice.around(values, once=True)
    pairs = [
        np.stack([np.broadcast_to(own, other.shape), other], -1).reshape(-1, 2)
        for own, others in zip(values, around, strict=True)
        for other in others
    ]
    joined = np.concatenate(pairs)
    joined = joined[joined[:, 1] > 0] - 1
    flat = chosen.ravel()
    bonds = joined[flat[joined].all(axis=1)]
    graph = coo_array((np.ones(len(bonds), np.int8), bonds.T), shape=(chosen.size, chosen.size))
    _, label = connected_components(graph, directed=False)
    found = np.full(chosen.size, -1, np.int32)
    where = np.flatnonzero(flat)
    _, first, inverse = np.unique(label[where], return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    found[where] = rank[inverse]
    return found.reshape(chosen.shape)


def component_sizes(label: NDArray[np.int32], num_sheets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of every piece the sheet it lies in and its number of sites; int64 (pieces,) each."""
    where = np.flatnonzero(label.ravel() >= 0)
    _, first, sizes = np.unique(label.ravel()[where], return_index=True, return_counts=True)
    return where[first] // (label.size // max(1, num_sheets)), sizes.astype(np.int64)


def piece_sizes(lattice: Lattice, chosen: Sites) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sites of every piece (pieces,), sheet by sheet, and the pieces of each sheet (n,)."""
    sizes, numbers = [], []
    for part in parts(chosen):
        sheet_of, found = component_sizes(connected_sites(lattice, part), len(part))
        sizes.append(found)
        numbers.append(np.bincount(sheet_of, minlength=len(part)).astype(np.int64))
    return np.concatenate(sizes), np.concatenate(numbers)


def num_pieces(lattice: Lattice, chosen: Sites) -> NDArray[np.int64]:
    """Return the pieces (n,) that the chosen sites of each sheet fall into; 0 where none is chosen."""
    return piece_sizes(lattice, chosen)[1]


def largest_piece(lattice: Lattice, chosen: Sites) -> Sites:
    """Return the largest piece of each sheet; of equals the first."""
    return np.concatenate([largest_of(lattice, part) for part in parts(chosen)])


def largest_of(lattice: Lattice, chosen: Sites) -> Sites:
    """Return what `largest_piece` does, with memory in proportion to the sheets."""
    label = connected_sites(lattice, chosen)
    sheet_of, sizes = component_sizes(label, len(chosen))
    order = np.lexsort((np.arange(len(sizes)), -sizes, sheet_of))  # by sheet, the largest and first of each in front
    _, first = np.unique(sheet_of[order], return_index=True)
    is_largest = np.zeros(len(sizes) + 1, dtype=bool)  # the last entry is that of label -1: not chosen
    is_largest[order[first]] = True
    return np.asarray(is_largest[label])


def parts(chosen: Sites) -> Iterator[Sites]:
    """Yield sheets in parts of bounded size, an empty one where there are none."""
    size = max(1, MOST_SITES // max(1, chosen[0].size)) if len(chosen) else 1
    for start in range(0, max(1, len(chosen)), size):
        yield chosen[start : start + size]
