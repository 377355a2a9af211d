"""The loop of a training: one counter of updates, and what happens between two of them."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import tensorflow as tf
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.train.checkpoints import CheckpointFolder
from rugan_tf.train.interruption import StopOnSigterm
from rugan_tf.train.rugan import RUGAN

DIVERGED = 1e8  # far beyond any loss of a training that still learns, far below what float32 holds
Logs = dict[str, float]


class Log(Protocol):
    """What keeps the course of a training for people to look at."""

    def begin(self, update: int) -> None:
        """Begin after so many updates."""

    def before_update(self, update: int) -> None:
        """Know that this update comes next."""

    def after_interval(self, update: int, means: Logs) -> None:
        """Keep the means over an interval."""

    def end(self) -> None:
        """Write out what is left."""


@dataclasses.dataclass(frozen=True)
class Course:
    """What the one process does that writes files; the other workers of a training have none of it.

    Attributes:
        log: of scalars and pictures.
        save: write a checkpoint and the averaged generator after so many updates.
        minutes: longest time between two checkpoints; None for no limit.
    """

    log: Log
    save: Callable[[int], None]
    minutes: float | None = None

    def is_late(self, saved_at: float) -> bool:
        """Whether the longest time has passed since a checkpoint was saved, by the clock that only goes on."""
        return self.minutes is not None and time.monotonic() - saved_at >= 60 * self.minutes


def train_updates(
    step: Callable[[Any], Logs],
    batches: Iterator[Any],
    reset: Callable[[], None],
    *,
    first_update: int,
    num_updates: int,
    interval: int,
    stop: StopOnSigterm,
    folder: CheckpointFolder,
    course: Course | None,
) -> int:
    """Train from `first_update` to `num_updates`, and return how many updates there are now.

    They are fewer than asked for where SIGTERM ended the training, after a checkpoint.

    Args:
        step: one update of the generator with those of the critic before it, from a batch to the means since `reset`.
        batches: of the updates that are to come.
        reset: begin new means.
        first_update: updates done before.
        num_updates: updates at the end.
        interval: updates between two checkpoints, counted from the first of all.
        stop: tells whether the training is asked to end.
        folder: of the checkpoints, the last of which a failure names.
        course: what is kept of it; None for a worker that writes no files.

    Raises:
        InputError: the training diverged.
    """
    bar = tqdm(total=num_updates, initial=first_update, desc="training", unit="update", disable=course is None)
    saved_at = time.monotonic()
    if course is not None:
        course.log.begin(first_update)
    try:
        reset()
        for update in range(first_update + 1, num_updates + 1):
            if course is not None:
                course.log.before_update(update)
            means = step(next(batches))
            # Before any checkpoint: one of a network that has become NaN would replace the last good one.
            require_finite(means, folder)
            bar.set_postfix(wasserstein=f"{means['wasserstein_estimate']:.3f}", refresh=False)
            bar.update()
            stopping, whole = stop.is_asked(), update % interval == 0
            if course is not None:
                if whole:
                    course.log.after_interval(update, means)
                if whole or stopping or course.is_late(saved_at):
                    course.save(update)
                    saved_at = time.monotonic()
            if stopping:
                return update
            if whole:
                reset()
        return num_updates
    finally:
        bar.close()
        if course is not None:
            course.log.end()


def require_finite(means: Logs, folder: CheckpointFolder) -> None:
    """Raise InputError if a loss is not finite, or beyond all measure."""
    for name, value in means.items():
        if not abs(value) < DIVERGED:
            raise InputError(
                f"Losses must stay finite and below {DIVERGED:g}; a lower learning_rate or a larger "
                f"gradient_penalty_weight may help. Received: {name}={value}; "
                f"last good checkpoint: {folder.last_good()}"
            )


def compiled_step(strategy: Any, model: RUGAN) -> Callable[[Any], Logs]:
    """Return `model.train_step` on every replica, as one graph unless the model runs eagerly.

    Of what replicas return, the step returns the means.
    """

    def on_replicas(batch: Any) -> dict[str, Any]:
        logs = strategy.run(model.train_step, args=(batch,))
        return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

    # Without autograph: loops over critic steps are unrolled, which replicas need, and errors show the code itself.
    step = on_replicas if model.run_eagerly else tf.function(on_replicas, autograph=False)
    # To read a value is to wait for it: a loss that is no number, or SIGTERM, is met at this update and not later.
    return lambda batch: {name: float(value) for name, value in step(batch).items()}
