"""The loop of a training, driven by steps that only count."""

import math

import pytest

from rugan_tf.train.checkpoints import CheckpointFolder
from rugan_tf.train.loop import Course, train_updates


class Record:
    """Stands where TensorBoard, the checkpoints and the network stand; keeps what happens in its order."""

    def __init__(self, values=()):
        self.events, self.values = [], dict(values)

    def step(self, batch):
        self.events.append(("step", batch))
        return {"wasserstein_estimate": self.values.get(batch, 1.0)}

    def reset(self):
        self.events.append(("reset",))

    def save(self, update):
        self.events.append(("save", update))

    def begin(self, update):
        self.events.append(("begin", update))

    def before_update(self, update):
        self.events.append(("before", update))

    def after_interval(self, update, means):
        self.events.append(("interval", update, means["wasserstein_estimate"]))

    def end(self):
        self.events.append(("end",))

    def of(self, kind):
        return [event[1] for event in self.events if event[0] == kind]


class StopAfter:
    """Asks for the end after an update."""

    def __init__(self, asked=math.inf):
        self.asked, self.calls = asked, 0

    def is_asked(self):
        self.calls += 1
        return self.calls >= self.asked


def play(tmp_path, record, *, first=0, last=6, interval=2, asked=math.inf, minutes=None, is_chief=True):
    return train_updates(
        record.step,
        iter(range(first + 1, 100)),
        record.reset,
        first_update=first,
        num_updates=last,
        interval=interval,
        stop=StopAfter(asked),
        folder=CheckpointFolder(tmp_path),
        course=Course(record, record.save, minutes) if is_chief else None,
    )


def test_every_update_has_one_batch_and_every_interval_one_checkpoint(tmp_path):
    record = Record()
    assert play(tmp_path, record) == 6
    assert record.of("step") == record.of("before") == [1, 2, 3, 4, 5, 6]
    assert record.of("save") == record.of("interval") == [2, 4, 6]
    assert record.events[:2] == [("begin", 0), ("reset",)]
    assert record.events[-1] == ("end",)


def test_what_is_shown_of_an_interval_is_reset_after_its_checkpoint(tmp_path):
    record = Record()
    play(tmp_path, record, last=4)
    after = record.events[record.events.index(("step", 2)) :]
    assert after[:4] == [("step", 2), ("interval", 2, 1.0), ("save", 2), ("reset",)]


def test_a_run_that_goes_on_within_an_interval_ends_that_interval_where_it_would_have(tmp_path):
    record = Record()
    assert play(tmp_path, record, first=3) == 6
    assert record.of("step") == [4, 5, 6]
    assert record.of("save") == [4, 6]


def test_a_finished_run_does_nothing_more(tmp_path):
    record = Record()
    assert play(tmp_path, record, first=6) == 6
    assert not record.of("step")
    assert not record.of("save")


def test_the_end_that_was_asked_for_comes_with_a_checkpoint(tmp_path):
    record = Record()
    assert play(tmp_path, record, asked=3) == 3
    assert record.of("save") == [2, 3]
    assert record.events[-1] == ("end",)


def test_the_end_at_a_whole_interval_has_one_checkpoint(tmp_path):
    record = Record()
    assert play(tmp_path, record, asked=4) == 4
    assert record.of("save") == [2, 4]


def test_checkpoints_by_time_come_between_intervals(tmp_path):
    record = Record()
    play(tmp_path, record, interval=6, minutes=0.0)
    assert record.of("save") == [1, 2, 3, 4, 5, 6]
    record = Record()
    play(tmp_path, record, interval=6, minutes=1e6)
    assert record.of("save") == [6]


@pytest.mark.parametrize("value", [math.nan, math.inf, -2e8])
def test_divergence_ends_the_run_before_its_checkpoint(tmp_path, value):
    record = Record({4: value})
    with pytest.raises(ValueError, match=r"Losses must stay finite .* Received: wasserstein_estimate=.*: none"):
        play(tmp_path, record)
    assert record.of("save") == [2]
    assert record.events[-1] == ("end",)


def test_a_worker_that_writes_no_files_trains_all_the_same(tmp_path):
    record = Record()
    assert play(tmp_path, record, is_chief=False, asked=5) == 5
    assert record.of("step") == [1, 2, 3, 4, 5]
    assert {event[0] for event in record.events} == {"step", "reset"}
