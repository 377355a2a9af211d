"""The atoms of a sheet seen along the direction across it, whichever vector of the cell that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError

if TYPE_CHECKING:
    import ase


class Layer(NamedTuple):
    """The atoms of a structure, seen along the direction across the sheet.

    Attributes:
        fractions: float64 (n, 2), of the two vectors in the plane.
        heights: float64 (n,), above the mean plane, Å.
        cell: lengths of the two vectors, Å, and the cosine of their angle.
    """

    fractions: NDArray[np.float64]
    heights: NDArray[np.float64]
    cell: tuple[float, float, float]


def place(structure: ase.Atoms, index: int) -> str:
    """Return how an atom is named."""
    x, y, z = structure.positions[index]
    return f"atom {index} ({structure.symbols[index]}) at ({x:.2f}, {y:.2f}, {z:.2f}) Å"


def axes_across(structure: ase.Atoms) -> list[int]:
    """Return the vectors of the cell that may point across the sheet, the likeliest first.

    Across a sheet the atoms fill the least of the cell. Directions that are not periodic come first, then z.
    """
    missing = [axis for axis in range(3) if not structure.cell[axis].any()]
    if missing:
        return missing
    thickness = [np.ptp(heights_along(structure, axis)) if len(structure) else 0.0 for axis in range(3)]
    likely = sorted(range(3), key=lambda axis: (bool(structure.pbc[axis]), axis != 2))
    # Rounded, so that of equal ones the order before decides and not the last digit.
    return sorted(likely, key=lambda axis: round(float(thickness[axis]), 6))


def unwrapped(fractions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fractions (n,) of a period, moved by whole periods to either side of their largest gap."""
    inside = fractions % 1.0
    ordered = np.sort(inside)
    gaps = np.diff(ordered, append=ordered[0] + 1)
    start = ordered[(int(gaps.argmax()) + 1) % len(ordered)]
    return np.where(inside < start, inside + 1, inside)


def heights_along(structure: ase.Atoms, axis: int) -> NDArray[np.float64]:
    """Return how high atoms are across the plane of the two other vectors, in one piece, Å."""
    cell = structure.cell.complete()
    normal = np.cross(cell[(axis + 1) % 3], cell[(axis + 2) % 3])
    height = float(cell[axis] @ normal / np.linalg.norm(normal))
    return unwrapped(cell.scaled_positions(structure.positions)[:, axis]) * height


def layer_across(structure: ase.Atoms, axis: int, out_of_plane: float) -> Layer:
    """Return the atoms seen along a vector of the cell, or raise InputError if they are not in one layer.

    Where that vector is not straight up, an atom that was moved along it to come into the cell is moved back first:
    otherwise its place in the plane would be wrong.
    """
    cell = structure.cell.complete()
    first, second = cell[(axis + 1) % 3], cell[(axis + 2) % 3]
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    shape = (float(lengths[0]), float(lengths[1]), round(float(first @ second / lengths[0] / lengths[1]), 9))
    if not len(structure):
        return Layer(np.empty((0, 2)), np.empty(0), shape)
    fractions = cell.scaled_positions(structure.positions)
    fractions[:, axis] = unwrapped(fractions[:, axis])
    positions = fractions @ cell
    normal = np.cross(first, second) / np.linalg.norm(np.cross(first, second))
    heights = positions @ normal
    # The median, which one atom far off does not move: it is that atom which is to be named.
    heights -= np.median(heights)
    highest = int(np.abs(heights).argmax())
    if abs(heights[highest]) > out_of_plane:
        raise InputError(
            f"Atoms must lie in one layer, at most {out_of_plane:g} Å from its plane. "
            f"Received: {place(structure, highest)}, {abs(heights[highest]):.2f} Å from it"
        )
    in_plane = np.linalg.solve(np.array([first, second, normal]).T, positions.T).T[:, :2]
    return Layer(in_plane, heights, shape)


def cell_words(layer: Layer) -> str:
    """Return the cell of a layer as people write it."""
    first, second, cosine = layer.cell
    return f"{first:.3f} x {second:.3f} Å at {math.degrees(math.acos(cosine)):.1f} degrees"
