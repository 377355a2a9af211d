"""How composition fluctuates over a periodic sheet: its structure factor, and how it continues to k -> 0.

The structure factor of one kind of site is S(k) = |sum_j (n_j - mean) exp(-i k r_j)|^2 / N over all N sites, n_j being
1 where site j is of that kind and else 0. Over several kinds half of the sum is taken, which for two kinds is that of
either. Sites that are of one of two kinds independently, with probability p, have S = p (1 - p) at every k.

A periodic sheet has S at the wave vectors that fit into it, and exactly. The smallest is 2 pi over the length, so a
large sheet has some that no small one has. Those are continued from the small ones: without long-range order S is even
and analytic in k (how fluctuations of finite systems are extrapolated: Villamaina and Trizac, arXiv:1401.2683).
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.lattice.pieces import MOST_SITES

Floats = NDArray[np.float64]
Kinds = NDArray[np.uint8]  # (n, rows, cols, sites): the kind of each site, from 0

# Multiples of the smallest wave number. The fit has some ten vectors; a little below its end it bends up.
FIT_BELOW, USED_BELOW = 2.75, 2.0
FEWEST_TO_FIT = 4  # wave vectors, for three coefficients


class WaveVectors(NamedTuple):
    """Wave vectors that fit into a periodic sheet, one of each pair k, -k.

    Attributes:
        periods: int64 (m, 2), how often each repeats along x and y of the sheet.
        vector: float64 (m, 2), in 1 / the lattice's unit of length.
    """

    periods: NDArray[np.int64]
    vector: Floats

    @property
    def wave_number(self) -> Floats:
        """Lengths (m,) of the vectors."""
        return np.asarray(np.hypot(*self.vector.T))


def smallest_wave_number(lattice: Lattice, rows: int, cols: int) -> float:
    """Return 2 pi over the longer side of a sheet, in 1 / the lattice's unit of length."""
    return float(2 * math.pi / lattice.cell_lengths(rows, cols).max())


def wave_vectors(lattice: Lattice, rows: int, cols: int, largest: float) -> WaveVectors:
    """Return the wave vectors of a periodic sheet up to the wave number `largest`, without k = 0."""
    step = 2 * math.pi / lattice.cell_lengths(rows, cols)
    most = np.floor(largest / step + 1e-9).astype(int)
    along_x, along_y = np.meshgrid(np.arange(-most[0], most[0] + 1), np.arange(most[1] + 1), indexing="ij")
    periods = np.stack([along_x.ravel(), along_y.ravel()], axis=-1)
    vector = periods * step
    is_first = (periods[:, 1] > 0) | (periods[:, 0] > 0)  # of k and -k, where S is the same
    kept = is_first & (np.hypot(*vector.T) <= largest * (1 + 1e-9))
    return WaveVectors(periods[kept], vector[kept])


class Radial(NamedTuple):
    """S averaged over wave vectors of nearly one length.

    Attributes:
        wave_number: float64 (bins,), mean over the vectors of a bin.
        mean: float64 (bins,).
        error: float64 (bins,), standard error by the scatter between sheets; NaN for one sheet.
    """

    wave_number: Floats
    mean: Floats
    error: Floats


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """The structure factors of sheets of one size.

    Attributes:
        wave_number: float64 (m,), in 1 / the lattice's unit of length.
        values: float64 (n, m), S of each sheet at each wave vector.
        step: smallest wave number of such a sheet.
        site_variance: S where sites are independent, and the limit at large k.
    """

    wave_number: Floats
    values: Floats
    step: float
    site_variance: float

    def radial(self) -> Radial:
        """Return S in bins as wide as the smallest wave number."""
        which = np.rint(self.wave_number / self.step).astype(int)
        members = [which == one for one in np.unique(which)]
        of_sheet = np.stack([self.values[:, one].mean(axis=1) for one in members], axis=-1)
        wave_number = np.array([self.wave_number[one].mean() for one in members])
        return Radial(wave_number, of_sheet.mean(axis=0), standard_error(of_sheet))

    def band(self, low: float, high: float) -> tuple[float, float]:
        """Return the mean of S over wave vectors with low <= k < high and its standard error; NaN without any."""
        inside = (self.wave_number >= low) & (self.wave_number < high)
        if not inside.any():
            return math.nan, math.nan
        of_sheet = self.values[:, inside].mean(axis=1)
        return float(of_sheet.mean()), float(standard_error(of_sheet))


def standard_error(of_sheet: Floats) -> Floats:
    """Return the standard error (...) of a mean over sheets (n, ...); NaN for one sheet."""
    if len(of_sheet) < 2:
        return np.full(of_sheet.shape[1:], math.nan)
    return np.asarray(of_sheet.std(axis=0, ddof=1) / math.sqrt(len(of_sheet)))


def spectrum(lattice: Lattice, kinds: Kinds, largest: float) -> Spectrum:
    """Return the structure factors of sheets up to a wave number.

    Args:
        lattice: where the sites are.
        kinds: uint8 (n, rows, cols, sites).
        largest: wave number, in 1 / the lattice's unit of length.
    """
    rows, cols = kinds.shape[1:3]
    vectors = wave_vectors(lattice, rows, cols, largest)
    values, variance = np.zeros((len(kinds), len(vectors.vector))), 0.0
    for kind in range(int(kinds.max(initial=0)) + 1):
        chosen = kinds == kind
        share = chosen.mean(axis=(1, 2, 3))
        values += structure_factors(lattice, chosen, vectors) / 2
        variance += float((share * (1 - share)).mean()) / 2
    return Spectrum(vectors.wave_number, values, smallest_wave_number(lattice, rows, cols), variance)


def structure_factors(lattice: Lattice, chosen: NDArray[np.bool_], vectors: WaveVectors) -> Floats:
    """Return S (n, m) of chosen sites (n, rows, cols, sites) at wave vectors (m,) of sheets of their size."""
    num_sheets, rows, cols, _ = chosen.shape
    blocks, members = cols // lattice.col_period, lattice.col_period * lattice.num_sites
    marked = chosen.reshape(num_sheets, rows, blocks, members)
    # The transform knows which block of cells a site is in; where it is within the block is a phase.
    within = lattice.positions(rows, cols)[0, : lattice.col_period].reshape(members, 2)
    phase = np.exp(-1j * vectors.vector @ within.T)  # (m, members)
    row, block = vectors.periods[:, 0] % rows, vectors.periods[:, 1] % blocks
    found = np.empty((num_sheets, len(row)))
    size = max(1, MOST_SITES // max(1, marked[:1].size))
    for start in range(0, num_sheets, size):
        part = marked[start : start + size].astype(np.float64)
        part -= part.mean(axis=(1, 2, 3), keepdims=True)  # else the lattice itself is seen at its Bragg peaks
        transformed = np.fft.fft2(part, axes=(1, 2))[:, row, block]  # (n, m, members)
        found[start : start + size] = np.square(np.abs(np.einsum("nmb,mb->nm", transformed, phase)))
    return found / (rows * cols * lattice.num_sites)


@dataclasses.dataclass(frozen=True)
class ContinuedSpectrum:
    """S at any wave number, from small sheets alone: what sheets of any size should have.

    Attributes:
        coefficients: (a, b, c) of a + b k^2 + c k^4, which holds below `used_below`.
        used_below: wave number; above it the means of the small sheets are interpolated.
        radial: means of the small sheets.
        site_variance: S at large k.
    """

    coefficients: tuple[float, float, float]
    used_below: float
    radial: Radial
    site_variance: float

    def __call__(self, wave_number: Floats) -> Floats:
        """Return S at wave numbers of any shape; never below 0."""
        square = np.square(wave_number)
        a, b, c = self.coefficients
        near = np.maximum(a + b * square + c * np.square(square), 0.0)
        far = np.interp(wave_number, self.radial.wave_number, self.radial.mean, right=self.site_variance)
        return np.where(wave_number < self.used_below, near, far)

    def window_variance(
        self, lattice: Lattice, sheet: tuple[int, int], window: tuple[int, int], *, largest: float
    ) -> float:
        """Return the variance of the composition of windows inside a sheet, about the sheet's own mean.

        The sum over the wave vectors of the sheet of S(k) |W(k)|^2 / N, W being the transform of a rectangle. What
        S has above its limit at large k is summed up to `largest`; the limit itself, over all k, gives a closed form.

        Args:
            lattice: where the sites are.
            sheet: rows and columns of the periodic sheet, cells.
            window: rows and columns of the window, at most those of the sheet.
            largest: wave number up to which S differs from its limit.
        """
        vectors = wave_vectors(lattice, *sheet, largest)
        sides = lattice.cell_lengths(*sheet) * np.array(window) / np.array(sheet)
        seen = np.square(np.sinc(vectors.vector * sides / (2 * math.pi)).prod(axis=-1))
        excess = 2 * ((self(vectors.wave_number) - self.site_variance) * seen).sum()  # k and -k
        limit = self.site_variance * (math.prod(sheet) / math.prod(window) - 1)
        return float((excess + limit) / (math.prod(sheet) * lattice.num_sites))


def continue_spectrum(small: Spectrum) -> ContinuedSpectrum | None:
    """Fit the spectrum of small sheets, so that it tells S at wave numbers that none of them has.

    None for sheets so narrow that they have too few wave vectors to fit.
    """
    fitted_below = FIT_BELOW * small.step
    near = small.wave_number < fitted_below
    if near.sum() < FEWEST_TO_FIT:
        return None
    square = np.square(small.wave_number[near] / fitted_below)  # of order 1, so that the fit is well conditioned
    powers = np.stack([np.ones_like(square), square, np.square(square)], axis=-1)
    found = np.linalg.lstsq(powers, small.values[:, near].mean(axis=0), rcond=None)[0]
    a, b, c = (float(value) / fitted_below ** (2 * power) for power, value in enumerate(found))
    return ContinuedSpectrum((a, b, c), USED_BELOW * small.step, small.radial(), small.site_variance)


def window_variances(kinds: Kinds, rows: int, cols: int) -> Floats:
    """Return the variance (n,) of the composition of all windows of a size in each sheet, about the sheet's own mean.

    Windows start at every cell and wrap around. Half of the sum over kinds of the variance of the share of each.

    Args:
        kinds: uint8 (n, sheet rows, sheet cols, sites).
        rows: of a window, at most those of the sheet.
        cols: of a window, at most those of the sheet.
    """
    _, sheet_rows, sheet_cols, num_sites = kinds.shape
    if not (1 <= rows <= sheet_rows and 1 <= cols <= sheet_cols):
        raise InputError(f"A window must fit into {sheet_rows}x{sheet_cols} cells. Received: {rows}x{cols}")
    found = np.zeros(len(kinds))
    for kind in range(int(kinds.max(initial=0)) + 1):
        number = (kinds == kind).sum(axis=-1, dtype=np.int64)
        held = moving_sum(moving_sum(number, rows, axis=1), cols, axis=2)
        found += held.var(axis=(1, 2)) / (rows * cols * num_sites) ** 2 / 2
    return found


def moving_sum(values: NDArray[np.int64], width: int, *, axis: int) -> NDArray[np.int64]:
    """Return the sums over the `width` places that begin at each place of a periodic axis."""
    size = values.shape[axis]
    first = np.take(values, range(width - 1), axis=axis)
    sums = np.cumsum(np.concatenate([np.zeros_like(np.take(values, [0], axis)), values, first], axis=axis), axis=axis)
    return np.take(sums, range(width, width + size), axis) - np.take(sums, range(size), axis)
