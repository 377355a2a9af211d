"""The signatures of a model that has learnt from maps: `map`, `local_energy`, and what `calibrate` tells of both."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from rugan_tf.generate.sheets import SheetModel

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

ENERGIES = [-2.6, -1.4]
REFUSED = tf.errors.InvalidArgumentError


@pytest.fixture(scope="module")
def loaded(mapped_model):
    return tf.saved_model.load(str(mapped_model / "1"))


def draw_map(loaded, energies=ENERGIES, rows=14, cols=16, origin=(0, 0), shape=(7, 8), seed=3, first_sheet=0):
    return loaded.signatures["map"](
        energy_per_area=tf.constant(energies, tf.float32),
        rows=tf.constant(rows, tf.int32),
        cols=tf.constant(cols, tf.int32),
        seed=tf.constant(seed, tf.int64),
        first_sheet=tf.constant(first_sheet, tf.int64),
        origin=tf.constant(origin, tf.int32),
        shape=tf.constant(shape, tf.int32),
    )["energy_per_area"].numpy()


def draw_states(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 4, shape, dtype=np.uint8)


def local_energy(loaded, states):
    return loaded.signatures["local_energy"](states=tf.constant(states))["energy_per_area"].numpy()


def described(tensors):
    return {name: (tensor.dtype, tensor.shape.as_list()) for name, tensor in tensors.items()}


def test_signatures_take_and_give_what_is_promised(loaded):
    signature = loaded.signatures["map"]
    numbers = {name: (tf.int32, []) for name in ("rows", "cols")} | {
        name: (tf.int64, []) for name in ("seed", "first_sheet")
    }
    assert described(signature.structured_input_signature[1]) == {
        "energy_per_area": (tf.float32, [None]),
        "origin": (tf.int32, [2]),
        "shape": (tf.int32, [2]),
        **numbers,
    }
    assert described(signature.structured_outputs) == {"energy_per_area": (tf.float32, [None, None, None])}
    signature = loaded.signatures["local_energy"]
    assert described(signature.structured_input_signature[1]) == {"states": (tf.uint8, [None, None, None])}
    assert described(signature.structured_outputs) == {"energy_per_area": (tf.float32, [None, None, None])}


@pytest.mark.parametrize(("rows", "cols"), [(14, 16), (2, 2), (6, 34)])
def test_mean_of_local_energies_is_the_energy_per_area(loaded, rows, cols):
    states = draw_states((3, rows, cols))
    local = local_energy(loaded, states)
    assert local.shape == (3, rows // 2, cols // 2)
    told = loaded.signatures["energy"](states=tf.constant(states))["energy_per_area"]
    np.testing.assert_allclose(local.mean(axis=(1, 2), dtype=np.float64), told, rtol=1e-5)


def test_local_energy_lies_where_the_atoms_are(loaded):
    states = np.zeros((1, 20, 24), np.uint8)
    states[0, 8:10, 12:14] = 3
    local = local_energy(loaded, states)[0]
    assert np.unravel_index(local.argmin(), local.shape) == (4, 6)
    np.testing.assert_allclose(
        local_energy(loaded, np.roll(states, (4, -6), (1, 2)))[0], np.roll(local, (2, -3), (0, 1))
    )


def test_windows_of_a_map_are_parts_of_it(loaded):
    whole = draw_map(loaded)
    assert whole.shape == (2, 7, 8)
    window = draw_map(loaded, origin=(5, 6), shape=(4, 3))
    np.testing.assert_allclose(window, np.roll(whole, (-5, -6), (1, 2))[:, :4, :3], atol=1e-5)
    np.testing.assert_allclose(draw_map(loaded, ENERGIES[1:], first_sheet=1), whole[1:], atol=1e-5)
    assert whole.std(axis=(1, 2)).min() > 0.05


def test_generate_corrects_what_the_generator_makes_of_its_map(loaded, mapped_model):
    model = SheetModel.load(mapped_model)
    size = {"rows": tf.constant(14), "cols": tf.constant(16)}
    told = loaded.signatures["calibrate"](energy_per_area=tf.constant(ENERGIES), **size)
    assert (told["has_maps"].numpy(), told["corrections"].numpy(), model.card.feedback) == (1, 3, 3)
    np.testing.assert_array_equal(told["energy_per_area"], np.array(ENERGIES, np.float32))  # no calibration inside
    for large in ((128, 130), (2**16, 2**16), (2**30, 4)):  # above 128x128 cells fluctuations average out
        told = loaded.signatures["calibrate"](
            energy_per_area=tf.constant(ENERGIES), rows=tf.constant(large[0]), cols=tf.constant(large[1])
        )
        assert told["corrections"].numpy() == 0
    answer = loaded.signatures["generate"](energy_per_area=tf.constant(ENERGIES), seed=tf.constant(3, tf.int64), **size)
    judged = loaded.signatures["energy"](states=answer["states"])["energy_per_area"]
    np.testing.assert_allclose(answer["energy_per_area"], judged, rtol=1e-6)
    once = model.system.repair(model.generate_unrepaired(ENERGIES, 14, 16, 3))
    missed = np.abs(model.judged_energies(once) - ENERGIES)
    assert (np.abs(answer["energy_per_area"] - ENERGIES) <= missed + 1e-6).all()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"rows": 7}, "rows and cols must be even"),
        ({"cols": 0}, "cols must be at least 2"),
        ({"energies": [np.nan]}, "energy_per_area must be finite"),
        ({"seed": -1}, "seed must not be negative"),
        ({"first_sheet": -1}, "first_sheet must not be negative"),
        ({"origin": (-1, 0)}, "origin must not be negative"),
        ({"shape": (0, 8)}, "shape must be positive"),
        ({"shape": (50, 41)}, r"batch \* rows \* cols must be at most 8000"),
        ({"shape": (2**30 + 1, 3)}, r"batch \* rows \* cols must be at most 8000"),
        ({"shape": (2**30, 2**30)}, r"batch \* rows \* cols must be at most 8000"),
    ],
)
def test_map_that_cannot_be_drawn_is_refused(loaded, request_, message):
    with pytest.raises(REFUSED, match=message):
        draw_map(loaded, **request_)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (np.full((1, 4, 4), 4, np.uint8), r"states must lie in 0\.\.3"),
        (np.zeros((1, 4, 5), np.uint8), "rows and cols must be even"),
        (np.zeros((1, 0, 4), np.uint8), "rows must be at least 2"),
        (np.zeros((1, 100, 82), np.uint8), r"batch \* rows \* cols must be at most 8000"),
    ],
)
def test_states_that_cannot_be_judged_are_refused(loaded, states, message):
    with pytest.raises(REFUSED, match=message):
        local_energy(loaded, states)


def test_every_signature_has_a_warmup_request(mapped_model, loaded):
    path = mapped_model / "1" / "assets.extra" / "tf_serving_warmup_requests"
    found = [prediction_log_pb2.PredictionLog.FromString(one.numpy()) for one in tf.data.TFRecordDataset(str(path))]
    assert {one.predict_log.request.model_spec.signature_name for one in found} == set(loaded.signatures)
