"""The halo of a tile is as wide as the shipped kind of generator sees, and not much wider."""

import numpy as np

from rugan_tf.generate.tiles import HALO, UPSCALING
from rugan_tf.networks.generator import Generator

LENGTH = 64  # latent cells


def reach(generator, axis):
    """Return in how many latent cells on either side of a changed one the sheet changes."""
    shape = [1, 2, 2, 3]
    shape[axis] = LENGTH
    latent, label = np.random.default_rng(0).normal(size=shape).astype(np.float32), np.zeros(shape[:3], np.float32)
    changed = latent.copy()
    changed[tuple(LENGTH // 2 if place == axis else slice(None) for place in range(4))] += 3.0
    first, second = (generator({"latent": one, "label": label}).numpy() for one in (latent, changed))
    others = tuple(place for place in range(4) if place != axis)
    touched = np.flatnonzero(np.abs(first - second).max(axis=others) > 0) // UPSCALING
    return LENGTH // 2 - touched.min(), touched.max() - LENGTH // 2


def test_halo_is_as_wide_as_the_generator_sees():
    generator = Generator(width=4, latent_channels=3, period=(1, 2), window=(14, 16))
    generator.build()
    rng = np.random.default_rng(1)
    for weight in generator.weights:
        if "kernel" in weight.path:  # positive: no change is lost in a ReLU
            weight.assign(np.abs(rng.normal(size=weight.shape)) / np.prod(weight.shape[:-1]))
    furthest = max(reach(generator, axis=1) + reach(generator, axis=2))
    assert HALO - 2 <= furthest <= HALO
