"""The halo that a generator tells, against what its output depends on."""

import keras
import numpy as np
import pytest

from rugan_tf.networks.generator import Generator

ROWS, COLS, MIDDLE = 96, 80, 40  # latent cells, more than any halo to each side of the middle


def dependence(generator):
    """Return which latent rows and columns, seen from the one that is changed, the probabilities depend on."""
    rng = np.random.default_rng(0)
    for weight in generator.weights:  # no ReLU is off and no product is zero, so that nothing hides a dependence
        weight.assign(np.abs(rng.normal(1.0, 0.1, weight.shape)) / max(1, int(np.prod(weight.shape[:-1]))))
    latent = np.ones((1, ROWS, COLS, generator.latent_channels))
    changed = latent.copy()
    changed[0, MIDDLE, MIDDLE] = 1e15
    label = np.ones((1, ROWS, COLS))
    before, after = (
        keras.ops.convert_to_numpy(last_layer(generator, {"latent": one, "label": label})) for one in (latent, changed)
    )
    touched = np.abs(after - before).max(axis=(0, 3)) > 1e-3 * np.abs(before).max()
    return [np.unique(np.nonzero(touched)[axis]) * latent.shape[1 + axis] // touched.shape[axis] for axis in (0, 1)]


def last_layer(generator, inputs):
    """Return what the last convolutions give: a softmax would hide small changes.

    So would the draft of a refinement, in whose place come the scores that it is drawn from, cell by cell.
    """
    inputs = {name: keras.ops.convert_to_tensor(value, "float32") for name, value in inputs.items()}
    hidden = keras.ops.concatenate([inputs["latent"], inputs["label"][..., None]], axis=-1)
    for block in generator.blocks:
        hidden = block(hidden)
    hidden = keras.ops.relu(generator.normalization(hidden, training=False))
    scores = generator.convolution(hidden)
    for block in generator.refinements:
        scores = scores + block.second(keras.ops.relu(block.first(keras.ops.concatenate([hidden, scores], axis=-1))))
    return scores


@pytest.mark.parametrize("period", [(1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("window", [None, (14, 16), (6, 10), (12, 8)])
@pytest.mark.parametrize("refinements", [0, 3])
def test_nothing_beyond_the_halo_matters_and_what_is_told_is_not_far_from_it(period, window, refinements):
    generator = Generator(4, latent_channels=3, period=period, window=window, refinements=refinements)
    generator.build()
    for told, touched in zip(generator.halo, dependence(generator), strict=True):
        furthest = max(MIDDLE - touched.min(), touched.max() - MIDDLE)
        assert furthest <= told <= furthest + 1
