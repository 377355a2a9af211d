"""Trainings of real networks through the command line, a few updates long."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_run import arguments, read_checkpoint, write_sheets

from rugan_tf.data.__main__ import main as data_main
from rugan_tf.errors import InputError
from rugan_tf.export.__main__ import main as export
from rugan_tf.saved.exported_weights import exported_weights
from rugan_tf.train.__main__ import main
from rugan_tf.train.tensorboard_log import TensorBoardLog

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")


EAGER = "--eager"  # where a graph is not what is tested: to build one takes longer than these few updates
OWN_NETWORKS = """
import keras
from rugan_tf.networks.critic import Critic
from rugan_tf.networks.generator import Generator

@keras.saving.register_keras_serializable("own")
class Mine(Generator):
    pass

def generator(request):
    return Mine(request.width, request.num_states, latent_channels=request.latent_channels)

def critic(request):
    return Critic(request.width, request.num_states, period=request.period)

@keras.saving.register_keras_serializable("own")
class Narrow(Generator):
    def call(self, inputs, *, training=False):
        return super().call(inputs, training=training)[:, ::2, ::2]

def narrow(request):
    return Narrow(request.width, request.num_states, latent_channels=request.latent_channels)

class OneOutput(keras.Model):
    def call(self, inputs, *, training=False):
        return keras.ops.sum(inputs["encoding"], axis=(1, 2, 3))

def one_output(request):
    return OneOutput()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_sheets(tmp_path_factory.mktemp("data") / "sheets.npz")


@pytest.fixture(scope="module")
def run_dir(data, tmp_path_factory):
    """A whole run."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    assert main(arguments(data, run_dir)) == 0
    return run_dir


def test_run_folder_holds_everything(run_dir):
    names = {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}
    events = {name for name in names if name.startswith("tensorboard/events.out.tfevents")}
    assert len(events) == 1
    assert names - events == {
        "config.json",
        "curves.csv",
        "curves.png",
        "checkpoints/checkpoint-00000002.npz",
        "checkpoints/checkpoint-00000004.npz",
        "model/generator.keras",
        "model/model.json",
    }


def test_config_holds_resolved_options_data_and_environment(run_dir, data):
    config = json.loads((run_dir / "config.json").read_text())
    options = config["options"]
    assert (options["num_updates"], options["width"], options["loss"]["consistency_weight"]) == (4, 4, 1.5)
    assert (options["learning_rate"], options["decay_learning_rate"]) == (1e-3, True)
    assert config["data"]["path"] == str(data)
    assert config["data"]["num_sheets"] == 8
    assert len(config["data"]["sha256"]) == 64
    assert config["environment"]["keras"] == keras.__version__
    assert {"python", "machine", "tensorflow", "numpy", "scipy", "rugan-tf"} <= set(config["environment"])


def test_model_facts_say_what_generation_needs(run_dir, data):
    facts = json.loads((run_dir / "model" / "model.json").read_text())
    with np.load(data) as archive:
        energies = archive["energy_per_area"]
    assert facts["system"] == "porous_graphene"
    assert (facts["rows"], facts["cols"], facts["latent_channels"]) == (4, 4, 3)
    assert facts["label_mean"] == pytest.approx(energies.mean())
    assert facts["label_standard_deviation"] == pytest.approx(energies.std())
    assert facts["energy_range"] == [energies.min(), energies.max()]
    assert facts["energy"] == "made-up"
    assert facts["training"]["num_updates"] == 4


def test_written_generator_is_the_average_of_the_last_checkpoint(run_dir):
    path = run_dir / "model" / "generator.keras"
    generator = keras.saving.load_model(path, compile=False, safe_mode=True)
    checkpoint = read_checkpoint(run_dir, 4)
    shapes = [weight.shape for weight in generator.weights]
    arrays = [checkpoint[name] for name in sorted(checkpoint) if name.startswith("model-")]
    held = [
        first
        for first in range(len(arrays) - len(shapes) + 1)
        if all(
            array.shape == weight.shape and (array == weight.numpy()).all()
            for array, weight in zip(arrays[first:], generator.weights, strict=False)
        )
    ]
    assert len(held) == 1  # once: the average; the weights themselves have moved on


def test_training_changes_every_part_of_the_state(run_dir):
    before, after = read_checkpoint(run_dir, 2), read_checkpoint(run_dir, 4)
    assert before.keys() == after.keys()
    groups = {name.split("-")[0] for name in before}
    assert groups == {"model", "critic_optimizer", "generator_optimizer", "num_updates"}
    same = [name for name in before if np.array_equal(before[name], after[name])]
    assert len(same) < len(before) / 4
    assert all(np.isfinite(array).all() for array in after.values())


def test_tensorboard_holds_scalars_and_pictures_at_generator_updates(run_dir):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(run_dir / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    expected = {
        "critic/loss",
        "critic/wasserstein_estimate",
        "critic/gradient_penalty",
        "critic/gradient_norm",
        "critic/label_error",
        "critic/learning_rate",
        "speed/updates_per_second",
        "critic/consistency_term",
        "generator/loss",
        "generator/label_error",
        "generator/learning_rate",
        "sheets/valid_share",
        "sheets/dangling_share_of_atoms",
        "sheets/real_above_generated",
    }
    large = "sheets/large_with_training_size"
    assert set(events.Tags()["tensors"]) == {*expected, large, "_hparams_/session_start_info"}
    for tag in expected:
        assert [event.step for event in events.Tensors(tag)] == [2, 4]
    rates = [float(make_ndarray(event.tensor_proto)) for event in events.Tensors("generator/learning_rate")]
    assert rates == pytest.approx([0.5e-3, 0.0])
    assert [event.step for event in events.Tensors(large)] == [4]  # the end
    for picture in (large, "sheets/real_above_generated"):
        assert make_ndarray(events.Tensors(picture)[0].tensor_proto)[2].startswith(b"\x89PNG")


def test_killed_run_goes_on_bit_by_bit_as_if_it_had_not_been(run_dir, data, tmp_path):
    killed = tmp_path / "run"
    script = [sys.executable, str(Path(__file__).with_name("tiny_run.py")), str(data), str(killed)]
    process = subprocess.run(script, check=False, capture_output=True, text=True, timeout=300)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert [path.name for path in (killed / "checkpoints").glob("c*")] == ["checkpoint-00000002.npz"]
    assert main(arguments(data, killed, "--resume")) == 0
    for num_updates in (2, 4):
        expected, received = read_checkpoint(run_dir, num_updates), read_checkpoint(killed, num_updates)
        assert expected.keys() == received.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(received[name], array, err_msg=f"{name} at {num_updates}")
    finished = (killed / "checkpoints" / "checkpoint-00000004.npz").stat().st_mtime_ns
    assert finished > (killed / "checkpoints" / "checkpoint-00000002.npz").stat().st_mtime_ns


def test_sigterm_within_an_interval_leaves_a_checkpoint_that_goes_on_bit_by_bit(
    run_dir, data, tmp_path, monkeypatch, capsys
):
    stopped = tmp_path / "run"
    before = TensorBoardLog.before_update

    def end_at_the_third(self, update):
        before(self, update)
        if update == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(TensorBoardLog, "before_update", end_at_the_third)
    assert main(arguments(data, stopped)) == 0
    assert "stopped by SIGTERM after 3 generator updates, with a checkpoint" in capsys.readouterr().out
    names = sorted(path.name for path in (stopped / "checkpoints").iterdir())
    assert names == ["checkpoint-00000002.npz", "checkpoint-00000003.npz"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    monkeypatch.undo()
    assert main(arguments(data, stopped, "--resume")) == 0
    expected, received = read_checkpoint(run_dir, 4), read_checkpoint(stopped, 4)
    for name, array in expected.items():
        np.testing.assert_array_equal(received[name], array, err_msg=name)


def test_checkpoints_by_the_minute(data, tmp_path):
    assert main(arguments(data, tmp_path / "run", "--checkpoint-minutes", "1e-6", EAGER)) == 0
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["checkpoint-00000003.npz", "checkpoint-00000004.npz"]  # the two newest of one at every update


def test_loss_that_is_not_finite_stops_the_run_and_names_the_last_good_checkpoint(data, tmp_path, monkeypatch, capsys):
    run_dir = tmp_path / "run"
    before = TensorBoardLog.before_update

    def spoil_the_third(self, update):
        before(self, update)
        if update == 3:
            weight = self.model.critic.trainable_variables[0]
            weight.assign(np.full(weight.shape, np.nan))

    monkeypatch.setattr(TensorBoardLog, "before_update", spoil_the_third)
    assert main(arguments(data, run_dir, EAGER)) == 2
    error = capsys.readouterr().err
    assert "Losses must stay finite" in error
    good = run_dir / "checkpoints" / "checkpoint-00000002.npz"
    assert f"last good checkpoint: {good}" in error
    assert sorted((run_dir / "checkpoints").iterdir()) == [good]


def test_training_on_maps_is_judged_where_the_shipped_ednn_labelled_the_data(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    data = tmp_path / "sheets.npz"
    words = ["build", "--num-sheets", "24", "--rows", "6", "--cols", "8", "--energy", "ednn", "--out", str(data)]
    assert data_main(words) == 0
    more = ["--map-weight", "10", "--regression-weight", "0", "--judge-sheets", "8", "--profile"]
    assert main(arguments(data, tmp_path / "run", *more)) == 0
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    tags = set(events.Tags()["tensors"])
    kinds = ("ks_statistic", "r2", "mae_eV_per_A2", "bias_in_sd_of_labels", "valid_share")
    for name in ("energy_1x1", "energy_2x2"):
        assert {f"{name}/{kind}" for kind in kinds} <= tags
        steps = [event.step for event in events.Tensors(f"{name}/obtained_against_requested")]
        assert steps == [4]  # the end


def test_bfloat16_trains_networks_with_weights_in_float32(data, tmp_path):
    run_dir = tmp_path / "run"
    try:
        assert main(arguments(data, run_dir, "--mixed-bfloat16")) == 0
    finally:
        keras.config.set_dtype_policy("float32")
    arrays = [array for name, array in read_checkpoint(run_dir, 4).items() if array.dtype.kind == "f"]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert all(np.isfinite(array).all() for array in arrays)


def test_finished_run_is_extended_and_says_so(data, run_dir, tmp_path, capsys):
    longer = tmp_path / "run"
    shutil.copytree(run_dir, longer)
    assert main(arguments(data, longer, "--resume", "--num-updates", "6", EAGER)) == 0
    assert f"{longer}: after update 4 num_updates=6 instead of 4" in capsys.readouterr().out
    config = json.loads((longer / "config.json").read_text())
    assert config["options"]["num_updates"] == 6
    assert config["changes"] == [{"after_update": 4, "option": "num_updates", "before": 4, "after": 6}]
    before, after = read_checkpoint(longer, 4), read_checkpoint(longer, 6)
    for name, array in read_checkpoint(run_dir, 4).items():
        np.testing.assert_array_equal(before[name], array)
    assert int(after["num_updates"]) == 6
    assert main(arguments(data, longer, "--resume", "--num-updates", "2")) == 2
    assert "must not be less than the updates that are done, 6. Received: num_updates=2" in capsys.readouterr().err


def test_learning_rate_is_changed_on_the_way(data, tmp_path, capsys):
    run_dir, constant = tmp_path / "run", ["--no-decay-learning-rate", "--num-updates", "2", EAGER]
    assert main(arguments(data, run_dir, *constant)) == 0
    assert main(arguments(data, run_dir, *constant, "--resume", "--num-updates", "4", "--learning-rate", "0.25")) == 0
    assert "after update 2 learning_rate=0.25 instead of 0.001" in capsys.readouterr().out
    held = read_checkpoint(run_dir, 4)
    assert sum(array.shape == () and float(array) == 0.25 for array in held.values()) == 2  # of both optimisers


def test_training_begins_with_the_weights_of_another_run_of_another_size(run_dir, tmp_path, capsys):
    other = write_sheets(tmp_path / "other.npz", rows=6)
    begun = tmp_path / "begun"
    assert main(arguments(other, begun, "--weights", str(run_dir), "--learning-rate", "1e-12", EAGER)) == 0
    assert f"{begun}: begins with the weights of {run_dir} after 4 updates" in capsys.readouterr().out
    expected, received = read_checkpoint(run_dir, 4), read_checkpoint(begun, 4)
    weights = [name for name in expected if name.startswith("model-") and expected[name].ndim > 1]
    assert len(weights) > 10
    for name in weights[:10]:  # the generator's, which a rate of nearly nothing does not move
        np.testing.assert_allclose(received[name], expected[name], atol=1e-6)
    assert main(arguments(other, tmp_path / "wide", "--weights", str(run_dir), "--width", "6")) == 2
    assert "A checkpoint must be of the same networks" in capsys.readouterr().err


def test_training_begins_with_the_generator_of_an_exported_model(run_dir, data, tmp_path, capsys):
    exported, begun = tmp_path / "exported", tmp_path / "begun"
    assert export(["--run-dir", str(run_dir), "--out", str(exported), "--calibration-sheets", "0"]) == 0
    assert main(arguments(data, begun, "--weights", str(exported), "--learning-rate", "1e-12", EAGER)) == 0
    assert f"{begun}: begins with the generator of {exported}, and with a new critic" in capsys.readouterr().out
    before, after = (
        keras.saving.load_model(folder / "model" / "generator.keras", compile=False) for folder in (run_dir, begun)
    )
    assert len(before.weights) > 4
    for old, new in zip(before.trainable_weights, after.trainable_weights, strict=True):
        np.testing.assert_allclose(new.numpy(), old.numpy(), atol=1e-6)
    assert main(arguments(data, tmp_path / "wide", "--weights", str(exported), "--width", "6")) == 2
    assert "must be the network of this training" in capsys.readouterr().err
    assert main(arguments(data, tmp_path / "other", "--weights", "boron_nitride")) == 2
    assert "must be of porous_graphene. Received: boron_nitride in" in capsys.readouterr().err
    assert main(arguments(data, tmp_path / "none", "--weights", str(tmp_path / "nowhere"))) == 2
    assert "run folder or model of --weights must be" in capsys.readouterr().err
    with pytest.raises(InputError, match="must hold its variables"):
        exported_weights(tmp_path)


def test_own_networks_are_trained_recorded_and_asked_for_again(data, tmp_path, monkeypatch, capsys):
    (tmp_path / "own_networks.py").write_text(OWN_NETWORKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    own = ["--generator", "own_networks:generator", "--critic", "own_networks:critic", "--regression-weight", "0"]
    assert main(arguments(data, tmp_path / "run", *own)) == 0
    options = json.loads((tmp_path / "run" / "config.json").read_text())["options"]
    assert (options["generator"], options["critic"]) == ("own_networks:generator", "own_networks:critic")
    assert main(arguments(data, tmp_path / "run", "--resume", *own[2:])) == 2
    assert "generator=None instead of own_networks:generator" in capsys.readouterr().err
    for word, rule in (
        ("own_networks:nothing", "A generator must be importable"),
        ("own_networks", "must be given as package.module:name. Received: 'own_networks'"),
        ("own_networks:critic", r"A generator must be a keras.Model with latent_channels and halo"),
        ("own_networks:narrow", r"probabilities of the shape \(1, 4, 4, 4\) .* Received: shape=\(1, 2, 2, 4\)"),
    ):
        assert main(arguments(data, tmp_path / "other", "--generator", word)) == 2
        assert re.search(rule, capsys.readouterr().err), word
    assert main(arguments(data, tmp_path / "other", "--critic", "own_networks:one_output")) == 2
    assert "A critic must return score (batch,), features (batch, width)" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_eager_training_gives_what_compiled_training_gives(data, tmp_path):
    assert main(arguments(data, tmp_path / "run", "--eager", "--num-updates", "2", "--no-decay-learning-rate")) == 0
    assert main(arguments(data, tmp_path / "compiled", "--num-updates", "2", "--no-decay-learning-rate")) == 0
    expected, received = read_checkpoint(tmp_path / "compiled", 2), read_checkpoint(tmp_path / "run", 2)
    for name, array in expected.items():
        if name.startswith("model-") and array.dtype == np.float32:
            np.testing.assert_allclose(received[name], array, atol=2e-3, err_msg=name)


def test_folder_with_content_is_not_overwritten(run_dir, data, capsys):
    before = (run_dir / "config.json").read_bytes()
    assert main(arguments(data, run_dir)) == 2
    assert (
        "--resume goes on with the run that it holds, --overwrite throws it away. Received: " in capsys.readouterr().err
    )
    assert (run_dir / "config.json").read_bytes() == before
    assert (run_dir / "checkpoints" / "checkpoint-00000004.npz").is_file()


def test_resumption_with_other_options_lists_them(run_dir, data, capsys):
    assert main(arguments(data, run_dir, "--resume", "--width", "6", "--seed", "9", "--consistency-weight", "2.5")) == 2
    assert (
        "Received: loss/consistency_weight=2.5 instead of 1.5, seed=9 instead of 5, width=6 instead of 4"
        in capsys.readouterr().err
    )


def test_resumption_with_other_data_is_refused(run_dir, tmp_path, capsys):
    other = write_sheets(tmp_path / "other.npz", shift=1.0)
    assert main(arguments(other, run_dir, "--resume")) == 2
    told = capsys.readouterr().err
    assert "the options and the data it began with" in told
    assert "Received: data_sha256=" in told
    assert "width" not in told


def test_resumption_of_nothing_is_refused(data, tmp_path, capsys):
    assert main(arguments(data, tmp_path / "nothing", "--resume")) == 2
    assert "A run that is resumed must have a config.json. Received: " in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_run_without_a_whole_checkpoint_is_not_resumed(run_dir, data, tmp_path, capsys):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    shutil.copy(run_dir / "config.json", tmp_path / "run" / "config.json")
    (tmp_path / "run" / "checkpoints" / "checkpoint-00000002.npz").write_bytes(b"half")
    assert main(arguments(data, tmp_path / "run", "--resume")) == 2
    assert "A run goes on from a whole checkpoint. Received: none in" in capsys.readouterr().err


def test_sheets_that_the_generator_cannot_make_are_refused(tmp_path, capsys):
    odd = write_sheets(tmp_path / "odd.npz", rows=3)
    assert main(arguments(odd, tmp_path / "run")) == 2
    assert "rows and cols must be even to be generated. Received: rows=3, cols=4" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_equal_energies_are_refused(data, tmp_path, capsys):
    with np.load(data) as archive:
        content = dict(archive)
    np.savez(tmp_path / "flat.npz", **content | {"energy_per_area": np.full(8, -2.5)})
    assert main(arguments(tmp_path / "flat.npz", tmp_path / "run")) == 2
    told = capsys.readouterr().err
    assert "A condition must differ between sheets" in told
    assert "Received: energy_per_area, which is -2.5 for all 8 sheets" in told
    assert not (tmp_path / "run").exists()


def test_missing_data_is_refused(tmp_path, capsys):
    assert main(arguments(tmp_path / "none.npz", tmp_path / "run")) == 2
    assert "none.npz" in capsys.readouterr().err


def test_unknown_preset_exits_with_2(capsys):
    with pytest.raises(SystemExit) as error:
        main(["huge", "--data", "a.npz", "--run-dir", "run"])
    assert error.value.code == 2
    assert "huge" in capsys.readouterr().err
