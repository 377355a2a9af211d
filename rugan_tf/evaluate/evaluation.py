"""One evaluation: request energies that the data has, generate sheets, compute their energies, compare."""

from pathlib import Path
from typing import Any

from rugan_tf import files
from rugan_tf.energies.function import EnergyFunction
from rugan_tf.energies.origin import judge_in_words, origin_in, require_agreement
from rugan_tf.errors import InputError
from rugan_tf.evaluate.folder import check_folder
from rugan_tf.evaluate.monte_carlo import require_local
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.evaluate.samples import progress_path, sample_scale, write_samples
from rugan_tf.evaluate.scale_metrics import ScaleResults, direct_progress_path, measure
from rugan_tf.formats.data_set import DataSet
from rugan_tf.formats.npz import write_npz
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.units import ascii_unit


def evaluate(
    model: SheetModel, data_set: DataSet, energy_function: EnergyFunction, options: EvaluateOptions
) -> dict[str, Any]:
    """Evaluate a model at every scale and write metrics.json, the sheets and the figures into `options.out`.

    Energies that are done are kept beside the folder until it is written: the same evaluation, started again
    after an interruption, goes on from there.

    Args:
        model: the generator.
        data_set: whose energies per area are requested.
        energy_function: what gives the energy of a generated sheet.
        options: numbers of sheets, scales, seed, folder.

    Returns:
        What metrics.json holds; None stands for what is undefined.

    Raises:
        InputError: model and data are of different materials, a sheet is larger than the model allows, an energy
            cannot be computed, or (strict) the data has energies that the model's training data did not cover.
        FileExistsError: the folder has content and may not be overwritten.
    """
    if data_set.system != model.system:
        raise InputError(
            f"Model and data must be of one system. Received: {model.system.name} and {data_set.system.name}"
        )
    for scale in options.scales:
        # Of all scales first: one that cannot be made must not be found after the hours of the others.
        model.check_request([0.0], scale * model.rows, scale * model.cols, options.seed)
    origins = {"the data": origin_in(data_set.metadata), "the judge": energy_function.origin}
    require_agreement(origins, strict=options.strict)
    if options.strict:
        model.require_covered(data_set.energy_per_area)
    require_local(data_set.system, energy_function, options)
    check_folder(options.out, (options.model, options.data, options.real), overwrite=options.overwrite)
    results = [
        measure(
            model, data_set, sample_scale(model, data_set, energy_function, scale, options), energy_function, options
        )
        for scale in options.scales
    ]
    content = {
        "num_samples": results[0].content["num_samples"],
        "seed": options.seed,
        "model": str(options.model),
        "data": str(options.data),
        "energy": energy_function.origin.description,
        "unit": ascii_unit(model.system.quantity.unit),
        "error_unit": model.system.error_unit,
        "scales": {one.samples.name: one.content for one in results},
    }
    write_evaluation(files.require_fresh_folder(options.out, overwrite=options.overwrite), content, results, data_set)
    for scale in options.scales:
        # Now that all is written: until then an interrupted evaluation goes on from these.
        for path in (progress_path(options.out, scale), direct_progress_path(options.out, scale)):
            path.unlink(missing_ok=True)
    return content


def write_evaluation(folder: Path, content: dict[str, Any], results: list[ScaleResults], data_set: DataSet) -> None:
    """Write sheets, figures, the report and, last of all, metrics.json."""
    # Here: what is refused needs no Matplotlib, which takes a second to import.
    from rugan_tf.evaluate import figures, structure_figure
    from rugan_tf.evaluate.mesoscale.figure import mesoscale_figure
    from rugan_tf.evaluate.report import write_report
    from rugan_tf.figures.style import write_figure

    quantity, judge = data_set.system.quantity, judge_in_words(content["energy"])
    for one in results:
        samples = one.samples
        arrays = {"states": samples.states, "requested": samples.requested, "obtained": samples.obtained}
        if samples.standard_error is not None:
            arrays["standard_error"] = samples.standard_error
        write_npz(folder / f"samples_{samples.name}.npz", arrays)
        write_samples(folder / f"samples_{samples.name}.csv", samples, data_set.system)
        drawn = {"energies": figures.comparison_figure(samples, one.content, quantity, judge)}
        drawn["errors"] = figures.errors_figure(samples, one.content, quantity, judge)
        if one.structure is not None:
            drawn["structure"] = structure_figure.structure_figure(samples.name, one.structure)
        if one.mesoscale:
            drawn["mesoscale"] = mesoscale_figure(one.mesoscale)
        for name, figure in drawn.items():
            write_figure(folder / f"{name}_{samples.name}.png", figure)
    largest = max((one.samples for one in results), key=lambda samples: samples.scale)
    write_figure(folder / "large_sheet.png", figures.large_sheet_figure(largest, data_set))
    write_report(folder, content)
    # Last, so that a folder that has it has all.
    files.write_json(folder / "metrics.json", content)
