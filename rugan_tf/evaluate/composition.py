"""What the composition of a sheet alone says about its energy, and what is left beyond it.

The energy of a sheet follows its composition closely, so a generator that gets nothing but the composition right looks
good. Beside every error stands therefore what the composition alone would give.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from rugan_tf.evaluate import metrics
from rugan_tf.systems.system import LatticeSystem

Floats = NDArray[np.float64]
LINE, CUBIC = 1, 3


@dataclasses.dataclass(frozen=True)
class CompositionFit:
    """A polynomial for the energy per area in the share of sites of each kind, without mixed terms.

    Attributes:
        system: the material.
        degree: of the polynomial.
        coefficients: float64 (1 + degree * (kinds - 1),).
    """

    system: LatticeSystem
    degree: int
    coefficients: Floats

    @classmethod
    def of(
        cls, system: LatticeSystem, states: NDArray[np.uint8], energy_per_area: Floats, *, degree: int
    ) -> "CompositionFit":
        """Fit by least squares to sheets (n, rows, cols) whose energies per area (n,) are known."""
        known = powers(composition(system, states), degree)
        # lstsq, which also takes data whose compositions are all alike, where the powers are not independent.
        return cls(system, degree, np.linalg.lstsq(known, energy_per_area, rcond=None)[0].astype(np.float64))

    def energy_per_area(self, states: NDArray[np.uint8]) -> Floats:
        """Return the energies per area (n,) that sheets of this composition have on average."""
        return np.asarray(powers(composition(self.system, states), self.degree) @ self.coefficients)


def composition(system: LatticeSystem, states: NDArray[np.uint8]) -> Floats:
    """Return the share of sites (n, kinds - 1) of each kind but the first, which follows from the others."""
    kinds = system.images.kinds
    shares = [(states == state).mean(axis=(1, 2)) for state in range(len(kinds))]
    of_state = np.stack([(kinds == kind).mean(axis=1) for kind in range(1, int(kinds.max()) + 1)], axis=-1)
    return np.asarray(np.stack(shares, axis=-1) @ of_state)


def powers(shares: Floats, degree: int) -> Floats:
    """Return 1 and all powers of the shares (n, k) up to a degree, (n, 1 + degree k)."""
    return np.concatenate([np.ones((len(shares), 1)), *(shares**power for power in range(1, degree + 1))], axis=1)


def at_fixed_composition(
    fit: CompositionFit,
    generated: tuple[NDArray[np.uint8], Floats],
    requested: Floats,
    real: tuple[NDArray[np.uint8], Floats],
) -> dict[str, float]:
    """Return what the energies have beyond the composition: of generated sheets, beside that of real ones.

    Args:
        fit: to real sheets.
        generated: sheets (n, rows, cols) and their energies per area (n,).
        requested: energies per area (n,).
        real: sheets (m, rows, cols) and their energies per area (m,).

    Returns:
        Mean and standard deviation of the energy beyond the fit for both, KS D and p of the two distributions, and the
        share of the variance of the errors that goes with a wrong composition (squared correlation).
    """
    ours, theirs = (energy - fit.energy_per_area(states) for states, energy in (generated, real))
    statistic, pvalue = metrics.ks_test(ours, theirs)
    wrong = metrics.pearson_r(fit.energy_per_area(generated[0]) - requested, generated[1] - requested)
    return {
        "generated_mean": float(ours.mean()),
        "generated_sd": float(ours.std()),
        "real_mean": float(theirs.mean()),
        "real_sd": float(theirs.std()),
        "ks_statistic": statistic,
        "ks_pvalue": pvalue,
        "error_by_composition": wrong**2,
    }
