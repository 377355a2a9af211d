"""Pieces of a sheet: sites that are connected along bonds of the periodic honeycomb.

A sheet is one piece of matter. What a hole cuts off would fall out, so it is no part of the sheet.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rugan_tf.lattice.states import States, neighbours, occupancies

MOST_SITES = 2**22  # of the sheets that are looked at together: bounds the memory of the graph


def connected_sites(chosen: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return int32 (n, rows, cols, 2): the number of the component that each chosen site belongs to, -1 elsewhere.

    Numbers ascend with the first site of a component, sheet by sheet, so they do not depend on what else is there.

    Args:
        chosen: bool (n, rows, cols, 2), of sites A and B.
    """
    site = np.arange(chosen.size).reshape(chosen.shape)
    around_a, _ = neighbours(site[..., 0], site[..., 1])
    pairs = np.concatenate([np.stack([site[..., 0], other], -1).reshape(-1, 2) for other in around_a])
    flat = chosen.ravel()
    bonds = pairs[flat[pairs].all(axis=1)]
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
    """Return of every component the sheet it lies in and its number of sites; int64 (components,) each."""
    where = np.flatnonzero(label.ravel() >= 0)
    _, first, sizes = np.unique(label.ravel()[where], return_index=True, return_counts=True)
    return where[first] // (label.size // max(1, num_sheets)), sizes.astype(np.int64)


def num_pieces(states: States) -> NDArray[np.int64]:
    """Return the pieces (n,) that the atoms of each sheet (n, rows, cols) fall into; 0 for an empty sheet."""
    counts = [
        np.bincount(component_sizes(connected_sites(occupancies(part) == 1), len(part))[0], minlength=len(part))
        for part in parts(states)
    ]
    return np.concatenate(counts).astype(np.int64)


def keep_largest_piece(states: States) -> States:
    """Remove all atoms but those of the largest piece of each sheet, uint8 (n, rows, cols); of equals the first stays.

    No atom of the piece loses a neighbour, so a sheet without dangling atoms stays one.
    """
    return np.concatenate([largest_of(part) for part in parts(states)])


def largest_of(states: States) -> States:
    """Return what `keep_largest_piece` does, with memory in proportion to the sheets."""
    label = connected_sites(occupancies(states) == 1)
    sheet_of, sizes = component_sizes(label, len(states))
    order = np.lexsort((np.arange(len(sizes)), -sizes, sheet_of))  # by sheet, the largest and first of each in front
    _, first = np.unique(sheet_of[order], return_index=True)
    is_largest = np.zeros(len(sizes) + 1, dtype=bool)  # the last entry is that of label -1: no atom
    is_largest[order[first]] = True
    kept = is_largest[label]
    return (kept[..., 0] + 2 * kept[..., 1]).astype(np.uint8)


def parts(states: States) -> list[States]:
    """Cut sheets (n, rows, cols) into parts of bounded size."""
    size = max(1, MOST_SITES // (2 * max(1, states[0].size))) if len(states) else 1
    return [states[start : start + size] for start in range(0, max(1, len(states)), size)]
