"""Small pieces found by array operations alone: the same in NumPy, inside a SavedModel, and tile by tile.

Every site starts with a label of its own. In each round all sites of one label take the highest label that any of them
has next to it, so that whole regions merge, as in the parallel algorithm of Shiloach and Vishkin (J. Algorithms 3, 57,
1982): about ten rounds do for sheets of any size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rugan_tf.lattice.lattice import Lattice

SCATTER = ((0x2C1B3C6D, 7), (0x297A2D39, 11))  # odd factors and shifts of a well-known integer hash


def repeat_while(condition: Any, body: Any, values: tuple[Any, ...], xp: Any) -> tuple[Any, ...]:
    """Apply `body` to `values` while `condition` holds, as a Python loop in NumPy, else as a loop of the graph."""
    if xp is not np:
        return tuple(xp.while_loop(condition, body, values))
    while condition(*values):
        values = body(*values)
    return values


def piece_labels(lattice: Lattice, chosen: Sequence[Any], xp: Any = np) -> list[Any]:
    """Return integers (batch, rows, cols) for each site of a cell: equal on sites of one piece, 0 where not chosen.

    Args:
        lattice: whose neighbours connect.
        chosen: 0 or 1, int32 (batch, rows, cols), one array for each site of a cell.
        xp: NumPy, or a namespace like it.
    """
    start, above = scattered_labels(chosen, xp)

    def body(_: Any, *labels: Any) -> tuple[Any, ...]:
        around = lattice.around(labels, xp)
        highest = [
            highest_of([own, *others], xp) * taken for own, others, taken in zip(labels, around, chosen, strict=True)
        ]
        root = segment_max(flat(highest, xp), flat(labels, xp), above, xp)
        root = xp.take(root, xp.maximum(root, 0))  # what labels that do not occur get is less than 0 in some namespaces
        merged = tuple(xp.take(root, label) for label in labels)
        differs = [xp.any(after != before) for after, before in zip(merged, labels, strict=True)]
        return (xp.any(xp.stack(differs)), *merged)

    first = (xp.ones((), dtype="bool"), *start)
    return list(repeat_while(lambda changed, *_: changed, body, first, xp)[1:])


def scattered_labels(chosen: Sequence[Any], xp: Any) -> tuple[tuple[Any, ...], Any]:
    """Return a label (batch, rows, cols) for each site of a cell, 0 where not chosen, and what all labels are below.

    Labels are numbers of sites, scattered without repetition over a power of two by steps that can be undone, odd
    factors and shifts to lower bits. Labels in the order of sites would rise along whole sheets, and regions
    merge fast only where the highest label is near.
    """
    shape = xp.shape(chosen[0])
    size = shape[0] * shape[1] * shape[2]
    above = len(chosen) * size
    for shift in (1, 2, 4, 8, 16):
        above = xp.bitwise_or(above, xp.right_shift(above, shift))
    above = above + 1
    labels = []
    for site, taken in enumerate(chosen):
        label = xp.arange(1 + site * size, 1 + (site + 1) * size, dtype="int32")
        for factor, shift in SCATTER:
            label = (label * factor) % above  # what overflows is a multiple of `above`
            label = xp.bitwise_xor(label, xp.right_shift(label, shift))
        labels.append(xp.reshape(label, shape) * taken)
    return tuple(labels), above


def without_flakes(
    lattice: Lattice, chosen: Sequence[Any], largest_flake: Any, xp: Any = np, *, spare_largest: bool = True
) -> list[Any]:
    """Remove the pieces of at most `largest_flake` sites; int32 (batch, rows, cols) for each site of a cell.

    Args:
        lattice: whose neighbours connect.
        chosen: 0 or 1, int32 (batch, rows, cols), one array for each site of a cell.
        largest_flake: int32 (). With all sites of a sheet, the result is exactly its largest piece.
        xp: NumPy, or a namespace like it.
        spare_largest: keep the largest piece of a sheet, of equals the first, even if it is a flake. False for a
            window of a larger sheet, which does not know what the sheet has elsewhere.
    """
    labels = piece_labels(lattice, chosen, xp)
    counts = xp.bincount(flat(labels, xp), minlength=1)
    sizes = [xp.take(counts, label) * taken for label, taken in zip(labels, chosen, strict=True)]
    goes = [size <= largest_flake for size in sizes]
    if spare_largest:
        kept = largest_labels(labels, sizes, xp)
        goes = [xp.logical_and(went, label != kept) for went, label in zip(goes, labels, strict=True)]
    return [xp.where(went, 0, taken) for went, taken in zip(goes, chosen, strict=True)]


def largest_labels(labels: Sequence[Any], sizes: Sequence[Any], xp: Any) -> Any:
    """Return the label (batch, 1, 1) of the largest piece of each sheet, of equals the one with the first site."""
    shape = xp.shape(labels[0])
    cells = xp.reshape(xp.arange(shape[1] * shape[2], dtype="int32"), (1, shape[1], shape[2]))
    to_end = [len(labels) * (shape[1] * shape[2] - cells) - site for site in range(len(labels))]

    def in_sheet(parts: Sequence[Any]) -> Any:
        return xp.max(highest_of(parts, xp), axis=(1, 2), keepdims=True)

    most = in_sheet(sizes)
    first = in_sheet([xp.where(size == most, place, 0) for size, place in zip(sizes, to_end, strict=True)])
    return in_sheet([xp.where(place == first, label, 0) for label, place in zip(labels, to_end, strict=True)])


def segment_max(values: Any, labels: Any, above: Any, xp: Any) -> Any:
    """Return the largest of the values (n,) of each label below `above`; labels that do not occur have no meaning."""
    if xp is not np:
        return xp.segment_max(values, labels, above)
    found = np.zeros(above, dtype=values.dtype)
    np.maximum.at(found, labels, values)
    return found


def highest_of(parts: Sequence[Any], xp: Any) -> Any:
    """Return the elementwise maximum of arrays."""
    found = parts[0]
    for part in parts[1:]:
        found = xp.maximum(found, part)
    return found


def flat(parts: Sequence[Any], xp: Any) -> Any:
    """Return arrays (batch, rows, cols) as one (n,)."""
    return xp.concatenate([xp.reshape(part, (-1,)) for part in parts])
