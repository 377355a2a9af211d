"""Sheets from a map that a user gives: made, looked at place by place, and corrected where they differ."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.generate.given_map import GivenMap
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.generate.tiled import tile_of
from rugan_tf.generate.tiles import generate_in_tiles
from rugan_tf.lattice.filters import flat_filter, smallest_wave_number, wave_numbers

Map = NDArray[np.float32]
ROUNDS = 8  # corrections; the first three do most
GAIN = 0.5  # of a correction: patterns move as it changes, and a whole one overshoots
CUTOFF = 1.5  # smallest wave numbers of a training sheet, above which the energy of a place is a matter of chance


@dataclasses.dataclass(frozen=True)
class MappedSheets:
    """Sheets with the map that was asked for and those that came.

    Attributes:
        states: uint8 (n, rows, cols).
        asked: float32 (rows/2, cols/2), in the unit of the system.
        obtained: float32 (n, rows/2, cols/2), as the model's EDNN sees the sheets.
    """

    states: NDArray[np.uint8]
    asked: Map
    obtained: Map


def generate_by_map(
    model: SheetModel, asked: Map, num_sheets: int, seed: int = 0, *, tile: int | None = None, repaired: bool = True
) -> MappedSheets:
    """Generate sheets whose energy per area varies as a map says.

    From one latent for each sheet: after each round the generator is asked for more where there is too little, blurred
    over two thirds of the training size, and the nearest round is kept.

    Args:
        model: with an EDNN inside.
        asked: float32 (rows/2, cols/2), in the unit of the system.
        num_sheets: sheets of that map.
        seed: not negative.
        tile: as of `SheetModel.generate`.
        repaired: whether the rule is applied.

    Raises:
        InputError: a model that cannot tell where energies are, or a sheet above what it judges at once.
    """
    rows, cols = 2 * asked.shape[0], 2 * asked.shape[1]
    model.check_request([float(asked.mean())], rows, cols, seed)
    model.require_ednn()
    if "local_energy" not in model.signatures:
        raise InputError(
            "A model must tell where energies are to obey a map: export its run anew, `rugan export --ednn`. "
            f"Received: {model.folder}"
        )
    if not model.is_whole(rows, cols):
        raise InputError(
            f"Sheets of a map are judged whole: rows * cols must be at most {model.max_cells}. "
            f"Received: rows={rows}, cols={cols}"
        )
    sheets = [corrected_by_map(model, asked, seed, sheet, tile, repaired=repaired) for sheet in range(num_sheets)]
    states, obtained = (np.stack(parts) for parts in zip(*sheets, strict=True))
    return MappedSheets(states, asked, obtained)


def corrected_by_map(
    model: SheetModel, asked: Map, seed: int, sheet: int, tile: int | None, *, repaired: bool
) -> tuple[NDArray[np.uint8], Map]:
    """Return one sheet, uint8 (rows, cols), and the map that it has."""
    rows, cols = 2 * asked.shape[0], 2 * asked.shape[1]
    lattice = model.system.lattice
    cutoff = CUTOFF * smallest_wave_number(lattice.cell_lengths(model.rows, model.cols))
    passed = flat_filter(wave_numbers(asked.shape, lattice.cell_lengths(rows, cols)), cutoff)
    given, nearest = asked.copy(), np.inf
    for _ in range(ROUNDS + 1):
        states = generate_in_tiles(
            model,
            model.system,
            GivenMap(given),
            rows=rows,
            cols=cols,
            seed=seed,
            sheet=sheet,
            tile=tile_of(model, rows, cols, tile),
            repaired=repaired,
        )
        obtained = model.local_energies(states[None])[0]
        # By Fourier transform, as sheet and map are periodic.
        missing = np.fft.ifft2(np.fft.fft2(asked - obtained) * passed).real.astype(np.float32)
        # Of long waves alone: short ones are chance, and would decide which round is the nearest.
        error = float(np.square(missing).mean())
        # The nearest and not the last: a correction may make it worse.
        if error < nearest:
            nearest, kept = error, (states, obtained)
        given += GAIN * missing
    return kept
