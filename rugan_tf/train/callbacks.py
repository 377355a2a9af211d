"""What happens between the updates of a run: progress, checkpoints, TensorBoard."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from rugan_tf.train.checkpoints import CheckpointFolder
from rugan_tf.train.gallery import Gallery
from rugan_tf.train.judge import Judge
from rugan_tf.train.model import RUGAN
from rugan_tf.train.options import TrainOptions

DIVERGED = 1e8
JUDGED_EVERY = 5  # intervals
PROFILED = 10, 15  # updates
SCALARS = {
    "critic_loss": "critic/loss",
    "wasserstein_estimate": "critic/wasserstein_estimate",
    "gradient_penalty": "critic/gradient_penalty",
    "gradient_norm": "critic/gradient_norm",
    "consistency_term": "critic/consistency_term",
    "generator_loss": "generator/loss",
    "label_error_real": "critic/label_error",
    "label_error_fake": "generator/label_error",
}


class ProgressBar(keras.callbacks.Callback):
    """One bar over all updates of the run, those before a resumption included."""

    def __init__(self, num_updates: int, first_update: int) -> None:
        super().__init__()
        self.num_updates, self.first_update = num_updates, first_update

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Show the bar."""
        self.bar = tqdm(total=self.num_updates, initial=self.first_update, desc="training", unit="update")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Advance by one update."""
        shown = {"wasserstein": f"{float(logs['wasserstein_estimate']):.3f}"} if logs else None
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave the bar as it stands."""
        self.bar.close()


class CheckpointWriter(keras.callbacks.Callback):
    """Write a checkpoint, and the averaged generator: after every interval, after some minutes, and on SIGTERM.

    After SIGTERM, which batch schedulers send before they take a machine away, the training ends.

    Args:
        folder: of the checkpoints.
        first_update: updates done before.
        interval: updates of an epoch.
        minutes: longest time between two checkpoints; None for no limit.
        write_generator: what writes the averaged generator.
    """

    def __init__(
        self,
        folder: CheckpointFolder,
        first_update: int,
        interval: int,
        minutes: float | None,
        write_generator: Callable[[RUGAN], None],
    ) -> None:
        super().__init__()
        self.folder, self.interval, self.write_generator = folder, interval, write_generator
        self.update, self.seconds = first_update, None if minutes is None else 60 * minutes
        self.asked_to_stop = threading.Event()
        self.stopped_at: int | None = None
        self.handler: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Watch for SIGTERM, which only the main thread can."""
        self.written = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self.handler = signal.signal(signal.SIGTERM, lambda *_: self.asked_to_stop.set())

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave SIGTERM as it was."""
        if self.handler is not None:
            signal.signal(signal.SIGTERM, self.handler)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write if the minutes are over, and stop if that was asked for."""
        self.update += 1
        if self.asked_to_stop.is_set():
            self.stopped_at = self.update
            self.model.stop_training = True
        elif self.seconds is None or time.monotonic() - self.written < self.seconds:
            return
        if self.update % self.interval:  # otherwise it is written at the end of the epoch
            self.write(self.update)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write after `interval` more updates."""
        if self.update % self.interval == 0:
            self.write(self.update)

    def write(self, num_updates: int) -> None:
        """Write now."""
        self.folder.write(self.model, num_updates)
        self.write_generator(self.model)
        self.written = time.monotonic()


class StopWhenDiverged(keras.callbacks.Callback):
    """End a training that cannot recover, before it writes a checkpoint of what it has become.

    Args:
        folder: of the checkpoints, the last of which the message names.
    """

    def __init__(self, folder: CheckpointFolder) -> None:
        super().__init__()
        self.folder = folder

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Raise ValueError if a loss is not finite, or beyond all measure."""
        for name, value in (logs or {}).items():
            if not abs(float(value)) < DIVERGED:
                newest = next((str(path) for _, path in self.folder.newest_first()), "none")
                raise ValueError(
                    f"Losses must stay finite and below {DIVERGED:g}; a lower learning_rate or a larger "
                    f"gradient_penalty_weight may help. Received: {name}={float(value)}; last good checkpoint: {newest}"
                )


class TensorBoardLog(keras.callbacks.Callback):
    """Write to TensorBoard; the step is the number of generator updates.

    After every interval scalars and the gallery, after every fifth the judgement of the energies; the options of the
    run as hparams at its beginning, and a profile if that is wanted.

    Args:
        path: folder of the event files.
        options: of the training.
        first_update: updates done before.
        gallery: draws sheets.
        judge: judges energies; None for data that no energy model labelled.
    """

    def __init__(
        self, path: Path, options: TrainOptions, first_update: int, gallery: Gallery, judge: Judge | None
    ) -> None:
        super().__init__()
        self.path, self.options, self.gallery, self.judge = path, options, gallery, judge
        self.update = first_update
        self.writer = tf.summary.create_file_writer(str(path))
        self.began = time.monotonic(), first_update
        self.profiled = 0 if options.profile else PROFILED[1]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the options."""
        from tensorboard.plugins.hparams import api

        with self.writer.as_default():
            api.hparams(flat(self.options.resolved()), trial_id=self.path.parent.name)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin or end the profile."""
        if self.profiled < PROFILED[1]:
            self.profiled += 1
            if self.profiled == PROFILED[0]:
                tf.profiler.experimental.start(str(self.path))
            elif self.profiled == PROFILED[1]:
                tf.profiler.experimental.stop()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count."""
        self.update += 1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the means over the interval and new pictures."""
        step, interval = self.update, self.options.interval
        if step % interval:
            return  # stopped within an interval
        sheets = self.gallery.draw(self.model)
        with self.writer.as_default():
            for name, tag in SCALARS.items():
                tf.summary.scalar(tag, float((logs or {})[name]), step)
            for name in ("critic", "generator"):
                rate = np.asarray(
                    getattr(self.model, f"{name}_optimizer").learning_rate
                )  # float() refuses a mirrored one
                tf.summary.scalar(f"{name}/learning_rate", float(rate), step)
            seconds, number = time.monotonic() - self.began[0], step - self.began[1]
            tf.summary.scalar("speed/updates_per_second", number / seconds, step)
            for tag, value in sheets.scalars.items():
                tf.summary.scalar(tag, value, step)
            tf.summary.image("sheets", sheets.picture[None], step)
            if self.judge is not None and (step // interval % JUDGED_EVERY == 0 or step == self.options.num_updates):
                self.write_judgement(self.judge, step)
        self.writer.flush()
        self.began = time.monotonic(), step

    def write_judgement(self, judge: Judge, step: int) -> None:
        """Write how the energies obtained agree with those requested, at either size."""
        for name, judgement in judge.judge(self.model).items():
            for tag, value in judgement.scalars.items():
                tf.summary.scalar(f"energy_{name}/{tag}", value, step)
            tf.summary.image(f"energy_{name}", judgement.picture[None], step)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write out what is left."""
        self.writer.flush()


def flat(options: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested options as one level of names, with the values that hparams can hold."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}/")
        else:
            found[f"{prefix}{name}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return found
