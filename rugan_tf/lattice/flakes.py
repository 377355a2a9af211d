"""Small pieces found by array operations alone: the same in NumPy, inside a SavedModel, and tile by tile.

Labels spread along neighbours, and every site then looks up the label of the site that its label names, so that they
cross a piece in few rounds. A piece of n sites has one label after n rounds at most. So after as many rounds as the
largest flake has sites, a piece in which labels still differ is larger than a flake, and nobody needs to wait for it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rugan_tf.lattice.lattice import Lattice


def repeat_while(condition: Any, body: Any, values: tuple[Any, ...], xp: Any) -> tuple[Any, ...]:
    """Apply `body` to `values` while `condition` holds, as a Python loop in NumPy, else as a loop of the graph."""
    if xp is not np:
        return tuple(xp.while_loop(condition, body, values))
    while condition(*values):
        values = body(*values)
    return values


def spread_labels(lattice: Lattice, chosen: Sequence[Any], most_rounds: Any, xp: Any = np) -> list[Any]:
    """Return integers (batch, rows, cols) for each site of a cell: equal on sites of one piece, 0 where not chosen.

    The label of a piece is the number of its first site, counted backwards, so the first piece has the largest.

    Args:
        lattice: whose neighbours connect.
        chosen: 0 or 1, int32 (batch, rows, cols), one array for each site of a cell.
        most_rounds: rounds after which labels are returned even if they still change, int32 ().
        xp: NumPy, or a namespace like it.
    """
    shape = xp.shape(chosen[0])
    number = lattice.num_sites * shape[0] * shape[1] * shape[2]
    backwards = xp.reshape(number - xp.arange(number, dtype="int32"), (*shape, lattice.num_sites))
    start = tuple(backwards[..., site] * taken for site, taken in enumerate(chosen))
    none = xp.zeros((1,), dtype="int32")

    def body(turn: Any, changed: Any, *labels: Any) -> tuple[Any, ...]:
        spread = []
        for own, taken, others in zip(labels, chosen, lattice.around(labels, xp), strict=True):
            highest = own
            for other in others:
                highest = xp.maximum(highest, other)
            spread.append(highest * taken)
        named = xp.concatenate([none, xp.flip(xp.reshape(xp.stack(spread, -1), (-1,)))])
        jumped = tuple(xp.take(named, label) for label in spread)
        differs = [xp.any(after != before) for after, before in zip(jumped, labels, strict=True)]
        return (turn + 1, xp.any(xp.stack(differs)), *jumped)

    def goes_on(turn: Any, changed: Any, *labels: Any) -> Any:
        return xp.logical_and(changed, turn < most_rounds)

    first = (xp.zeros((), dtype="int32"), xp.ones((), dtype="bool"), *start)
    return list(repeat_while(goes_on, body, first, xp)[2:])


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
    labels = spread_labels(lattice, chosen, largest_flake, xp)
    others = lattice.around(labels, xp)
    taken = lattice.around(chosen, xp)
    open_labels = []
    for own, values, chosen_there in zip(labels, others, taken, strict=True):
        differs = sum(
            (xp.where(value != own, 1, 0) * there for value, there in zip(values, chosen_there, strict=True)),
            xp.zeros_like(own),
        )
        open_labels.append(xp.where(differs > 0, own, 0))
    flat, flat_open = (xp.reshape(xp.stack(parts, -1), (-1,)) for parts in (labels, open_labels))
    most = xp.max(flat) + 1
    counts, open_counts = (xp.bincount(part, minlength=most) for part in (flat, flat_open))
    sizes = [xp.take(counts, label) * there for label, there in zip(labels, chosen, strict=True)]
    is_open = [xp.take(open_counts, label) * there > 0 for label, there in zip(labels, chosen, strict=True)]
    goes = [
        xp.logical_and(size <= largest_flake, xp.logical_not(still)) for size, still in zip(sizes, is_open, strict=True)
    ]
    if spare_largest:
        kept = largest_labels(labels, sizes, is_open, xp)
        goes = [xp.logical_and(went, label != kept) for went, label in zip(goes, labels, strict=True)]
    return [xp.where(went, 0, there) for went, there in zip(goes, chosen, strict=True)]


def largest_labels(labels: Sequence[Any], sizes: Sequence[Any], is_open: Sequence[Any], xp: Any) -> Any:
    """Return the label (batch, 1, 1) of the largest piece of each sheet; -1 where a piece is larger than its labels."""

    def highest(parts: Sequence[Any]) -> Any:
        return xp.max(xp.stack(parts, -1), axis=(1, 2, 3), keepdims=True)[..., 0]

    most = highest(sizes)
    first = highest([xp.where(size == most, label, 0) for size, label in zip(sizes, labels, strict=True)])
    return xp.where(highest([xp.where(still, 1, 0) for still in is_open]) > 0, -1, first)
