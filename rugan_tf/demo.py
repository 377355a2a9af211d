"""`python -m rugan_tf.demo`: the main job from end to end, by the same commands as a user would type."""

import dataclasses
import importlib
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rugan_tf.config import Command, run_command
from rugan_tf.errors import InputError
from rugan_tf.saved.shipped import MAIN_MODEL

ENERGIES = ("-3.4", "-3.0", "-2.6", "-2.2")  # eV/Å², over the range of the data
SHIPPED = Path(MAIN_MODEL)  # by its name


@dataclasses.dataclass(frozen=True)
class DemoOptions:
    """Build a data set, train `quick`, export, generate at 1x1 and 2x2, evaluate; the same with the shipped model."""

    out: Path = Path("runs/demo")
    """Folder for everything that is made; what is there already is used again."""
    num_sheets: int = 16384
    """Sheets of the data set."""
    num_samples: int = 2000
    """Generated sheets of each size that the EDNN judges."""
    num_samples_again: int = 128
    """Generated sheets of the training size that tight binding judges again."""


def demo(options: DemoOptions) -> None:
    """Run the steps that are not done yet, saying each command before it runs."""
    start = time.perf_counter()
    out, data = options.out, options.out / "sheets.npz"
    training, model = out / "training", out / "saved_model"
    if not data.exists():
        step("data", "build", "--num-sheets", str(options.num_sheets), "--energy", "ednn", "--out", str(data))
    resume = ["--resume"] if (training / "config.json").exists() else []
    step("train", "quick", "--data", str(data), "--run-dir", str(training), *resume)
    if model.exists():
        shutil.rmtree(model)  # the demo's own, of an earlier run
    step("export", "--run-dir", str(training), "--out", str(model), "--ednn")
    for name, folder in (("quick", model), ("shipped", SHIPPED)):
        generate(name, folder, out)
    evaluations = [evaluate("quick", model, options, "ednn"), evaluate("quick", model, options, "tight-binding")]
    evaluations.append(evaluate("shipped", SHIPPED, options, "ednn"))
    summarise(evaluations, out, time.perf_counter() - start)


def generate(name: str, model: Path, out: Path) -> None:
    """Generate sheets at several energies, at the training size and at twice it, as pictures and as atoms."""
    for scale, rows, cols in (("1x1", 14, 16), ("2x2", 28, 32)):
        size = ["--rows", str(rows), "--cols", str(cols), "--num-sheets", str(len(ENERGIES)), "--seed", "0"]
        for suffix in (".png", ".extxyz"):
            target = ["--out", str(out / f"{name}_sheets_{scale}{suffix}"), "--overwrite"]
            step("generate", "--model", str(model), "--energy-per-area", *ENERGIES, *size, *target)


def evaluate(name: str, model: Path, options: DemoOptions, energy: str) -> Path:
    """Evaluate a model by a judge, and return the folder of the evaluation."""
    by_ednn = energy == "ednn"
    target = options.out / (f"{name}_evaluation" if by_ednn else f"{name}_evaluation_tight_binding")
    number, scales = (options.num_samples, ("1", "2")) if by_ednn else (options.num_samples_again, ("1",))
    compared = ["--num-structures", "250", *([] if by_ednn else ["--matched", "0"])]  # a slow judge judges no more
    words = ["--scales", *scales, *compared, "--num-samples", str(number), "--out", str(target), "--overwrite"]
    data = str(options.out / "sheets.npz")
    step("evaluate", "--model", str(model), "--data", data, "--energy", energy, *words)
    return target


def step(door: str, *args: str) -> None:
    """Say a command, then run it in this process.

    Raises:
        InputError: it failed; what it said stands above.
    """
    print(f"\n$ python -m rugan_tf.{door} {' '.join(args)}", flush=True)
    # In this process, so that TensorFlow starts once and not with every step.
    if importlib.import_module(f"rugan_tf.{door}.__main__").main(list(args)):
        raise InputError(f"Every step of the demo must succeed. Received: rugan_tf.{door} failed, see above")


def summarise(evaluations: list[Path], out: Path, seconds: float) -> None:
    """Print a short table, where the pictures are, and what to run next."""
    from rich.console import Console
    from rich.table import Table

    title = f"RUGAN after {seconds / 60:.1f} minutes: energy obtained against requested, in eV/Å²"
    # Without lines it fits into 80 columns.
    table = Table(title=title, box=None, padding=(0, 0, 0, 1), pad_edge=False)
    energies = ("raw\nR²", "R²", "MAE", "bias", "KS D")
    for heading in ("model", "size", "judge", "sheets", *energies, "valid\nbefore\nrepair"):
        table.add_column(heading, justify="right", no_wrap=True)
    baselines = {}
    for folder in evaluations:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        for scale, values in metrics["scales"].items():
            judge = metrics["energy"].split(":")[0]
            # Not fewer digits: corrected sheets would all have an R² of one.
            shown = [f"{values['r2']:.5f}", *(f"{values[key]:.4f}" for key in ("mae", "bias", "ks_statistic"))]
            raw = "-" if values["raw"] is None else f"{values['raw']['r2']:.4f}"
            valid = values["validity_unrepaired"]
            shown.append("-" if valid is None else f"{valid:.3f}")
            table.add_row(folder.name.partition("_")[0], scale, judge, str(values["num_samples"]), raw, *shown)
            if values["raw"] is not None:
                baselines[scale] = f"{values['baselines']['composition_cubic']['r2']:.4f} ({scale})"
    console = Console()
    console.print(table)
    told = ", ".join(baselines.values())
    console.print(
        f"raw: asked once, neither corrected nor repaired\nR² of the right composition and nothing else: {told}",
        highlight=False,
    )
    console.print("pictures:", *sorted(str(path) for path in out.glob("**/*.png")), sep="\n  ", highlight=False)
    console.print(
        "next: a longer training (Ctrl-C and --resume at any time), or a larger sheet of the shipped model:\n"
        f"  .venv/bin/python -m rugan_tf.train cpu --data {out / 'sheets.npz'} --run-dir runs/cpu\n"
        f"  .venv/bin/python -m rugan_tf.generate --energy-per-area -2.6 --rows 112 --cols 128 "
        f"--out {out / 'large.png'}\n"
        f"  .venv/bin/tensorboard --logdir {out / 'training' / 'tensorboard'}",
        highlight=False,
        soft_wrap=True,
    )


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    return run_command("rugan demo", Command(DemoOptions, demo, "Run the main job from end to end."), args)


if __name__ == "__main__":
    sys.exit(main())
