"""The signature `generate_from_map`, beside `generate_by_map`, which makes the same sheets by other signatures."""

import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.export import from_map
from rugan_tf.generate.by_map import generate_by_map
from rugan_tf.generate.given_map import resampled
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.lattice.filters import flat_filter, wave_numbers

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

ROWS, COLS, SEED = 28, 48, 4
MAPS = np.array([[[-1.6, -2.4, -2.0]], [[-2.4, -2.4, -1.8]]], np.float32)  # eV/Å²


@pytest.fixture(scope="module")
def model(mapped_model):
    return SheetModel.load(mapped_model)


@pytest.fixture(scope="module")
def signature(model):
    return tf.saved_model.load(str(model.folder)).signatures["generate_from_map"]


def ask(model, maps=MAPS, rows=ROWS, cols=COLS, seed=SEED):
    maps = np.asarray(maps, np.float32)
    return model.predict(
        "generate_from_map", energy_per_area=maps, rows=np.int32(rows), cols=np.int32(cols), seed=np.int64(seed)
    )


def test_sheets_are_those_that_are_made_by_the_map_with_the_other_signatures(model):
    answer = ask(model, MAPS[:1])
    states = answer["states"]
    made = generate_by_map(model, resampled(MAPS[0], ROWS // 2, COLS // 2), 1, SEED)
    assert (states.shape, states.dtype) == ((1, ROWS, COLS), np.uint8)
    assert (states != made.states).mean() < 0.002
    np.testing.assert_allclose(answer["energy_per_area"], model.judged_energies(states), rtol=1e-6)
    assert model.system.is_valid(states).all()


def test_each_map_of_a_request_has_its_own_sheet(model):
    both = ask(model)["states"]
    assert (both[0] != ask(model, MAPS[:1])["states"][0]).mean() < 0.002
    local = model.local_energies(both)
    thirds = local.reshape(2, ROWS // 2, 3, COLS // 6).mean(axis=(1, 3))
    assert thirds[0, 1] < thirds[0, 0] - 0.3  # asked for -2.4 and -1.6
    assert thirds[1, 1] < thirds[1, 2] - 0.2  # asked for -2.4 and -1.8


@pytest.mark.parametrize(("shape", "size"), [((1, 1), (3, 5)), ((4, 6), (4, 6)), ((5, 3), (7, 8)), ((9, 11), (2, 3))])
def test_maps_are_resampled_as_those_of_the_command_line(shape, size):
    maps = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    expected = [resampled(one.astype(np.float64), *size) for one in maps]
    np.testing.assert_allclose(from_map.resampled(maps, *size), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(7, 8), (6, 5), (1, 2)])
def test_waves_are_passed_as_by_the_filter_of_the_package(size):
    pitches = np.array([4.92, 4.26])
    expected = flat_filter(wave_numbers(size, size * pitches), 0.4)
    np.testing.assert_allclose(from_map.passed(*size, pitches, 0.4), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"rows": 7}, "rows and cols must be even"),
        ({"seed": -1}, "seed must not be negative"),
        ({"maps": [[[np.nan]]]}, "energy_per_area must be finite"),
        ({"maps": np.zeros((1, 0, 3))}, "energy_per_area must hold at least one map of one value"),
        ({"rows": 100, "cols": 82}, r"batch \* rows \* cols must be at most 8000"),
        ({"maps": np.zeros((1, 100, 82))}, r"batch \* rows \* cols must be at most 8000"),
        ({"rows": 2**30, "cols": 2**30}, r"batch \* rows \* cols must be at most 8000"),
    ],
)
def test_map_that_cannot_be_made_is_refused(signature, request_, message):
    wanted = {"maps": MAPS, "rows": 14, "cols": 16, "seed": 0} | request_
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signature(
            energy_per_area=tf.constant(wanted["maps"], tf.float32),
            rows=tf.constant(wanted["rows"]),
            cols=tf.constant(wanted["cols"]),
            seed=tf.constant(wanted["seed"], tf.int64),
        )
