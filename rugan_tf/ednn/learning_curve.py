"""The error of the EDNN against the number of reference sheets it was trained on, at equal numbers of updates."""

import dataclasses
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from rugan_tf import files
from rugan_tf.ednn.evaluation import errors, predict
from rugan_tf.ednn.options import EdnnTrainOptions, LearningCurveOptions
from rugan_tf.ednn.reference import split_reference, total_energy
from rugan_tf.ednn.training import load_ednn, train
from rugan_tf.figures.style import BLUE, new_figure, write_figure
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.units import error_key


def learning_curve(options: LearningCurveOptions) -> dict[str, Any]:
    """Train one EDNN for each number of sheets, unless its run is finished; write the errors and a figure."""
    data_set = read_data_set(options.data)
    # Of the largest number: it is refused before an hour of training, not after.
    test = split_reference(len(data_set.states), max(options.num_reference)).test
    states, energy = data_set.states[test], total_energy(data_set)[test]
    results = {}
    for number in options.num_reference:
        run_dir = options.out / f"reference_{number}"
        if not (run_dir / "ednn.keras").exists():
            train(training_options(options, number))
        results[str(number)] = errors(data_set, states, energy, predict(load_ednn(run_dir), states))
    content = {
        "data": str(options.data),
        "num_updates": options.num_updates,
        "error_unit": data_set.system.error_unit,
        "test_errors": results,
    }
    write_figure(options.out / "learning_curve.png", curve_figure(content))
    files.write_json(options.out / "learning_curve.json", content)
    return content


def training_options(options: LearningCurveOptions, num_reference: int) -> EdnnTrainOptions:
    """Return the options of one training: as many epochs as make the number of updates."""
    standard = EdnnTrainOptions(data=options.data, run_dir=options.out / f"reference_{num_reference}")
    batches = max(1, num_reference // standard.batch_size)
    num_epochs = max(1, options.num_updates // batches)
    return dataclasses.replace(
        standard,
        num_reference=num_reference,
        num_epochs=num_epochs,
        # It never stops early: what is compared has had equally many updates.
        patience=num_epochs,
        resume=(standard.run_dir / "config.json").exists(),
    )


def curve_figure(content: dict[str, Any]) -> Figure:
    """Draw the error on the test part against the number of reference sheets, both logarithmic."""
    figure = new_figure(5.5, 4.2)
    axes = figure.subplots()
    numbers = [int(number) for number in content["test_errors"]]
    unit = content["error_unit"]
    values = [result[f"mae_{error_key(unit)}"] for result in content["test_errors"].values()]
    axes.loglog(numbers, values, "o-", color=BLUE)
    for number, value in zip(numbers, values, strict=True):
        axes.annotate(f"{value:.1f}", (number, value), textcoords="offset points", xytext=(6, 6))
    axes.margins(x=0.15)
    axes.set_ylim(min(values) / 2, 2 * max(values))  # at least two octaves: small differences look small
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.set_yticks([tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100) if min(values) / 2 <= tick <= 2 * max(values)])
    axes.set_xticks(numbers)
    axes.set_xlabel("reference sheets in training")
    axes.set_ylabel(f"held-out mean absolute error ({unit})")
    axes.set_title(f"{content['num_updates']} updates each")
    return figure
