"""How electrons fill levels, whatever way the levels are known."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from rugan_tf.errors import InputError
from rugan_tf.physics.kernel_polynomials import Function
from rugan_tf.physics.tight_binding import SMEARING

Floats = NDArray[np.float64]

FURTHEST = 1e3  # eV, beyond which no Fermi level is looked for


class Spectrum(Protocol):
    """The levels of one block, known one by one or by their moments."""

    @property
    def num_levels(self) -> int:
        """Levels of the block."""

    @property
    def resolution(self) -> float:
        """Standard deviation of a level as it is drawn, eV."""

    def density(self, energy: Floats) -> tuple[Floats, Floats]:
        """Return levels per eV (num_energies,) and their standard error."""

    def trace(self, function: Function) -> float:
        """Return the sum of a smooth function over the levels."""


def fermi_function(energy: Floats, level: float, smearing: float) -> Floats:
    """Return the occupation (n,) of levels at energies (n,), eV, by one spin; smearing is kT in eV."""
    return np.asarray(expit((level - energy) / smearing))


def neutral_level(spectra: Sequence[Spectrum], num_electrons: float, smearing: float = SMEARING) -> float:
    """Return the Fermi level, eV, at which the blocks together hold the electrons, two in a level.

    Raises:
        InputError: a smearing that is not positive, or more electrons than the levels hold.
    """
    if not (np.isfinite(smearing) and smearing > 0):
        raise InputError(f"smearing must be positive, in eV. Received: smearing={smearing}")
    most = 2 * sum(spectrum.num_levels for spectrum in spectra)
    if not 0 < num_electrons < most:
        raise InputError(f"The number of electrons must lie between 0 and {most}. Received: {num_electrons:g}")

    def surplus(level: float) -> float:
        held = (spectrum.trace(lambda energy: fermi_function(energy, level, smearing)) for spectrum in spectra)
        return 2 * sum(held) - num_electrons

    return float(brentq(surplus, -FURTHEST, FURTHEST, xtol=1e-11))
