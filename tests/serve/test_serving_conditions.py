"""A model of two conditions behind a server: asked by name, over gRPC and REST, and from the command line."""

import json
import runpy
import urllib.request
from pathlib import Path

import ase.io
import numpy as np
import pytest
from running_server import RunningServer

from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, write_data_set
from rugan_tf.generate.conditioned import load_conditioned
from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.client.__main__ import main
from rugan_tf.systems.named import system_named

ASKED = {"gap": [0.5, 0.7], "porosity": [0.25, 0.5]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model whose sheets lack the share of atoms that is asked for."""
    folder = tmp_path_factory.mktemp("counted")
    states = np.random.default_rng(0).integers(0, 4, (40, 4, 4), np.uint8)
    gap = np.linspace(0, 1, 40)
    metadata = {"system": "porous_graphene", "energy": "made-up"}
    write_data_set(folder / "data.npz", DataSet(states, -gap, metadata, {"gap": gap}))
    made = runpy.run_path(str(Path(__file__).parents[1] / "evaluate" / "conditioned_model.py"))
    return made["write_counting_model"](folder / "counted", folder / "data.npz")


@pytest.fixture(scope="module")
def server(folder):
    words = ["--port", 0, "--rest_api_port", 0, "--model_name", "counted", "--model_base_path", folder]
    running = RunningServer(*words)
    yield running
    assert running.end() == 0


def test_a_client_asks_for_conditions_by_name(server, folder):
    with Client(Connection(server=server.address, model_name="counted")) as client:
        states, told = client.generate_by(ASKED, 6, 8, seed=4)
        with pytest.raises(InputError, match="The server refuses the request"):
            client.generate_by({"porosity": [0.25]}, 6, 8)
        with pytest.raises(InputError, match="The server refuses the request"):
            client.generate([-2.0], 6, 8)
    assert set(told) == {"porosity"}
    model = load_conditioned(folder)
    np.testing.assert_array_equal(states, model.sheets(model.learnt.asked(ASKED), 6, 8, 4))


def test_the_command_of_the_client_writes_what_was_requested_and_told(server, tmp_path, capsys):
    words = ["--server", server.address, "--model-name", "counted", "--rows", "6", "--cols", "8", "--seed", "4"]
    asked = ["--condition", "gap=0.5,0.7", "porosity=0.25,0.5"]
    assert main(["generate", *words, *asked, "--out", str(tmp_path / "a.extxyz")]) == 0
    assert "porosity obtained: 0.250 0.500" in capsys.readouterr().out
    frames = ase.io.read(tmp_path / "a.extxyz", index=":")
    with Client(Connection(server=server.address, model_name="counted")) as client:
        states, _ = client.generate_by(ASKED, 6, 8, seed=4)
    assert [len(frame) for frame in frames] == system_named("porous_graphene").num_atoms(states).tolist()
    assert [frame.info["gap_requested"] for frame in frames] == [0.5, 0.7]
    assert [frame.info["porosity_obtained"] for frame in frames] == pytest.approx([0.25, 0.5])
    assert "gap_obtained" not in frames[0].info
    for others, message in (
        (["--energy-per-area", "-2", *asked], "A sheet needs --energy-per-area or --condition. Received: both"),
        ([], "A sheet needs --energy-per-area or --condition. Received: neither"),
        (
            [*asked, "--tile", "8"],
            "Tiles make one sheet, by its energy. Received: 2 sheets of gap, porosity",
        ),
    ):
        assert main(["generate", *words, *others, "--out", str(tmp_path / "b.extxyz")]) == 2
        assert message in capsys.readouterr().err


def test_the_page_finds_units_and_ranges(server):
    with urllib.request.urlopen(f"{server.rest}/page/models.json", timeout=30) as answer:
        (model,) = json.load(answer)["models"]
    assert set(model["card"]["units"]) == {"porosity", "gap"}
    assert model["card"]["ranges"]["gap"] == [0.0, 1.0]
