"""All that is measured at one scale, as the content of metrics.json. Energies per area in the unit of the system."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.energies.function import EnergyFunction, Work
from rugan_tf.energies.named import energy_named
from rugan_tf.evaluate import metrics, periodicity, similarity, structure
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.evaluate.samples import ScaleSamples
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.units import error_key

DIVERSITY_SHEETS = 64


@dataclasses.dataclass(frozen=True)
class ScaleResults:
    """What was measured at one scale.

    Attributes:
        samples: the sheets.
        content: of metrics.json.
        structure: generated beside real sheets, by statistic; None without real sheets of this size.
    """

    samples: ScaleSamples
    content: dict[str, Any]
    structure: dict[str, structure.Comparison] | None


def measure(
    model: SheetModel,
    data_set: DataSet,
    samples: ScaleSamples,
    energy_function: EnergyFunction,
    options: EvaluateOptions,
) -> ScaleResults:
    """Return all metrics of one scale; None stands for what is undefined or was not asked for."""
    system, states = model.system, samples.states
    rows, cols = states.shape[1:]
    chosen = slice(0, options.num_structures)  # the labels are in random order
    real, compared = None, None
    if options.num_structures:
        wanted = samples.obtained[chosen]
        real = structure.real_sheets(data_set, wanted, rows, cols, energy_function, options.processes)
    if real is not None:
        compared = structure.compare(system, states[chosen], real)
    copied = similarity.copies(system, states, data_set.states)
    content = {
        "num_samples": len(states),
        "rows": rows,
        "cols": cols,
        **agreement(samples.requested, samples.obtained, float(data_set.energy_per_area.std())),
        "ks_expected": metrics.ks_expected(len(states)),
        "intervals_95": metrics.intervals(samples.requested, samples.obtained, options.seed),
        "errors_by_energy": metrics.errors_by_energy(samples.requested, samples.obtained),
        "validity": metrics.validity(system, states),
        "validity_unrepaired": metrics.validity(system, samples.unrepaired),
        "dangling_share_unrepaired": metrics.removed_share(system, samples.unrepaired),
        "pieces": metrics.pieces(system, states),
        "pieces_unrepaired": metrics.pieces(system, samples.unrepaired),
        "unrepaired": side_agreement(samples, samples.unrepaired_obtained, data_set),
        "uncalibrated": side_agreement(samples, samples.uncalibrated_obtained, data_set),
        "uniqueness": similarity.uniqueness(system, states),
        "novelty": None if copied is None else float(1 - copied.mean()),
        "copies": None if copied is None else copies_content(data_set, states, copied),
        "nearest": nearest_content(model, states[: options.num_nearest], data_set),
        "diversity": diversity(model, data_set, samples, options),
        "structure": None if compared is None else structure.as_content(compared),
        "periodicity": periodicity_content(model, states[chosen], real),
        "direct": direct_content(model, samples, options),
        "energy": energy_function.origin.description,
    }
    return ScaleResults(samples, metrics.defined(content), compared)


def agreement(requested: NDArray[np.float64], obtained: NDArray[np.float64], spread: float) -> dict[str, float]:
    """Return how energies obtained (n,) agree with those requested (n,); `spread` is the data's standard deviation."""
    statistic, pvalue = metrics.ks_test(requested, obtained)
    bias = metrics.bias(requested, obtained)
    return {
        "ks_statistic": statistic,
        "ks_pvalue": pvalue,
        "mae": metrics.mae(requested, obtained),
        "rmse": metrics.rmse(requested, obtained),
        "r2": metrics.r2(requested, obtained),
        "pearson_r": metrics.pearson_r(requested, obtained),
        "bias": bias,
        "bias_in_sd": bias / spread if spread > 0 else math.nan,
    }


def side_agreement(
    samples: ScaleSamples, obtained: NDArray[np.float64] | None, data_set: DataSet
) -> dict[str, float] | None:
    """Return the agreement of energies obtained in another way; None if they were not computed."""
    if obtained is None:
        return None
    return agreement(samples.requested, obtained, float(data_set.energy_per_area.std()))


def copies_content(data_set: DataSet, states: NDArray[np.uint8], copied: NDArray[np.bool_]) -> dict[str, int | None]:
    """Return how many generated sheets are in the data, and how many of as many newly drawn real sheets are.

    Sheets that are nearly perfect are few, so that real sheets repeat them as well; where there are atoms, the fewest
    of a copy tell whether the copies are such sheets.
    """
    system, options = data_set.system, data_set.system.drawing_options(data_set.metadata)
    fresh = None
    if options is not None:
        rows, cols = states.shape[1:]
        drawn = draw_sheets(system, len(states), rows, cols, structure.SEEDS[0], options)
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


def direct_content(model: SheetModel, samples: ScaleSamples, options: EvaluateOptions) -> dict[str, Any] | None:
    """Return how the energies obtained agree with those of the system's reference, for the first few sheets."""
    number = options.direct_by_scale[samples.scale]
    if not number:
        return None
    reference = model.system.reference_name
    states = samples.states[:number]
    journal = direct_progress_path(options.out, samples.scale)
    work = Work(f"{reference} {samples.name}", options.processes, journal=journal)
    energy = energy_named(model.system, reference).energies(states, work)
    rows, cols = states.shape[1:]
    difference = samples.obtained[:number] * model.system.extent(rows, cols) - energy
    unit = error_key(model.system.error_unit)
    per_atom = 1000 * difference / np.maximum(1, model.system.num_atoms(states))
    return {
        "reference": reference,
        "num_sheets": len(states),
        f"mae_{unit}": float(np.abs(per_atom).mean()),
        f"bias_{unit}": float(per_atom.mean()),
        **{
            f"requested_{key}": value
            for key, value in agreement(
                samples.requested[:number], model.system.energy_per_area(energy, rows, cols), math.nan
            ).items()
            if key in ("mae", "r2", "bias")
        },
    }


def direct_progress_path(out: Path, scale: int) -> Path:
    """Return the file that keeps the direct energies of an unfinished evaluation, beside its folder."""
    return out.with_name(f"{out.name}.{scale}x{scale}.direct.progress")
