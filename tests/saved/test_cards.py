"""Cards: what is written is read, the shipped ones are read, and others are told what is missing and what to do."""

import dataclasses
import json

import numpy as np
import pytest

from rugan_tf.saved.calibration import Calibration
from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.saved.ednn_card import EDNN_FILE, EdnnCard, read_ednn_card, write_ednn_card
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.map_statistics import MapStatistics
from rugan_tf.saved.model_card import (
    MODEL_FILE,
    RUN_FILE,
    ModelCard,
    completed,
    read_exported_card,
    read_run_card,
    write_exported_card,
    write_run_card,
)
from rugan_tf.saved.shipped import find_model
from rugan_tf.systems.conditions import Condition
from rugan_tf.systems.named import system_named

CARD = ModelCard(
    system="porous_graphene",
    rows=14,
    cols=16,
    latent_channels=63,
    label_scale=LabelScale(-2.5, 0.5),
    energy_range=(-3.5, -1.0),
    energy_metadata={"energy": "made-up", "energy_origin": {"method": "made-up", "zero": None}},
    training={"seed": 3},
)
CALIBRATION = Calibration(14, 16, (1.0, 2.0), (-3.5, -1.0), ((0.0, 0.1), (0.2, 0.3)))
EXPORTED = completed(
    CARD, 4096, calibration=CALIBRATION, feedback=3, ednn_metadata={"energy": "ednn: made-up"}, rugan_tf="9.9.9"
)
MAPS = MapStatistics(
    pitch=(4.92, 4.26),
    tile=(2.46, 4.26),
    cutoff=0.36,
    noise=0.1,
    energies=(-3.0, -2.0),
    spectrum=((50.0, -300.0, 600.0), (200.0, -1200.0, 2400.0)),
    quantiles=((-1.0, 0.5), (-0.5, 2.0)),
)
EDNN = EdnnCard(
    system="porous_graphene",
    reference="made-up",
    data_sha256="abc",
    max_cells=64,
    halo=(4, 8),
    period=(1, 2),
    training={"split": {"train": 3}},
)


def test_card_of_a_run_is_read_as_it_was_written(tmp_path):
    write_run_card(tmp_path, CARD)
    assert read_run_card(tmp_path) == CARD


def test_card_of_a_model_is_read_as_it_was_written(tmp_path):
    write_exported_card(tmp_path, EXPORTED)
    assert read_exported_card(tmp_path) == EXPORTED
    plain = completed(CARD, 64, calibration=None, feedback=0, ednn_metadata=None, rugan_tf="9.9.9")
    write_exported_card(tmp_path, plain)
    assert read_exported_card(tmp_path) == plain


def test_card_of_a_generator_that_learnt_from_maps_is_read_as_it_was_written(tmp_path):
    write_run_card(tmp_path, dataclasses.replace(CARD, map_statistics=MAPS))
    assert read_run_card(tmp_path).map_statistics == MAPS
    write_exported_card(tmp_path, dataclasses.replace(EXPORTED, map_statistics=MAPS))
    read = read_exported_card(tmp_path)
    assert (read.map_statistics, read.feedback) == (MAPS, 3)
    content = json.loads((tmp_path / MODEL_FILE).read_text())
    for name in content["map_statistics"]:
        damaged = {key: value for key, value in content["map_statistics"].items() if key != name}
        (tmp_path / MODEL_FILE).write_text(json.dumps(content | {"map_statistics": damaged}))
        with pytest.raises(ValueError, match=r"rugan.json must hold .* Received: .*rugan.json"):
            read_exported_card(tmp_path)


def test_card_of_an_ednn_is_read_as_it_was_written(tmp_path):
    write_ednn_card(tmp_path, EDNN)
    read = read_ednn_card(tmp_path)
    assert dataclasses.replace(read, training={}) == dataclasses.replace(EDNN, training={})
    assert read.training["split"] == {"train": 3}
    write_ednn_card(tmp_path, read)
    assert read_ednn_card(tmp_path) == read


def test_shipped_cards_are_read():
    card = read_exported_card(find_model("porous_graphene"))
    assert (card.rows, card.cols, card.latent_channels, card.max_cells) == (14, 16, 63, 2**22)
    low, high = card.energy_range
    assert -4 < low < card.label_scale.mean < high < 0  # eV/Å²
    assert 0.1 < card.label_scale.standard_deviation < 1
    assert card.calibration is None or card.calibration.scales == (1.0, 2.0, 4.0)
    assert card.energy_metadata["energy"].startswith("ednn: trained on tight-binding")
    assert card.ednn_metadata["energy_origin"] == {"method": "tight-binding", "zero": "2 E_s + 2 E_p per atom"}
    ednn = read_ednn_card(find_model("porous_graphene_ednn"))
    assert (ednn.halo, ednn.period, ednn.data_sha256[:6]) == ((4, 8), (1, 2), "d3db74")


CASES = [  # file, writes a card there, reads it
    (RUN_FILE, lambda folder: write_run_card(folder, CARD), read_run_card, "rugan train"),
    (MODEL_FILE, lambda folder: write_exported_card(folder, EXPORTED), read_exported_card, "rugan export"),
    (EDNN_FILE, lambda folder: write_ednn_card(folder, EDNN), read_ednn_card, "rugan ednn train"),
]


@pytest.mark.parametrize(("file", "write", "read", "command"), CASES)
@pytest.mark.parametrize("version", [3, 0, "1", None])
def test_card_of_another_form_is_refused(tmp_path, file, write, read, command, version):
    write(tmp_path)
    content = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps(content | {"version": version}))
    with pytest.raises(ValueError, match=rf"must be of the form [12].*{command}.* Received: version={version!r}"):
        read(tmp_path)
    del content["version"]  # the form of the first models, which had no number yet
    (tmp_path / file).write_text(json.dumps(content))
    read(tmp_path)


def test_cards_of_several_conditions_have_a_form_that_older_packages_refuse(tmp_path):
    system = system_named("porous_graphene")
    rng = np.random.default_rng(0)
    asked = [system.energy_condition, Condition("band_gap", "band gap", "eV")]
    learnt = LearntConditions.of(asked, rng.normal(size=(20, 2)))
    write_run_card(tmp_path, dataclasses.replace(CARD, conditions=learnt))
    content = json.loads((tmp_path / RUN_FILE).read_text())
    assert content["version"] == 2
    assert [one["name"] for one in content["conditions"]["each"]] == ["energy_per_area", "band_gap"]
    again = read_run_card(tmp_path)
    assert again.conditions == learnt
    assert again.learnt(system) is again.conditions
    write_run_card(tmp_path, CARD)
    content = json.loads((tmp_path / RUN_FILE).read_text())
    assert (content["version"], "conditions" in content) == (1, False)
    only = read_run_card(tmp_path).learnt(system)
    assert (only.names, only.each[0].scale, only.each[0].range) == (
        ("energy_per_area",), CARD.label_scale, CARD.energy_range
    )  # fmt: skip


@pytest.mark.parametrize(("file", "write", "read", "command"), CASES)
def test_every_missing_key_is_named_with_what_to_do(tmp_path, file, write, read, command):
    write(tmp_path)
    content = json.loads((tmp_path / file).read_text())
    optional = {"version", "training", "energy", "energy_origin", "ednn", "rugan_tf", "split"}
    optional |= {"calibration", "feedback"}
    for key in content.keys() - optional:
        (tmp_path / file).write_text(json.dumps({name: value for name, value in content.items() if name != key}))
        with pytest.raises(ValueError, match=rf"must hold .*{command}.* Received: .* without {key}"):
            read(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("energy_range", [1.0]), ("rows", "many"), ("label_mean", None), ("calibration", {}), ("max_cells", [])],
)
def test_values_of_the_wrong_kind_are_refused(tmp_path, key, value):
    write_exported_card(tmp_path, EXPORTED)
    content = json.loads((tmp_path / MODEL_FILE).read_text())
    (tmp_path / MODEL_FILE).write_text(json.dumps(content | {key: value}))
    with pytest.raises(ValueError, match=r"rugan.json must hold values of the right kinds. Received: .*rugan.json"):
        read_exported_card(tmp_path)
