"""The states of one sheet from a structure as somebody else made it: turned, shifted, strained, relaxed, wrapped."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.matching import Match, closest_distance, fits_in_turn, match_points
from rugan_tf.lattice.symmetry import operations, permutation
from rugan_tf.systems.atoms import Atoms

if TYPE_CHECKING:
    import ase

MOST_DEFECTS = 0.2  # share of atoms on no site from which a structure is on another lattice, and its cell is told


@dataclasses.dataclass(frozen=True)
class MatchLimits:
    """How far a structure may be from a perfect sheet.

    Attributes:
        in_plane: furthest an atom may be from its site in the plane, Å.
        out_of_plane: furthest from the mean plane of all atoms, Å.
        max_strain: largest strain of the cell, a share.
        drop: chemical symbols of atoms that stand on no site and are left out, as those that saturate edges.
    """

    in_plane: float = 0.6
    out_of_plane: float = 1.0
    max_strain: float = 0.03
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing."""
        for name in ("in_plane", "out_of_plane"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"tolerance must be positive, in Å. Received: {name}={getattr(self, name)}")
        if not 0 < self.max_strain < 0.2:
            raise InputError(f"max_strain must lie in (0, 0.2), a share. Received: max_strain={self.max_strain}")


class StructureMatch(NamedTuple):
    """A structure as a sheet.

    Attributes:
        states: uint8 (rows, cols).
        num_copies: how many cells of the structure the sheet holds: 1, or those of a supercell of a skew cell.
        strain: of the cell against the lattice, along rows and columns.
        in_plane: furthest that an atom is from its site, Å.
        out_of_plane: furthest that one is from the plane, Å.
        num_dropped: how many atoms of each dropped element there were in the structure.
    """

    states: NDArray[np.uint8]
    num_copies: int
    strain: tuple[float, float]
    in_plane: float
    out_of_plane: float
    num_dropped: dict[str, int]


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


def match_structure(atoms: Atoms, structure: ase.Atoms, limits: MatchLimits = MatchLimits()) -> StructureMatch:
    """Return the states of a structure.

    Its cell may be rectangular or skew, with the rows along any direction and the vacuum along any of its vectors; its
    origin is anywhere and its atoms are in the cell or out of it. A skew cell becomes the smallest rectangular
    supercell that fits.

    Args:
        atoms: of the material.
        structure: periodic along the sheet.
        limits: how far it may be from a perfect sheet.

    Raises:
        InputError: no layer, no cell that fits, an atom on no site, two on one, or species that no site holds.
    """
    # Beyond that an atom might be on either of two sites.
    if limits.in_plane > closest_distance(atoms.lattice) / 2:
        most = closest_distance(atoms.lattice) / 2
        raise InputError(
            f"tolerance must be at most half the distance of two sites, {most:.3f} Å. Received: {limits.in_plane:g} Å"
        )
    if structure.cell.rank < 2:
        raise InputError(
            "A sheet must be periodic in its plane: a cell of two vectors at least. "
            f"Received: {structure.cell.rank} in {structure.get_chemical_formula()}"
        )
    kept, num_dropped = without_dropped(structure, limits.drop)
    require_known(atoms, kept)
    problems: list[InputError] = []
    for axis in axes_across(kept):
        try:
            layer = layer_across(kept, axis, limits.out_of_plane)
            match = match_layer(atoms, kept, layer, limits)
        except InputError as problem:
            problems.append(problem)
            continue
        states = states_on_sites(atoms, match, np.array(kept.get_chemical_symbols()))
        in_plane, across = (float(np.abs(part).max(initial=0)) for part in (match.distances, layer.heights))
        return StructureMatch(states, match.fit.num_copies, match.fit.strain, in_plane, across, num_dropped)
    # What is wrong along the likeliest direction; the others are mostly none that anybody meant.
    raise problems[0]


def without_dropped(structure: ase.Atoms, drop: tuple[str, ...]) -> tuple[ase.Atoms, dict[str, int]]:
    """Return a structure without the elements that are dropped, and the number of atoms of each of those."""
    if not drop:
        return structure, {}
    # The type is said, since NumPy makes numbers of an empty list.
    symbols = np.array(structure.get_chemical_symbols(), dtype="U3")
    is_dropped = np.isin(symbols, drop)
    return structure[~is_dropped], {symbol: int((symbols == symbol).sum()) for symbol in drop}


def require_known(atoms: Atoms, structure: ase.Atoms) -> None:
    """Refuse elements that are on no site of the material."""
    known = {symbol for sites in atoms.species for symbol in sites}
    for symbol in sorted(set(structure.symbols.species()) - known):
        names = ", ".join(sorted(one for one in known if one))
        first = structure.get_chemical_symbols().index(symbol)
        raise InputError(
            f"Atoms must be of the material, {names}; --drop {symbol} leaves others out. "
            f"Received: {place(structure, first)}"
        )


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


def match_layer(atoms: Atoms, structure: ase.Atoms, layer: Layer, limits: MatchLimits) -> Match:
    """Return the first fit of the lattice that brings every atom onto a site of its own."""
    lattice = atoms.lattice
    best: Match | None = None
    for fit in fits_in_turn(lattice, layer.cell, limits.max_strain):
        if not len(structure):
            return Match(fit, np.empty(0, np.int64), np.empty(0))
        match = match_points(lattice, layer.fractions, fit)
        if num_far(match, limits) == 0 and len(np.unique(match.sites)) == len(match.sites):
            return match
        if best is None or num_far(match, limits) / fit.num_copies < num_far(best, limits) / best.fit.num_copies:
            best = match
    if best is None:
        raise InputError(
            f"The cell must hold whole rows and columns of the lattice, {lattice.row_pitch:.3f} and "
            f"{lattice.col_period * lattice.col_pitch:.3f} Å, strained by at most {limits.max_strain:.1%}. "
            f"Received: {cell_words(layer)}"
        )
    raise misfit(structure, layer, best, limits)


def cell_words(layer: Layer) -> str:
    """Return the cell of a layer as people write it."""
    first, second, cosine = layer.cell
    return f"{first:.3f} x {second:.3f} Å at {math.degrees(math.acos(cosine)):.1f} degrees"


def num_far(match: Match, limits: MatchLimits) -> int:
    """Return the number of atoms that are too far from a site."""
    return int((match.distances > limits.in_plane).sum())


def misfit(structure: ase.Atoms, layer: Layer, match: Match, limits: MatchLimits) -> InputError:
    """Return the error that names the atom that fits least, or the two on one site."""
    furthest = int(match.distances.argmax())
    if match.distances[furthest] > limits.in_plane:
        number = max(1, num_far(match, limits) // match.fit.num_copies)
        other = f" of a cell of {cell_words(layer)}" if number > MOST_DEFECTS * len(structure) else ""
        return InputError(
            f"Atoms must lie on sites of the lattice, within {limits.in_plane:g} Å. Received: "
            f"{place(structure, furthest % len(structure))}, {match.distances[furthest]:.2f} Å from the nearest; "
            f"{number} of {len(structure)} atoms{other} are too far"
        )
    order = np.argsort(match.sites, kind="stable")
    twice = int(np.flatnonzero(np.diff(match.sites[order]) == 0)[0])
    # Copies of a skew cell follow each other: the remainder is the atom of the file.
    first, second = (int(order[twice + step]) % len(structure) for step in (0, 1))
    return InputError(
        f"A site must hold one atom at most. Received: {place(structure, first)} and {place(structure, second)}"
    )


def states_on_sites(atoms: Atoms, match: Match, symbols: NDArray[np.str_]) -> NDArray[np.uint8]:
    """Return the states (rows, cols) of atoms on sites.

    Where the species of a cell are those of no state, the sheet is looked at after each symmetry of its sites: which
    of two kinds of site is which, positions alone do not tell.
    """
    lattice, fit = atoms.lattice, match.fit
    names: list[str | None] = [None, *sorted({one for sites in atoms.species for one in sites if one is not None})]
    kinds = np.zeros(fit.rows * fit.cols * lattice.num_sites, np.int64)
    # Copy after copy of the cell, as the sites are.
    kinds[match.sites] = np.tile([names.index(symbol) for symbol in symbols.tolist()], fit.num_copies)
    state_of = np.full((len(names),) * lattice.num_sites, -1)
    for state, sites in enumerate(atoms.species):
        state_of[tuple(names.index(symbol) for symbol in sites)] = state
    cells = kinds.reshape(fit.rows, fit.cols, lattice.num_sites)
    states = state_of[tuple(np.moveaxis(cells, -1, 0))]
    if states.min() >= 0:
        return states.astype(np.uint8)
    for operation in operations(lattice)[1:]:
        moved = kinds[permutation(lattice, operation, fit.rows, fit.cols)].reshape(cells.shape)
        turned = state_of[tuple(np.moveaxis(moved, -1, 0))]
        if turned.min() >= 0:
            return turned.astype(np.uint8)
    row, col = np.argwhere(states < 0)[0]
    found = " ".join(names[kind] or "-" for kind in cells[row, col])
    raise InputError(f"The species of a cell must be those of a state. Received: {found} in row {row}, column {col}")
