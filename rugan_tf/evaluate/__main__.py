"""`python -m rugan_tf.evaluate`: energies obtained against requested, at the training size and beyond."""

import sys
from collections.abc import Sequence
from typing import Any

from rugan_tf import files
from rugan_tf.config import Command, run_command
from rugan_tf.errors import InputError
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.evaluate.rows import rows_of, shown


def evaluate(options: EvaluateOptions) -> None:
    """Read, evaluate, show."""
    files.require_present(options.data)
    from rugan_tf.energies.named import energy_named
    from rugan_tf.evaluate import evaluation
    from rugan_tf.formats.data_set import read_data_set
    from rugan_tf.generate.sheets import SheetModel

    model = SheetModel.load(options.model)
    options.require_meaning(has_conditions=model.card.conditions is not None)
    if model.card.conditions is not None:
        by_conditions(options)
        return
    energy_function = energy_named(model.system, options.energy)
    data_set = read_data_set(options.data)
    content = evaluation.evaluate(model, data_set, energy_function, options)
    show(content)
    rows, cols = 2 * model.rows, 2 * model.cols
    # One that a sheet of the data has: at the mean there may be none.
    typical = sorted(data_set.energy_per_area)[len(data_set.energy_per_area) // 2]
    print(
        f"{options.out}: metrics.json, report.html, its figures as PNG, samples_*.npz and .csv\n"
        f"next: python -m rugan_tf.generate --model {options.model} --energy-per-area {typical:.3f} "
        f"--rows {rows} --cols {cols} --out sheet.png"
    )


def by_conditions(options: EvaluateOptions) -> None:
    """Evaluate a model of other conditions than the energy alone, and show the table."""
    from rich.console import Console
    from rich.table import Table

    from rugan_tf.energies.named import energy_named
    from rugan_tf.evaluate.conditioned import evaluate_conditions, lines_of
    from rugan_tf.formats.data_set import read_data_set
    from rugan_tf.generate.conditioned import load_conditioned

    model = load_conditioned(options.model)
    rules = [one.condition.rule for one in model.learnt.each]
    needs_energy = any(rule is not None and rule.needs_energy for rule in rules)
    if not needs_energy and options.energy != EvaluateOptions.energy:
        raise InputError(
            f"A judge of energies needs a condition that holds one; the model is asked for {model.learnt.in_words}. "
            f"Received: --energy {options.energy}"
        )
    energy = energy_named(model.model.system, options.energy) if needs_energy else None
    content = evaluate_conditions(model, read_data_set(options.data), energy, options)
    table = Table("metric", *content["scales"], title=f"conditions {', '.join(model.learnt.names)}")
    for label, texts in lines_of(content):
        table.add_row(label, *texts)
    Console().print(table)
    rows, cols = 2 * model.model.rows, 2 * model.model.cols
    print(
        f"{options.out}: metrics.json, report.html, its figures as PNG, samples_*.npz and .csv\n"
        f"next: python -m rugan_tf.generate --model {options.model} --condition {' '.join(model.learnt.example)} "
        f"--rows {rows} --cols {cols} --out sheet.png"
    )


def show(content: dict[str, Any]) -> None:
    """Print the metrics of every scale as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"energies by {content['energy'].split(':')[0]}")
    table.add_column("metric")
    for name in content["scales"]:
        table.add_column(name, justify="right")
    for row in rows_of(content):
        if row.on_terminal:
            table.add_row(row.label, *(shown(row, scale) for scale in content["scales"].values()))
    Console().print(table)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    command = Command(EvaluateOptions, evaluate, "Judge generated sheets: energies obtained against requested.")
    return run_command("rugan evaluate", command, args)


if __name__ == "__main__":
    sys.exit(main())
