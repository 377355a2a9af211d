"""Sheets that a server made: what it was asked for, and what is written of its answer."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.config import counted
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.formats.zarr_store import Chunk, StatesStore
from rugan_tf.generate.conditioned import for_sheets, parsed
from rugan_tf.generate.labelled import numbers_by_name
from rugan_tf.generate.writers import files_in_words, write_sheets
from rugan_tf.systems.conditions import ENERGY_PER_AREA
from rugan_tf.systems.system import LatticeSystem

SHOWN = 8


def asked_for(
    energies: Sequence[float], conditions: Sequence[str], num_sheets: int | None
) -> dict[str, NDArray[np.float64]]:
    """Return what sheets are asked for by name, (n,) each.

    Args:
        energies: per area, one or one for each sheet; none if conditions are given.
        conditions: NAME=VALUE or NAME=VALUE,VALUE,...; none if energies are given.
        num_sheets: number of sheets; as many as there are values unless given.

    Raises:
        InputError: both or neither, or numbers that are not one for each sheet.
    """
    if bool(energies) == bool(conditions):
        raise InputError(
            f"A sheet needs --energy-per-area or --condition. Received: {'both' if energies else 'neither'}"
        )
    return for_sheets(parsed(conditions, "--condition") or {ENERGY_PER_AREA: tuple(energies)}, num_sheets)


def judged_by(client: Any, states: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Return the energies per area (n,) of sheets by name, as a server's EDNN sees them; none where it refuses.

    Args:
        client: its `energy` asks the server, as that of rugan_tf.serve.client.Client does.
        states: uint8 (n, rows, cols).
    """
    try:
        return {ENERGY_PER_AREA: client.energy(states)[1]}
    except InputError as error:  # there is no EDNN inside, or the sheet is above its limit
        print(f"no energy obtained: {error}")
        return {}


def warn_of_sign(system: LatticeSystem, asked: Mapping[str, NDArray[np.float64]], states: NDArray[np.uint8]) -> None:
    """Ask for the sign of energies that a server made sheets without atoms of."""
    if ENERGY_PER_AREA in asked:
        warn_of_empty_sheets(asked[ENERGY_PER_AREA][system.num_atoms(states) == 0])


def warn_of_empty_stream(system: LatticeSystem, energy_per_area: float, store: StatesStore) -> None:
    """Ask for the sign of the energy that a server made one streamed sheet without atoms of, as `warn_of_sign` does."""
    # Chunk by chunk, and no further than to the first atom: the sheet may be larger than memory.
    chunks = (Chunk(*index) for index in np.ndindex(store.group["chunk_filling"].shape))
    if not any(system.num_atoms(store.states[store.place(chunk)][None]).any() for chunk in chunks):
        warn_of_empty_sheets(np.array([energy_per_area]))


def warn_of_empty_sheets(energies: NDArray[np.float64]) -> None:
    """Ask for the sign of the energies per area (n,) of sheets that have no atoms; none, no question."""
    if len(energies):
        # Models refuse such energies; those of earlier exports do not, and no server tells a client the card.
        told = f"the server made a sheet without any atom of the energy per area {energies[0]:.4g}"
        warnings.warn(f"{told}: has it the right sign?", InputWarning, stacklevel=4)


def write_answer(
    out: Path,
    system: LatticeSystem,
    asked: Mapping[str, NDArray[np.float64]],
    states: NDArray[np.uint8],
    told: Mapping[str, NDArray[np.float32]],
    metadata: Mapping[str, Any],
) -> list[str]:
    """Write sheets (n, rows, cols) with what was asked for and told of them, (n,) by name; return lines to say."""
    others = {name: values for name, values in asked.items() if name != ENERGY_PER_AREA}
    energies = told[ENERGY_PER_AREA].astype(np.float64) if ENERGY_PER_AREA in told else None
    warn_of_sign(system, asked, states)
    numbers = numbers_by_name(others, {name: told[name] for name in others if name in told})
    # The command looked at what it may replace before it asked.
    written = write_sheets(
        out, system, states, asked.get(ENERGY_PER_AREA), energies, metadata, numbers=numbers, overwrite=True
    )
    count = counted(len(states), "sheet")
    lines = [f"{files_in_words(written)}: {count} of {states.shape[1]}x{states.shape[2]} cells"]
    for name, values in told.items():
        words = f"{system.quantity.words} obtained ({system.quantity.unit}):"
        words = words if name == ENERGY_PER_AREA else f"{name} obtained:"
        lines.append(" ".join([words, *(f"{value:.3f}" for value in values[:SHOWN])]))
    return lines
