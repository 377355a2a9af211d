"""The fit of a calibration: sheets are made for it, judged by the EDNN, and the means by energy are inverted."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.export.endpoints import Endpoints
from rugan_tf.saved.calibration import Calibration
from rugan_tf.saved.model_card import ModelCard

Energies = NDArray[np.float64]
SEED = 2**61  # of the sheets of the calibration, far from those that people choose
SHARES = {1: 1, 2: 2, 4: 8}  # by scale: one of so many of num_sheets
CELLS_AT_ONCE = 2**18
FEWEST = 128
NUM_BINS = 16  # of the fit; each averages over num_sheets / NUM_BINS sheets
NUM_KNOTS = 33  # of the tabulated map


def calibrate(endpoints: Endpoints, card: ModelCard, num_sheets: int) -> Calibration:
    """Fit the calibration on sheets that the endpoints generate and judge.

    Raises:
        InputError: there is no EDNN, too few sheets, or a limit below the training size.
    """
    if endpoints.ednn is None:
        raise InputError("A calibration needs an EDNN inside, --ednn or --ednn-dir. Received: neither")
    if num_sheets < FEWEST:
        raise InputError(f"A calibration needs at least {FEWEST} sheets. Received: {num_sheets}")
    cells = card.rows * card.cols
    if endpoints.max_cells < cells:
        raise InputError(
            f"A calibration needs max_cells of at least one sheet of {card.rows}x{card.cols}. "
            f"Received: max_cells={endpoints.max_cells}"
        )
    # Larger sheets fluctuate less about what they are asked for, so fewer do; their cost grows with their area.
    numbers = {scale: max(64, num_sheets // share) for scale, share in SHARES.items()}
    possible = {scale: number for scale, number in numbers.items() if scale**2 * cells <= endpoints.max_cells}
    bar = tqdm(total=sum(possible.values()), desc="calibrating", unit="sheet")

    def obtained_energies(given: Energies, rows: int, cols: int, seed: int) -> Energies:
        most = max(1, min(endpoints.max_cells, CELLS_AT_ONCE) // (rows * cols))
        obtained = []
        for start in range(0, len(given), most):
            request = tf.constant(given[start : start + most], tf.float32), tf.constant(rows), tf.constant(cols)
            # Steps of 8: the scales begin 1, 2 and 4 after SEED, so no two calls of any of them share a seed.
            answer = endpoints.generate(*request, tf.constant(seed + 8 * start, tf.int64))
            obtained.append(answer["energy_per_area"].numpy())
            bar.update(len(obtained[-1]))
        return np.concatenate(obtained).astype(np.float64)

    with bar:
        return fit_calibration(obtained_energies, card.energy_range, (card.rows, card.cols), possible, SEED)


def fit_calibration(
    obtained_energies: Callable[[Energies, int, int, int], Energies],
    energy_range: tuple[float, float],
    size: tuple[int, int],
    num_sheets: dict[int, int],
    seed: int,
) -> Calibration:
    """Fit the offsets at some scales on sheets made for this.

    Args:
        obtained_energies: (energies given to the generator, rows, cols, seed) to the energies of repaired sheets,
            all (n,), in the unit of the system.
        energy_range: smallest and largest energy per area of the training data, in the unit of the system.
        size: rows and cols of a sheet of scale 1.
        num_sheets: by scale, ascending.
        seed: of the sheets; use another than evaluations do.
    """
    rows, cols = size
    offsets = []
    for scale, number in num_sheets.items():
        given = np.linspace(*energy_range, number)
        # In random order: what the latents of one call have in common must not fall upon neighbouring energies.
        order = np.random.default_rng([seed, scale]).permutation(number)
        obtained = np.empty(number)
        obtained[order] = obtained_energies(given[order], rows * scale, cols * scale, seed + scale)
        offsets.append(fit_offset(given, obtained, np.linspace(*energy_range, NUM_KNOTS)))
    return Calibration(
        rows,
        cols,
        tuple(float(scale) for scale in num_sheets),
        energy_range,
        tuple(tuple(float(value) for value in offset) for offset in offsets),
    )


def fit_offset(given: Energies, obtained: Energies, requested: Energies) -> Energies:
    """Return what to add to requested energies, by a monotone fit of obtained against given energies.

    Means over bins, made monotone by isotonic regression, joined by a monotone cubic, inverted. Beyond the
    first and the last bin the offset is constant.

    Args:
        given: ascending (n,), in the unit of the system.
        obtained: (n,), in the unit of the system.
        requested: (k,), in the unit of the system.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.optimize import isotonic_regression

    bins = np.array_split(np.arange(len(given)), min(NUM_BINS, len(given)))
    inputs = np.array([given[members].mean() for members in bins])
    outputs = isotonic_regression([obtained[members].mean() for members in bins]).x
    is_rising = np.concatenate([[True], np.diff(outputs) > 1e-6])
    inputs, outputs = inputs[is_rising], outputs[is_rising]
    if len(inputs) < 2:
        raise InputError(
            "A generator must obey its label to be calibrated. "
            f"Received: obtained energies that do not rise with the energies given, {given[0]} to {given[-1]}"
        )
    # What lies beyond the data cannot be known; a cubic that is continued would run away.
    inside = np.clip(requested, outputs[0], outputs[-1])
    return PchipInterpolator(outputs, inputs)(inside) - inside
