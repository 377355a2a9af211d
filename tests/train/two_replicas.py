"""Fit RUGAN for one step on two logical CPU devices; print how far apart the replicas' weights lie."""

import json

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from tiny_networks import build_rugan  # noqa: E402  (devices are set before they are used)


def local_values(strategy, weight):
    """Return what each replica holds of a weight."""
    return [value.numpy() for value in strategy.experimental_local_results(weight.value)]


def main() -> None:
    """Print JSON."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = build_rugan(critic_steps=2, dropout=0.25)
    parts = {"generator": model.generator, "critic": model.critic, "average": model.average}
    before = {name: [np.array(weight.numpy()) for weight in part.weights] for name, part in parts.items()}
    states = np.random.default_rng(0).integers(0, 4, (8, 2, 4)).astype(np.uint8)
    labels = np.linspace(-1.0, 1.0, 8).astype(np.float32)
    batches = tf.data.Dataset.from_tensors({"states": states, "label": labels}).repeat()
    history = model.fit(batches, epochs=1, steps_per_epoch=1, shuffle=False, verbose=0).history
    apart, moved = {}, {}
    for name, part in parts.items():
        replicas = [local_values(strategy, weight) for weight in part.weights]
        apart[name] = max(float(np.abs(first - second).max()) for first, second in replicas)
        pairs = zip(replicas, before[name], strict=True)
        moved[name] = [bool((first != old).any()) for (first, _), old in pairs]
    iterations = [int(model.critic_optimizer.iterations), int(model.generator_optimizer.iterations)]
    print(json.dumps({"apart": apart, "moved": moved, "iterations": iterations, "history": history}))


if __name__ == "__main__":
    main()
