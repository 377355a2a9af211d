"""What evaluation measures, as pure functions. Energies per area in eV/Å²; what is undefined is NaN."""

import math

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.system import LatticeSystem

Energies = NDArray[np.float64]
EXACT_UP_TO = 1000  # samples; beyond, the asymptotic distribution of D is exact enough and fast


def ks_test(requested: Energies, obtained: Energies) -> tuple[float, float]:
    """Return D and p of the two-sample Kolmogorov-Smirnov test, the paper's measure.

    It compares the two distributions and not the pairs: a generator that ignores the request can pass. The
    pairs being correlated, p is larger than for independent samples.
    """
    from scipy.stats import ks_2samp

    method = "exact" if max(len(requested), len(obtained)) <= EXACT_UP_TO else "asymp"
    result = ks_2samp(requested, obtained, method=method)
    return float(result.statistic), float(result.pvalue)


def mae(requested: Energies, obtained: Energies) -> float:
    """Return the mean absolute difference, eV/Å²."""
    return float(np.abs(obtained - requested).mean())


def rmse(requested: Energies, obtained: Energies) -> float:
    """Return the root of the mean squared difference, eV/Å²."""
    return float(np.sqrt(np.square(obtained - requested).mean()))


def bias(requested: Energies, obtained: Energies) -> float:
    """Return the mean of obtained - requested, eV/Å²."""
    return float((obtained - requested).mean())


def r2(requested: Energies, obtained: Energies) -> float:
    """Return 1 - SS_res / SS_tot of the obtained energies about the line obtained = requested.

    SS_tot is the sum of squares of the requested energies about their mean; NaN if those are all equal.
    """
    total = np.square(requested - requested.mean()).sum()
    return float(1 - np.square(obtained - requested).sum() / total) if np.ptp(requested) > 0 else math.nan


def pearson_r(requested: Energies, obtained: Energies) -> float:
    """Return Pearson's correlation; NaN if either side is constant."""
    if not (np.ptp(requested) > 0 and np.ptp(obtained) > 0):
        return math.nan
    return float(np.corrcoef(requested, obtained)[0, 1])


def validity(system: LatticeSystem, states: NDArray[np.uint8]) -> float:
    """Return the share of sheets that obey the rule that the data obeys."""
    return float(system.is_valid(states).mean())


def dangling_share(system: LatticeSystem, states: NDArray[np.uint8]) -> float:
    """Return the share of atoms that repair would remove; NaN without atoms."""
    before, after = system.num_atoms(states).sum(), system.num_atoms(system.repair(states)).sum()
    return float((before - after) / before) if before else math.nan


def uniqueness(system: LatticeSystem, states: NDArray[np.uint8]) -> float:
    """Return the share of distinct sheets, sheets that a translation maps onto each other counting once."""
    return len(np.unique(canonical_sheets(system, states))) / len(states)


def novelty(system: LatticeSystem, states: NDArray[np.uint8], known: NDArray[np.uint8]) -> float:
    """Return the share of sheets that are no translation of a known one; NaN if those have another size."""
    if states.shape[1:] != known.shape[1:]:
        return math.nan
    return float((~np.isin(canonical_sheets(system, states), canonical_sheets(system, known))).mean())


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
    return flat.view(f"S{flat.shape[1]}")[:, 0]
