"""Statistics of maps of a made-up material, and a slow way to make maps by them."""

import numpy as np
from scipy.stats import norm

from rugan_tf.saved.map_statistics import LEVELS, MapStatistics

PITCH = (4.92, 4.26)  # Å
SKEWED = np.exp(0.5 * np.array(LEVELS))
SKEWED = (SKEWED - np.exp(0.125)) / np.sqrt((np.exp(0.25) - 1) * np.exp(0.25))  # log-normal: mean 0, variance 1


def statistics(noise=0.0, shape="gaussian"):
    """Two energies, the second with four times the power."""
    values = tuple(LEVELS) if shape == "gaussian" else tuple(SKEWED)
    return MapStatistics(
        pitch=PITCH,
        tile=(PITCH[0] / 2, PITCH[1]),
        cutoff=0.36,
        noise=noise,
        energies=(-3.0, -2.0),
        spectrum=((50.0, -300.0, 600.0), (200.0, -1200.0, 2400.0)),
        quantiles=(values, values),
    )


def share_below(level):
    """Share of a Gaussian below a level."""
    return norm.cdf(level)
