"""Images of sheets under the symmetries of a lattice that map states onto states."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.lattice import Lattice
from rugan_tf.lattice.symmetry import Operation, operations, permutation, site_permutations

Species = tuple[tuple[str | None, ...], ...]


@dataclasses.dataclass(frozen=True)
class SymmetricImages:
    """What stands on sites moves with the sites; the states that result are looked up.

    Attributes:
        lattice: whose symmetries are tried.
        species: by the state, then by the site.
        operations: those that make states of states, the identity first.
    """

    lattice: Lattice
    species: Species
    operations: tuple[Operation, ...]

    @classmethod
    def of(cls, lattice: Lattice, species: Species) -> SymmetricImages:
        """Find the symmetries that make states of states."""
        return cls(lattice, species, tuple(one for one in operations(lattice) if makes_states(one, species)))

    @functools.cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """What each state puts on each site, numbered, uint8 (states, sites)."""
        # In order of appearance: a set would number kinds differently in each process.
        names = list(dict.fromkeys(itertools.chain.from_iterable(self.species)))
        return np.array([[names.index(name) for name in sites] for sites in self.species], np.uint8)

    @functools.cached_property
    def state_of(self) -> NDArray[np.uint8]:
        """The state of each combination of kinds on the sites, uint8 of one axis a site."""
        # Combinations of no state are left at 0 and never looked up: only operations that make states were kept.
        found = np.zeros((int(self.kinds.max()) + 1,) * self.lattice.num_sites, np.uint8)
        found[tuple(self.kinds.T)] = np.arange(len(self.species))
        return found

    def move(self, states: NDArray[np.uint8], permutations: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Apply to each sheet (n, rows, cols) its permutation of sites, (n, sites)."""
        flat = self.kinds[states].reshape(len(states), -1)
        moved = np.take_along_axis(flat, permutations.astype(np.int64), axis=1)
        sites = moved.reshape(*states.shape, self.lattice.num_sites)
        return np.asarray(self.state_of[tuple(np.moveaxis(sites, -1, 0))])

    def permutations(self, rows: int, cols: int) -> NDArray[np.int32]:
        """Return int32 (symmetries, sites): for each symmetry of a sheet, which site comes to each site."""
        return site_permutations(self.lattice, self.operations, rows, cols)

    def transform(self, states: NDArray[np.uint8], which: NDArray[np.integer]) -> NDArray[np.uint8]:
        """Apply to each sheet (n, rows, cols) the symmetry of number `which` (n,)."""
        return self.move(states, self.permutations(*states.shape[1:])[which])

    def draw(self, rng: np.random.Generator, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a random symmetric image of each sheet, uint8 (n, rows, cols)."""
        return self.transform(states, rng.integers(len(self.permutations(*states.shape[1:])), size=len(states)))

    def points(self, states: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Return the images of sheets (n, rows, cols) that translations by whole periods do not make of each other."""
        found = [permutation(self.lattice, one, *states.shape[1:]) for one in self.operations]
        return [self.move(states, np.broadcast_to(sites, (len(states), len(sites)))) for sites in found]


def makes_states(operation: Operation, species: Species) -> bool:
    """Return whether what an operation makes of states are states again, wherever they stand."""
    if is_any_combination(species):
        return True
    return operation.keeps_cells() and all(
        moved in species for images in operation.images for moved in moved_species(images, species)
    )


def moved_species(images: tuple[tuple[int, int, int], ...], species: Species) -> Iterator[tuple[str | None, ...]]:
    """Yield what each state becomes if its sites come to one cell."""
    for sites in species:
        by_site = {image[2]: name for image, name in zip(images, sites, strict=True)}
        yield tuple(by_site[site] for site in range(len(sites)))


def is_any_combination(species: Species) -> bool:
    """Return whether every site may hold everything, whatever the other sites of its cell hold."""
    names = [set(column) for column in zip(*species, strict=True)]
    return all(one == names[0] for one in names) and len(set(species)) == len(names[0]) ** len(names)
