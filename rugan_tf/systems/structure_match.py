"""The states of one sheet from a structure as somebody else made it: turned, shifted, strained, relaxed, wrapped."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.lattice.matching import Match, closest_distance, cosine_of, fits_in_turn, match_points
from rugan_tf.lattice.symmetry import operations, permutation
from rugan_tf.systems.atoms import Atoms
from rugan_tf.systems.layer import Layer, axes_across, cell_words, layer_across, place

if TYPE_CHECKING:
    import ase

WIDE_STRAIN = 0.1  # up to which a strain is found that the limits refuse
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


def match_layer(atoms: Atoms, structure: ase.Atoms, layer: Layer, limits: MatchLimits) -> Match:
    """Return the first fit of the lattice that brings every atom onto a site of its own."""
    lattice = atoms.lattice
    match, nearest = first_match(lattice, layer, limits)
    if match is not None:
        return match
    # Otherwise a strained cell would be refused for atoms that follow its strain. Half as far from their sites, since
    # some cell that is strained so much fits others by chance.
    if len(structure) and limits.max_strain < WIDE_STRAIN:
        wide = dataclasses.replace(limits, max_strain=WIDE_STRAIN, in_plane=limits.in_plane / 2)
        strained, _ = first_match(lattice, layer, wide)
        if strained is not None:
            raise too_strained(layer, strained, limits)
    if nearest is None:
        raise InputError(
            f"The cell must hold whole rows and columns of the lattice, {lattice.row_pitch:.3f} and "
            f"{lattice.col_period * lattice.col_pitch:.3f} Å, strained by at most {limits.max_strain:.1%}. "
            f"Received: {cell_words(layer)}"
        )
    raise misfit(structure, layer, nearest, limits)


def first_match(lattice: Lattice, layer: Layer, limits: MatchLimits) -> tuple[Match | None, Match | None]:
    """Return the first fit with every atom on a site of its own, if there is one, and the nearest of those before."""
    nearest: Match | None = None
    for fit in fits_in_turn(lattice, layer.cell, limits.max_strain):
        if not len(layer.fractions):
            return Match(fit, np.empty(0, np.int64), np.empty(0)), nearest
        match = match_points(lattice, layer.fractions, fit)
        if num_far(match, limits) == 0 and len(np.unique(match.sites)) == len(match.sites):
            return match, nearest
        if (
            nearest is None
            or num_far(match, limits) / fit.num_copies < num_far(nearest, limits) / nearest.fit.num_copies
        ):
            nearest = match
    return None, nearest


def too_strained(layer: Layer, match: Match, limits: MatchLimits) -> InputError:
    """Return the error that names the strain of a cell that fits otherwise, and the option that takes it."""
    strain = max(map(abs, (*match.fit.strain, cosine_of(layer.cell, match.fit.supercell))))
    along = " and ".join(f"{one:+.1%}" for one in match.fit.strain)
    return InputError(
        f"The cell must be strained by at most {limits.max_strain:.1%}; --max-strain takes more. Received: "
        f"{cell_words(layer)}, strained by {along}; --max-strain {math.ceil(100 * strain + 1e-3) / 100:g} takes it"
    )


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
