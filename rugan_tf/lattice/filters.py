"""Low-pass filters of what lies on the cells of a periodic sheet, and the maps that they leave."""

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
Lengths = NDArray[np.float64]


def wave_numbers(size: Size, lengths: Lengths) -> NDArray[np.float64]:
    """Return |k| of the discrete Fourier transform of a periodic grid, (rows, cols), 2 pi over the unit of length.

    >>> wave_numbers((2, 1), np.array([np.pi, 1.0])).ravel()
    array([0., 2.])

    Args:
        size: rows and columns of the grid.
        lengths: periods (2,) of the sheet along rows and along columns.
    """
    rows, cols = (
        2 * np.pi * np.fft.fftfreq(number, 1 / number) / length for number, length in zip(size, lengths, strict=True)
    )
    return np.hypot(rows[:, None], cols[None])


def smallest_wave_number(lengths: Lengths) -> float:
    """Return the smallest |k| above 0 of a periodic sheet, 2 pi over its longer period."""
    return float(2 * np.pi / np.max(lengths))


def flat_filter(wave_number: NDArray[np.float64], cutoff: float) -> NDArray[np.float64]:
    """Return exp(-(k / cutoff)^4): nearly 1 well below the cutoff, nearly 0 well above it.

    A Gaussian falls where this one is still flat, and whoever wants to undo it between the wave numbers of a small
    sheet and those of a larger one has to guess how it falls.
    """
    return np.asarray(np.exp(-((wave_number / cutoff) ** 4)))


def map_operator(fine: Size, coarse: Size, lengths: Lengths, cutoff: float) -> NDArray[np.float64]:
    """Return the matrix that filters what lies on a fine grid and averages it over the cells of a coarse one.

    Args:
        fine: rows and columns of the grid that is filtered.
        coarse: rows and columns of the grid of the map, divisors of the fine ones.
        lengths: periods (2,) of the sheet along rows and along columns.
        cutoff: of the filter, 2 pi over the unit of length.

    Returns:
        float64 (fine cells, coarse cells), in the order of reshape; its columns sum to 1, so a mean stays what it is.
    """
    number = fine[0] * fine[1]
    impulses = np.eye(number).reshape(number, *fine)
    passed = flat_filter(wave_numbers(fine, lengths), cutoff)
    filtered = np.fft.ifft2(np.fft.fft2(impulses) * passed).real
    blocks = filtered.reshape(number, coarse[0], fine[0] // coarse[0], coarse[1], fine[1] // coarse[1])
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(number, -1))
