"""What chains found, replica by replica: sheets, their energies, and numbers for the report."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.spectrum import Spectrum, smallest_wave_number, spectrum
from rugan_tf.sample.autocorrelation import Independence, independence
from rugan_tf.sample.chains import Chains, Trace
from rugan_tf.sample.ensembles import Ensemble
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.units import ascii_unit

Floats = NDArray[np.float64]
States = NDArray[np.uint8]
WAVES = 6  # smallest wave numbers up to which the structure factor is told


@dataclasses.dataclass(frozen=True)
class Sampled:
    """What one recorded replica found.

    Attributes:
        name: which replica, in words.
        target: energy per area that was requested; None at a temperature.
        trace: energies per area (steps, chains).
        states: uint8 (n, rows, cols), sheets an autocorrelation time apart; without one the last of each chain.
        energy_per_area: float64 (n,), of these.
        independence: what all sheets are worth.
        spectrum: structure factors of `states`.
        variance: of the energies that the probability is a function of, totals.
    """

    name: str
    target: float | None
    trace: Floats
    states: States
    energy_per_area: Floats
    independence: Independence
    spectrum: Spectrum
    variance: float

    @property
    def mean(self) -> float:
        """Mean energy per area of all recorded sheets."""
        return float(self.trace.mean())

    @property
    def sd(self) -> float:
        """Standard deviation of the energies per area of all recorded sheets."""
        return float(self.trace.std())

    @property
    def mean_error(self) -> float | None:
        """Standard error of the mean, by the autocorrelation time of the energy; None without any."""
        time = self.independence.times["energy"]
        if self.independence.time is None or time is None:
            return None
        return self.sd * math.sqrt(time / self.trace.size)


def sampled_of(system: LatticeSystem, ensemble: Ensemble, trace: Trace, added: Floats) -> list[Sampled]:
    """Return what each recorded replica found.

    Args:
        system: the material.
        ensemble: what was sampled.
        trace: what the chains went through.
        added: float64 (steps, recorded replicas, chains), what chemical potentials took off the energies.
    """
    found = []
    for replica in range(ensemble.num_recorded):
        states, tempered = trace.states[:, replica], trace.energy[:, replica]
        worth = independence(system, states, tempered)
        rows, cols = states.shape[2:]
        # Told is the energy of the sheets; what chemical potentials took off belongs to the probability alone.
        energy = (tempered + added[:, replica]) / system.extent(rows, cols)
        # Backwards from the last, so that what is left of the burn-in is the first to go.
        chosen = slice(None, None, -math.ceil(worth.time)) if worth.time is not None else slice(-1, None)
        kept = states[chosen].reshape(-1, rows, cols)
        kinds = system.images.kinds[kept]
        largest = WAVES * smallest_wave_number(system.lattice, rows, cols)
        found.append(
            Sampled(
                name=ensemble.name(replica, system.quantity),
                target=ensemble.target(replica),
                trace=energy,
                states=kept,
                energy_per_area=energy[chosen].ravel(),
                independence=worth,
                spectrum=spectrum(system.lattice, kinds, largest),
                variance=float(tempered.var()),
            )
        )
    return found


def report_of(system: LatticeSystem, chains: Chains, trace: Trace, sampled: list[Sampled]) -> dict[str, Any]:
    """Return the content of the report."""
    moves, ensemble = chains.moves, chains.ensemble
    window = moves.energy_window
    return {
        "measure": ensemble.measure,
        "unit": ascii_unit(system.quantity.unit),
        "flips_per_step": chains.schedule.num_rounds * moves.places.number,
        "places_at_once": moves.places.number,
        "cells_of_a_flip": math.prod(moves.sheet) if window is None else math.prod(window.shape),
        "seconds": trace.seconds,
        "burn_in_seconds": trace.burn_in_seconds,
        "largest_drift": trace.drift,
        "replicas": [
            {
                "inverse_temperature": float(inverse),
                "flips_that_kept_the_rule": float(trace.kept_rule[index]),
                "flips_accepted": float(trace.accepted[index]),
                "steps_that_kept_the_rule": float(trace.whole[index]),
                "swaps_accepted_with_next": float(trace.swapped[index]) if index < len(trace.swapped) else None,
            }
            for index, inverse in enumerate(ensemble.inverse_temperatures)
        ],
        "sampled": [
            replica_content(system, ensemble, replica, one, trace.seconds) for replica, one in enumerate(sampled)
        ],
    }


def replica_content(
    system: LatticeSystem, ensemble: Ensemble, replica: int, one: Sampled, seconds: float
) -> dict[str, Any]:
    """Return what the report says of one recorded replica; None stands for what cannot be told."""
    worth = one.independence
    number, interval = worth.num_independent, worth.interval
    radial = one.spectrum.radial()
    content: dict[str, Any] = {
        "name": one.name,
        "num_sheets": worth.num_samples,
        "num_written": len(one.states),
        "energy_per_area_mean": one.mean,
        "energy_per_area_mean_error": one.mean_error,
        "energy_per_area_sd": one.sd,
        "autocorrelation_steps": worth.times if worth.time is not None else None,
        "longest_autocorrelation_steps": worth.time,
        "no_autocorrelation_because": worth.reason or None,
        "independent_sheets": number,
        "independent_sheets_interval_95": interval,
        "independent_sheets_per_second": None if number is None else number / seconds,
        "independent_sheets_per_second_interval_95": None if interval is None else [end / seconds for end in interval],
        "structure_factor": {
            "wave_number": radial.wave_number.tolist(),
            "mean": radial.mean.tolist(),
            # A single sheet has no scatter, and JSON knows no NaN.
            "standard_error": None if np.isnan(radial.error).any() else radial.error.tolist(),
        },
    }
    content |= ensemble.content(replica, one.trace, one.variance, system.num_sites(*one.states.shape[1:]))
    return content
