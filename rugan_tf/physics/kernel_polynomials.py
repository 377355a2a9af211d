"""Densities of states from Chebyshev moments: kernel, error bars, integrals.

Weisse, Wellein, Alvermann, Fehske, Rev. Mod. Phys. 78, 275 (2006). The Jackson kernel makes of each level nearly a
Gaussian whose standard deviation is pi a / N at the centre of a spectrum of half width a, with N moments, and less
towards its ends.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dct

from rugan_tf.physics.recursion import Bounds

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]  # of the energy, eV


def jackson_kernel(num_moments: int) -> Floats:
    """Return the factors g_n (num_moments,) of the Jackson kernel, equation 71."""
    n, size = np.arange(num_moments), num_moments + 1
    angle = np.pi / size
    return np.asarray(((size - n) * np.cos(n * angle) + np.sin(n * angle) / np.tan(angle)) / size)


def resolution(bounds: Bounds, num_moments: int) -> float:
    """Return the standard deviation of a level at the centre of the spectrum, eV."""
    return math.pi * bounds.half_width / num_moments


def moments_needed(bounds: Bounds, broadening: float) -> int:
    """Return the even number of moments whose resolution is the broadening (standard deviation, eV) or better."""
    return max(2, 2 * math.ceil(math.pi * bounds.half_width / broadening / 2))


@dataclasses.dataclass(frozen=True)
class MomentSpectrum:
    """A spectrum known by its moments, each start vector for itself.

    Attributes:
        moments: float64 (num_vectors, num_moments), each an estimate of the trace of T_n.
        bounds: the interval that the polynomials live on.
        num_levels: levels of the block that the moments stand for.
    """

    moments: Floats
    bounds: Bounds
    num_levels: int

    @property
    def resolution(self) -> float:
        """Standard deviation of a level, eV."""
        return resolution(self.bounds, self.moments.shape[1])

    def densities(self, energy: Floats) -> Floats:
        """Return levels per eV (num_vectors, num_energies) at energies (num_energies,), eV, of each start vector."""
        x = (energy - self.bounds.centre) / self.bounds.half_width
        is_inside = abs(x) < 1
        damped = self.moments * jackson_kernel(self.moments.shape[1])
        damped[:, 1:] *= 2
        density = np.zeros((len(damped), len(energy)))
        values = np.polynomial.chebyshev.chebval(x[is_inside], damped.T)  # (num_vectors, inside)
        density[:, is_inside] = values / (np.pi * self.bounds.half_width * np.sqrt(1 - x[is_inside] ** 2))
        return density

    def density(self, energy: Floats) -> tuple[Floats, Floats]:
        """Return levels per eV (num_energies,) and their standard error, NaN for one vector."""
        return mean_and_error(self.densities(energy))

    def integrated(self, energy: Floats) -> tuple[Floats, Floats]:
        """Return the number of levels below each energy (num_energies,), eV, and its standard error."""
        x = np.clip((np.asarray(energy) - self.bounds.centre) / self.bounds.half_width, -1, 1)
        angle, n = np.arccos(x), np.arange(1, self.moments.shape[1])
        damped = self.moments * jackson_kernel(self.moments.shape[1])
        waves = np.sin(n[:, None] * angle) / n[:, None]  # (num_moments - 1, num_energies)
        return mean_and_error(damped[:, :1] * (1 - angle / np.pi) - 2 / np.pi * (damped[:, 1:] @ waves))

    def traces(self, values: ArrayLike, nodes: int) -> Floats:
        """Return the estimates (num_vectors,) of the trace of a function, given by its values at `quadrature(nodes)`.

        No kernel: a smooth function has a Chebyshev series that converges by itself.
        """
        count = min(self.moments.shape[1], nodes)
        coefficients = _chebyshev_coefficients(np.asarray(values, np.float64))[:count]
        return np.asarray(self.moments[:, :count] @ coefficients)

    def trace(self, function: Function) -> float:
        """Return the trace of a smooth function of the energy, eV."""
        nodes = 2 * self.moments.shape[1]
        return float(self.traces(function(self.quadrature(nodes)), nodes).mean())

    def quadrature(self, nodes: int) -> Floats:
        """Return the energies (nodes,), eV, at which functions must be known."""
        angle = np.pi * (np.arange(nodes) + 0.5) / nodes
        return self.bounds.centre + self.bounds.half_width * np.cos(angle)


def mean_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard error over the first axis; the error of one value is NaN, not zero."""
    count = len(values)
    error = values.std(axis=0, ddof=1) / math.sqrt(count) if count > 1 else np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), error


def _chebyshev_coefficients(values: Floats) -> Floats:
    """Return the Chebyshev series (n,) of a function known at n Chebyshev nodes."""
    coefficients = np.asarray(dct(values, type=2)) / len(values)
    coefficients[0] /= 2
    return coefficients
