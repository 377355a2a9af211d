"""One small instance of every public layer and network, with inputs, for the conformance battery."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rugan_tf.networks.critic import Critic, CriticBlock
from rugan_tf.networks.ednn import EDNN, TileNetwork
from rugan_tf.networks.generator import Generator, GeneratorBlock, RefinementBlock
from rugan_tf.networks.layers import PeriodicConv2D, PeriodicMean2D, PeriodicPadding2D


@dataclasses.dataclass(frozen=True)
class Case:
    """How to build a layer, and the shapes of its inputs and outputs for 4x6 cells; None is a free size."""

    build: Callable[[], keras.layers.Layer]
    inputs: Any
    outputs: Any
    free_inputs: Any
    dtype: tf.DType = tf.float32

    def specification(self) -> Any:
        """Return the TensorSpec of every input, with free sizes."""
        return map_shapes(lambda shape: tf.TensorSpec(shape, self.dtype), self.free_inputs)


FIELD = {"inputs": (2, 4, 6, 3), "free_inputs": (None, None, None, 3)}
CRITIC = {
    "inputs": {"encoding": (2, 4, 6, 4), "label": (2,)},
    "free_inputs": {"encoding": (None, None, None, 4), "label": (None,)},
    "outputs": ((2,), (2, 5)),
}

CASES = {
    "PeriodicPadding2D": Case(lambda: PeriodicPadding2D(1), outputs=(2, 6, 8, 3), **FIELD),
    "PeriodicPadding2D by more than the lattice": Case(lambda: PeriodicPadding2D(7), outputs=(2, 18, 20, 3), **FIELD),
    "PeriodicMean2D": Case(lambda: PeriodicMean2D((3, 4)), outputs=(2, 4, 6, 3), **FIELD),
    "PeriodicMean2D of more than the lattice": Case(lambda: PeriodicMean2D((7, 14)), outputs=(2, 4, 6, 3), **FIELD),
    "PeriodicConv2D": Case(lambda: PeriodicConv2D(5, 3), outputs=(2, 4, 6, 5), **FIELD),
    "PeriodicConv2D of reach 2": Case(lambda: PeriodicConv2D(2, 5, use_bias=False), outputs=(2, 4, 6, 2), **FIELD),
    "GeneratorBlock": Case(lambda: GeneratorBlock(3), outputs=(2, 4, 6, 3), **FIELD),
    "GeneratorBlock upsampling": Case(
        lambda: GeneratorBlock(5, upsampling=(2, 2), preactivate=False), outputs=(2, 8, 12, 5), **FIELD
    ),
    "RefinementBlock": Case(
        lambda: RefinementBlock(5, num_states=4, period=(1, 2)),
        inputs={"features": (2, 4, 6, 3), "scores": (2, 4, 6, 8)},
        free_inputs={"features": (None, None, None, 3), "scores": (None, None, None, 8)},
        outputs=(2, 4, 6, 8),
    ),
    "CriticBlock": Case(lambda: CriticBlock(3), outputs=(2, 4, 6, 3), **FIELD),
    "CriticBlock at the beginning": Case(lambda: CriticBlock(5, preactivate=False), outputs=(2, 4, 6, 5), **FIELD),
    "Generator": Case(
        lambda: Generator(width=5, latent_channels=3),
        inputs={"latent": (2, 4, 6, 3), "label": (2, 4, 6)},
        free_inputs={"latent": (None, None, None, 3), "label": (None, None, None)},
        outputs=(2, 8, 12, 4),
    ),
    "Generator of several conditions": Case(
        lambda: Generator(width=5, latent_channels=3, num_conditions=2),
        inputs={"latent": (2, 4, 6, 3), "label": (2, 4, 6, 2)},
        free_inputs={"latent": (None, None, None, 3), "label": (None, None, None, 2)},
        outputs=(2, 8, 12, 4),
    ),
    "Critic of several conditions": Case(
        lambda: Critic(width=5, head_layers=1, regression=True, projection=True, num_conditions=2),
        inputs={"encoding": (2, 4, 6, 4), "label": (2, 2)},
        free_inputs={"encoding": (None, None, None, 4), "label": (None, 2)},
        outputs=((2,), (2, 5), (2, 2)),
    ),
    "Critic whose blocks see several conditions": Case(
        lambda: Critic(width=5, num_conditions=3),
        inputs={"encoding": (2, 4, 6, 4), "label": (2, 3)},
        free_inputs={"encoding": (None, None, None, 4), "label": (None, 3)},
        outputs=((2,), (2, 5)),
    ),
    "Generator of whole periods": Case(
        lambda: Generator(width=5, latent_channels=3, period=(1, 2)),
        inputs={"latent": (2, 4, 6, 3), "label": (2, 4, 6)},
        free_inputs={"latent": (None, None, None, 3), "label": (None, None, None)},
        outputs=(2, 8, 12, 4),
    ),
    "Generator with window means": Case(
        lambda: Generator(width=5, latent_channels=3, period=(1, 2), window=(6, 8)),
        inputs={"latent": (2, 4, 6, 3), "label": (2, 4, 6)},
        free_inputs={"latent": (None, None, None, 3), "label": (None, None, None)},
        outputs=(2, 8, 12, 4),
    ),
    "Generator with refinements": Case(
        lambda: Generator(width=5, latent_channels=3, period=(1, 2), refinements=2),
        inputs={"latent": (2, 4, 6, 3), "label": (2, 4, 6)},
        free_inputs={"latent": (None, None, None, 3), "label": (None, None, None)},
        outputs=(2, 8, 12, 4),
    ),
    "Critic": Case(lambda: Critic(width=5, dropout=0.5), **CRITIC),
    "Critic with projection": Case(lambda: Critic(width=5, projection=True), **CRITIC),
    "Critic with a head": Case(lambda: Critic(width=5, dropout=0.5, projection=True, head_layers=2), **CRITIC),
    "Critic with regression": Case(
        lambda: Critic(width=5, head_layers=1, regression=True), **CRITIC | {"outputs": ((2,), (2, 5), (2,))}
    ),
    "Critic without folding": Case(lambda: Critic(width=5, period=(1, 1)), **CRITIC),
    "Critic with maps": Case(
        lambda: Critic(width=5, projection=True, head_layers=1, maps=True),
        inputs={"encoding": (2, 4, 6, 4), "label": (2, 2, 3)},
        free_inputs={"encoding": (None, None, None, 4), "label": (None, None, None)},
        outputs=((2,), (2, 5)),
    ),
    "TileNetwork": Case(lambda: TileNetwork(width=5, context=2), outputs=(2, 4, 6), **FIELD),
    "EDNN": Case(
        lambda: EDNN(width=5, context=2, state_energies=(0.0, 1.0, 2.0, 4.0), energy_scale=0.5),
        inputs=(2, 4, 6),
        free_inputs=(None, None, None),
        outputs=(2,),
        dtype=tf.uint8,
    ),
}


def map_shapes(function: Callable[[Any], Any], shapes: Any) -> Any:
    """Apply a function to one shape, to each of a tuple of shapes, or to the values of a dict of shapes."""
    if isinstance(shapes, dict):
        return {name: function(shape) for name, shape in shapes.items()}
    if shapes and isinstance(shapes[0], tuple):
        return tuple(function(shape) for shape in shapes)
    return function(shapes)


def draw_inputs(case: Case) -> Any:
    """Draw Gaussian inputs, or states."""
    rng = np.random.default_rng(0)
    if case.dtype == tf.uint8:
        return tf.constant(rng.integers(0, 4, case.inputs), tf.uint8)
    return map_shapes(lambda shape: tf.constant(rng.normal(size=shape), tf.float32), case.inputs)


def draw_weights(layer: keras.layers.Layer, seed: int = 1) -> None:
    """Set every weight to values that no initialiser gives, so that none can be lost unseen."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        fan_in = max(1, int(np.prod(weight.shape[:-1])))
        values = rng.normal(size=weight.shape) / np.sqrt(fan_in if len(weight.shape) > 1 else 4)
        weight.assign(1 + np.abs(values) if "variance" in weight.name else values)


def built(case: Case) -> keras.layers.Layer:
    """Build a layer, with weights drawn at random."""
    layer = case.build()
    layer(draw_inputs(case))
    draw_weights(layer)
    return layer


def assert_equal(first: Any, second: Any) -> None:
    """Compare one output, or each of several."""
    for left, right in zip(tf.nest.flatten(first), tf.nest.flatten(second), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)
