"""Is a large sheet the same everywhere: at its seam as in its bulk, and without repeating what it holds.

A generator that pads wrongly leaves a seam where the periodic sheet closes; one that has only learned its training
size repeats it. Both would show in the states alone, whatever the material.
"""

import math

import numpy as np
from numpy.typing import NDArray

Sheets = NDArray[np.uint8]


def seam_deviation(states: Sheets, num_states: int) -> float:
    """Return by how many standard errors the share of a state on the seam is off the bulk's, the largest of all states.

    The seam are the two outermost rows and columns on every side. The standard error is that of the mean over sheets
    of the difference between seam and bulk; NaN for fewer than two sheets, or sheets that are all seam.
    """
    seam = np.zeros(states.shape[1:], dtype=bool)
    seam[:2], seam[-2:], seam[:, :2], seam[:, -2:] = True, True, True, True
    if len(states) < 2 or seam.all():
        return math.nan
    deviations = []
    for state in range(num_states):
        held = states == state
        difference = held[:, seam].mean(axis=1) - held[:, ~seam].mean(axis=1)
        error = difference.std(ddof=1) / math.sqrt(len(states))
        deviations.append(abs(float(difference.mean())) / error if error > 0 else 0.0)
    return max(deviations)


def repetition(states: Sheets, num_states: int, rows: int, cols: int) -> float:
    """Return how much sheets repeat themselves at a distance of `rows` or `cols` and its multiples, at most 1.

    The autocorrelation of the states, less their mean over each sheet, at these shifts and in relation to that
    at no shift: 1 for a sheet that is tiled from one of that size, about 0 for one that is not. The largest over the
    shifts of the mean over sheets; NaN if there is no such shift or nothing varies.

    Args:
        states: uint8 (n, sheet rows, sheet cols).
        num_states: of the material.
        rows: of the training sheets.
        cols: of the training sheets.
    """
    one_hot = np.eye(num_states, dtype=np.float32)[states]
    one_hot -= one_hot.mean(axis=(1, 2), keepdims=True)
    power = np.square(np.abs(np.fft.rfft2(one_hot, axes=(1, 2)))).sum(axis=-1)
    correlation = np.fft.irfft2(power, s=states.shape[1:], axes=(1, 2))
    # Not 0: the transform leaves rounding of single precision.
    varying = correlation[:, 0, 0] > 1e-6
    shifts = [
        (row, col)
        for row in range(0, states.shape[1], rows)
        for col in range(0, states.shape[2], cols)
        if (row, col) != (0, 0)
    ]
    if not shifts or not varying.any():
        return math.nan
    normal = correlation[varying] / correlation[varying, :1, :1]
    return max(float(normal[:, row, col].mean()) for row, col in shifts)
