"""A model that learnt from maps, and corrects its sheets, behind a server: what a client makes in tiles."""

import numpy as np
import pytest

from rugan_tf.formats.zarr_store import open_store
from rugan_tf.generate.large import stream_of, stream_sheets
from rugan_tf.generate.maps import NaturalMap
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.generate.streaming import InThisProcess
from rugan_tf.generate.tiles import generate_in_tiles, requested_map
from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.client.__main__ import main
from rugan_tf.systems.named import system_named

ROWS, COLS, SEED, REQUESTED = 20, 24, 5, -0.6


@pytest.fixture
def client(server):
    with Client(Connection(server=server.address, model_name="mapped")) as client:
        yield client


def test_command_of_the_client_makes_the_sheet_of_generate_in_tiles(server, client, tmp_path, capsys):
    words = ["generate", "--server", server.address, "--model-name", "mapped", "--energy-per-area", str(REQUESTED)]
    words += ["--rows", str(ROWS), "--cols", str(COLS), "--tile", "16", "--seed", str(SEED)]
    whole, obtained = client.generate([REQUESTED], ROWS, COLS, SEED)
    assert main([*words, "--out", str(tmp_path / "tiled.npz")]) == 0
    with np.load(tmp_path / "tiled.npz") as content:
        assert (content["states"] != whole).mean() < 0.002
        told = client.energy(content["states"])[1]
        np.testing.assert_array_equal(content["energy_per_area_obtained"], told)
    assert f"energy per area obtained (eV/Å²): {told[0]:.3f}" in capsys.readouterr().out
    assert main([*words, "--out", str(tmp_path / "streamed.zarr")]) == 0
    assert (open_store(tmp_path / "streamed.zarr").states[:] != whole).mean() < 0.002
    asked = requested_map(client, REQUESTED, ROWS, COLS, seed=SEED)
    once = generate_in_tiles(client, system_named("porous_graphene"), asked, rows=ROWS, cols=COLS, seed=SEED, tile=16)
    assert (once != whole[0]).mean() > 0.1  # what corrections change
    uncorrected = client.energy(once[None])[1][0]
    assert abs(obtained[0] - REQUESTED) < abs(uncorrected - REQUESTED)


def test_sheets_that_are_streamed_from_a_folder_are_those_of_generate(server, tmp_path):
    model = SheetModel.load(server.folder / "mapped")
    whole = model.generate([-0.6, -0.8], ROWS, COLS, SEED)
    wanted = {"rows": ROWS, "cols": COLS, "seed": SEED, "piece": 16}
    store = stream_sheets(stream_of(model, [-0.6, -0.8], **wanted), tmp_path / "streamed.zarr", InThisProcess())
    assert (store.states[:] != whole).mean() < 0.002
    raw = stream_of(model, [-0.6, -0.8], repaired=False, **wanted)
    store = stream_sheets(raw, tmp_path / "raw.zarr", InThisProcess())
    assert (store.states[:] != model.generate_unrepaired([-0.6, -0.8], ROWS, COLS, SEED)).mean() < 0.002


def test_windows_of_a_map_are_parts_of_the_map_of_the_sheet(client):
    told = client.predict("calibrate", energy_per_area=np.float32([-0.8]), rows=np.int32(ROWS), cols=np.int32(COLS))
    assert (told["has_maps"], told["corrections"]) == (1, 2)
    asked = requested_map(client, -0.8, ROWS, COLS, seed=SEED)
    assert isinstance(asked, NaturalMap)
    whole = asked.window(0, 0, ROWS // 2, COLS // 2)
    assert whole.mean() == pytest.approx(-0.8, abs=1e-6)
    assert whole.std() > 0.03
    around = np.ix_(np.arange(-3, 6) % (ROWS // 2), np.arange(8, 15) % (COLS // 2))
    np.testing.assert_allclose(asked.window(-3, 8, 9, 7), whole[around], atol=1e-6)
