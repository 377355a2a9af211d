"""What networks see of maps: the maps of sheets as they lie, noise without a mean, and single numbers."""

import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.data.map_batches import LabelMaps, filtered
from rugan_tf.data.map_filter import MapFilter
from rugan_tf.data.pipeline import shift_periodic, training_batches
from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
PASSED = MapFilter.of(GRAPHENE, 8, 12, 2.0)
LOCAL = np.random.default_rng(0).normal(size=(6, 8, 6)).astype(np.float32)
STATES = np.random.default_rng(1).integers(0, 4, (6, 8, 12), np.uint8)


def batch(noise=0.0, uniform_share=0.0, *, shifts=False):
    maps = LabelMaps(LOCAL, PASSED, noise, uniform_share)
    labels = LOCAL.mean(axis=(1, 2))
    batches = training_batches(STATES, labels, batch_size=60, seed=3, period=(1, 2), shifts=shifts, maps=maps)
    return {name: value.numpy() for name, value in next(iter(batches)).items()}


def test_map_has_the_mean_of_the_sheet():
    np.testing.assert_allclose(filtered(PASSED, LOCAL).numpy().mean(axis=(1, 2)), LOCAL.mean(axis=(1, 2)), atol=1e-6)


def test_maps_are_of_the_sheets_as_they_lie_after_their_shifts():
    found = batch(shifts=True)
    assert {*found} == {"states", "label", "asked"}
    np.testing.assert_array_equal(found["label"], found["asked"])
    moved = set()
    for states, asked in zip(found["states"], found["asked"], strict=True):
        places = [
            (sheet, row, col)
            for sheet in range(6)
            for row in range(8)
            for col in range(0, 12, 2)
            if (np.roll(STATES[sheet], (row, col), axis=(0, 1)) == states).all()
        ]
        ((sheet, row, col),) = places
        moved.add((row, col))
        expected = filtered(PASSED, np.roll(LOCAL[sheet], (row, col // 2), axis=(0, 1))[None])[0]
        np.testing.assert_allclose(asked, expected, atol=1e-5)
    assert len(moved) > 20


def test_noise_changes_what_is_seen_and_neither_the_mean_nor_what_is_asked():
    quiet, noisy = batch(), batch(noise=0.5)
    np.testing.assert_array_equal(noisy["asked"], quiet["asked"])
    difference = noisy["label"] - noisy["asked"]
    assert difference.std() == pytest.approx(0.5, rel=0.1)
    np.testing.assert_allclose(difference.mean(axis=(1, 2)), 0, atol=1e-6)


def test_a_share_of_the_sheets_has_one_number_without_noise():
    found = batch(noise=0.5, uniform_share=0.4)
    is_uniform = np.ptp(found["label"], axis=(1, 2)) == 0
    assert 0.2 < is_uniform.mean() < 0.6
    np.testing.assert_allclose(
        found["label"][is_uniform][:, 0, 0], found["asked"][is_uniform].mean(axis=(1, 2)), atol=1e-6
    )
    assert np.ptp(batch(noise=0.5, uniform_share=1.0)["label"], axis=(1, 2)).max() == 0


def test_shifting_local_energies_is_shifting_sheets():
    shifts = [tf.constant([3]), tf.constant([2])]
    np.testing.assert_array_equal(shift_periodic(tf.constant(LOCAL[:1]), *shifts)[0], np.roll(LOCAL[0], (3, 2), (0, 1)))


def test_tile_larger_than_a_cell_of_the_map_is_refused():
    class Wide:
        row_period, col_period = 3, 1

    with pytest.raises(InputError, match=r"at most 2 rows and columns\. Received: 3 and 1"):
        MapFilter.of(Wide(), 6, 6, 2.0)
