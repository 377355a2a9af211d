"""Monte Carlo as a baseline: what chains without learning answer to the same requests."""

from typing import Any

from rugan_tf.energies.function import EnergyFunction
from rugan_tf.evaluate.metrics import agreement
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.evaluate.samples import ScaleSamples
from rugan_tf.formats.data_set import DataSet
from rugan_tf.systems.system import LatticeSystem

WIDTH = 0.02  # standard deviations of the data: width of the window around a request


def require_local(system: LatticeSystem, judge: EnergyFunction, options: EvaluateOptions) -> None:
    """Raise InputError if Monte Carlo was asked for and the judge is no sum over places."""
    if max(options.num_monte_carlo):
        from rugan_tf.sample.local_energy import local_energy_of

        local_energy_of(system, judge)


def monte_carlo_content(
    data_set: DataSet, samples: ScaleSamples, judge: EnergyFunction, options: EvaluateOptions
) -> dict[str, Any] | None:
    """Return how Monte Carlo meets the first of the requests, and what a sheet costs; None if it was not asked."""
    requested = samples.requested[: options.monte_carlo_by_scale[samples.scale]]
    if not len(requested):
        return None
    # Here: TensorFlow Probability is for those alone who ask for chains.
    from rugan_tf.sample.requests import sheets_near

    system, spread = data_set.system, float(data_set.energy_per_area.std())
    rows, cols = samples.states.shape[1:]
    found = sheets_near(
        system, judge, requested, rows, cols, width=WIDTH * spread, num_steps=options.monte_carlo_steps,
        seed=options.seed,
    )  # fmt: skip
    return {
        "num_samples": len(requested),
        "steps": options.monte_carlo_steps,
        "seconds_per_sheet": found.seconds / len(requested),
        **agreement(requested, found.energy_per_area, spread),
    }
