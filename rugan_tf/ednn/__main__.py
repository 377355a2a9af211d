"""`python -m rugan_tf.ednn`: train an EDNN on reference energies, and evaluate it."""

import sys
from collections.abc import Sequence

from rugan_tf import files
from rugan_tf.config import Command, run_command
from rugan_tf.ednn.options import (
    CorrectionOptions,
    CrossCheckOptions,
    EdnnEvaluateOptions,
    EdnnTrainOptions,
    LearningCurveOptions,
)
from rugan_tf.systems.drawing import with_drawing
from rugan_tf.systems.named import system_in, system_named
from rugan_tf.units import error_key


def train(options: EdnnTrainOptions) -> None:
    """Train; TensorFlow is imported only now."""
    files.require_present(options.data)
    from rugan_tf.ednn import training

    training.train(options)


def evaluate(options: EdnnEvaluateOptions) -> None:
    """Evaluate, show the errors, say where the rest is."""
    from rich.console import Console
    from rich.table import Table

    files.require_present(options.data)
    from rugan_tf.ednn import evaluation

    content = evaluation.evaluate(options)
    unit, key = content["error_unit"], error_key(content["error_unit"])
    table = Table(title="EDNN against the reference")
    for heading in ("sheets", "number", f"MAE ({unit})", f"bias ({unit})", "MAE (% of sd)", "R²"):
        table.add_column(heading, justify="right")
    rows = {"held out": content["test"], **content["by_size"]}
    for name, values in rows.items():
        shown = {f"mae_{key}": ".3f", f"bias_{key}": ".3f", "mae_percent_of_sd": ".3f", "r2": ".6f"}
        numbers = ("-" if values[key] is None else format(values[key], form) for key, form in shown.items())
        table.add_row(name, str(values["num_sheets"]), *numbers)
    Console().print(table)
    print(f"{options.out}: metrics.json, parity.png{', sizes.png' if content['by_size'] else ''}")


def compare(options: CrossCheckOptions) -> None:
    """Cross-check the reference, show a table, say where the rest is."""
    from rich.console import Console

    files.require_present(*options.data)
    from rugan_tf.ednn.cross_check import cross_check
    from rugan_tf.ednn.cross_check_figure import cross_tables

    content = cross_check(options)
    console = Console()
    for table in cross_tables(system_named(options.system), content):
        console.print(table)
    print(f"{options.out}: cross_check.json, cross_check.png")


def correct(options: CorrectionOptions) -> None:
    """Fit a correction, say what it is worth and how to use it."""
    files.require_present(*options.data)
    from rugan_tf.ednn.correction import fit_correction

    content = fit_correction(options)
    system = system_named(options.system)
    key, unit = f"mae_{error_key(system.error_unit)}", system.quantity.total_unit
    for name, value in content["environments"].items():
        print(f"{value:+.4f} {unit} for each {name}")
    errors = content["left_out"]
    if errors["correction"][key] >= errors["constant_alone"][key]:
        # Fitted to their noise: more sheets are needed before the labels get better.
        print(f"{options.out}: warning: sheets left out of the fit are no better than by a constant for each atom")
    print(
        f"{options.out}: of sheets left out of the fit, MAE {errors['correction'][key]:.1f} {system.error_unit}; with "
        f"a constant for each atom alone {errors['constant_alone'][key]:.1f}\n"
        f"next: python -m rugan_tf.data build --num-sheets 2048 --energy corrected:{options.out} --out labelled.npz"
    )


def curve(options: LearningCurveOptions) -> None:
    """Train for the learning curve, show the errors."""
    files.require_present(options.data)
    from rugan_tf.ednn.learning_curve import learning_curve

    content = learning_curve(options)
    unit, key = content["error_unit"], f"mae_{error_key(content['error_unit'])}"
    for number, values in content["test_errors"].items():
        print(f"{number} reference sheets: MAE {values[key]:.2f} {unit} on the held-out sheets")
    print(f"{options.out}: learning_curve.json, learning_curve.png")


def commands(args: Sequence[str] | None = None) -> dict[str, Command]:
    """Return the subcommands; how sheets are drawn is told by the system that the arguments name."""
    check_options = with_drawing(CrossCheckOptions, system_in(args).reference_drawing)
    return {
        "train": Command(EdnnTrainOptions, train, "Train an EDNN on reference energies."),
        "evaluate": Command(EdnnEvaluateOptions, evaluate, "Compare an EDNN with the reference."),
        "learning-curve": Command(LearningCurveOptions, curve, "Error against the number of reference sheets."),
        "cross-check": Command(check_options, compare, "Compare the reference with other methods."),
        "correction": Command(CorrectionOptions, correct, "Correct a fast method by few better energies."),
    }


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    return run_command("rugan ednn", commands, args)


if __name__ == "__main__":
    sys.exit(main())
