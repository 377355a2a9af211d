"""Sparse Hamiltonians of planar sheets of one element, held as blocks of rows, with twisted boundaries.

In a plane the sp3 model falls into a sigma block (s, px, py) and a pi block (pz). A third, simpler model keeps only
the pz orbitals and one hopping between nearest neighbours. Rows are kept in blocks because that is how they are
built (a neighbour search of the whole sheet at once would need gigabytes) and how they are multiplied (a block's
result stays in the cache until it is used).
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array, issparse, vstack
from scipy.spatial import cKDTree

from rugan_tf.errors import InputError
from rugan_tf.physics.tight_binding import CLOSEST, TightBindingParameters, pi_hoppings, sigma_hoppings

Floats = NDArray[np.float64]

ROWS_PER_BLOCK = 16_384  # four vectors of a block take half a megabyte: they fit into a core's cache
NEAREST = 1.7  # Å, between the first neighbours of a honeycomb, 1.42 Å away, and the second, 2.46 Å
PI_HOPPING = -2.7  # eV, the customary value of the nearest-neighbour model of a honeycomb
HERMITIAN_TOLERANCE = 1e-9  # relative to the largest element


@dataclasses.dataclass(frozen=True)
class PlanarAtoms:
    """Atoms in a plane that is periodic along two directions.

    Attributes:
        positions: float64 (num_atoms, 2), Å.
        cell: float64 (2, 2), the two periods as rows, Å; not necessarily at right angles.
        parameters: the numbers of their element; the model of nearest neighbours needs none.
    """

    positions: Floats
    cell: Floats
    parameters: TightBindingParameters | None = None

    def __post_init__(self) -> None:
        """Refuse what no sheet can be."""
        if self.positions.ndim != 2 or self.positions.shape[1] != 2 or not np.isfinite(self.positions).all():
            raise InputError(f"positions must be finite, (num_atoms, 2). Received: shape={self.positions.shape}")
        if not len(self.positions):
            raise InputError("A sheet must hold at least one atom. Received: an empty sheet")
        if self.cell.shape != (2, 2) or not np.isfinite(self.cell).all() or self.heights.min() < CLOSEST:
            raise InputError(
                f"cell must be two periods that span a cell at least {CLOSEST} Å wide. Received: {self.cell.tolist()}"
            )

    @property
    def element(self) -> TightBindingParameters:
        """The numbers of the element, or raise InputError where nobody gave any."""
        if self.parameters is None:
            raise InputError("The sp3 model needs the numbers of the element. Received: atoms without parameters")
        return self.parameters

    @property
    def heights(self) -> Floats:
        """Distance (2,) between opposite sides of the cell, Å."""
        area = abs(np.linalg.det(self.cell))
        return np.asarray(area / np.linalg.norm(self.cell[::-1], axis=1).clip(min=1e-300))


class Neighbours(NamedTuple):
    """Ordered pairs of atoms within a cutoff, one entry for each periodic image."""

    first: NDArray[np.intp]  # (num_pairs,)
    second: NDArray[np.intp]  # (num_pairs,)
    distance: Floats  # (num_pairs,), Å
    direction: Floats  # (num_pairs, 2), unit vector from first to second
    translation: NDArray[np.int8]  # (num_pairs, 2), periods between the second atom's image and the cell


def neighbours_by_rows(atoms: PlanarAtoms, cutoff: float, atoms_per_block: int) -> Iterator[Neighbours]:
    """Yield the neighbours of one block of atoms after another.

    Raises:
        InputError: atoms closer than 0.5 Å.
    """
    fractional = atoms.positions @ np.linalg.inv(atoms.cell)
    whole = np.floor(fractional)
    fractional -= whole
    margin = cutoff / atoms.heights
    origins, translations = [np.arange(len(fractional))], [np.zeros((len(fractional), 2), np.int8)]
    reach = np.ceil(margin).astype(int)
    for shift in itertools.product(*(range(-count, count + 1) for count in reach)):
        if shift == (0, 0):
            continue
        moved = fractional + shift
        is_near = ((moved > -margin) & (moved < 1 + margin)).all(axis=1)
        origins.append(np.flatnonzero(is_near))
        translations.append(np.tile(np.array(shift, np.int8), (len(origins[-1]), 1)))
    origin, translation = np.concatenate(origins), np.concatenate(translations)
    images = (fractional[origin] + translation) @ atoms.cell
    del fractional
    tree = cKDTree(images, balanced_tree=False, compact_nodes=False)  # half the time to build, for even coverage
    for start in range(0, len(whole), atoms_per_block):
        own = images[start : min(start + atoms_per_block, len(whole))]
        found = cKDTree(own).sparse_distance_matrix(tree, cutoff, output_type="ndarray")
        found = found[found["j"] != found["i"] + start]  # an atom is no neighbour of itself, only of its images
        first, image, distance = found["i"] + start, found["j"], found["v"]
        if len(distance) and distance.min() < CLOSEST:
            raise InputError(f"Atoms must be at least {CLOSEST} Å apart. Received: {distance.min():.3g} Å")
        direction = (images[image] - images[first]) / distance[:, None]
        second = origin[image]
        # Positions may lie outside of the cell: phases must belong to the atoms as they were given.
        periods = translation[image] + (whole[first] - whole[second]).astype(np.int8)
        yield Neighbours(first, second, distance, direction, periods)


@dataclasses.dataclass(frozen=True)
class RowBlocks:
    """A Hermitian matrix as consecutive blocks of rows.

    Attributes:
        blocks: CSR arrays (rows of the block, num_rows), float64 or complex128, eV.
        num_rows: rows of the whole.
    """

    blocks: tuple[Any, ...]
    num_rows: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 or complex128."""
        return np.dtype(self.blocks[0].dtype)

    def slices(self) -> list[slice]:
        """Return where the rows of each block are."""
        edges = np.cumsum([0, *(block.shape[0] for block in self.blocks)])
        return [slice(int(start), int(stop)) for start, stop in itertools.pairwise(edges)]

    def product(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Return the product with vectors (num_rows,) or (num_rows, k)."""
        return np.concatenate([block @ vectors for block in self.blocks])

    def tocsr(self) -> Any:
        """Return the whole as one CSR array."""
        return csr_array(vstack(self.blocks, format="csr"))

    def toarray(self) -> NDArray[Any]:
        """Return the whole as a dense array, Fortran order."""
        return np.asfortranarray(np.concatenate([block.toarray() for block in self.blocks]))

    def diagonal(self) -> NDArray[np.float64]:
        """Return the diagonal (num_rows,), which is real."""
        parts = [block.diagonal(k=rows.start).real for block, rows in zip(self.blocks, self.slices(), strict=True)]
        return np.concatenate(parts).astype(np.float64)


def row_blocks(matrix: Any, rows_per_block: int = ROWS_PER_BLOCK) -> RowBlocks:
    """Return a Hermitian scipy sparse matrix, a user's own perhaps, as blocks of rows.

    Args:
        matrix: any scipy sparse matrix or array (n, n), real or complex, eV.
        rows_per_block: rows that are multiplied at once.

    Raises:
        InputError: not sparse, not square, empty, not finite, or not Hermitian.
    """
    if isinstance(matrix, RowBlocks):
        return matrix
    if not issparse(matrix) or matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
        shape = getattr(matrix, "shape", None)
        raise InputError(f"A Hamiltonian must be a square sparse matrix. Received: {type(matrix).__name__}, {shape}")
    kind = np.complex128 if np.issubdtype(matrix.dtype, np.complexfloating) else np.float64
    csr = csr_array(matrix).astype(kind)
    csr.sum_duplicates()
    if not np.isfinite(csr.data).all():
        raise InputError("A Hamiltonian must be finite. Received: NaN or infinity among its elements")
    largest = abs(csr.data).max(initial=0.0)
    error = abs(csr - csr.conj().T).max() if csr.nnz else 0.0
    if error > HERMITIAN_TOLERANCE * largest:
        raise InputError(f"A Hamiltonian must be Hermitian. Received: elements that differ by {error:.3g} eV")
    size = csr.shape[0]
    blocks = tuple(csr[start : start + rows_per_block] for start in range(0, size, rows_per_block))
    return RowBlocks(blocks, size)


def _assemble(
    atoms: PlanarAtoms,
    twist: ArrayLike,
    cutoff: float,
    onsite: tuple[float, ...],
    hoppings: Callable[[Neighbours], Floats],
    rows_per_block: int,
) -> RowBlocks:
    """Return the matrix of hoppings (num_pairs, orbitals, orbitals), eV, and on-site energies.

    Raises:
        InputError: a twist that is not two finite numbers.
    """
    phase = np.asarray(twist, np.float64)
    if phase.shape != (2,) or not np.isfinite(phase).all():
        raise InputError(f"twist must be two finite fractions of the reciprocal cell. Received: {phase.tolist()}")
    is_real = bool((phase * 2 == np.round(phase * 2)).all())  # factors 1 and -1 alone
    width, total = len(onsite), len(atoms.positions) * len(onsite)
    orbital, blocks, start = np.arange(width), [], 0
    atoms_per_block = max(1, rows_per_block // width)
    for found in neighbours_by_rows(atoms, cutoff, atoms_per_block):
        count = min(atoms_per_block, len(atoms.positions) - start)
        factor = np.exp(2j * np.pi * (found.translation @ phase))
        values = hoppings(found) * (np.round(factor.real) if is_real else factor)[:, None, None]
        row = np.broadcast_to(width * (found.first - start)[:, None, None] + orbital[:, None], values.shape)
        col = np.broadcast_to(width * found.second[:, None, None] + orbital, values.shape)
        diagonal = np.arange(width * count) if any(onsite) else np.arange(0)
        entries = (
            np.concatenate([values.ravel(), np.tile(onsite, count)[: len(diagonal)]]),
            (np.concatenate([row.ravel(), diagonal]), np.concatenate([col.ravel(), diagonal + width * start])),
        )
        block = coo_array(entries, shape=(width * count, total)).tocsr()  # entries at the same place are summed
        # 32-bit indices take half the memory traffic of the 64-bit ones that the search returns.
        blocks.append(
            csr_array((block.data, block.indices.astype(np.int32), block.indptr.astype(np.int32)), shape=block.shape)
        )
        start += count
    return RowBlocks(tuple(blocks), total)


def sigma_block(atoms: PlanarAtoms, twist: ArrayLike = (0.0, 0.0), rows_per_block: int = ROWS_PER_BLOCK) -> RowBlocks:
    """Return the sigma block (3 num_atoms rows: s, px, py of each atom) of the sp3 model, eV.

    Args:
        atoms: with the numbers of their element.
        twist: a k-point, fractions of the reciprocal cell: crossing a period multiplies by exp(2 pi i twist).
        rows_per_block: rows that are multiplied at once.
    """

    def hoppings(found: Neighbours) -> Floats:
        return sigma_hoppings(atoms.element, found.distance, found.direction)

    return _assemble(atoms, twist, atoms.element.cutoff, atoms.element.sigma_onsite, hoppings, rows_per_block)


def pi_block(atoms: PlanarAtoms, twist: ArrayLike = (0.0, 0.0), rows_per_block: int = ROWS_PER_BLOCK) -> RowBlocks:
    """Return the pi block (num_atoms rows: pz of each atom) of the sp3 model, eV; arguments as of `sigma_block`."""

    def hoppings(found: Neighbours) -> Floats:
        return pi_hoppings(atoms.element, found.distance)

    return _assemble(atoms, twist, atoms.element.cutoff, atoms.element.pi_onsite, hoppings, rows_per_block)


def nearest_neighbour_pi(
    atoms: PlanarAtoms,
    twist: ArrayLike = (0.0, 0.0),
    *,
    hopping: float = PI_HOPPING,
    rows_per_block: int = ROWS_PER_BLOCK,
) -> RowBlocks:
    """Return the pi Hamiltonian (num_atoms rows) with one hopping (eV) between atoms closer than 1.7 Å, on-site 0."""
    constant = functools.partial(_constant_hoppings, hopping)
    return _assemble(atoms, twist, NEAREST, (0.0,), constant, rows_per_block)


def _constant_hoppings(hopping: float, found: Neighbours) -> Floats:
    return np.full((len(found.first), 1, 1), hopping)
