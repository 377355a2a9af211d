"""Sheets of a generator that learnt from maps: the SavedModel, tiles, the command line, and requests that are met."""

import dataclasses

import numpy as np
import pytest

from rugan_tf.formats.data_set import read_data_set
from rugan_tf.generate.__main__ import main
from rugan_tf.generate.maps import NaturalMap
from rugan_tf.generate.sheets import SheetModel

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

ENERGIES = [-2.6, -2.0, -1.4]


@pytest.fixture(scope="module")
def model(mapped_model):
    return SheetModel.load(mapped_model)


def missed(model, states, energies=ENERGIES):
    return np.abs(model.judged_energies(states) - energies)


@pytest.mark.parametrize(("rows", "cols", "tile"), [(28, 32, 10), (14, 22, 6)])
def test_corrections_of_the_saved_model_are_those_by_tiles(model, rows, cols, tile):
    whole = model.generate(ENERGIES, rows, cols, seed=3)
    np.testing.assert_array_equal(model.generate(ENERGIES, rows, cols, seed=3, tile=tile), whole)
    once = model.system.repair(model.generate_unrepaired(ENERGIES, rows, cols, seed=3))
    assert (whole != once).any(axis=(1, 2)).all()  # something was corrected
    assert (missed(model, whole) <= missed(model, once)).all()
    assert missed(model, whole).mean() < 0.3 * missed(model, once).mean()


def test_sheets_above_the_limit_of_a_call_are_the_same_ones(model):
    small = dataclasses.replace(model, card=dataclasses.replace(model.card, max_cells=1500))
    assert not small.is_whole(40, 44)
    unrepaired = model.generate_unrepaired([-2.2], 40, 44, seed=8)
    np.testing.assert_array_equal(small.generate_unrepaired([-2.2], 40, 44, seed=8), unrepaired)


def test_uniform_sheets_fluctuate_less_and_have_the_energy_asked_for(model):
    size, seed = (56, 64), 3
    natural, uniform = (model.generate(ENERGIES, *size, seed, uniform=is_uniform) for is_uniform in (False, True))
    assert missed(model, uniform).max() < 0.05
    windows = (model.local_energies(states).reshape(3, 4, 7, 4, 8).mean(axis=(2, 4)) for states in (natural, uniform))
    spread = [values.std(axis=(1, 2)).mean() for values in windows]
    assert spread[1] < 0.9 * spread[0]


def test_natural_map_has_the_mean_asked_for_and_windows_of_its_own(model):
    whole = NaturalMap(model, -2.3, 28, 44, seed=6, sheet=1)
    values = whole.window(0, 0, 14, 22)
    assert values.mean(dtype=np.float64) == pytest.approx(-2.3, abs=1e-5)
    in_parts = NaturalMap(model, -2.3, 28, 44, seed=6, sheet=1, largest=5)
    np.testing.assert_allclose(in_parts.window(-2, 20, 4, 5), np.roll(values, (2, 2), (0, 1))[:4, :5], atol=1e-5)
    [_, drawn] = model.whole_maps(np.full(2, -2.3, np.float32), 28, 44, 6)
    np.testing.assert_allclose(drawn, values, atol=1e-5)


def test_command_makes_uniform_sheets(mapped_model, model, tmp_path):
    out = tmp_path / "sheets.npz"
    words = ["--model", str(mapped_model), "--energy-per-area", "-2.2", "--rows", "28", "--cols", "32", "--seed", "3"]
    assert main([*words, "--out", str(out), "--uniform"]) == 0
    expected = model.generate([-2.2], 28, 32, seed=3, uniform=True)
    np.testing.assert_array_equal(read_data_set(out).states, expected)
    assert (expected != model.generate([-2.2], 28, 32, seed=3)).any()
