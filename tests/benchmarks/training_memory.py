"""Peak memory of a process that trains a preset for two updates.

.venv/bin/python tests/benchmarks/training_memory.py paper --batch-size 64
"""

import dataclasses
import os
import resource
import time
from typing import Literal

import tyro

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@dataclasses.dataclass(frozen=True)
class MemoryOptions:
    preset: tyro.conf.Positional[Literal["quick", "cpu", "paper"]]
    """Preset of rugan train."""
    batch_size: int
    """Sheets of an update."""
    xla: bool = False
    """Compile by XLA."""


def main(options: MemoryOptions) -> None:
    import tensorflow as tf
    from train_step import build_data

    from rugan_tf.train.building import build_model
    from rugan_tf.train.options import PRESETS

    settings = dataclasses.replace(PRESETS[options.preset][0], batch_size=options.batch_size, xla=options.xla)
    number = settings.batch_size * settings.critic_steps
    data_set, label = build_data(number)
    print(f"before the networks: {peak():.2f} GiB")
    model = build_model(settings, data_set)
    model.make_train_function()
    function = model.train_function
    batches = iter(tf.data.Dataset.from_tensors({"states": data_set.states, "label": label}).repeat())
    for _ in range(2):
        start = time.perf_counter()
        function(batches)["critic_loss"].numpy()
        print(f"an update of {number} sheets in {time.perf_counter() - start:.1f} s; peak so far {peak():.2f} GiB")


def peak() -> float:
    """Return the most memory that the process held, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main(tyro.cli(MemoryOptions))
