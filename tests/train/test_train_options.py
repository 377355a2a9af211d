import dataclasses
import json
from pathlib import Path

import pytest

from rugan_tf.train.loss_options import LossOptions
from rugan_tf.train.options import PRESETS, Change, TrainOptions, changes_of

OPTIONS = TrainOptions(data=Path("data.npz"), run_dir=Path("run"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_updates": 0}, "num_updates must be at least 1. Received: num_updates=0"),
        ({"interval": 0}, "interval must be at least 1. Received: interval=0"),
        ({"batch_size": -1}, "batch_size must be at least 1. Received: batch_size=-1"),
        ({"critic_steps": 0}, "critic_steps must be at least 1. Received: critic_steps=0"),
        ({"width": 0}, "width must be at least 1. Received: width=0"),
        ({"critic_width": 0}, "critic_width must be at least 1. Received: critic_width=0"),
        ({"latent_channels": 0}, "latent_channels must be at least 1. Received: latent_channels=0"),
        ({"num_updates": 300, "interval": 200}, "multiple of --interval.* num_updates=300, interval=200"),
        ({"learning_rate": 0.0}, r"learning_rate must lie in \(0, 1\). Received: learning_rate=0.0"),
        ({"learning_rate": float("nan")}, r"learning_rate must lie in \(0, 1\). Received: learning_rate=nan"),
        ({"head_layers": -1}, "head_layers must not be negative. Received: head_layers=-1"),
        ({"refinements": -1}, "refinements must not be negative. Received: refinements=-1"),
        ({"sample_noise": 0.5}, "needs hard samples. Received: sample_noise=0.5, hard_samples=False"),
        (
            {"sample_noise": float("nan"), "hard_samples": True},
            "sample_noise must not be negative.* Received: sample_noise=nan, hard_samples=True",
        ),
        (
            {"loss": LossOptions(regression_weight=2.0)},
            r"predicts labels needs a head, .* Received: regression_weight=2.0, head_layers=0",
        ),
        ({"epochs": 0}, "epochs must be at least 1. Received: epochs=0"),
        ({"critic_blocks": 0}, "critic_blocks must be at least 1. Received: critic_blocks=0"),
        ({"seed": -1}, "seed must not be negative. Received: seed=-1"),
        ({"resume": True, "overwrite": True}, "resumed or overwritten, not both.*--resume --overwrite"),
    ],
)
def test_impossible_options_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(OPTIONS, **changes)


@pytest.mark.parametrize(
    "name", ["gradient_penalty_weight", "consistency_weight", "regression_weight", "consistency_margin"]
)
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_negative_weights_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must not be negative. Received: {name}={value}"):
        LossOptions(**{name: value})


def test_paper_preset_has_the_numbers_of_the_paper():
    paper, _ = PRESETS["paper"]
    assert paper.num_updates * paper.critic_steps * paper.batch_size == 1000 * 65_536
    assert (paper.critic_steps, paper.batch_size, paper.latent_channels, paper.width) == (10, 100, 63, 128)
    assert (paper.learning_rate, paper.decay_learning_rate) == (1e-4, False)
    assert (paper.loss.gradient_penalty_weight, paper.loss.consistency_weight) == (10.0, 2.0)


def test_resolved_options_are_json_and_leave_out_what_a_resumption_may_change():
    resolved = json.loads(json.dumps(OPTIONS.resolved()))
    assert not {"data", "run_dir", "resume", "overwrite"} & set(resolved)
    assert resolved["loss"]["consistency_form"] == "squared"
    moved = dataclasses.replace(OPTIONS, run_dir=Path("elsewhere"), data=Path("copy.npz"), resume=True)
    assert moved.resolved() == OPTIONS.resolved()


def test_differences_of_a_resumed_run_are_all_listed(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"options": OPTIONS.resolved(), "data": {"sha256": "abc"}}))
    assert changes_of(OPTIONS, config, "abc") == []
    other = dataclasses.replace(OPTIONS, width=64, seed=5)
    listed = "data_sha256=def instead of abc, seed=5 instead of 0, width=64 instead of 128"
    with pytest.raises(ValueError, match=listed):
        changes_of(other, config, "def")


def test_length_and_learning_rate_of_a_resumed_run_may_change(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"options": OPTIONS.resolved(), "data": {"sha256": "abc"}}))
    longer = dataclasses.replace(OPTIONS, num_updates=2**17, learning_rate=1e-5)
    assert changes_of(longer, config, "abc") == [
        Change("learning_rate", 1e-4, 1e-5),
        Change("num_updates", 65_536, 2**17),
    ]
    with pytest.raises(ValueError, match=r"Received: width=3 instead of 128$"):  # and not what may change
        changes_of(dataclasses.replace(longer, width=3), config, "abc")


def test_run_that_is_resumed_by_another_preset_is_told_what_hinders(tmp_path):
    config = tmp_path / "config.json"
    cpu, quick = (
        dataclasses.replace(PRESETS[name][0], data=OPTIONS.data, run_dir=OPTIONS.run_dir) for name in ("cpu", "quick")
    )
    config.write_text(json.dumps({"options": cpu.resolved(), "data": {"sha256": "abc"}}))
    with pytest.raises(ValueError, match="Received: ") as raised:
        changes_of(quick, config, "abc")
    told = [word.partition("=")[0] for word in str(raised.value).partition("Received: ")[2].split(", ")]
    assert told == ["average_decay", "critic_width", "decay_learning_rate", "interval", "width"]


@pytest.mark.parametrize(
    ("num_sheets", "batch_size", "epochs", "num_updates"),
    [
        (65_536, 100, 1000, 65_536),  # the paper's: 1000 epochs of 65,536 sheets in 655,360 critic updates of 100
        (2_048, 32, 1000, 6_400),
        (2_048, 32, 1, 256),  # 6.4 updates, rounded up to a whole interval
    ],
)
def test_epochs_set_the_updates(num_sheets, batch_size, epochs, num_updates):
    options = dataclasses.replace(OPTIONS, batch_size=batch_size, epochs=epochs, num_updates=256)
    assert options.for_sheets(num_sheets).num_updates == num_updates
    assert OPTIONS.for_sheets(num_sheets) is OPTIONS


def test_paper_preset_has_nothing_that_the_paper_does_not_tell_of():
    paper = PRESETS["paper"][0]
    assert paper.average_decay == 0
    for name in ("shifts", "hard_samples", "projection", "window_means", "fold_generator"):
        assert getattr(paper, name) is False, name
    assert paper.head_layers == paper.refinements == paper.loss.regression_weight == paper.loss.consistency_margin == 0
    assert all(PRESETS[name][0].shifts and PRESETS[name][0].average_decay > 0 for name in ("cpu", "quick"))
