"""Chebyshev moments of a sparse Hamiltonian: the recursion of the kernel polynomial method.

Weisse, Wellein, Alvermann, Fehske, Rev. Mod. Phys. 78, 275 (2006), section II. Each product with the Hamiltonian
gives two moments. A few vectors go together, so that a row of the matrix is read once for all of them, and each
block of rows is finished (recursion, scalar products) while it lies in the cache. Groups of vectors share nothing,
so each core works on a group of its own and the result does not depend on how many cores there are.
"""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal
from scipy.sparse import csr_array

from rugan_tf.errors import InputError
from rugan_tf.physics.hamiltonian import RowBlocks

Floats = NDArray[np.float64]

VECTORS_PER_GROUP = 4  # measured: 8 is a tenth faster, and groups of 4 keep two cores busy from 8 vectors on
VECTOR_MEMORY = 512 * 2**20  # bytes of all vectors together, beyond which groups get smaller
LANCZOS_STEPS = 60
BOUNDS_MARGIN = 0.01  # of the spectrum's width, beyond what Lanczos vouches for
ROWS_PER_SUM = 32  # rows that are added side by side, which lets NumPy use wide instructions


@dataclasses.dataclass(frozen=True)
class Bounds:
    """An interval that holds the spectrum: centre and half width, eV."""

    centre: float
    half_width: float


def spectral_bounds(matrix: RowBlocks, steps: int = LANCZOS_STEPS) -> Bounds:
    """Return an interval that holds all levels: the narrower of what Gershgorin and what Lanczos vouch for.

    Gershgorin's circles are exact for one hopping to three neighbours and twice too wide for sigma orbitals. Lanczos
    errs by at most the residual of its outermost vectors; a margin of a hundredth is added.
    """
    diagonal = matrix.diagonal()
    radius = np.concatenate([abs(block).sum(axis=1) for block in matrix.blocks]) - abs(diagonal)
    low, high = float((diagonal - radius).min()), float((diagonal + radius).max())
    if matrix.num_rows > steps:
        ritz_low, ritz_high = _lanczos_interval(matrix, steps)
        margin = BOUNDS_MARGIN * (ritz_high - ritz_low)
        low, high = max(low, ritz_low - margin), min(high, ritz_high + margin)
    if not diagonal.any():  # two sublattices have levels in pairs, and a centre of zero saves the recursion a pass
        low, high = min(low, -high), max(high, -low)
    # A matrix of zeros has no width; and levels on the very border would make the recursion lose digits.
    half_width = max((high - low) / 2 * (1 + 1e-6), 1e-6)
    return Bounds((high + low) / 2, half_width)


def _lanczos_interval(matrix: RowBlocks, steps: int) -> tuple[float, float]:
    """Return the outermost Ritz values, widened by their residuals, eV."""
    current = np.random.default_rng(0).standard_normal(matrix.num_rows).astype(matrix.dtype)
    current /= np.linalg.norm(current)
    previous, beta = np.zeros_like(current), 0.0
    alphas, betas = [], []
    for _ in range(steps):
        following = matrix.product(current)
        alpha = np.vdot(current, following).real
        following -= alpha * current
        following -= beta * previous
        beta = float(np.linalg.norm(following))
        alphas.append(alpha)
        betas.append(beta)
        if beta < 1e-9 * max(1.0, abs(alpha)):
            break
        following /= beta
        previous, current = current, following
    values, vectors = eigh_tridiagonal(np.array(alphas), np.array(betas[:-1]))
    residual = betas[-1] * abs(vectors[-1])
    return float(values[0] - residual[0]), float(values[-1] + residual[-1])


def random_signs(matrix: RowBlocks, seed: int, vectors: Iterable[int]) -> NDArray[Any]:
    """Return start vectors (num_rows, k) of random signs; each depends on the seed and its own number alone."""
    numbers = list(vectors)
    signs = np.empty((matrix.num_rows, len(numbers)), matrix.dtype)
    for column, number in enumerate(numbers):
        rng = np.random.default_rng([seed, number])
        signs[:, column] = 2 * rng.integers(0, 2, matrix.num_rows, np.int8) - 1
    return signs


def scaled(matrix: RowBlocks, bounds: Bounds) -> RowBlocks:
    """Return 2 / half_width times the matrix; its indices are shared, its shift is left to the recursion."""
    factor = 2 / bounds.half_width
    blocks = tuple(
        csr_array((block.data * factor, block.indices, block.indptr), shape=block.shape) for block in matrix.blocks
    )
    return RowBlocks(blocks, matrix.num_rows)


def column_products(left: NDArray[Any], right: NDArray[Any], buffer: NDArray[Any]) -> Floats:
    """Return the real parts (k,) of the scalar products of the columns of two arrays (rows, k)."""
    rows, width = left.shape
    products = np.multiply(left.conj() if np.iscomplexobj(left) else left, right, out=buffer[:rows]).real
    whole = rows // ROWS_PER_SUM * ROWS_PER_SUM
    wide = products[:whole].reshape(-1, ROWS_PER_SUM * width).sum(axis=0).reshape(ROWS_PER_SUM, width)
    return np.asarray(wide.sum(axis=0) + products[whole:].sum(axis=0))


def recursion(matrix: RowBlocks, bounds: Bounds, start: NDArray[Any]) -> Iterator[tuple[NDArray[Any], Floats, Floats]]:
    """Yield T_n(x) start for n = 1, 2, ..., with what its moments need; x is the matrix scaled to [-1, 1].

    Args:
        matrix: already `scaled`.
        bounds: those that it was scaled by.
        start: (num_rows, k); two arrays of this size are all the memory that is used.

    Yields:
        The vectors (num_rows, k), valid until the next step; and the products (k,) of the vectors before with
        themselves, and of these vectors with those before.
    """
    rows = matrix.slices()
    buffer = np.empty((max(block.shape[0] for block in matrix.blocks), start.shape[1]), start.dtype)
    shift = 2 * bounds.centre / bounds.half_width
    previous, current = np.zeros_like(start), start
    halve = 0.5  # T_1 = x T_0, but T_n+1 = 2 x T_n - T_n-1
    while True:
        squares, crossed = np.zeros(start.shape[1]), np.zeros(start.shape[1])
        for block, here in zip(matrix.blocks, rows, strict=True):
            product = block @ current
            old, new = current[here], previous[here]
            if shift:
                product -= np.multiply(old, shift, out=buffer[: len(old)])
            if halve != 1.0:
                product *= halve
            np.subtract(product, new, out=new)
            squares += column_products(old, old, buffer)
            crossed += column_products(new, old, buffer)
        halve = 1.0
        previous, current = current, previous
        yield current, squares, crossed


def moments_of(matrix: RowBlocks, bounds: Bounds, start: NDArray[Any], num_moments: int) -> Floats:
    """Return the moments <start| T_n(x) |start> (k, num_moments) of start vectors (num_rows, k).

    Half as many products are needed, by T_2n = 2 T_n T_n - 1; `start` is overwritten.

    Raises:
        InputError: levels outside of the bounds.
    """
    moments = np.empty((num_moments + 2, start.shape[1]))
    steps = recursion(matrix, bounds, start)
    for half in range((num_moments + 1) // 2):
        _, squares, crossed = next(steps)
        if half == 0:
            moments[0], moments[1] = squares, crossed
            continue
        moments[2 * half] = 2 * squares - moments[0]
        moments[2 * half + 1] = 2 * crossed - moments[1]
        if not (squares <= 1.0001 * moments[0]).all():
            raise InputError(f"The spectrum must lie within its bounds. Received: levels outside of {bounds}")
    return moments[:num_moments].T


def projected_moments(
    matrix: RowBlocks, bounds: Bounds, start: NDArray[Any], num_moments: int, group: NDArray[np.intp], num_groups: int
) -> Floats:
    """Return moments (k, num_groups, num_moments) summed over groups of rows: start_i* (T_n start)_i over i of a group.

    A product gives one moment here, not two.

    Args:
        matrix: already `scaled`.
        bounds: those that it was scaled by.
        start: (num_rows, k).
        num_moments: at least 2.
        group: which group each row belongs to, (num_rows,).
        num_groups: number of groups.
    """
    order = np.argsort(group, kind="stable")
    present, edges = np.unique(group[order], return_index=True)
    kept = start[order].conj()
    moments = np.zeros((start.shape[1], num_groups, num_moments))

    def sums(vectors: NDArray[Any]) -> Floats:
        return np.asarray(np.add.reduceat((kept * vectors[order]).real, edges, axis=0).T)

    moments[:, present, 0] = sums(start)
    for number, (vectors, _, _) in zip(range(1, num_moments), recursion(matrix, bounds, start.copy()), strict=False):
        moments[:, present, number] = sums(vectors)
    return moments


def vector_groups(matrix: RowBlocks, num_vectors: int, threads: int) -> list[range]:
    """Return which vectors go together: four at a time, fewer where memory or the number of vectors says so."""
    vector_bytes = 2 * matrix.num_rows * matrix.dtype.itemsize
    fitting = VECTOR_MEMORY // (threads * vector_bytes)
    width = int(np.clip(min(fitting, -(-num_vectors // threads)), 1, VECTORS_PER_GROUP))
    return [range(first, min(first + width, num_vectors)) for first in range(0, num_vectors, width)]


def on_all_cores(work: Callable[[range], Any], groups: list[range], threads: int) -> Iterator[tuple[range, Any]]:
    """Yield each group with what `work` returns for it, as soon as it is done; NumPy and SciPy release the lock."""
    with concurrent.futures.ThreadPoolExecutor(max(1, threads)) as pool:
        futures = {pool.submit(work, group): group for group in groups}
        try:
            for future in concurrent.futures.as_completed(futures):
                yield futures[future], future.result()
        finally:
            for future in futures:
                future.cancel()
