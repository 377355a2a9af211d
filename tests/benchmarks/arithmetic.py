"""The floating-point operations that one training step needs, counted from the networks, and the rate of this machine.

An operation is a multiplication or an addition of a convolution or a matrix product; all else is left out. With C those
of the critic and G those of the generator, forward, for one batch, and C1 and G1 those of the layers that see their
input, which needs no gradient:

critic update, real twice and fake in one pass     3 C forward, 3 C gradient of weights, 3 (C - C1) of activations
critic update, gradient penalty                    C forward, C gradient of the sheet, 2 C its gradient in turn
                                                   (ReLU bends nowhere, so nothing goes back through the forward pass)
critic update, fake sheets                         G forward
generator update                                   G forward, G of weights, G - G1 of activations; 2 C by the critic
"""

import dataclasses
import statistics
import time

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Forward:
    """Operations of a forward pass of one batch, in all and in the layers that see the input."""

    all: float
    first: float


def count_forward(network, inputs) -> Forward:
    """Count the operations in the graph of a network for inputs of these shapes."""
    function = tf.function(lambda given: network(given, training=False))
    graph = function.get_concrete_function(inputs).graph
    counts = {}
    for operation in graph.get_operations():
        if operation.type == "Conv2D":
            kernel, out = operation.inputs[1].shape, operation.outputs[0].shape
            counts[operation.name] = 2.0 * np.prod(out) * np.prod(kernel[:3])
        elif operation.type == "MatMul":
            counts[operation.name] = 2.0 * np.prod(operation.outputs[0].shape) * operation.inputs[0].shape[1]
    first = sum(value for name, value in counts.items() if "block_1/first" in name or "block_1/shortcut" in name)
    return Forward(sum(counts.values()), first)


def step_operations(settings, model, rows, cols) -> float:
    """Return the operations of one training step, all critic updates and the generator update."""
    batch = settings.batch_size
    label = tf.TensorSpec((batch,))
    latent = tf.TensorSpec((batch, rows // 2, cols // 2, settings.latent_channels))
    label_map = tf.TensorSpec(latent.shape[:3])
    generator = count_forward(model.generator, {"latent": latent, "label": label_map})
    encoding = tf.TensorSpec((batch, rows, cols, model.num_states))
    critic = count_forward(model.critic, {"encoding": encoding, "label": label})
    critic_update = generator.all + 13 * critic.all - 3 * critic.first
    generator_update = 3 * generator.all - generator.first + 2 * critic.all
    return settings.critic_steps * critic_update + generator_update


class Ceiling:
    """Rates of a convolution of 128 to 128 channels and of a matrix product, 17 GFLOP each, float32."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        sheets = tf.constant(rng.normal(size=(64, 30, 34, 128)), tf.float32)
        kernel = tf.constant(rng.normal(size=(3, 3, 128, 128)), tf.float32)
        matrix = tf.constant(rng.normal(size=(2048, 2048)), tf.float32)
        self.work = {
            "convolution": (
                tf.function(lambda: tf.nn.conv2d(sheets, kernel, 1, "VALID")),
                2 * 64 * 28 * 32 * 9 * 128**2,
            ),
            "matrix product": (tf.function(lambda: matrix @ matrix), 2 * 2048**3),
        }
        self.rates: dict[str, list[float]] = {name: [] for name in self.work}
        self.measure()
        self.rates = {name: [] for name in self.work}

    def measure(self, repeats: int = 3) -> None:
        """Measure both once more."""
        for name, (function, operations) in self.work.items():
            start = time.perf_counter()
            for _ in range(repeats):
                function().numpy()
            self.rates[name].append(repeats * operations / (time.perf_counter() - start))

    def rate(self) -> float:
        """Return the larger median, operations per second."""
        return max(statistics.median(rates) for rates in self.rates.values())
