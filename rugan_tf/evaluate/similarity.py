"""Which generated sheets are in the data, how far the others are from it, and how they differ among themselves.

Sheets that a symmetry of the lattice maps onto each other count as one.
"""

import math

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.systems.system import LatticeSystem

KNOWN_AT_ONCE = 8192  # sheets whose correlations are in memory together


def canonical_sheets(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return one name (n,) for each sheet, the same for all its translations: the first in byte order.

    All sheets are compared at once, translation by translation: memory is a few times that of the states.

    Args:
        system: the material; its periods say which translations there are.
        states: uint8 (n, rows, cols).
    """
    rows, cols = states.shape[1:]
    names = sheet_names(states)
    for row in range(0, rows, system.row_period):
        rolled = np.roll(states, row, axis=1)
        for col in range(0, cols, system.col_period):
            candidates = sheet_names(np.roll(rolled, col, axis=2))
            names = np.where(candidates < names, candidates, names)
    return names


def sheet_names(states: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    """Return the states (n, rows, cols) as byte strings (n,)."""
    flat = np.ascontiguousarray(states).reshape(len(states), -1)
    # NumPy leaves out zeros at the end of byte strings; these are all of one length, so no two become equal.
    return flat.view(f"S{flat.shape[1]}")[:, 0]


def uniqueness(system: LatticeSystem, states: NDArray[np.uint8]) -> float:
    """Return the share of distinct sheets, sheets that a translation maps onto each other counting once."""
    return len(np.unique(canonical_sheets(system, states))) / len(states)


def copies(system: LatticeSystem, states: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Return bool (n,): which sheets a symmetry maps onto a known one; None if those have another size."""
    if states.shape[1:] != known.shape[1:]:
        return None
    names = canonical_sheets(system, known)
    found = [np.isin(canonical_sheets(system, image), names) for image in system.point_images(states)]
    return np.asarray(np.any(found, axis=0))


def nearest_distances(system: LatticeSystem, states: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the fewest cells (n,) in which each sheet differs from any image of any known sheet.

    For every image under a point symmetry all translations are compared at once, as a correlation by FFT of the
    one-hot states; known sheets whose numbers of states alone differ by more than the best so far are left out.

    Args:
        system: the material.
        states: uint8 (n, rows, cols).
        known: uint8 (m, rows, cols), of the same size.
    """
    rows, cols = states.shape[1:]
    spectra = one_hot_spectra(system, known)
    known_counts = state_counts(system, known)
    best = np.full(len(states), rows * cols, dtype=np.int64)
    images = np.stack(system.point_images(states), axis=1)  # (n, images, rows, cols)
    for index in tqdm(range(len(states)), desc="nearest in the data", unit="sheet"):
        for image, counts in zip(images[index], state_counts(system, images[index]), strict=True):
            # Half: a cell that differs takes one from a count and adds one to another.
            least = np.abs(known_counts - counts).sum(axis=1) // 2
            # Conjugated: the product is then that of a correlation, of shifts without a mirror.
            query = one_hot_spectra(system, image[None])[0].conj()
            candidates = np.flatnonzero(least < best[index])
            # The likeliest first: the nearer the best is, the more of the others need no transform.
            candidates = candidates[np.argsort(least[candidates], kind="stable")]
            for start in range(0, len(candidates), KNOWN_AT_ONCE):
                part = candidates[start : start + KNOWN_AT_ONCE]
                part = part[least[part] < best[index]]
                if not len(part):
                    break
                product = np.einsum("nrcs,rcs->nrc", spectra[part], query)
                equal = np.fft.irfft2(product, s=(rows, cols), axes=(1, 2))
                # A count of cells, which the transform leaves a little off.
                most = np.rint(equal[:, :: system.row_period, :: system.col_period].max())
                best[index] = min(best[index], rows * cols - int(most))
    return best


def one_hot_spectra(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Return the Fourier transforms (n, rows, cols // 2 + 1, num_states) of the one-hot states."""
    one_hot = np.eye(system.num_states, dtype=np.float32)
    parts = [
        np.fft.rfft2(one_hot[states[start : start + KNOWN_AT_ONCE]], axes=(1, 2)).astype(np.complex64)
        for start in range(0, len(states), KNOWN_AT_ONCE)
    ]
    return np.concatenate(parts)


def state_counts(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many cells of each sheet are in each state, (n, num_states)."""
    return np.stack([(states == state).sum(axis=(1, 2)) for state in range(system.num_states)], axis=-1)


def mean_difference(states: NDArray[np.uint8]) -> float:
    """Return the mean share of cells in which two sheets of a set (n, rows, cols) differ; NaN for one sheet alone."""
    if len(states) < 2:
        return math.nan
    agreeing = sum(
        # Less the pairs of a sheet with itself, which agree everywhere.
        int(np.square((states == state).sum(axis=0, dtype=np.int64)).sum() - (states == state).sum())
        for state in range(int(states.max()) + 1)
    )
    return 1 - agreeing / (len(states) * (len(states) - 1) * states[0].size)
