"""An evaluation of a generator of several conditions: requested as the data have them, told of sheets, compared."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.data.conditions import labels_of
from rugan_tf.energies.function import EnergyFunction, Work
from rugan_tf.energies.origin import judge_in_words, origin_in, require_agreement
from rugan_tf.errors import InputError
from rugan_tf.evaluate import metrics
from rugan_tf.evaluate.composition import CUBIC, powers
from rugan_tf.evaluate.condition_judges import Judges, property_judges
from rugan_tf.evaluate.folder import check_folder
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.formats.data_set import DataSet
from rugan_tf.formats.npz import write_npz
from rugan_tf.generate.conditioned import ConditionedModel, States
from rugan_tf.systems.conditions import Condition
from rugan_tf.units import ascii_unit

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class ConditionedSamples:
    """Generated sheets of one scale.

    Attributes:
        scale: multiple of the training size.
        states: uint8 (n, rows, cols), as users get them.
        raw: uint8 (n, rows, cols), what the generator itself makes: neither corrected nor repaired.
        requested: float64 (n, c).
        obtained: by condition, float64 (n,), what can be told of the sheets.
        raw_obtained: the same of the raw sheets.
        errors: by condition, float64 (n,), standard errors of what was obtained, where the judge tells them.
        raw_errors: the same of the raw sheets.
    """

    scale: int
    states: States
    raw: States
    requested: Floats
    obtained: dict[str, Floats]
    raw_obtained: dict[str, Floats]
    errors: dict[str, Floats] = dataclasses.field(default_factory=dict)
    raw_errors: dict[str, Floats] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The scale as metrics and file names say it."""
        return f"{self.scale}x{self.scale}"


def evaluate_conditions(
    model: ConditionedModel, data_set: DataSet, energy_function: EnergyFunction | None, options: EvaluateOptions
) -> dict[str, Any]:
    """Evaluate at every scale and write metrics.json, sheets and figures into `options.out`.

    Args:
        model: the generator.
        data_set: whose values are requested, as sheets have them together; best sheets that were not trained on.
        energy_function: what judges energies; None where no condition holds one.
        options: numbers of sheets, scales, seed, folder.

    Returns:
        What metrics.json holds; None stands for what is undefined, or told by nothing.

    Raises:
        InputError: model and data are of different materials, the data lack a condition, a sheet is larger than the
            model allows, or (strict) the data have values that the model's training data did not have.
        FileExistsError: the folder has content and may not be overwritten.
    """
    if data_set.system != model.model.system:
        raise InputError(
            f"Model and data must be of one system. Received: {model.model.system.name} and {data_set.system.name}"
        )
    values = labels_of(data_set, model.learnt.names).values
    for sentence in model.learnt.uncovered(values) if options.strict else []:
        raise InputError(f"The data must have such values as the model was trained on. Received: {sentence}")
    if energy_function is not None:
        origins = {"the data": origin_in(data_set.metadata), "the judge": energy_function.origin}
        require_agreement(origins, strict=options.strict)
    check_folder(options.out, (options.model, options.data), overwrite=options.overwrite)
    judges = Judges(model, energy_function, property_judges(model, options.judges))
    samples = [sample_conditions(judges, values, scale, options) for scale in options.scales]
    content = {
        "seed": options.seed,
        "model": str(options.model),
        "data": str(options.data),
        "energy": None if energy_function is None else energy_function.origin.description,
        "conditions": {
            one.condition.name: {"words": one.condition.words, "unit": ascii_unit(one.condition.unit)}
            for one in model.learnt.each
        },
        "scales": {one.name: measure(model, values, one) for one in samples},
    }
    folder = files.require_fresh_folder(options.out, overwrite=options.overwrite)
    write_conditions(folder, model, content, samples)
    return content


def sample_conditions(judges: Judges, values: Floats, scale: int, options: EvaluateOptions) -> ConditionedSamples:
    """Generate the sheets of one scale for values that sheets of the data have, and tell what they have of them."""
    model = judges.model
    rng = np.random.default_rng([options.seed, scale])
    # Rows and not columns one by one: these would be pairs of values that no sheet has.
    requested = values[rng.choice(len(values), options.samples_by_scale[scale])]
    asked = dict(zip(model.learnt.names, requested.T, strict=True))
    size, work = (scale * model.model.rows, scale * model.model.cols), Work(f"{scale}x{scale}", options.processes)
    states, raw = model.generate(asked, *size, options.seed), model.raw(asked, *size, options.seed)
    told, told_raw = judges.told(states, work), judges.told(raw, work)
    return ConditionedSamples(scale, states, raw, requested, told.values, told_raw.values, told.errors, told_raw.errors)


def measure(model: ConditionedModel, values: Floats, samples: ConditionedSamples) -> dict[str, Any]:
    """Return the metrics of one scale, by condition."""
    system = model.model.system
    return metrics.defined(
        {
            "num_samples": len(samples.states),
            "rows": samples.states.shape[1],
            "cols": samples.states.shape[2],
            "conditions": {
                name: agreement(values, samples.requested, samples.obtained.get(name), index, samples.errors.get(name))
                for index, name in enumerate(model.learnt.names)
            },
            "raw": {
                name: agreement(
                    values, samples.requested, samples.raw_obtained.get(name), index, samples.raw_errors.get(name)
                )
                for index, name in enumerate(model.learnt.names)
            },
            "validity": metrics.validity(system, samples.states),
            "validity_raw": metrics.validity(system, samples.raw),
            "dangling_share_raw": metrics.removed_share(system, samples.raw),
        }
    )


def agreement(
    values: Floats, requested: Floats, obtained: Floats | None, index: int, errors: Floats | None = None
) -> dict[str, Any] | None:
    """Return how one condition obtained (n,) agrees with what was requested; None if nothing tells it.

    Args:
        values: of the data, (m, c).
        requested: (n, c).
        obtained: (n,).
        index: which of the conditions it is.
        errors: (n,), standard errors of what was obtained; None where the judge tells none.
    """
    if obtained is None:
        return None
    found: dict[str, Any] = metrics.agreement(requested[:, index], obtained, float(values[:, index].std()))
    return {
        **found,
        **metrics.judge_error(errors),
        "r2_at_fixed_others": r2_at_fixed_others(values, requested, obtained, index),
    }


def r2_at_fixed_others(values: Floats, requested: Floats, obtained: Floats, index: int) -> float:
    """Return the share of what the other conditions leave open that the sheets obtain: a partial R^2.

    1 - SS_res / SS_open: SS_res of obtained against requested, SS_open of the requests about what the data have on
    average at the other conditions (a cubic of each). A generator that gets only the others right obtains 0 at best.
    NaN for one condition.
    """
    others = [column for column in range(values.shape[1]) if column != index]
    if not others:
        return float("nan")
    # Standardised: powers of numbers of different sizes would make a system of equations that is nearly singular.
    mean, spread = values.mean(axis=0), values.std(axis=0)
    of_data, of_requests = ((one - mean) / spread for one in (values, requested))
    fit = np.linalg.lstsq(powers(of_data[:, others], CUBIC), values[:, index], rcond=None)[0]
    foretold = powers(of_requests[:, others], CUBIC) @ fit
    left_open = np.square(requested[:, index] - foretold).sum()
    return float(1 - np.square(obtained - requested[:, index]).sum() / left_open) if left_open > 0 else float("nan")


def write_conditions(
    folder: Path, model: ConditionedModel, content: dict[str, Any], samples: list[ConditionedSamples]
) -> None:
    """Write sheets, figures, the report and, last of all, metrics.json."""
    from rugan_tf.evaluate.figures import comparison_figure
    from rugan_tf.evaluate.report import write_conditions_report
    from rugan_tf.evaluate.samples import ScaleSamples
    from rugan_tf.figures.style import write_figure

    for one in samples:
        asked = dict(zip(model.learnt.names, one.requested.T, strict=True))
        told_of = {"requested": asked, "obtained": one.obtained, "raw": one.raw_obtained}
        columns = {f"{name}_{what}": values for what, by in told_of.items() for name, values in by.items()}
        write_npz(folder / f"samples_{one.name}.npz", {"states": one.states, **columns})
        path = folder / f"samples_{one.name}.csv"
        with files.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["sheet", *columns])
            writer.writerows((number, *row) for number, row in enumerate(zip(*columns.values(), strict=True)))
        for index, learnt in enumerate(model.learnt.each):
            name = learnt.condition.name
            if name in one.obtained:
                # As samples of one quantity, which the figure takes whatever it is.
                drawn = ScaleSamples(one.scale, one.states, one.requested[:, index], one.obtained[name], one.raw)
                told = content["scales"][one.name]["conditions"][name]
                figure = comparison_figure(drawn, told, learnt.condition, judge_of(learnt.condition, content))
                write_figure(folder / f"{name}_{one.name}.png", figure)
    write_conditions_report(folder, content, lines_of(content))
    # Last, so that a folder that has it has all.
    files.write_json(folder / "metrics.json", content)


def judge_of(condition: Condition, content: dict[str, Any]) -> str:
    """Return what told a condition of sheets, in words; empty for one that is counted."""
    if condition.rule is None:
        return f"an EDNN of {condition.name}"
    return judge_in_words(content["energy"]) if condition.rule.needs_energy else ""


def lines_of(content: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the table of all conditions and scales: label and a text for each scale."""
    scales = list(content["scales"].values())
    lines = [("sheets", [str(scale["num_samples"]) for scale in scales])]
    for name, told in content["conditions"].items():
        if any(scale["conditions"][name] is None for scale in scales):
            lines.append((f"{name}: nothing judges it", ["-"] * len(scales)))
            continue
        unit = f" ({told['unit']})" if told["unit"] else ""
        for key, label in (("r2", "R²"), ("r2_at_fixed_others", "R² at fixed others"), ("mae", f"MAE{unit}")):
            for part, suffix in (("conditions", ""), ("raw", ", raw")):
                found = [cell(scale[part][name], key) for scale in scales]
                lines.append((f"{name}: {label}{suffix}", found))
    lines.append(("valid sheets, raw", [f"{scale['validity_raw']:.4f}" for scale in scales]))
    return lines


def cell(told: dict[str, Any], key: str) -> str:
    """Return one number of a condition as text; behind ± the standard error of the judge, if it tells one."""
    if told[key] is None:
        return "-"
    error = told.get("standard_error_of_mean") if key == "mae" else None
    return f"{told[key]:.4f}" + ("" if error is None else f" ± {error:.4f}")
