"""Real sheets with their energies, in two independent pools, and how they are chosen: none twice."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.energies.function import EnergyFunction, Work
from rugan_tf.formats.data_set import DataSet

POOL = 8  # real sheets to choose from, for each that is wanted
SEEDS = 2**61 + 1, 2**61 + 2  # of sheets drawn for comparison, apart from those of data sets


class Pool(NamedTuple):
    """Real sheets of one size.

    Attributes:
        states: uint8 (m, rows, cols).
        energy_per_area: float64 (m,).
    """

    states: NDArray[np.uint8]
    energy_per_area: NDArray[np.float64]

    def chosen(self, wanted: NDArray[np.float64]) -> "Pool":
        """Return a sheet for each of the wanted energies (n,), none of them twice, with its energy."""
        index = nearest_unused(self.energy_per_area, wanted)
        return Pool(self.states[index], self.energy_per_area[index])


def real_pools(
    data_set: DataSet,
    number: int,
    rows: int,
    cols: int,
    energy_function: EnergyFunction,
    processes: int | None = None,
) -> tuple[Pool, Pool] | None:
    """Return two pools from which `number` sheets can be chosen.

    At the size of the data they are its two halves; at other sizes they are drawn as the data was, `POOL` sheets for
    each that is wanted. None where the data does not tell how it was drawn, or its halves are smaller than that.

    Args:
        data_set: the data.
        number: sheets that will be chosen from each pool.
        rows: lattice cells of the sheets.
        cols: lattice cells of the sheets.
        energy_function: energies of the sheets that are drawn.
        processes: of its workers.
    """
    if data_set.states.shape[1:] == (rows, cols):
        if len(data_set.states) // 2 < POOL * number:
            return None
        # Every other sheet: the halves of data in some order would differ.
        return Pool(data_set.states[::2], data_set.energy_per_area[::2]), Pool(
            data_set.states[1::2], data_set.energy_per_area[1::2]
        )
    options = data_set.system.drawing_options(data_set.metadata)
    if options is None:
        return None
    pools = []
    for seed in SEEDS:
        states = draw_sheets(data_set.system, POOL * number, rows, cols, seed, options)
        energy = energy_function.energies(states, Work(f"real {rows}x{cols}", processes))
        pools.append(Pool(states, data_set.system.energy_per_area(energy, rows, cols)))
    return pools[0], pools[1]


def nearest(known: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each of the `wanted` values (n,) the index of the nearest `known` value (m,), used before or not."""
    order = np.argsort(known, kind="stable")
    # Beyond the ends the outermost pair is taken, so that there are always two to choose from.
    after = np.clip(np.searchsorted(known[order], wanted), 1, max(1, len(known) - 1))
    pair = np.stack([after - 1, np.minimum(after, len(known) - 1)])
    nearer = np.abs(known[order][pair] - wanted).argmin(axis=0)
    return np.asarray(order[np.take_along_axis(pair, nearer[None], axis=0)[0]])


def nearest_unused(known: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return for each of the `wanted` values (n,), in turn, the index of the nearest `known` value (m,) still unused.

    With m at least n no index is returned twice.
    """
    order = np.argsort(known, kind="stable")
    # A list: numbers are taken one by one, for which an array is slow.
    values = known[order].tolist()
    size = len(values)
    # free_after[i] leads to the first unused place at or after i, free_before[i + 1] to the last at or before i.
    free_after, free_before = list(range(size + 1)), list(range(size + 1))
    found = []
    for value, place in zip(wanted.tolist(), np.searchsorted(known[order], wanted).tolist(), strict=True):
        after, before = root(free_after, place), root(free_before, place) - 1
        gap_after = values[after] - value if after < size else math.inf
        gap_before = value - values[before] if before >= 0 else math.inf
        taken = before if gap_before <= gap_after else after
        free_after[taken], free_before[taken + 1] = taken + 1, taken
        found.append(taken)
    return np.asarray(order[np.array(found, dtype=np.int64)])


def root(leads: list[int], place: int) -> int:
    """Return the place at the end of a chain of places, and shorten the chain."""
    end = place
    while leads[end] != end:
        end = leads[end]
    # Shortened: thousands of requests at one energy would walk the same chain again and again.
    while leads[place] != end:
        leads[place], place = end, leads[place]
    return end
