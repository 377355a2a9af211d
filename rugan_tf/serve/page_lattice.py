"""What the page needs to draw atoms: where each state of a cell puts which, asked of the material itself."""

from collections import Counter
from typing import Any

import numpy as np

from rugan_tf.errors import InputError

PERIOD = (2, 2)  # cells after which every lattice here repeats; columns of a honeycomb come in twos
DECIMALS = 6  # of positions, Å


def described_lattice(system_name: str) -> dict[str, Any] | None:
    """Return cell lengths (Å), period and, for each cell of it, each state's atoms.

    None for an unknown material, or one that is not made of atoms.

    What a state puts into a cell is what appears when that one cell gets the state. So only `structure` of the material
    is asked, and its atoms come out as it places them.
    """
    from rugan_tf.systems.named import system_named

    try:
        system = system_named(system_name)
    except InputError:
        return None
    if system.atoms is None:
        return None
    num_states, (rows, cols) = system.num_states, PERIOD
    empty = np.zeros(PERIOD, np.uint8)
    before = atoms_of(system, empty)
    cells = []
    for row in range(rows):
        for col in range(cols):
            changed = []
            for state in range(1, num_states):
                states = empty.copy()
                states[row, col] = state
                changed.append(atoms_of(system, states))
            first = set().union(*((before - one).keys() for one in changed))  # what state 0 puts there
            others = set(before) - first  # atoms of the other cells
            cells.append([sorted(list(atom) for atom in set(atoms) - others) for atoms in (first, *changed)])
    lengths = system.structure(empty).cell.lengths()
    origin_moved = [
        [[[symbol, *moved(place, row, col, lengths)] for symbol, *place in atoms] for atoms in cells[cols * row + col]]
        for row in range(rows)
        for col in range(cols)
    ]
    cell = [lengths[0] / rows, lengths[1] / cols, lengths[2]]
    return {"cell": [float(length) for length in cell], "period": list(PERIOD), "cells": origin_moved}


def atoms_of(system: Any, states: Any) -> Counter:
    """Return the atoms of a sheet as (symbol, x, y, z)."""
    structure = system.structure(states)
    places = structure.positions.round(DECIMALS).tolist()
    return Counter((symbol, *place) for symbol, place in zip(structure.get_chemical_symbols(), places, strict=True))


def moved(place: list[float], row: int, col: int, lengths: Any) -> list[float]:
    """Return a position as seen from the origin of its cell."""
    x, y, z = place
    return [round(x - row * lengths[0] / PERIOD[0], DECIMALS), round(y - col * lengths[1] / PERIOD[1], DECIMALS), z]
