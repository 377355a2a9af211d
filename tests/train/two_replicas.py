"""Train RUGAN for two steps on two logical CPU devices, with the loop of a run; print what came of it.

two_replicas.py FOLDER
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from tiny_networks import TinyGenerator, build_rugan  # noqa: E402  (after the devices are set)

from rugan_tf.train.checkpoints import CheckpointFolder  # noqa: E402
from rugan_tf.train.gallery import Page  # noqa: E402
from rugan_tf.train.interruption import StopOnSigterm  # noqa: E402
from rugan_tf.train.loop import Course, compiled_step, train_updates  # noqa: E402
from rugan_tf.train.options import TrainOptions  # noqa: E402
from rugan_tf.train.tensorboard_log import TensorBoardLog  # noqa: E402


def main(path: Path) -> None:
    """Print JSON."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = build_rugan(critic_steps=2, dropout=0.25)
    parts = {"generator": model.generator, "critic": model.critic, "average": model.average}
    before = {name: replicas_of(strategy, part) for name, part in parts.items()}
    states = np.random.default_rng(0).integers(0, 4, (8, 2, 4)).astype(np.uint8)
    labels = np.linspace(-1.0, 1.0, 8).astype(np.float32)
    batches = tf.data.Dataset.from_tensors({"states": states, "label": labels}).repeat()
    folder = CheckpointFolder(path / "checkpoints")
    averaged = TinyGenerator()
    averaged.build()
    page = Page({"sheets/one": 1.0}, {"sheets/picture": np.zeros((2, 2, 3), np.uint8)})
    gallery = SimpleNamespace(draw=lambda _: page, draw_large=lambda _: page)
    options = TrainOptions(data=path, run_dir=path, num_updates=2, interval=1)

    def save(update: int) -> None:
        folder.write(model, update)
        model.average.copy_to(averaged)

    train_updates(
        compiled_step(strategy, model),
        iter(strategy.experimental_distribute_dataset(batches)),
        model.reset_metrics,
        first_update=0,
        num_updates=2,
        interval=1,
        stop=StopOnSigterm(bool),
        folder=folder,
        course=Course(TensorBoardLog(path / "tensorboard", options, model, gallery, []), save),
    )
    after = {name: replicas_of(strategy, part) for name, part in parts.items()}
    result = {
        "apart": {name: max(float(np.abs(a - b).max()) for a, b in after[name]) for name in parts},
        "moved": {
            name: [bool((new != old).any()) for (new, _), (old, _) in zip(after[name], before[name], strict=True)]
            for name in parts
        },
        "average_is_copied": all(
            bool((weight.numpy() == average).all())
            for weight, (average, _) in zip(averaged.weights, after["average"], strict=True)
        ),
        "steps": [number for number, _ in folder.newest_first()],
    }
    model.critic.linear.bias.assign([9.0])
    folder.restore(model)
    restored = replicas_of(strategy, model.critic)
    pairs = zip(restored, after["critic"], strict=True)
    result["is_restored"] = all(bool((new == old).all()) for both in pairs for new, old in zip(*both, strict=True))
    print(json.dumps(result))


def replicas_of(strategy, part):
    """Return, for each weight, what either replica holds."""
    local = strategy.experimental_local_results
    return [[np.array(value.numpy()) for value in local(weight.value)] for weight in part.weights]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
