"""Trainings on other conditions than the energy alone, on real networks of a few channels."""

import json

import keras
import numpy as np
import pytest
from tiny_networks import CHANNELS, build_rugan
from tiny_run import arguments, write_sheets

from rugan_tf.data.conditions import labels_of
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, read_data_set, write_data_set
from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.saved.model_card import read_run_card
from rugan_tf.systems.named import system_named
from rugan_tf.train.__main__ import main
from rugan_tf.train.judged_labels import judged_labels
from rugan_tf.train.map_options import MapOptions
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import JudgedLabels

GRAPHENE = system_named("porous_graphene")


@pytest.fixture
def data(tmp_path):
    """Eight sheets with a number of their own beside the energy."""
    told = read_data_set(write_sheets(tmp_path / "energies.npz"))
    gap = np.linspace(0.0, 2.0, len(told.states))
    metadata = {**told.metadata, "properties": {"band_gap": {"unit": "eV"}}}
    write_data_set(tmp_path / "data.npz", DataSet(told.states, told.energy_per_area, metadata, {"band_gap": gap}))
    return tmp_path / "data.npz"


def test_two_conditions_are_trained_told_and_resumed(data, tmp_path, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    words = ["--conditions", "porosity", "band_gap", "--judge-sheets", "8"]
    assert main(arguments(data, tmp_path / "run", *words)) == 0
    card = read_run_card(tmp_path / "run")
    assert card.conditions.names == ("porosity", "band_gap")
    assert card.conditions.each[1].range == (0.0, 2.0)
    assert card.training["conditions"] == ["porosity", "band_gap"]
    generator = keras.saving.load_model(tmp_path / "run/model/generator.keras", compile=False, safe_mode=True)
    assert generator.num_conditions == 2
    events = EventAccumulator(str(tmp_path / "run/tensorboard"))
    events.Reload()
    tags = events.Tags()["scalars"] + events.Tags()["tensors"]
    assert "porosity_1x1/r2" in tags  # counted; of the gap nothing can be told
    assert not any(tag.startswith(("band_gap", "energy")) for tag in tags)
    # The same numbers of another property are another training.
    assert main(arguments(data, tmp_path / "run", *words[:2], "energy_per_area", "--resume")) == 2
    assert "conditions=['porosity', 'energy_per_area'] instead of ['porosity', 'band_gap']" in capsys.readouterr().err
    assert main(arguments(data, tmp_path / "run", *words, "--resume", "--num-updates", "6")) == 0


def test_a_run_on_energies_alone_tells_nothing_of_conditions(data, tmp_path):
    assert main(arguments(data, tmp_path / "run")) == 0
    assert "conditions" not in (tmp_path / "run/config.json").read_text()
    card = json.loads((tmp_path / "run/model/model.json").read_text())
    assert (card["version"], "conditions" in card, "conditions" in card["training"]) == (1, False, False)


def test_a_number_of_the_data_alone_is_learnt_from_a_critic(data, tmp_path, capsys):
    words = ["--conditions", "band_gap", "--map-weight", "10", "--regression-weight", "0"]
    assert main(arguments(data, tmp_path / "run", *words)) == 2
    assert "--map-weight 0 --regression-weight 10 lets a critic learn" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_conditions_that_the_data_lack_are_named(data, tmp_path, capsys):
    assert main(arguments(data, tmp_path / "run", "--conditions", "gap")) == 2
    assert (
        "must be one that the data have: energy_per_area, band_gap, porosity. Received: 'gap'"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "run").exists()


def test_judged_labels_of_real_sheets_are_those_of_the_data():
    """By the shipped EDNN, against tight binding and counted sites."""
    rng = np.random.default_rng(2)
    states = GRAPHENE.draw_states(rng, 6, 8, 8, GRAPHENE.drawing)
    reference = GRAPHENE.reference_energies["tight-binding"]
    energy = GRAPHENE.energy_per_area([reference(sheet) for sheet in states], 8, 8)
    data_set = DataSet(states, energy, {"system": GRAPHENE.name, "energy": reference.origin.description})
    names = ("porosity", "formation_energy_per_area")
    labels = labels_of(data_set, names)
    learnt = LearntConditions.of(labels.conditions, labels.values)
    options = TrainOptions("", "", conditions=names, maps=MapOptions(map_weight=3.0))
    judged = judged_labels(options, data_set, labels, learnt)
    obtained = judged.obtained(np.eye(4, dtype=np.float32)[states]).numpy()
    assert (judged.weight, obtained.shape) == (3.0, (6, 2))
    np.testing.assert_allclose(obtained[:, 0], learnt.label(labels.values)[:, 0], atol=1e-4)
    np.testing.assert_allclose(obtained[:, 1], learnt.label(labels.values)[:, 1], atol=0.1)
    only = labels_of(data_set, names[:1])
    one = LearntConditions.of(only.conditions, only.values)
    counted = judged_labels(
        TrainOptions("", "", conditions=names[:1], maps=MapOptions(map_weight=1.0)), data_set, only, one
    )
    np.testing.assert_allclose(counted.obtained(np.eye(4, dtype=np.float32)[states]).numpy(), obtained[:, 0], atol=1e-6)


def test_the_error_of_judged_labels_is_in_the_loss_of_the_generator():
    def full_share(encoding):
        return keras.ops.mean(encoding[..., 3], axis=(1, 2))

    states, label = np.zeros((4, 4, 6), np.uint8), np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    seed, replica = np.array([3, 4], np.int32), np.int32(0)
    results = []
    for weight in (0.0, 5.0):
        model = build_rugan(judged_labels=JudgedLabels(weight, full_share))
        logs, _ = model.compute_generator_gradients(states, label, label, seed, replica)
        results.append({name: float(value) for name, value in logs.items()})
    fake = model.draw_fake(states, label, seed, replica).numpy()
    error = np.mean((fake[..., 3].mean(axis=(1, 2)) - label) ** 2)
    assert results[0]["label_error_fake"] == pytest.approx(error, rel=1e-5)
    assert results[1]["generator_loss"] - results[0]["generator_loss"] == pytest.approx(5 * error, rel=1e-4)
    assert model.latent_channels == CHANNELS


def test_labels_with_maps_and_several_conditions_contradict_each_other_in_a_critic():
    from rugan_tf.networks.critic import Critic

    with pytest.raises(ValueError, match=r"Maps are of one condition\. Received: maps with num_conditions=2"):
        Critic(width=4, maps=True, num_conditions=2)


def test_without_an_ednn_energies_are_not_judged(data):
    told = read_data_set(data)
    labels = labels_of(told, ["energy_per_area", "porosity"])
    learnt = LearntConditions.of(labels.conditions, labels.values)
    options = TrainOptions(
        "", "", conditions=("energy_per_area", "porosity"), maps=MapOptions(map_weight=1.0), strict=True
    )
    with pytest.raises(InputError, match="one method and one zero"):
        judged_labels(options, told, labels, learnt)
