"""Atoms that saturate edges: one towards each neighbour that is missing, turned out of the way of the others."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.systems.atoms import Atoms

if TYPE_CHECKING:
    import ase

WANTED = 1.75  # Å that saturating atoms keep from others but their own, where they can
CLOSEST = 1.5  # Å that they must keep; codes take two of hydrogen at less for a molecule, or do not converge
STIFFNESS = 0.02  # of a direction, against contacts
TRIES = 20
TILT = 0.7  # out of the plane, of directions in each other's way, to begin with: in the plane they are in balance


@dataclasses.dataclass(frozen=True)
class Passivation:
    """How the edges of a material are saturated.

    Attributes:
        atoms: of the material.
        spacings: by the element that saturates, Å.
    """

    atoms: Atoms
    spacings: Mapping[str, float]

    def require_element(self, element: str) -> None:
        """Raise InputError for an element that saturates no edge."""
        if element not in self.spacings:
            known = ", ".join(self.spacings)
            raise InputError(f"Edges must be saturated by {known}. Received: {element}")

    def saturated(self, states: NDArray[np.uint8], element: str) -> "ase.Atoms":
        """Return one sheet, uint8 (rows, cols), as atoms in a plane, with its edges saturated.

        Atoms that saturate stand in the plane, along the missing bond, where there is room; in small gaps they turn
        out of it.

        Raises:
            InputError: another element, or a place with no room.
        """
        self.require_element(element)
        structure = self.atoms.structure(states)
        edges = edges_of(self.atoms, states)
        if not len(edges.hosts):
            return structure

        from ase import Atoms as Structure

        contacts = Contacts(structure, edges, self.spacings[element])
        positions = contacts.ends(contacts.settled())
        nearest = contacts.nearest(positions)
        if nearest.min() < CLOSEST:
            worst = int(nearest.argmin())
            x, y, z = positions[worst]
            raise InputError(
                f"Edges must have room for {element}, {CLOSEST} Å from any other atom. "
                f"Received: {nearest[worst]:.2f} Å at ({x:.2f}, {y:.2f}, {z:.2f}) Å"
            )
        return structure + Structure(f"{element}{len(positions)}", positions)


class Edges(NamedTuple):
    """Bonds that are missing.

    Attributes:
        hosts: int64 (m,), which atom of the structure lacks one.
        directions: float64 (m, 3), of length 1.
    """

    hosts: NDArray[np.int64]
    directions: NDArray[np.float64]


def edges_of(atoms: Atoms, states: NDArray[np.uint8]) -> Edges:
    """Return the bonds that atoms of one sheet lack."""
    lattice, occupied = atoms.lattice, atoms.occupied[states]
    numbers = np.full(occupied.shape, -1)
    numbers[occupied] = np.arange(occupied.sum())
    rows, cols = states.shape
    hosts, directions = [], []
    for row, col, site in np.argwhere(occupied):
        parity = col % lattice.col_period
        for offset in lattice.neighbours[parity][site]:
            if not occupied[(row + offset.row) % rows, (col + offset.col) % cols, offset.site]:
                hosts.append(numbers[row, col, site])
                directions.append(np.subtract(lattice.place(offset, int(parity)), lattice.sites[site]))
    # The shape is said, since a sheet without edges has no directions.
    planar = np.array(directions).reshape(-1, 2)
    planar /= np.linalg.norm(planar, axis=1, keepdims=True)
    return Edges(np.array(hosts, np.int64), np.column_stack([planar, np.zeros(len(planar))]))


class Contacts:
    """Saturating atoms of one structure, and how near others are.

    Args:
        structure: without them, periodic in the plane of x and y.
        edges: where they belong.
        spacing: Å.
    """

    def __init__(self, structure: "ase.Atoms", edges: Edges, spacing: float) -> None:
        self.directions, self.spacing = edges.directions, spacing
        self.starts = structure.positions[edges.hosts]
        self.lengths = structure.cell.lengths()[:2]
        self.ideal = self.starts + spacing * edges.directions
        # Two may turn towards each other, each by its whole length.
        reach = 2 * spacing + WANTED
        self.pairs = self.close_pairs(self.starts, self.starts, reach)
        # Each pair once, and no atom with itself.
        self.pairs = self.pairs[self.pairs[:, 0] < self.pairs[:, 1]]
        others = self.close_pairs(self.starts, structure.positions, spacing + WANTED)
        is_own = others[:, 1] == edges.hosts[others[:, 0]]
        self.others, self.fixed = others[~is_own], structure.positions

    def close_pairs(self, first: NDArray[np.float64], second: NDArray[np.float64], reach: float) -> NDArray[np.int64]:
        """Return the pairs (p, 2) of two sets of positions that may come closer than `reach`."""
        distance = np.linalg.norm(self.between(first[:, None] - second), axis=-1)
        return np.argwhere(distance < reach)

    def between(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return vectors (..., 3) to the nearest periodic image."""
        wrapped = vectors.copy()
        # In the plane alone: across it a sheet has no images.
        wrapped[..., :2] -= self.lengths * np.rint(wrapped[..., :2] / self.lengths)
        return wrapped

    def ends(self, directions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where atoms in directions (m, 3) of any length are."""
        return self.starts + self.spacing * directions / np.linalg.norm(directions, axis=1, keepdims=True)

    def nearest(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far the nearest other atom, but its own, is from each (m,), Å."""
        nearest = np.full(len(positions), np.inf)
        pairs = np.linalg.norm(self.between(positions[self.pairs[:, 0]] - positions[self.pairs[:, 1]]), axis=1)
        others = np.linalg.norm(self.between(positions[self.others[:, 0]] - self.fixed[self.others[:, 1]]), axis=1)
        # minimum.at: an atom is in many pairs, of which an assignment by index would keep the last.
        for column in (0, 1):
            np.minimum.at(nearest, self.pairs[:, column], pairs)
        np.minimum.at(nearest, self.others[:, 0], others)
        return nearest

    def settled(self) -> NDArray[np.float64]:
        """Return directions (m, 3) in which no contact is left that can be avoided."""
        from scipy.optimize import minimize
        from threadpoolctl import threadpool_limits

        # The same sheet gives the same atoms.
        rng = np.random.default_rng(0)
        directions = self.tilted()
        for _ in range(TRIES):
            with threadpool_limits(1):  # threads wait for each other longer than such short vectors take
                found = minimize(self.strain, directions.ravel(), jac=True, method="L-BFGS-B").x.reshape(-1, 3)
            close = self.nearest(self.ends(found)) < CLOSEST
            if not close.any():
                break
            directions = found.copy()
            directions[close] += rng.normal(0, TILT, (int(close.sum()), 3))
        return found

    def tilted(self) -> NDArray[np.float64]:
        """Return the directions, those in each other's way turned to either side of the plane in turn."""
        directions = self.directions.copy()
        apart = self.between(self.ideal[self.pairs[:, 0]] - self.ideal[self.pairs[:, 1]])
        close = self.pairs[np.linalg.norm(apart, axis=1) < WANTED]
        for number in np.unique(close):
            rivals = np.concatenate([close[close[:, 0] == number, 1], close[close[:, 1] == number, 0]])
            directions[number, 2] = TILT if directions[rivals, 2].sum() <= 0 else -TILT
        return directions

    def strain(self, flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return how bad directions (3 m,) are, and the gradient: squares of what contacts lack, and of turns."""
        given = flat.reshape(-1, 3)
        norms = np.linalg.norm(given, axis=1, keepdims=True)
        units = given / norms
        positions = self.starts + self.spacing * units
        slope = 2 * STIFFNESS * (units - self.directions)
        total = STIFFNESS * float(np.square(units - self.directions).sum())
        for pairs, ends in ((self.pairs, positions), (self.others, self.fixed)):
            vectors = self.between(positions[pairs[:, 0]] - ends[pairs[:, 1]])
            # Atoms on one place have no direction to part in, and 0 / 0 would spoil all others.
            distances = np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)
            lack = np.maximum(WANTED - distances, 0.0)
            total += float(np.square(lack).sum())
            push = -2 * self.spacing * (lack / distances)[:, None] * vectors
            np.add.at(slope, pairs[:, 0], push)
            if ends is positions:
                np.add.at(slope, pairs[:, 1], -push)
        # Directions may have any length, so what would only change the length is taken off.
        along = (slope * units).sum(axis=1, keepdims=True) * units
        return total, ((slope - along) / norms).ravel()
