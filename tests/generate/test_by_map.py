"""Sheets of a map: place by place nearer to it by the corrections, and what there must be to make them."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from matplotlib.image import imsave

from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.generate import by_map
from rugan_tf.generate.__main__ import main
from rugan_tf.generate.by_map import generate_by_map
from rugan_tf.generate.options import GenerateOptions
from rugan_tf.generate.sheets import SheetModel

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

BOARD = np.array([[-1.6, -2.4], [-2.4, -1.6]])  # eV/Å²
ROWS, COLS = 56, 64


@pytest.fixture(scope="module")
def model(mapped_model):
    return SheetModel.load(mapped_model)


@pytest.fixture(scope="module")
def asked():
    return BOARD.repeat(ROWS // 4, axis=0).repeat(COLS // 4, axis=1).astype(np.float32)


def squares(values):
    """Means over the four squares of the board, (n, 2, 2)."""
    return values.reshape(-1, 2, ROWS // 4, 2, COLS // 4).mean(axis=(2, 4))


def correlations(made):
    return np.array([np.corrcoef(made.asked.ravel(), one.ravel())[0, 1] for one in made.obtained])


def test_corrections_bring_every_place_nearer_to_the_map(model, asked, monkeypatch):
    made = generate_by_map(model, asked, 4, seed=2)
    monkeypatch.setattr(by_map, "ROUNDS", 0)
    first = generate_by_map(model, asked, 4, seed=2)
    assert np.abs(squares(first.obtained) - BOARD).mean() > 0.1  # so much is there to correct
    assert np.abs(squares(made.obtained) - BOARD).mean() < 0.5 * np.abs(squares(first.obtained) - BOARD).mean()
    assert correlations(made).mean() > correlations(first).mean() + 0.02
    assert (made.states != first.states).any(axis=(1, 2)).all()


def test_obtained_map_is_that_of_the_sheets_and_they_obey_the_rule(model, asked):
    made = generate_by_map(model, asked, 2, seed=2)
    assert (made.states.shape, made.states.dtype) == ((2, ROWS, COLS), np.uint8)
    assert model.system.is_valid(made.states).all()
    np.testing.assert_array_equal(made.obtained, model.local_energies(made.states))
    means = made.obtained.mean(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(means, model.judged_energies(made.states), rtol=1e-5)
    np.testing.assert_array_equal(made.asked, asked)


def test_sheets_do_not_depend_on_tiles_nor_on_how_many_there_are(model, asked):
    made = generate_by_map(model, asked, 2, seed=5)
    assert (made.states[0] != made.states[1]).any()
    np.testing.assert_array_equal(generate_by_map(model, asked, 1, seed=5, tile=18).states, made.states[:1])


def test_unrepaired_sheets_of_a_map_are_as_the_generator_leaves_them(model, asked):
    raw = generate_by_map(model, asked, 1, seed=2, repaired=False)
    assert not model.system.is_valid(raw.states).any()


def test_sheet_above_the_limit_of_one_call_is_refused(model):
    with pytest.raises(InputError, match=r"must be at most 8000. Received: rows=100, cols=82"):
        generate_by_map(model, np.full((50, 41), -2.0, np.float32), 1)


def test_model_without_an_ednn_is_refused(model_base):
    with pytest.raises(InputError, match="with an EDNN inside, --ednn"):
        generate_by_map(SheetModel.load(model_base), np.full((2, 2), -2.0, np.float32), 1)


def test_model_exported_before_there_were_maps_is_told_how_to_be_exported_anew(judged_base):
    with pytest.raises(InputError, match=r"export its run anew, `rugan export --ednn`. Received: .*/2"):
        generate_by_map(SheetModel.load(judged_base), np.full((2, 2), -2.0, np.float32), 1)


def request(model, tmp_path, *further, values=BOARD, name="sheets.npz"):
    np.save(tmp_path / "map.npy", values)
    words = ["--model", str(model), "--rows", "28", "--cols", "32", "--out", str(tmp_path / "out" / name)]
    return [*words, "--energy-map", str(tmp_path / "map.npy"), *further]


def test_command_writes_sheets_with_both_maps_and_a_picture(mapped_model, model, tmp_path, capsys):
    assert main(request(mapped_model, tmp_path, "--num-sheets", "2", "--seed", "4")) == 0
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == {"sheets.npz", "sheets-map.npz", "sheets-map.png"}
    sheets = read_data_set(out / "sheets.npz")
    assert sheets.states.shape == (2, 28, 32)
    assert sheets.metadata["options"]["seed"] == 4
    np.testing.assert_allclose(sheets.energy_per_area, BOARD.mean(), rtol=1e-6)
    with np.load(out / "sheets-map.npz") as maps:
        np.testing.assert_allclose(maps["asked"], BOARD.repeat(7, axis=0).repeat(8, axis=1), rtol=1e-6)
        np.testing.assert_array_equal(maps["obtained"], model.local_energies(sheets.states))
    printed = capsys.readouterr().out
    assert f"{out / 'sheets.npz'}: 2 sheets of 28x32 cells, by the map {tmp_path / 'map.npy'}" in printed
    assert "asked for -2.000 in the mean, obtained" in printed
    assert main(request(mapped_model, tmp_path)) == 2
    assert "must not exist, or --overwrite be given" in capsys.readouterr().err


def test_picture_of_one_pixel_or_in_colour_is_a_map_too(mapped_model, tmp_path):
    pixels = np.zeros((2, 1, 3), np.uint8)
    pixels[0] = 255, 255, 0  # above, so at larger y: luminance 0.886
    for name, content, expected in (("one", pixels[1:], [-2.5, -2.5]), ("colour", pixels, [-2.5, -2.5 + 0.886])):
        imsave(tmp_path / f"{name}.png", content)
        words = ["--model", str(mapped_model), "--energy-map", str(tmp_path / f"{name}.png"), "--map-range", "-2.5"]
        assert main([*words, "-1.5", "--rows", "4", "--cols", "4", "--out", str(tmp_path / f"{name}.npz")]) == 0
        with np.load(tmp_path / f"{name}-map.npz") as maps:
            np.testing.assert_allclose(maps["asked"], [expected, expected], atol=0.003)


def test_edges_of_sheets_of_a_map_are_saturated(mapped_model, tmp_path):
    assert main(request(mapped_model, tmp_path, "--passivate", "H", name="sheet.extxyz")) == 0
    assert set(ase.io.read(tmp_path / "out" / "sheet.extxyz").get_chemical_symbols()) == {"C", "H"}


@pytest.mark.parametrize(
    ("further", "values", "message"),
    [
        ([], np.array([[np.nan, -2.0]]), "The values of a map must be finite. Received: nan at (0, 0)"),
        ([], np.zeros((2, 2, 3)), "A map must have two axes, none of them empty. Received: shape=(2, 2, 3)"),
        (["--map-range", "-3", "-1"], BOARD, "An array holds its values; a range is for pictures."),
        (["--strict"], BOARD - 1, "must lie in what the training data covers, -3 to -1 eV/Å²"),
        (["--num-sheets", "0"], BOARD, "num_sheets must be at least 1. Received: num_sheets=0"),
        (["--rows", "5"], BOARD, "rows must be even. Received: rows=5"),
        (["--passivate", "H"], BOARD, "Sheets that are saturated or relaxed must be written as atoms"),
        (["--energy-map", "{}/nowhere.npy"], BOARD, "A map must be a file. Received: "),
        (["--energy-map", "{}/picture.png"], BOARD, "needs the values of black and white, --map-range LOW HIGH"),
    ],
)
def test_bad_maps_exit_with_2_and_leave_nothing(mapped_model, tmp_path, capsys, further, values, message):
    imsave(tmp_path / "picture.png", np.zeros((2, 2, 3), np.uint8))
    words = [word.format(tmp_path) for word in further]
    assert main(request(mapped_model, tmp_path, *words, values=values)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert {path.name for path in tmp_path.iterdir()} == {"map.npy", "picture.png"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"energy_per_area": (-2.0,)}, "Received: --energy-map with --energy-per-area"),
        ({"tolerance": 0.1}, "Received: --energy-map with --tolerance"),
        ({"uniform": True}, "Received: --energy-map with --uniform"),
        ({"out": Path("sheets.zarr")}, "Received: --energy-map with Zarr"),
        ({"out": Path("sheets.ZARR")}, "Received: --energy-map with Zarr"),
        ({"energy_map": None}, "needs --energy-per-area, --condition, or --energy-map FILE. Received: none of them"),
        (
            {"energy_map": None, "energy_per_area": (-2.0,), "map_range": (-3.0, -1.0)},
            "Received: --map-range without --energy-map",
        ),
        (
            {"energy_map": None, "energy_per_area": (-2.0,), "uniform": True, "tolerance": 0.1},
            "Received: --tolerance with --uniform",
        ),
        (
            {"energy_map": None, "energy_per_area": (-2.0,), "uniform": True, "repair": False},
            "Received: --uniform with --no-repair",
        ),
    ],
)
def test_options_that_have_no_meaning_with_a_map_or_without_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        GenerateOptions(**{"out": Path("sheets.npz"), "energy_map": Path("map.npy"), **options})


def test_command_says_how_a_model_of_before_maps_is_exported_anew(judged_base, tmp_path, capsys):
    words = request(judged_base, tmp_path)
    assert main([*words, "--rows", "4", "--cols", "4"]) == 2
    assert "to obey a map: export its run anew, `rugan export --ednn`. Received: " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["map.npy"]
