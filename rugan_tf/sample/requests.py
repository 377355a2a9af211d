"""A sheet for each of many requested energies by Monte Carlo, a chain for each: what evaluation sets beside others."""

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import EnergyFunction
from rugan_tf.formats.pieces import Pieces
from rugan_tf.sample.chains import LAST, Chains, Schedule
from rugan_tf.sample.ensembles import EnergyWindow
from rugan_tf.sample.local_energy import local_energy_of
from rugan_tf.sample.moves import moves_of
from rugan_tf.sample.sampling import drawn_start
from rugan_tf.systems.system import LatticeSystem

NUM_REPLICAS, WIDEST = 2, 4.0  # the second replica's width, in widths of the first


class SheetsNear(NamedTuple):
    """What chains ended with.

    Attributes:
        states: uint8 (n, rows, cols).
        energy_per_area: float64 (n,).
        seconds: of all chains together.
    """

    states: NDArray[np.uint8]
    energy_per_area: NDArray[np.float64]
    seconds: float


def sheets_near(
    system: LatticeSystem,
    function: EnergyFunction,
    requested: NDArray[np.float64],
    rows: int,
    cols: int,
    *,
    width: float,
    num_steps: int,
    seed: int,
) -> SheetsNear:
    """Return the last sheet of a chain for each request; one that has not come near is returned as it is.

    Args:
        system: the material.
        function: the energy, a sum over places.
        requested: energies per area (n,).
        rows: lattice cells.
        cols: lattice cells.
        width: standard deviation of the energy per area around the request.
        num_steps: of each chain, a flip for every cell each; the tilt is adapted on the way.
        seed: not negative.

    Raises:
        InputError: the energy is no sum over places.
    """
    moves = moves_of(system, local_energy_of(system, function), (rows, cols))
    ensemble = EnergyWindow(requested, width, WIDEST * width, NUM_REPLICAS, system.extent(rows, cols))
    # All steps count as burn-in: the tilt is adapted in those alone, and only the last sheets are wanted.
    chains = Chains(moves, ensemble, Schedule(num_steps, 0, -(-rows * cols // moves.places.number), seed))
    start = drawn_start(system, (NUM_REPLICAS, len(requested), rows, cols), seed)
    began = time.perf_counter()
    states = start[0]
    for _, block in chains.each(start, Pieces(None)):
        states = block[LAST][0]
    seconds = time.perf_counter() - began
    # Judged anew: the energies that flips added up have drifted by their roundings.
    return SheetsNear(states, system.energy_per_area(function.energies(states), rows, cols), seconds)
