"""What the page says and draws of a material, asked of the material itself: words, units, and where atoms are."""

import dataclasses
from collections import Counter
from typing import Any

import numpy as np

PERIOD = (2, 2)  # cells after which every lattice here repeats; columns of a honeycomb come in twos
DECIMALS = 6  # of positions


def described_words(system: Any) -> dict[str, Any]:
    """Return the material's name, what labels mean, their unit, that of lengths, and what vacant sites are called."""
    return {
        "material": system.name,
        "quantity": system.quantity.words,
        "unit": system.quantity.unit,
        "length_unit": system.length_unit,
        "vacancy": dataclasses.asdict(system.vacancy),
    }


def described_lattice(system: Any) -> dict[str, Any] | None:
    """Return cell lengths (in the material's unit), period and, for each cell of it, each state's atoms.

    None for a material that is not made of atoms.

    What a state puts into a cell is what appears when that one cell gets the state. So only `structure` of the material
    is asked, and its atoms come out as it places them.
    """
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
    # Rounded, so that an atom at one place is one key.
    places = structure.positions.round(DECIMALS).tolist()
    return Counter((symbol, *place) for symbol, place in zip(structure.get_chemical_symbols(), places, strict=True))


def moved(place: list[float], row: int, col: int, lengths: Any) -> list[float]:
    """Return a position as seen from the origin of its cell."""
    x, y, z = place
    return [round(x - row * lengths[0] / PERIOD[0], DECIMALS), round(y - col * lengths[1] / PERIOD[1], DECIMALS), z]
