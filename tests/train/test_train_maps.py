"""Trainings on maps of the energy through the command line, a few updates long."""

import json
import os
import signal

import numpy as np
import pytest
import tensorflow as tf
from tiny_run import arguments, read_checkpoint, write_sheets

from rugan_tf.data.__main__ import main as data_main
from rugan_tf.energies.ednn import shipped_ednn
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.saved import shipped
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.model_card import read_run_card
from rugan_tf.systems.named import system_named
from rugan_tf.train.__main__ import main
from rugan_tf.train.learnt_maps import LearntMaps, map_ednn
from rugan_tf.train.map_options import MapOptions
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.tensorboard_log import TensorBoardLog

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")

GRAPHENE = system_named("porous_graphene")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """As few sheets as the statistics of maps need, labelled by the EDNN that tells where their energy is."""
    data = tmp_path_factory.mktemp("data") / "sheets.npz"
    words = ["build", "--num-sheets", "24", "--rows", "6", "--cols", "8", "--energy", "ednn", "--out", str(data)]
    assert data_main(words) == 0
    return data


def words(data, run_dir, *others):
    # Small networks, without compiling: test_train_run.py compiles a training on maps, and judges it.
    small = ["--refinements", "1", "--head-layers", "0", "--judge-sheets", "0", "--eager"]
    return arguments(data, run_dir, "--map-weight", "10", "--regression-weight", "0", *small, *others)


@pytest.fixture(scope="module")
def run_dir(data, tmp_path_factory):
    """A whole run."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    assert main(words(data, run_dir)) == 0
    return run_dir


def test_run_folder_tells_the_options_and_the_statistics_of_maps(run_dir, data):
    options = json.loads((run_dir / "config.json").read_text())["options"]
    assert (options["maps"]["map_weight"], options["maps"]["map_noise"]) == (10.0, 0.5)
    told, energies = read_run_card(run_dir).map_statistics, read_data_set(data).energy_per_area
    assert told.noise == pytest.approx(0.5 * energies.std(), rel=1e-6)
    assert told.energies == pytest.approx([energies.mean()], rel=1e-5)  # the local energies of a sheet are its energy
    pitch = GRAPHENE.lattice.cell_lengths(2, 2)
    assert told.pitch == pytest.approx(tuple(pitch))


def test_interrupted_run_goes_on_bit_by_bit(run_dir, data, tmp_path, monkeypatch):
    stopped = tmp_path / "run"
    before = TensorBoardLog.before_update

    def end_at_the_third(self, update):
        before(self, update)
        if update == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(TensorBoardLog, "before_update", end_at_the_third)
        assert main(words(data, stopped)) == 0
    assert not (stopped / "checkpoints" / "checkpoint-00000004.npz").exists()
    assert main(words(data, stopped, "--resume")) == 0
    expected, received = read_checkpoint(run_dir, 4), read_checkpoint(stopped, 4)
    assert expected.keys() == received.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(received[name], array, err_msg=name)


def test_run_on_maps_is_not_resumed_without_them(run_dir, data, capsys):
    assert main(words(data, run_dir, "--resume", "--map-weight", "0")) == 2
    assert "Received: maps/map_weight=0.0 instead of 10.0" in capsys.readouterr().err


def test_maps_of_the_data_are_its_energies_and_those_of_generated_sheets_have_a_gradient(data, tmp_path):
    data_set = read_data_set(data)
    scale = LabelScale.of(data_set.energy_per_area)
    maps = LearntMaps.of(TrainOptions(data, tmp_path, maps=MapOptions(map_weight=1.0)), data_set, scale)
    labels = scale.label(data_set.energy_per_area)
    np.testing.assert_allclose(maps.labels.local.mean(axis=(1, 2)), labels, atol=1e-4)
    encoding = tf.one_hot(data_set.states.astype(np.int32), GRAPHENE.num_states)
    with tf.GradientTape() as tape:
        tape.watch(encoding)
        obtained = maps.loss.obtained(encoding)
        first = tf.reduce_sum(obtained[0])
    np.testing.assert_allclose(obtained.numpy().mean(axis=(1, 2)), labels, atol=1e-4)
    assert obtained.numpy().std(axis=(1, 2)).min() > 0.05  # in standard deviations of the labels
    gradient = tape.gradient(first, encoding).numpy()
    assert np.abs(gradient[0]).min(axis=-1).max() > 0
    assert not gradient[1:].any()  # of other sheets


def test_too_few_sheets_are_refused_before_anything_is_written(tmp_path, capsys):
    few = write_sheets(tmp_path / "few.npz")
    assert main(words(few, tmp_path / "run")) == 2
    told = capsys.readouterr().err
    assert "the data has energies by made-up, the EDNN of the maps by tight-binding" in told
    assert "The statistics of maps need at least 24 sheets. Received: 8" in told
    assert not (tmp_path / "run").exists()


def test_material_without_an_ednn_is_refused_with_the_ways_out(data, tmp_path, monkeypatch, capsys):
    folder = shipped_ednn(GRAPHENE)
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "rugan_tf")
    assert main(words(data, tmp_path / "run")) == 2
    told = capsys.readouterr().err
    assert "A training on maps needs an EDNN of the material, --map-ednn FOLDER" in told
    assert "--map-weight 0. Received: none for porous_graphene" in told
    assert not (tmp_path / "run").exists()
    named = TrainOptions(data, tmp_path, maps=MapOptions(map_weight=1.0, map_ednn=folder))
    assert map_ednn(named, read_data_set(data)).folder.parent == folder
