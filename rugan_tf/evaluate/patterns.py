"""How many different shapes a set of sheets holds: the patterns that a small window finds when it goes over all of it.

Two sheets that are shifted against each other differ in many cells and yet are the same; and a generator can make all
of its sheets of a few shapes, put at other places each time. Both have fewer patterns than real sheets.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.system import LatticeSystem

SIDE = 6.0  # of the window, in distances of neighbours: a few sites more than the smallest shapes


class Patterns(NamedTuple):
    """How many patterns a number of windows shows; only sets of equally many windows can be compared.

    Attributes:
        distinct: different ones. Rare shapes count as much as frequent ones.
        effective: exp of the entropy: how many equally frequent ones would be as various. Rare shapes hardly count.
    """

    distinct: int
    effective: float


def patterns_in(system: LatticeSystem, states: NDArray[np.uint8], num_windows: int) -> Patterns:
    """Count the patterns in the first windows of sheets (n, rows, cols), which are in random order."""
    counts = np.unique(window_patterns(system, states)[:num_windows], return_counts=True)[1]
    share = counts / counts.sum()
    return Patterns(len(counts), float(np.exp(-(share * np.log(share)).sum())))


def windows_of(system: LatticeSystem, states: NDArray[np.uint8]) -> int:
    """Return how many windows the sheets have."""
    return states.size // (system.row_period * system.col_period)


def window_size(system: LatticeSystem) -> tuple[int, int]:
    """Return rows and columns of the window."""
    lattice = system.lattice
    side = SIDE * lattice.reach
    return max(1, round(side / lattice.row_pitch)), max(1, round(side / lattice.col_pitch))


def window_patterns(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the pattern in every window of periodic sheets as a number, sheet by sheet.

    Patterns are hashed: two different ones have the same number with a probability of about 1 in 2^64.
    """
    rows, cols = window_size(system)
    # The same for all sets: other weights would give equal patterns other numbers.
    weights = np.random.default_rng(0).integers(0, 2**64, (rows, cols, system.num_states), np.uint64)
    # At whole periods alone: in between the same shape stands on other cells.
    first = states[:, :: system.row_period, :: system.col_period]
    total = np.zeros(first.shape, np.uint64)
    for row in range(rows):
        for col in range(cols):
            moved = np.roll(states, (-row, -col), (1, 2))[:, :: system.row_period, :: system.col_period]
            total += weights[row, col][moved]  # modulo 2^64: a sum of random numbers, one for each cell and state
    return total.ravel()


def variety(
    system: LatticeSystem, generated: NDArray[np.uint8], real: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> dict[str, float]:
    """Return the patterns of generated sheets in relation to those of real ones of the same energies.

    Args:
        system: the material.
        generated: uint8 (n, rows, cols).
        real: two sets of real sheets.

    Returns:
        The number of windows, the patterns of the generated and of the first real set, the ratios of the two, and as
        yardstick the ratios of the second real set to the first, which are chance.
    """
    number = min(windows_of(system, states) for states in (generated, *real))
    ours, base, other = (patterns_in(system, states, number) for states in (generated, *real))
    return {
        "num_windows": number,
        "generated": ours.distinct,
        "real": base.distinct,
        "ratio": ours.distinct / base.distinct,
        "yardstick": other.distinct / base.distinct,
        "effective_ratio": ours.effective / base.effective,
        "effective_yardstick": other.effective / base.effective,
    }
