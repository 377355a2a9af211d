"""All that is measured at one scale, as the content of metrics.json. Energies per area in the unit of the system."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.energies.function import EnergyFunction, Work, estimates_of
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.origin import require_agreement
from rugan_tf.evaluate import metrics, patterns, periodicity, pools, similarity, structure
from rugan_tf.evaluate.baselines import baselines
from rugan_tf.evaluate.composition import CUBIC, CompositionFit, at_fixed_composition
from rugan_tf.evaluate.mesoscale.comparison import Mesoscale, MesoscaleComparison, energies_of, source_of
from rugan_tf.evaluate.mesoscale.content import as_content as mesoscale_content
from rugan_tf.evaluate.monte_carlo import monte_carlo_content
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.evaluate.samples import ScaleSamples
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.units import error_key

DIVERSITY_SHEETS = 64
TOLERANCE = 0.1  # standard deviations of the data, of the energies of real sheets that are matched


@dataclasses.dataclass(frozen=True)
class ScaleResults:
    """What was measured at one scale.

    Attributes:
        samples: the sheets.
        content: of metrics.json.
        structure: generated beside real sheets, by statistic; None without real sheets of this size.
        mesoscale: fluctuations at a few energies; empty if none were asked for.
    """

    samples: ScaleSamples
    content: dict[str, Any]
    structure: dict[str, structure.Comparison] | None
    mesoscale: list[MesoscaleComparison]


def measure(
    model: SheetModel,
    data_set: DataSet,
    samples: ScaleSamples,
    energy_function: EnergyFunction,
    options: EvaluateOptions,
) -> ScaleResults:
    """Return all metrics of one scale; None stands for what is undefined or was not asked for."""
    system, states = model.system, samples.states
    beside = real_beside(data_set, samples, energy_function, options)
    fluctuating = mesoscale(model, data_set, samples.scale, energy_function, options)
    spread = float(data_set.energy_per_area.std())
    content = {
        "num_samples": len(states),
        "rows": states.shape[1],
        "cols": states.shape[2],
        **metrics.agreement(samples.requested, samples.obtained, spread, samples.independent),
        **metrics.judge_error(samples.standard_error),
        "ks_expected": metrics.ks_expected(len(states)),
        "intervals_95": metrics.intervals(samples.requested, samples.obtained, options.seed),
        "errors_by_energy": metrics.errors_by_energy(samples.requested, samples.obtained),
        "raw": side_agreement(samples, samples.raw_obtained, data_set),
        "unrepaired": side_agreement(samples, samples.unrepaired_obtained, data_set),
        "uncalibrated": side_agreement(samples, samples.uncalibrated_obtained, data_set),
        "validity": metrics.validity(system, states),
        "validity_unrepaired": metrics.validity(system, samples.unrepaired),
        "uniform": metrics.uniform_sheets(system, states),
        "dangling_share_unrepaired": metrics.removed_share(system, samples.unrepaired),
        "pieces": metrics.pieces(system, states),
        "pieces_unrepaired": metrics.pieces(system, samples.unrepaired),
        **likeness_content(model, data_set, samples, options),
        **beside.content,
        "monte_carlo": monte_carlo_content(data_set, samples, energy_function, options),
        "periodicity": periodicity_content(model, states[: options.structures_by_scale[samples.scale]], beside.real),
        "mesoscale": [mesoscale_content(one) for one in fluctuating] or None,
        "direct": direct_content(model, samples, energy_function, options),
        "energy": energy_function.origin.description,
    }
    return ScaleResults(samples, metrics.defined(content), beside.structure, fluctuating)


@dataclasses.dataclass(frozen=True)
class RealBeside:
    """What comes of real sheets of the size.

    Attributes:
        real: the sheets, one for each generated one; None where there are none.
        structure: generated beside real, by statistic; None without real sheets.
        content: of metrics.json.
    """

    real: structure.RealSheets | None
    structure: dict[str, structure.Comparison] | None
    content: dict[str, Any]


def real_beside(
    data_set: DataSet, samples: ScaleSamples, energy_function: EnergyFunction, options: EvaluateOptions
) -> RealBeside:
    """Compare the first of the sheets, whose requests are in random order, with real ones of their energies."""
    names = ("structure", "patterns", "baselines", "fixed_composition")
    rows, cols = samples.states.shape[1:]
    number = min(options.structures_by_scale[samples.scale], len(samples.states))
    if data_set.states.shape[1:] == (rows, cols):
        number = min(number, len(data_set.states) // 2 // pools.POOL)
    found = None
    if number > 1:
        found = pools.real_pools(data_set, number, rows, cols, energy_function, options.processes)
    if found is None:
        return RealBeside(None, None, dict.fromkeys(names))
    system, states = data_set.system, samples.states[:number]
    real = structure.real_sheets(data_set, found, samples.obtained[:number])
    compared = structure.compare(system, states, real)
    fit = CompositionFit.of(system, data_set.states, data_set.energy_per_area, degree=CUBIC)
    requested, obtained = samples.requested[:number], samples.obtained[:number]
    values = (
        structure.as_content(compared),
        patterns.variety(system, states, (real.first, real.second)),
        {"num_samples": number, **baselines(data_set, requested, found, energy_function)},
        at_fixed_composition(fit, (states, obtained), requested, found[1].chosen(obtained)),
    )
    return RealBeside(real, compared, dict(zip(names, values, strict=True)))


def mesoscale(
    model: SheetModel, data_set: DataSet, scale: int, energy_function: EnergyFunction, options: EvaluateOptions
) -> list[MesoscaleComparison]:
    """Return how sheets of a few energies fluctuate; none where that was not asked for."""
    if not options.matched:
        return []
    source = source_of(data_set, energy_function, TOLERANCE, cache=options.real, processes=options.processes)
    energies = energies_of(data_set, options.matched_energies)
    return Mesoscale(model, source, energies, options.seed).compare(scale, options.matched)


def likeness_content(
    model: SheetModel, data_set: DataSet, samples: ScaleSamples, options: EvaluateOptions
) -> dict[str, Any]:
    """Return how like the sheets are to each other and to those of the data."""
    states = samples.states
    copied = similarity.copies(model.system, states, data_set.states)
    return {
        "uniqueness": similarity.uniqueness(model.system, states),
        "novelty": None if copied is None else float(1 - copied.mean()),
        "copies": None if copied is None else copies_content(data_set, states, copied),
        "nearest": nearest_content(model, states[: options.num_nearest], data_set),
        "diversity": diversity(model, data_set, samples, options),
    }


def side_agreement(
    samples: ScaleSamples, obtained: NDArray[np.float64] | None, data_set: DataSet
) -> dict[str, float] | None:
    """Return the agreement of energies obtained in another way; None if they were not computed."""
    if obtained is None:
        return None
    return metrics.agreement(samples.requested, obtained, float(data_set.energy_per_area.std()), samples.independent)


def copies_content(data_set: DataSet, states: NDArray[np.uint8], copied: NDArray[np.bool_]) -> dict[str, int | None]:
    """Return how many generated sheets are in the data, and how many of as many newly drawn real sheets are.

    Sheets that are nearly perfect are few, so that real sheets repeat them as well; where there are atoms, the fewest
    of a copy tell whether the copies are such sheets.
    """
    system, options = data_set.system, data_set.system.drawing_options(data_set.metadata)
    fresh = None
    if options is not None:
        rows, cols = states.shape[1:]
        # By a seed that no data are drawn with, or these could be the sheets of the data.
        drawn = draw_sheets(system, len(states), rows, cols, pools.SEEDS[0], options)
        repeated = similarity.copies(system, drawn, data_set.states)
        fresh = None if repeated is None else int(repeated.sum())
    counted = system.atoms is not None and copied.any()
    return {
        "num_sheets": int(copied.sum()),
        "fewest_atoms": int(system.num_atoms(states[copied]).min()) if counted else None,
        "of_new_real_sheets": fresh,
    }


def nearest_content(model: SheetModel, states: NDArray[np.uint8], data_set: DataSet) -> dict[str, Any] | None:
    """Return in how many cells sheets differ from the nearest of the data, over a few of them."""
    if not len(states) or states.shape[1:] != data_set.states.shape[1:]:
        return None
    cells = similarity.nearest_distances(model.system, states, data_set.states)
    quartiles = np.percentile(cells, [25, 50, 75]).tolist()
    return {"num_sheets": len(cells), "cells_differing_min": int(cells.min()), "cells_differing_quartiles": quartiles}


def diversity(
    model: SheetModel, data_set: DataSet, samples: ScaleSamples, options: EvaluateOptions
) -> dict[str, float | None]:
    """Return the share of cells in which two sheets generated for one energy, the median, differ; beside the data's."""
    energy = float(np.median(data_set.energy_per_area))
    rows, cols = samples.states.shape[1:]
    generated = model.generate([energy] * DIVERSITY_SHEETS, rows, cols, options.seed)
    nearest = np.argsort(np.abs(data_set.energy_per_area - energy), kind="stable")[:DIVERSITY_SHEETS]
    return {
        "energy_per_area": energy,
        "generated": similarity.mean_difference(generated),
        "data": similarity.mean_difference(data_set.states[nearest]),
    }


def periodicity_content(
    model: SheetModel, states: NDArray[np.uint8], real: structure.RealSheets | None
) -> dict[str, float | None]:
    """Return seam and repetition of generated sheets, and of real ones of that size where there are any."""
    found: dict[str, float | None] = {}
    kinds, size = model.system.num_states, (model.rows, model.cols)
    for name, sheets in (("generated", states), ("real", None if real is None else real.first)):
        judged = sheets if sheets is not None and len(sheets) else None
        found[f"seam_{name}"] = None if judged is None else periodicity.seam_deviation(judged, kinds)
        found[f"repetition_{name}"] = None if judged is None else periodicity.repetition(judged, kinds, *size)
    return found


def direct_content(
    model: SheetModel, samples: ScaleSamples, energy_function: EnergyFunction, options: EvaluateOptions
) -> dict[str, Any] | None:
    """Return what an independent judge says of the first few sheets: of the first judge, and of the requests."""
    number = options.direct_by_scale[samples.scale]
    if not number:
        return None
    name = options.judge or model.system.reference_name
    judge = energy_named(model.system, name)
    # Only warned of: a judge that is independent has its own method, and mostly its own zero.
    require_agreement({"the judge": energy_function.origin, "the independent one": judge.origin}, strict=False)
    states = samples.states[:number]
    journal = direct_progress_path(options.out, samples.scale)
    energy, error = estimates_of(judge, states, Work(f"{name} {samples.name}", options.processes, journal=journal))
    rows, cols = states.shape[1:]
    extent = model.system.extent(rows, cols)
    difference = samples.obtained[:number] * extent - energy
    unit = error_key(model.system.error_unit)
    # An empty sheet has no atom that its energy could be shared out to.
    to_error_unit = 1000 / np.maximum(1, model.system.num_atoms(states))
    per_atom = to_error_unit * difference
    first_error = None if samples.standard_error is None else samples.standard_error[:number] * extent
    errors = [one for one in (error, first_error) if one is not None]
    both = to_error_unit * np.sqrt(np.sum(np.square(errors), axis=0)) if errors else None
    by_judge = model.system.energy_per_area(energy, rows, cols)
    # The spread is for the bias in standard deviations, which is not told of so few sheets.
    agreed = metrics.agreement(samples.requested[:number], by_judge, 0.0)
    return {
        "reference": name,
        "num_sheets": len(states),
        f"mae_{unit}": float(np.abs(per_atom).mean()),
        f"bias_{unit}": float(per_atom.mean()),
        **{f"{key}_{unit}": value for key, value in metrics.judge_error(both).items()},
        **{f"requested_{key}": agreed[key] for key in ("mae", "r2", "bias", "pearson_r")},
    }


def direct_progress_path(out: Path, scale: int) -> Path:
    """Return the file that keeps the direct energies of an unfinished evaluation, beside its folder."""
    return out.with_name(f"{out.name}.{scale}x{scale}.direct.progress")
