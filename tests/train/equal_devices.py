"""Train three full steps with SGD on NUMBER parts of the processor, write losses, gradients and weights.

equal_devices.py NUMBER OUT.npz [xla]
"""

import sys
from pathlib import Path

import keras
import numpy as np
from tiny_networks import build_rugan

from rugan_tf.data.pipeline import training_batches
from rugan_tf.train.devices import distribution_strategy, shared_out
from rugan_tf.train.loop import compiled_step

STEPS, CRITIC_STEPS, BATCH = 3, 2, 4


def main(number: int, out: Path, *, use_xla: bool) -> None:
    """Train on the same sheets, whatever the number of devices."""
    strategy = distribution_strategy(number if number > 1 else None)
    with strategy.scope():
        model = build_rugan(critic_steps=CRITIC_STEPS)
        model.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), use_xla=use_xla)
    rng = np.random.default_rng(0)
    batches = training_batches(
        rng.integers(0, 4, (40, 4, 6)).astype(np.uint8),
        rng.normal(size=40).astype(np.float32),
        batch_size=BATCH * CRITIC_STEPS,
        seed=7,
        period=(1, 2),
        critic_steps=CRITIC_STEPS,
        num_replicas=strategy.num_replicas_in_sync,
    )
    before = [weight.numpy() for weight in model.weights]
    step, elements = compiled_step(strategy, model), iter(shared_out(strategy, batches))
    history = []
    for _ in range(STEPS):
        model.reset_metrics()
        history.append(step(next(elements)))
    arrays = {f"log-{name}": np.array([logs[name] for logs in history]) for name in history[0]}
    arrays |= {f"weight-{index:02d}": weight.numpy() for index, weight in enumerate(model.weights)}
    moved = [bool((weight.numpy() != old).any()) for weight, old in zip(model.weights, before, strict=True)]
    np.savez(out, **arrays, replicas=strategy.num_replicas_in_sync, moved=np.array(moved))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), use_xla="xla" in sys.argv[3:])
