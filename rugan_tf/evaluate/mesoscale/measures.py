"""What is measured of sheets of one size and one energy: structure factor, windows of all sizes, statistics.

Wave numbers are told in multiples of the smallest that a training sheet has: those below it are what no training
sheet could teach.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.spectrum import (
    Radial,
    Spectrum,
    continue_spectrum,
    smallest_wave_number,
    spectrum,
    standard_error,
    wave_vectors,
    window_variances,
)
from rugan_tf.systems.system import LatticeSystem, Statistic

Floats = NDArray[np.float64]
States = NDArray[np.uint8]

BELOW_TRAINING, FIRST_OF_TRAINING = (0.0, 0.9), (0.9, 2.2)  # bands, of the smallest wave number of a training sheet
WINDOWS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12)  # sides, of those of a training sheet
CURVE_POINTS = 101  # of what is foretold


@dataclasses.dataclass(frozen=True)
class Scope:
    """At which sizes, wave numbers and windows sheets are measured.

    Attributes:
        system: the material.
        training: rows and columns of a training sheet.
        sheet: rows and columns of the sheets that are measured.
    """

    system: LatticeSystem
    training: tuple[int, int]
    sheet: tuple[int, int]

    @property
    def windows(self) -> list[tuple[int, int]]:
        """Rows and columns of the windows that are smaller than the sheet, from small to large."""
        # Of a small training sheet several sides round to one.
        sizes = [tuple(max(1, round(side * size)) for size in self.training) for side in WINDOWS]
        return [(rows, cols) for rows, cols in dict.fromkeys(sizes) if rows < self.sheet[0] and cols < self.sheet[1]]

    @property
    def largest(self) -> float:
        """The largest wave number: waves of two neighbours."""
        return math.pi / self.system.lattice.reach

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest wave number of the two bands."""
        step = smallest_wave_number(self.system.lattice, *self.training)
        return tuple((low * step, high * step) for low, high in (BELOW_TRAINING, FIRST_OF_TRAINING))

    def spectrum(self, states: States) -> Spectrum:
        """Return the structure factors of sheets (n, rows, cols) of any size."""
        return spectrum(self.system.lattice, self.system.images.kinds[states], self.largest)


class Estimate(NamedTuple):
    """A value with its standard error; NaN where there is none."""

    value: float
    error: float = math.nan


@dataclasses.dataclass(frozen=True)
class Fluctuations:
    """How the composition of sheets fluctuates.

    Attributes:
        radial: S against the wave number.
        bands: mean of S over each of the two bands.
        windows: standard deviation of the composition of windows, by their size.
    """

    radial: Radial
    bands: tuple[Estimate, ...]
    windows: tuple[Estimate, ...]


@dataclasses.dataclass(frozen=True)
class SetMeasures:
    """All that is measured of one set of sheets.

    Attributes:
        energy_per_area: float64 (n,).
        fluctuations: of the composition.
        statistics: those of the material, by name.
    """

    energy_per_area: Floats
    fluctuations: Fluctuations
    statistics: dict[str, Statistic]


def measure_set(scope: Scope, states: States, energy_per_area: Floats) -> SetMeasures:
    """Measure sheets (n, rows, cols) whose energies per area (n,) are known."""
    return SetMeasures(energy_per_area, fluctuations(scope, states), scope.system.statistics(states))


def fluctuations(scope: Scope, states: States) -> Fluctuations:
    """Measure how the composition of sheets (n, rows, cols) fluctuates."""
    found = scope.spectrum(states)
    bands = tuple(Estimate(*found.band(*band)) for band in scope.bands)
    kinds = scope.system.images.kinds[states]
    windows = tuple(deviation(window_variances(kinds, *window)) for window in scope.windows)
    return Fluctuations(found.radial(), bands, windows)


def deviation(variances: Floats) -> Estimate:
    """Return the standard deviation that the variances (n,) of sheets have together."""
    mean = float(variances.mean())
    # The error of a root is that of its square over twice the root.
    error = float(standard_error(variances)) / (2 * math.sqrt(mean)) if mean > 0 else math.nan
    return Estimate(math.sqrt(mean), error)


def foretell(scope: Scope, small: States) -> Fluctuations | None:
    """Return the fluctuations of large sheets that small ones (n, rows, cols) of the same energy foretell.

    The energy of a sheet fixes its mean alone; at all other wave vectors small and large sheets are alike, and those
    that the small ones do not have are continued. None where there is nothing to continue.
    """
    # One sheet has a spectrum that is chance.
    continued = continue_spectrum(scope.spectrum(small)) if len(small) > 1 else None
    if continued is None:
        return None
    lattice = scope.system.lattice
    wave_number = wave_vectors(lattice, *scope.sheet, scope.largest).wave_number
    step = smallest_wave_number(lattice, *scope.sheet)
    of_vectors = Spectrum(wave_number, continued(wave_number)[None], step, continued.site_variance)
    windows = (
        continued.window_variance(lattice, scope.sheet, window, largest=scope.largest) for window in scope.windows
    )
    curve = np.linspace(0, scope.largest, CURVE_POINTS)
    return Fluctuations(
        Radial(curve, continued(curve), np.full_like(curve, math.nan)),
        tuple(Estimate(of_vectors.band(*band)[0]) for band in scope.bands),
        tuple(Estimate(math.sqrt(variance)) for variance in windows),
    )
