"""The calibration: its fit on generators whose answer is known in closed form, its map, and its place in the export."""

import json

import numpy as np
import pytest
import tensorflow as tf
from untrained_run import FACTS, build_generator, write_counting_energy, write_run

from rugan_tf.export.calibration import calibrated
from rugan_tf.export.calibration_fit import calibrate, fit_calibration, fit_offset
from rugan_tf.export.endpoints import Endpoints
from rugan_tf.export.saved_model import export_run
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.saved.calibration import Calibration
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.model_card import read_run_card
from rugan_tf.systems.named import system_named

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

RANGE = (-3.0, -1.0)


def test_offset_inverts_a_known_response():
    given = np.linspace(*RANGE, 20_000)
    requested = np.linspace(-2.6, -1.2, 50)
    offset = fit_offset(given, 0.8 * given - 0.3 + 0.05 * np.sin(3 * given), requested)
    asked = requested + offset
    np.testing.assert_allclose(0.8 * asked - 0.3 + 0.05 * np.sin(3 * asked), requested, atol=4e-3)


def test_noise_is_averaged_out_and_the_map_stays_monotone():
    rng = np.random.default_rng(0)
    given = np.linspace(*RANGE, 8_000)
    requested = np.linspace(*RANGE, 200)
    offset = fit_offset(given, given + 0.2 + rng.normal(0, 0.2, len(given)), requested)
    assert np.abs(offset[20:-20] + 0.2).max() < 0.05  # 4 standard errors of a bin's mean are 0.036
    assert (np.diff(requested + offset) >= -1e-12).all()


def test_generator_that_ignores_its_label_cannot_be_calibrated():
    given = np.linspace(*RANGE, 100)
    with pytest.raises(ValueError, match="A generator must obey its label to be calibrated"):
        fit_offset(given, -given, given)


def test_every_scale_has_an_offset_of_its_own():
    def obtained(given, rows, cols, seed):
        assert (rows // 14, cols // 16) == (seed - 100, seed - 100)
        return given + 0.1 * (seed - 100)

    calibration = fit_calibration(obtained, RANGE, (14, 16), {1: 400, 2: 400}, seed=100)
    assert calibration.scales == (1.0, 2.0)
    inner = np.array(calibration.offset)[:, 8:-8]
    np.testing.assert_allclose(inner, [[-0.1] * inner.shape[1], [-0.2] * inner.shape[1]], atol=1e-9)


def known_calibration():
    return Calibration(14, 16, (1.0, 2.0, 4.0), RANGE, ((0.0, 0.2, 0.1), (0.4, 0.0, -0.2), (0.8, 0.0, -0.4)))


@pytest.mark.parametrize(("rows", "cols"), [(14, 16), (28, 32), (56, 64), (20, 30), (400, 400), (2, 2), (28, 16)])
def test_map_is_linear_in_energy_and_inverse_scale_and_constant_outside(rows, cols):
    calibration = known_calibration()
    requested = np.array([-5.0, -3.0, -2.7, -2.0, -1.3, -1.0, 2.0], np.float32)
    inverse = 1 / np.sqrt(rows * cols / (14 * 16))
    table = np.array(calibration.offset)
    row = [np.interp(inverse, [0.25, 0.5, 1.0], table[::-1, knot]) for knot in range(3)]
    expected = requested + np.interp(requested, [-3.0, -2.0, -1.0], row)
    answer = calibrated(calibration, tf.constant(requested), tf.constant(rows), tf.constant(cols))
    np.testing.assert_allclose(answer, expected, atol=2e-6)


def test_calibration_of_one_scale_holds_at_every_size():
    calibration = Calibration(14, 16, (1.0,), RANGE, ((0.3, 0.3),))
    answer = calibrated(calibration, tf.constant([-2.0, -5.0]), tf.constant(280), tf.constant(2))
    np.testing.assert_allclose(answer, [-1.7, -4.7], atol=1e-6)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    return write_counting_energy(tmp_path_factory.mktemp("judge") / "1")


def make_endpoints(judge=None, calibration=None, max_cells=10_000):
    graphene = system_named("porous_graphene")
    loaded = None if judge is None else tf.saved_model.load(str(judge))
    return Endpoints(build_generator(), graphene, LabelScale(-2.0, 0.25), max_cells, loaded, calibration)


def test_generate_asks_the_generator_for_the_calibrated_energy():
    plain, shifted = make_endpoints(), make_endpoints(calibration=Calibration(14, 16, (1.0,), RANGE, ((0.5, 0.5),)))
    request = tf.constant(14), tf.constant(16), tf.constant(3, tf.int64)
    np.testing.assert_array_equal(
        shifted.generate(tf.constant([-2.5, -2.0]), *request)["states"],
        plain.generate(tf.constant([-2.0, -1.5]), *request)["states"],
    )
    latent, field = tf.ones((1, 3, 4, 63)), tf.fill((1, 3, 4), -2.0)
    answers = [model.generate_from_latent(latent, field)["probabilities"] for model in (plain, shifted)]
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize(
    ("arguments", "number", "message"),
    [
        ({}, 200, "A calibration needs an EDNN inside"),
        ({"judge": True}, 127, "A calibration needs at least 128 sheets. Received: 127"),
        ({"judge": True, "max_cells": 223}, 200, "max_cells of at least one sheet of 14x16. Received: max_cells=223"),
    ],
)
def test_calibration_that_cannot_be_fitted_is_refused(judge, tmp_path, arguments, number, message):
    given = {name: judge if name == "judge" else value for name, value in arguments.items()}
    with pytest.raises(ValueError, match=message):
        calibrate(make_endpoints(**given), read_run_card(write_run(tmp_path)), number)


def test_exported_calibration_is_in_the_card_and_in_the_signature(judge, tmp_path):
    version = export_run(write_run(tmp_path / "run"), tmp_path / "models", 2000, judge, num_calibration=128)
    card = json.loads((version / "assets.extra" / "rugan.json").read_text())["calibration"]
    assert (card["rows"], card["cols"], card["scales"]) == (14, 16, [1.0, 2.0])  # 4x4 is above max_cells
    assert card["energy_per_area"] == FACTS["energy_range"]
    model = SheetModel.load(version)
    requested = np.linspace(-2.9, -1.1, 5).astype(np.float32)
    answer = model.predict("calibrate", energy_per_area=requested, rows=np.int32(14), cols=np.int32(16))
    knots = np.linspace(*card["energy_per_area"], len(card["offset"][0]))
    expected = requested + np.interp(requested, knots, card["offset"][0])
    np.testing.assert_allclose(answer["energy_per_area"], expected, atol=2e-6)
    unrepaired = model.generate_unrepaired(requested, 14, 16, seed=9)
    np.testing.assert_array_equal(model.system.repair(unrepaired), model.generate(requested, 14, 16, seed=9))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 0}, "rows must be at least 2"),
        ({"cols": -4}, "cols must be at least 2"),
        ({"cols": 15}, "rows and cols must be even"),
        ({"energy_per_area": [np.nan]}, "energy_per_area must be finite"),
    ],
)
def test_energy_that_cannot_be_calibrated_is_refused(changes, message):
    request = {"energy_per_area": [-2.0], "rows": 14, "cols": 16} | changes
    energy = tf.constant(request.pop("energy_per_area"), tf.float32)
    size = {name: tf.constant(value) for name, value in request.items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        make_endpoints(calibration=known_calibration()).calibrate(energy, **size)
