"""What an update costs against width, batch and critic_steps: a table and a picture for docs/training.md.

One of the three is varied at a time, around the networks of a preset. All is compiled first; then every round times
each configuration once, in an order that turns.

.venv/bin/python tests/benchmarks/training_cost.py --out docs
"""

import dataclasses
import os
import statistics
import time
from pathlib import Path
from typing import Literal

import tyro

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROWS, COLS = 14, 16
VARIED = {"width": (16, 32, 64, 128), "batch_size": (16, 32, 64, 128), "critic_steps": (1, 2, 5, 10)}
BASE = {"width": 32, "batch_size": 32, "critic_steps": 1}


@dataclasses.dataclass(frozen=True)
class CostOptions:
    preset: Literal["quick", "cpu", "paper"] = "cpu"
    """Preset of rugan train, whose networks and losses are taken."""
    rounds: int = 3
    """Rounds."""
    seconds: float = 1.0
    """Time of one configuration in one round, about."""
    out: Path = Path("docs")
    """Folder of the picture."""
    pause: bool = False
    """Wait for Enter when all is compiled."""


def main(options: CostOptions) -> None:
    import numpy as np
    import tensorflow as tf
    from arithmetic import Ceiling, step_operations
    from train_step import build_data

    from rugan_tf.train.building import build_model
    from rugan_tf.train.options import PRESETS

    data_set, label = build_data()
    points = [BASE | {name: value} for name, values in VARIED.items() for value in values if value != BASE[name]]
    points = [BASE, *points]
    models: dict[tuple[int, int, bool], object] = {}
    steps, operations = {}, {}
    for number, point in enumerate(points):
        settings = dataclasses.replace(PRESETS[options.preset][0], critic_width=point["width"], **point)
        size = settings.batch_size * settings.critic_steps
        batch = {"states": np.resize(data_set.states, (size, ROWS, COLS)), "label": np.resize(label, size)}
        batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
        for xla in (False, True):
            key = settings.width, settings.batch_size, xla
            model = models.setdefault(key, build_model(dataclasses.replace(settings, xla=xla), data_set))
            model.critic_steps = settings.critic_steps
            model.make_train_function(force=True)
            function = model.train_function
            steps[number, xla] = lambda function=function, batches=batches: function(batches)["critic_loss"].numpy()
            steps[number, xla]()
        operations[number] = step_operations(settings, model, ROWS, COLS)
        print(f"compiled {point}", flush=True)
    if options.pause:
        input("compiled; Enter to measure\n")
    ceiling, seconds = Ceiling(), {key: [] for key in steps}
    for round_ in range(options.rounds):
        ceiling.measure()
        for key in list(steps) if round_ % 2 == 0 else list(steps)[::-1]:
            start, repeats = time.perf_counter(), 0
            while time.perf_counter() - start < options.seconds:
                steps[key]()
                repeats += 1
            seconds[key].append((time.perf_counter() - start) / repeats)
    cost = {key: statistics.median(values) for key, values in seconds.items()}
    print(f"ceiling: {ceiling.rate() / 1e9:.0f} GFLOP/s\n")
    print("| width | batch | critic steps | GFLOP | s per update | with XLA | of the ceiling, the faster |")
    print("|---|---|---|---|---|---|---|")
    for number, point in enumerate(points):
        plain, xla = cost[number, False], cost[number, True]
        share = operations[number] / min(plain, xla) / ceiling.rate()
        values = " | ".join(str(value) for value in point.values())
        print(f"| {values} | {operations[number] / 1e9:.1f} | {plain:.3f} | {xla:.3f} | {share:.0%} |")
    draw(points, cost, options.out / "training_cost.png")


def draw(points: list[dict[str, int]], cost: dict[tuple[int, bool], float], path: Path) -> None:
    """Draw the cost against each of the three, with and without XLA."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, values) in zip(figure.subplots(1, 3, sharey=True), VARIED.items(), strict=True):
        numbers = [points.index(BASE | {name: value}) for value in values]
        for xla, text, style in ((False, "without XLA", "o--"), (True, "XLA", "o-")):
            axes.plot(values, [cost[number, xla] for number in numbers], style, label=text)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(values, [str(value) for value in values])
        fixed = ", ".join(f"{other.replace('_', ' ')} {value}" for other, value in BASE.items() if other != name)
        axes.set_title(fixed, fontsize=10)
        axes.set_xlabel(name.replace("_", " "))
        axes.grid(alpha=0.3, which="both")
    figure.axes[0].set_ylabel("s per generator update")
    figure.axes[0].legend()
    figure.savefig(path)


if __name__ == "__main__":
    main(tyro.cli(CostOptions))
