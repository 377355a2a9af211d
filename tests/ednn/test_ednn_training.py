"""A real training of seconds: it learns, leaves what is needed, can be interrupted, and refuses nonsense."""

import json

import keras
import numpy as np
import pytest
from tiny_ednn import FACTS, draw_states, neighbour_energy, train_arguments, write_reference

from rugan_tf.ednn import training
from rugan_tf.ednn.__main__ import main
from rugan_tf.ednn.options import EdnnTrainOptions
from rugan_tf.ednn.reference import fit_state_energies, split_reference
from rugan_tf.ednn.training import energy_loss, load_ednn
from rugan_tf.energies.origin import origin_of
from rugan_tf.formats.data_set import DataSet, read_data_set, write_data_set
from rugan_tf.saved.ednn_card import read_ednn_card

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_reference(tmp_path_factory.mktemp("small") / "small.npz", num_sheets=40)


def shortened(data, run_dir, *others):
    """Four epochs, of which each gives a better validation error than the one before."""
    return train_arguments(data, run_dir, "--num-epochs", "4", "--batch-size", "8", "--seed", "1", *others)


@pytest.fixture(scope="module")
def at_once(small, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("at_once") / "run"
    assert main(shortened(small, run_dir)) == 0
    return run_dir


def refused(capsys, *args):
    """Run a command that must fail, and return what it says."""
    assert main([str(arg) for arg in args]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def weights(run_dir):
    return [np.asarray(weight) for weight in load_ednn(run_dir).weights]


def test_training_learns_what_is_not_linear_in_the_states(trained, reference):
    data_set = read_data_set(reference)
    split = split_reference(400)
    states, energy = data_set.states, neighbour_energy(data_set.states)
    constants, _ = fit_state_energies(states[split.train], energy[split.train], 4)
    linear = np.array(constants)[states[split.test]].sum(axis=(1, 2))
    error_of_linear = np.abs(linear - energy[split.test]).mean()
    error = np.abs(load_ednn(trained)(states[split.test]) - energy[split.test]).mean()
    assert error < 0.6 * error_of_linear


def test_what_was_learned_holds_for_larger_sheets(trained):
    states = draw_states(30, 12, 10, seed=9)
    energy = neighbour_energy(states)
    model = load_ednn(trained)
    linear = np.array(model.state_energies)[states].sum(axis=(1, 2))
    assert np.abs(model(states) - energy).mean() < 0.6 * np.abs(linear - energy).mean()


def test_run_folder_says_how_it_came_about(trained, reference):
    config = json.loads((trained / "config.json").read_text())
    assert config["options"]["width"] == 12
    assert config["options"]["learning_rate"] == 0.02
    assert not {"resume", "overwrite"} & set(config["options"])
    checksum = read_data_set(reference).checksum
    assert config["data"] == {"path": str(reference), "sha256": checksum, "energy": "by neighbours"}
    assert config["split"] == {"train": 320, "validation": 40, "test": 40}
    facts = json.loads((trained / "saved_model" / "1" / "assets.extra" / "ednn.json").read_text())
    assert set(FACTS) <= set(facts)
    assert (facts["system"], facts["data"]) == ("porous_graphene", config["data"])
    assert list((trained / "tensorboard" / "validation").glob("events*"))
    assert not list((trained / "backup").glob("*"))


def test_network_stands_on_the_linear_fit_of_the_training_part(trained, reference):
    states = read_data_set(reference).states
    part = split_reference(400).train
    constants, rest = fit_state_energies(states[part], neighbour_energy(states)[part], 4)
    model = load_ednn(trained)
    np.testing.assert_allclose(model.state_energies, constants, rtol=1e-6)
    assert model.energy_scale == pytest.approx(rest, rel=1e-6)
    assert model.period == (1, 2)


def test_weights_of_the_best_validation_error_are_kept(small, tmp_path, monkeypatch):
    callbacks = []
    early_stopping = keras.callbacks.EarlyStopping

    def recording(*args, **options):
        callback = early_stopping(*args, **options)
        values = iter([4.0, 2.0, 3.0, 3.0])
        monkeypatch.setattr(callback, "get_monitor_value", lambda logs: next(values))
        callbacks.append(callback)
        return callback

    monkeypatch.setattr(keras.callbacks, "EarlyStopping", recording)
    assert main(shortened(small, tmp_path / "run", "--patience", "2")) == 0
    assert (callbacks[0].best_epoch, callbacks[0].stopped_epoch) == (1, 3)
    for kept, best in zip(weights(tmp_path / "run"), callbacks[0].best_weights, strict=True):
        np.testing.assert_array_equal(kept, best)


class StopAtEpoch(keras.callbacks.Callback):
    """What Ctrl-C does, at the beginning of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.fixture
def interrupted(small, tmp_path, monkeypatch):
    """The run folder of a training that was interrupted after two of four epochs."""
    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks, "TensorBoard", lambda *args, **options: StopAtEpoch(2))
        assert main(shortened(small, tmp_path / "run")) == 130
    assert not (tmp_path / "run" / "ednn.keras").exists()
    return tmp_path / "run"


@pytest.mark.parametrize("damaged", [False, True])
def test_resumed_training_ends_as_if_it_had_not_been_interrupted(small, interrupted, at_once, damaged):
    latest = next((interrupted / "backup").rglob("latest.weights.h5"))
    if damaged:  # killed while it was written
        latest.write_bytes(latest.read_bytes()[:500])
    assert main(shortened(small, interrupted, "--resume")) == 0
    for resumed, expected in zip(weights(interrupted), weights(at_once), strict=True):
        np.testing.assert_allclose(resumed, expected, rtol=1e-5, atol=1e-7)


def test_run_is_resumed_with_the_same_options_and_data_alone(small, reference, interrupted, capsys):
    message = refused(capsys, *shortened(small, interrupted, "--resume", "--width", "5"))
    assert "must have the options and the data it began with. Received: width=5 instead of 12" in message
    before = (interrupted / "config.json").read_bytes()
    assert "Received: data=" in refused(capsys, *shortened(reference, interrupted, "--resume"))
    assert (interrupted / "config.json").read_bytes() == before


def test_finished_run_and_no_run_cannot_be_resumed(trained, reference, tmp_path, capsys):
    before = (trained / "ednn.keras").read_bytes()
    message = refused(capsys, *train_arguments(reference, trained, "--resume"))
    assert f"A run that is resumed must not have finished. Received: {trained}" in message
    assert (trained / "ednn.keras").read_bytes() == before
    message = refused(capsys, *train_arguments(reference, tmp_path / "new", "--resume"))
    assert "A run that is resumed must have a config.json" in message


def test_run_folder_with_content_is_kept(trained, reference, capsys):
    message = refused(capsys, *train_arguments(reference, trained))
    assert "The folder must be new or empty, or --overwrite given" in message
    assert (trained / "ednn.keras").is_file()


def test_data_inside_of_a_run_folder_that_is_overwritten_is_kept(tmp_path, capsys):
    data = write_reference(tmp_path / "run" / "data.npz", num_sheets=40)
    message = refused(capsys, *train_arguments(data, tmp_path / "run", "--overwrite"))
    assert "A run folder that is overwritten must not hold the data" in message
    assert data.is_file()


def test_fewer_than_40_sheets_and_equal_energies_are_refused(tmp_path, capsys):
    few = write_reference(tmp_path / "few.npz", num_sheets=39)
    message = refused(capsys, *train_arguments(few, tmp_path / "run"))
    assert "at least 40 reference sheets to split. Received: 39" in message
    equal = tmp_path / "equal.npz"
    write_data_set(equal, DataSet(draw_states(40, 4, 4), np.full(40, -1.0), {"system": "porous_graphene"}))
    assert "Reference energies must differ" in refused(capsys, *train_arguments(equal, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_missing_data_is_refused(tmp_path, capsys):
    assert "nowhere.npz" in refused(capsys, *train_arguments(tmp_path / "nowhere.npz", tmp_path / "run"))


@pytest.mark.parametrize("name", ["num_epochs", "patience", "batch_size", "width", "context"])
def test_numbers_below_one_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} must be at least 1. Received: {name}=0"):
        EdnnTrainOptions("data.npz", "run", **{name: 0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate must lie in \(0, 1\). Received: learning_rate=0.0"),
        ({"learning_rate": 1.0}, r"learning_rate must lie in \(0, 1\). Received: learning_rate=1.0"),
        ({"seed": -1}, r"seed must not be negative. Received: seed=-1"),
        ({"resume": True, "overwrite": True}, r"resumed or overwritten, not both"),
    ],
)
def test_options_that_make_no_training_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EdnnTrainOptions("data.npz", "run", **options)


def test_bad_option_exits_with_2_on_the_command_line(reference, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(train_arguments(reference, tmp_path / "run", "--width", "0"))
    assert stopped.value.code == 2
    assert "width must be at least 1" in capsys.readouterr().err


def test_loss_by_hand():
    loss = energy_loss(2.0)(np.array([[1.0], [5.0]], np.float32), np.array([3.0, -1.0], np.float32))
    assert float(loss) == pytest.approx((1 + 9) / 2)


def test_folder_without_a_network_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"A run must have written ednn.keras. Received: .*"):
        load_ednn(tmp_path)


def test_epoch_of_the_batches_follows_the_training(small, tmp_path, monkeypatch):
    epochs = []
    getter = training.SymmetricBatches.__getitem__

    def recording(self, index):
        epochs.append(self.epoch)
        return getter(self, index)

    monkeypatch.setattr(training.SymmetricBatches, "__getitem__", recording)
    assert main(shortened(small, tmp_path / "run")) == 0
    assert sorted(set(epochs)) == [0, 1, 2, 3]


def test_a_property_is_learnt_in_place_of_the_energy(small, at_once, tmp_path, capsys):
    """The same numbers under another name train the same network, which says whose they are."""
    told = read_data_set(small)
    zeros = np.zeros(len(told.states))
    write_data_set(tmp_path / "data.npz", DataSet(told.states, zeros, told.metadata, {"cost": told.energy_per_area}))
    assert main(shortened(tmp_path / "data.npz", tmp_path / "run", "--property", "cost")) == 0
    for one, other in zip(weights(tmp_path / "run"), weights(at_once), strict=True):
        np.testing.assert_array_equal(one, other)
    card = read_ednn_card(tmp_path / "run/saved_model/1")
    assert origin_of(f"ednn: trained on {card.reference} (data 0)").method == "cost"
    words = ["evaluate", "--run-dir", tmp_path / "run", "--data", tmp_path / "data.npz", "--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    content = json.loads((tmp_path / "out/metrics.json").read_text())
    assert (content["test"]["num_sheets"] > 0, content["by_size"]) == (True, {})
    told = refused(capsys, *shortened(tmp_path / "data.npz", tmp_path / "other", "--property", "gap"))
    assert "A property must be one that the data hold: cost. Received: 'gap'" in told
    assert not (tmp_path / "other").exists()
