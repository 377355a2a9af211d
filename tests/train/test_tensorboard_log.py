from types import SimpleNamespace

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from rugan_tf.train.gallery import Page
from rugan_tf.train.loss_options import LossOptions
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.tensorboard_log import JUDGED_EVERY, LABEL_SCALARS, SCALARS, TensorBoardLog

PICTURE = np.zeros((2, 2, 3), np.uint8)


def play(path, num_intervals, interval=4, first_update=0, **options):
    """Let a log see a training of nothing; return what TensorBoard reads."""
    options = TrainOptions(
        data=path, run_dir=path, num_updates=interval * num_intervals + first_update, interval=interval, **options
    )
    gallery = SimpleNamespace(
        draw=lambda _: Page({"sheets/valid_share": 0.5}, {"sheets/page": PICTURE}),
        draw_large=lambda _: Page({}, {"sheets/large": PICTURE}),
    )
    judge = SimpleNamespace(judge=lambda _: Page({"energy_1x1/r2": 0.9}, {}))
    rate = SimpleNamespace(learning_rate=np.float32(0.25))
    model = SimpleNamespace(critic_optimizer=rate, generator_optimizer=rate)
    log = TensorBoardLog(path, options, model, gallery, [judge])
    means = dict.fromkeys(SCALARS | LABEL_SCALARS, 2.0)
    log.begin(first_update)
    for update in range(first_update + 1, first_update + interval * num_intervals + 1):
        log.before_update(update)
        if update % interval == 0:
            log.after_interval(update, means)
    log.end()
    events = EventAccumulator(str(path), size_guidance={"tensors": 0})
    events.Reload()
    return events


def steps(events, tag):
    return [event.step for event in events.Tensors(tag)]


def test_scalars_come_every_interval_judgements_every_fifth_and_at_the_end(tmp_path):
    events = play(tmp_path, JUDGED_EVERY + 2)
    assert steps(events, "critic/loss") == [4 * number for number in range(1, JUDGED_EVERY + 3)]
    assert steps(events, "sheets/page") == steps(events, "critic/loss") == steps(events, "speed/updates_per_second")
    for tag in ("sheets/large", "energy_1x1/r2"):
        assert steps(events, tag) == [4 * JUDGED_EVERY, 4 * (JUDGED_EVERY + 2)]
    assert float(make_ndarray(events.Tensors("generator/learning_rate")[0].tensor_proto)) == 0.25


def test_label_errors_are_written_for_a_critic_that_predicts_labels(tmp_path):
    assert not set(LABEL_SCALARS.values()) & set(play(tmp_path / "without", 1).Tags()["tensors"])
    loss = LossOptions(regression_weight=2.0)
    with_it = play(tmp_path / "with", 1, head_layers=1, loss=loss)
    assert set(LABEL_SCALARS.values()) <= set(with_it.Tags()["tensors"])


def test_resumed_curves_go_on_where_they_were(tmp_path):
    play(tmp_path, 2)
    # Files are read by their names: the second of the start, and then a number, of which 10 comes before 9.
    for first in list(tmp_path.rglob("events.out.tfevents.*")):
        first.rename(first.with_name(first.name.replace("tfevents.", "tfevents.0")))
    assert steps(play(tmp_path, 2, first_update=8), "critic/loss") == [4, 8, 12, 16]


def test_profile_is_written_on_request(tmp_path):
    play(tmp_path / "without", 4)
    assert not list(tmp_path.rglob("*.xplane.pb"))
    play(tmp_path / "whole", 4, profile=True)
    play(tmp_path / "short", 3, profile=True)  # ends within the profile
    assert len(list(tmp_path.rglob("*.xplane.pb"))) == 2
