"""`python -m rugan_tf.evaluate`: energies obtained against requested, at the training size and beyond."""

import sys
from collections.abc import Sequence
from typing import Any

from rugan_tf.config import Command, run_command
from rugan_tf.evaluate.options import EvaluateOptions

SHOWN = {
    "num_samples": ("sheets", "d"),
    "rows": ("rows", "d"),
    "cols": ("cols", "d"),
    "ks_statistic": ("KS D", ".4f"),
    "ks_pvalue": ("KS p", ".3g"),
    "mae": ("mean absolute error (eV/Å²)", ".5f"),
    "rmse": ("root mean square error (eV/Å²)", ".5f"),
    "r2": ("R²", ".4f"),
    "pearson_r": ("Pearson r", ".4f"),
    "bias": ("bias (eV/Å²)", "+.5f"),
    "bias_in_sd": ("bias (standard deviations of the data)", "+.3f"),
    "validity": ("valid sheets (share)", ".4f"),
    "validity_unrepaired": ("valid sheets before repair (share)", ".4f"),
    "dangling_share_unrepaired": ("atoms that repair removes (share)", ".5f"),
    "uniqueness": ("distinct sheets (share)", ".4f"),
    "novelty": ("sheets not in the data (share)", ".4f"),
}


def evaluate(options: EvaluateOptions) -> None:
    """Read, evaluate, show."""
    from rugan_tf.data.energies import energy_named
    from rugan_tf.data.storage import read_data_set
    from rugan_tf.evaluate import evaluation
    from rugan_tf.generate.sheets import SheetModel

    model = SheetModel.load(options.model)
    energy_function = energy_named(model.system, options.energy)
    data_set = read_data_set(options.data)
    content = evaluation.evaluate(model, data_set, energy_function, options)
    show(content)
    rows, cols = 2 * model.rows, 2 * model.cols
    typical = sorted(data_set.energy_per_area)[len(data_set.energy_per_area) // 2]
    print(
        f"{options.out}: metrics.json, energies_*.png, large_sheet.png, samples_*.npz\n"
        f"next: python -m rugan_tf.generate --model {options.model} --energy-per-area {typical:.3f} "
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
    for key, (label, form) in SHOWN.items():
        values = [scale[key] for scale in content["scales"].values()]
        table.add_row(label, *("-" if value is None else format(value, form) for value in values))
    Console().print(table)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    command = Command(EvaluateOptions, evaluate, "Judge generated sheets: energies obtained against requested.")
    return run_command("rugan evaluate", command, args)


if __name__ == "__main__":
    sys.exit(main())
