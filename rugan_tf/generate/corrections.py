"""Corrections: what a sheet has too much of its energy is asked for less, from the same latent and the same map."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Sheet = NDArray[np.uint8]


class Corrected(NamedTuple):
    """A sheet, and what it was asked for.

    Attributes:
        states: uint8 (rows, cols).
        given: energy per area that the generator was asked for, in the unit of the system.
    """

    states: Sheet
    given: float


def corrected_sheet(
    make: Callable[[float], Sheet], judge: Callable[[Sheet], float], requested: float, given: float, rounds: int
) -> Corrected:
    """Return the sheet nearest to its request among the first and so many corrected ones.

    What the SavedModel does inside of `generate`, for sheets that are made in tiles.

    Args:
        make: the energy per area that the generator is asked for to a repaired sheet, in the unit of the system.
        judge: a sheet to its energy per area.
        requested: energy per area.
        given: what the generator is asked for at first.
        rounds: corrections; with 0 nothing is judged.
    """
    kept = Corrected(make(given), given)
    if not rounds:
        return kept
    last = nearest = judge(kept.states)
    low, high = -math.inf, math.inf  # what gave too little, and what gave too much
    for _ in range(rounds):
        low, high = (given, high) if last < requested else (low, given)
        # Half way between the two, once both are known: steps by what is missing may jump over the place for ever.
        given = (low + high) / 2 if math.isfinite(low) and math.isfinite(high) else given + requested - last
        made = make(given)
        last = judge(made)
        # Only if it is nearer: a correction may overshoot.
        if abs(last - requested) < abs(nearest - requested):
            kept, nearest = Corrected(made, given), last
    return kept
