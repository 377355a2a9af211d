"""What a training writes for TensorBoard."""

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rugan_tf.train.gallery import Gallery, Page
from rugan_tf.train.judge import Judge
from rugan_tf.train.options import TrainOptions, flat

JUDGED_EVERY = 5  # intervals
PROFILED = 10, 15  # updates
SCALARS = {
    "critic_loss": "critic/loss",
    "wasserstein_estimate": "critic/wasserstein_estimate",
    "gradient_penalty": "critic/gradient_penalty",
    "gradient_norm": "critic/gradient_norm",
    "consistency_term": "critic/consistency_term",
    "generator_loss": "generator/loss",
}
LABEL_SCALARS = {  # of a critic that predicts labels
    "label_error_real": "critic/label_error",
    "label_error_fake": "generator/label_error",
}


class TensorBoardLog(keras.callbacks.Callback):
    """Write to TensorBoard; the step is the number of generator updates.

    After every interval scalars and a page of sheets; after every fifth, and the last, a large sheet and the judgement
    of the energies; at the beginning the options of the run as hparams; a profile of a few updates if wanted.

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
        self.update = self.first_update = first_update
        self.scalars = SCALARS | (LABEL_SCALARS if options.loss.regression_weight else {})
        self.writer = tf.summary.create_file_writer(str(path))
        self.began: tuple[float, int] | None = None  # when and at which update the present interval did

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the options."""
        from tensorboard.plugins.hparams import api

        with self.writer.as_default():
            values = flat(self.options.resolved()).items()
            api.hparams(
                {name: value if isinstance(value, bool | int | float | str) else str(value) for name, value in values},
                trial_id=self.path.parent.name,
            )

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin or end the profile."""
        if self.options.profile:
            number = self.update - self.first_update
            if number == PROFILED[0]:
                tf.profiler.experimental.start(str(self.path))
            elif number == PROFILED[1]:
                tf.profiler.experimental.stop()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count; the time of the first update, which is compiled, does not."""
        self.update += 1
        if self.began is None:
            self.began = time.monotonic(), self.update

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the means over the interval and new pictures."""
        step, interval = self.update, self.options.interval
        if step % interval:
            return  # stopped within an interval
        with self.writer.as_default(step):
            for name, tag in self.scalars.items():
                tf.summary.scalar(tag, float((logs or {})[name]))
            self.write_rates()
            self.write_page(self.gallery.draw(self.model))
            if step // interval % JUDGED_EVERY == 0 or step == self.options.num_updates:
                self.write_page(self.gallery.draw_large(self.model))
                if self.judge is not None:
                    self.write_page(self.judge.judge(self.model))
        self.writer.flush()
        self.began = time.monotonic(), step

    def write_rates(self) -> None:
        """Write learning rates and, unless the interval has but one update, speed."""
        for name in ("critic", "generator"):
            rate = getattr(self.model, f"{name}_optimizer").learning_rate
            tf.summary.scalar(f"{name}/learning_rate", float(np.asarray(rate)))  # float() refuses a mirrored one
        if self.began is not None and self.update > self.began[1]:
            seconds, number = time.monotonic() - self.began[0], self.update - self.began[1]
            tf.summary.scalar("speed/updates_per_second", number / seconds)

    def write_page(self, page: Page) -> None:
        """Write scalars and pictures."""
        for tag, value in page.scalars.items():
            tf.summary.scalar(tag, value)
        for tag, picture in page.pictures.items():
            tf.summary.image(tag, picture[None])

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write out what is left."""
        if self.options.profile and PROFILED[0] < self.update - self.first_update <= PROFILED[1]:
            tf.profiler.experimental.stop()
        self.writer.flush()
