"""Updates per second of a preset with and without XLA, in one process, alternating; compile times apart.

.venv/bin/python tests/benchmarks/train_step.py quick --updates 10 --rounds 3
"""

import dataclasses
import os
import time
from typing import Literal

import tyro

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@dataclasses.dataclass(frozen=True)
class BenchmarkOptions:
    preset: tyro.conf.Positional[Literal["quick", "cpu", "paper"]]
    """Preset of rugan train."""
    updates: int = 10
    """Generator updates that are timed in one round."""
    rounds: int = 3
    """Rounds; each times both, the order swapped from one to the next."""


def build_data(num_sheets: int = 1024):
    """Return a data set of sheets of 14x16 cells with made-up energies, and its labels: only the cost matters here."""
    import numpy as np

    from rugan_tf.formats.data_set import DataSet
    from rugan_tf.saved.label_scale import LabelScale
    from rugan_tf.systems.named import system_named
    from rugan_tf.systems.porous_graphene.holes import PoreOptions

    system = system_named("porous_graphene")
    states = system.draw_states(np.random.default_rng(0), num_sheets, 14, 16, PoreOptions())
    energy = -3.757 * system.num_atoms(states) / 448
    return DataSet(states, energy, {"system": system.name}), LabelScale.of(energy).label(energy)


def main(options: BenchmarkOptions) -> None:
    import numpy as np

    from rugan_tf.data.pipeline import training_batches
    from rugan_tf.train.building import build_model, lattice_period
    from rugan_tf.train.options import PRESETS

    data_set, label = build_data()
    settings = PRESETS[options.preset][0]
    batches = iter(
        training_batches(
            data_set.states,
            label,
            batch_size=settings.batch_size * settings.critic_steps,
            seed=0,
            period=lattice_period(data_set),
        )
    )
    start = time.perf_counter()
    for _ in range(options.updates):
        next(batches)
    pipeline = (time.perf_counter() - start) / options.updates
    print(f"the pipeline alone: {pipeline * 1e3:.1f} ms per element, at best what a step waits for")
    models = {}
    for xla in (False, True):
        start = time.perf_counter()
        model = build_model(dataclasses.replace(settings, xla=xla), data_set)
        model.make_train_function()
        models[xla] = model.train_function
        models[xla](batches)
        print(f"xla={xla}: {time.perf_counter() - start:.1f} s until the first update is done", flush=True)
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for round_ in range(options.rounds):
        for xla in (False, True) if round_ % 2 == 0 else (True, False):
            start = time.perf_counter()
            for _ in range(options.updates):
                models[xla](batches)
            seconds[xla].append((time.perf_counter() - start) / options.updates)
    for xla, values in seconds.items():
        print(f"xla={xla}: {min(values):.3f} s per update at best, {sorted(values)[len(values) // 2]:.3f} s median")
    print(f"ratio of the medians, with over without: {np.median(seconds[True]) / np.median(seconds[False]):.2f}")


if __name__ == "__main__":
    main(tyro.cli(BenchmarkOptions))
