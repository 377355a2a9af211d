"""How the energy of a material varies from place to place, as small sheets tell: what natural maps are drawn by."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.filters import flat_filter

REACH = 8  # latent cells to each side that the kernels keep
GRID = 64  # cells of the periodic grid that kernels are computed on; far more than they reach
LEVELS = tuple(float(level) for level in np.linspace(-4.0, 4.0, 33))  # of a Gaussian, where quantiles are kept
ORDERS = 8  # of Hermite polynomials that tell how a correlation changes with the distribution


@dataclasses.dataclass(frozen=True)
class MapStatistics:
    """The statistics of maps at some energies per area.

    The spectral density of the local energy is a + b k^2 + c k^4, fitted to the wave vectors of small sheets and
    continued to k = 0, which a sheet of fixed energy does not show. The distribution of its values is not Gaussian: no
    place has less energy than a place without any vacancy.

    Attributes:
        pitch: lengths (2,) of a latent cell along rows and columns.
        tile: lengths (2,) of a tile of the EDNN.
        cutoff: of the filter of maps, 2 pi over the unit of length.
        noise: standard deviation of the white noise on a map, in the unit of the system.
        energies: ascending (k,), in the unit of the system.
        spectrum: (k, 3), a, b and c; a is (unit of the system)^2 times an area.
        quantiles: (k, levels), values of mean 0 and variance 1, of which a share as large as of a Gaussian below each
            of LEVELS is smaller.
    """

    pitch: tuple[float, float]
    tile: tuple[float, float]
    cutoff: float
    noise: float
    energies: tuple[float, ...]
    spectrum: tuple[tuple[float, float, float], ...]
    quantiles: tuple[tuple[float, ...], ...]

    def density(self, wave_number: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the spectral density at wave numbers (...), (k, ...), never negative.

        Constant beyond its lowest point: a polynomial rises again where there was nothing to fit.
        """
        a, b, c = np.array(self.spectrum).T[..., None]
        squared = np.square(wave_number).reshape(-1)
        lowest = np.where((b < 0) & (c > 0), -b / np.where(c > 0, 2 * c, 1.0), np.inf)
        squared = np.minimum(squared, lowest)
        values = np.maximum(a + b * squared + c * squared**2, 0.0)
        return values.reshape(len(self.energies), *np.shape(wave_number))

    def kernels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return kernels float32 (k, 2 REACH + 1, 2 REACH + 1), and the standard deviations (k,) of maps.

        White noise on the latent grid, convolved with a kernel, becomes a Gaussian field of variance 1 whose values,
        replaced by the quantiles, have the spectrum of maps. A convolution of block-seeded noise gives every place the
        same number whichever window it is computed in; a Fourier transform would need the whole sheet.
        """
        rows, cols = (np.asarray(2 * np.pi * np.fft.fftfreq(GRID, length), np.float64) for length in self.pitch)
        wave_number = np.hypot(rows[:, None], cols[None])
        passed = flat_filter(wave_number, self.cutoff)
        shrunk = (block_mean(*of_axis) for of_axis in zip((rows, cols), self.pitch, self.tile, strict=True))
        passed = passed * np.outer(*shrunk)
        power = self.density(wave_number) / np.prod(self.pitch) * passed**2
        covariance = np.fft.ifft2(power).real
        variance = covariance[:, 0, 0]
        made = [
            gaussian_kernel(correlation, np.array(values))
            for correlation, values in zip(covariance / variance[:, None, None], self.quantiles, strict=True)
        ]
        return np.asarray(made, dtype=np.float32), np.sqrt(variance).astype(np.float32)


def gaussian_kernel(correlation: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel of the Gaussian field whose values, replaced by quantiles (levels,), correlate as wanted.

    A Gaussian correlation r becomes sum c_n^2 r^n, c_n the Hermite coefficients of the replacement (Cario, Nelson,
    "Modeling and generating random vectors with arbitrary marginal distributions", 1997); that is inverted here.

    Args:
        correlation: wanted, (GRID, GRID), 1 at the origin, periodic.
        quantiles: of the values.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(80)
    # The weights of NumPy are of exp(-x^2 / 2), whose area is not 1.
    values, weights = np.interp(points, LEVELS, quantiles), weights / weights.sum()
    coefficients = np.array(
        [
            (weights * values * np.polynomial.hermite_e.hermeval(points, [0.0] * n + [1.0])).sum() ** 2
            / math.factorial(n)
            for n in range(1, ORDERS + 1)
        ]
    )
    given = np.linspace(-1, 1, 401)
    obtained = (coefficients[:, None] * given ** np.arange(1, ORDERS + 1)[:, None]).sum(axis=0) / coefficients.sum()
    # A table must ascend; where many places have one and the same energy, correlations do not rise everywhere.
    is_rising = np.concatenate([[True], np.diff(np.maximum.accumulate(obtained)) > 0])
    needed = np.interp(correlation, obtained[is_rising], given[is_rising])
    # No Gaussian field may have that correlation; what would need a negative power is left out.
    transfer = np.sqrt(np.maximum(np.fft.fft2(needed).real, 0.0))
    kernel = np.fft.fftshift(np.fft.ifft2(transfer).real)
    middle = slice(GRID // 2 - REACH, GRID // 2 + REACH + 1)
    kept = kernel[middle, middle]
    # What the cut takes away is given back, so that the field has variance 1.
    return np.asarray(kept / np.sqrt(np.square(kept).sum()))


def block_mean(frequencies: NDArray[np.float64], pitch: float, tile: float) -> NDArray[np.float64]:
    """Return by what a wave shrinks where a latent cell takes the mean of the tiles in it."""
    number = round(pitch / tile)
    offsets = tile * (np.arange(number) - (number - 1) / 2)
    return np.asarray(np.cos(np.outer(frequencies, offsets)).mean(axis=1))
