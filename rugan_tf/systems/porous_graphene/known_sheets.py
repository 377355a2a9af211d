"""Sheets to compare methods on: vacancies, and ribbons for the energies of edges, neither relaxed nor magnetic."""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.systems.porous_graphene.geometry import LATTICE
from rugan_tf.systems.porous_graphene.rule import prune
from rugan_tf.systems.porous_graphene.sites import NUM_STATES

SMALLEST = 6  # rows and columns; of narrower ribbons and denser vacancies nobody tells energies
FULL = NUM_STATES - 1


def known_sheets(rows: int, cols: int) -> dict[str, NDArray[np.uint8]]:
    """Return sheets (rows, cols) by name: the pristine one, one and two atoms missing, ribbons half as wide.

    Raises:
        InputError: the size is too small, or no periodic sheet has it.
    """
    LATTICE.validate_size(rows, cols)
    if min(rows, cols) < SMALLEST:
        raise InputError(
            f"Sheets known by name must have at least {SMALLEST} rows and columns. Received: rows={rows}, cols={cols}"
        )
    pristine = np.full((rows, cols), FULL, np.uint8)
    monovacancy, divacancy, zigzag, armchair = (pristine.copy() for _ in range(4))
    monovacancy[rows // 2, cols // 2] = FULL - 1  # site A is empty
    divacancy[rows // 2, cols // 2] = 0
    # The rule takes off what the cut leaves with one neighbour: columns end in zigzag edges, rows in armchair.
    zigzag[:, : cols // 2] = 0
    armchair[: rows // 2] = 0
    ribbons = prune(np.stack([zigzag, armchair]))
    return {
        "pristine": pristine,
        "monovacancy": monovacancy,
        "divacancy": divacancy,
        "zigzag ribbon": ribbons[0],
        "armchair ribbon": ribbons[1],
    }
