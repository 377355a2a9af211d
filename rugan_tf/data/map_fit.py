"""The statistics of maps, fitted to small sheets: no large sheet is looked at, which a user does not have."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from rugan_tf.data.map_filter import MapFilter
from rugan_tf.errors import InputError
from rugan_tf.lattice.filters import smallest_wave_number, wave_numbers
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.map_statistics import LEVELS, MapStatistics
from rugan_tf.systems.system import LatticeSystem

NUM_ENERGIES = 12  # for which sheets are taken together
FITTED = 2.75  # up to so many times the smallest wave number
FEWEST = 24  # sheets at each energy


def fit_map_statistics(
    local: NDArray[np.float32], system: LatticeSystem, scale: LabelScale, passed: MapFilter, noise: float
) -> MapStatistics:
    """Return the statistics of maps that the sheets of a data set tell.

    Args:
        local: float32 (n, rows/period, cols/period), standardised label of every tile.
        system: the material.
        scale: of the labels.
        passed: from tiles to maps.
        noise: standard deviation of the white noise on a map, in those of the labels.

    Raises:
        InputError: too few sheets to tell.
    """
    if len(local) < FEWEST:
        raise InputError(f"The statistics of maps need at least {FEWEST} sheets. Received: {len(local)}")
    unit = scale.standard_deviation
    energies = local.mean(axis=(1, 2), dtype=np.float64)
    order = np.argsort(energies)
    tile = system.lattice.cell_lengths(system.row_period, system.col_period)
    lengths = tile * np.array(passed.tiles)
    wave_number = wave_numbers(passed.tiles, lengths)
    is_fitted = (wave_number > 0) & (wave_number < FITTED * smallest_wave_number(lengths))
    # Even powers: a wave and its reverse are one and the same.
    powers = wave_number[is_fitted][:, None] ** np.array([0, 2, 4])
    means, spectrum, quantiles = [], [], []
    for members in np.array_split(order, min(NUM_ENERGIES, len(local) // FEWEST)):
        power = np.zeros(passed.tiles)
        values = []
        # In parts: complex numbers of double precision take four times the memory of the labels.
        for part in np.array_split(members, -(-len(members) // 4096)):
            power += np.square(np.abs(np.fft.fft2(local[part].astype(np.float64)))).sum(axis=0)
            maps = (local[part].reshape(len(part), -1) @ passed.operator).astype(np.float64)
            values.append((maps - maps.mean(axis=1, keepdims=True)).ravel())
        density = power / len(members) / wave_number.size * np.prod(tile) * unit**2
        a, b, c = np.linalg.lstsq(powers, density[is_fitted], rcond=None)[0]
        means.append(float(scale.mean + unit * energies[members].mean()))
        spectrum.append((float(a), float(b), float(c)))
        quantiles.append(standard_quantiles(np.concatenate(values)))
    return MapStatistics(
        pitch=pair(lengths / np.array(passed.size)),
        tile=pair(tile),
        cutoff=passed.cutoff,
        noise=noise * unit,
        energies=tuple(means),
        spectrum=tuple(spectrum),
        quantiles=tuple(quantiles),
    )


def standard_quantiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the values (levels,) below which lie the shares of a Gaussian below LEVELS, of mean 0 and variance 1."""
    found = np.quantile(values, norm.cdf(LEVELS))
    # Mean and spread of what interpolation between the levels makes of a Gaussian, whose tails it cuts off: those of
    # the values would not make what is drawn standard.
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    drawn = np.interp(points, LEVELS, found)
    mean = (weights * drawn).sum()
    spread = np.sqrt((weights * np.square(drawn - mean)).sum())
    return tuple(float(value) for value in (found - mean) / spread)


def pair(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return an array (2,) as two numbers."""
    first, second = values.tolist()
    return first, second
