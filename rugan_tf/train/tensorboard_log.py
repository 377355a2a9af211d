"""What a training writes for TensorBoard."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from rugan_tf.train.gallery import Gallery, Page
from rugan_tf.train.judge import Judge
from rugan_tf.train.mesoscale_judge import MesoscaleJudge
from rugan_tf.train.options import TrainOptions, flat
from rugan_tf.train.rugan import RUGAN

JUDGED_EVERY = 5  # intervals
PROFILED = 10, 15  # updates since the beginning or the resumption: by then everything is compiled
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


class TensorBoardLog:
    """Write to TensorBoard; the step is the number of generator updates.

    After every interval scalars and a page of sheets; after every fifth, and the last, a large sheet and the judgement
    of the sheets; at the beginning the options of the run as hparams; a profile of a few updates if wanted.

    Args:
        path: folder of the event files.
        options: of the training.
        model: whose averaged generator is looked at.
        gallery: draws sheets.
        judges: of the energies and of large sheets, those that there are.
    """

    def __init__(
        self,
        path: Path,
        options: TrainOptions,
        model: RUGAN,
        gallery: Gallery,
        judges: Sequence[Judge | MesoscaleJudge],
    ) -> None:
        self.path, self.options, self.model, self.gallery, self.judges = path, options, model, gallery, judges
        self.scalars = SCALARS | (LABEL_SCALARS if options.loss.regression_weight else {})
        self.writer = tf.summary.create_file_writer(str(path))
        self.first_update = 0
        self.began: tuple[float, int] | None = None  # when and after which update the present interval did
        self.is_profiling = False

    def begin(self, update: int) -> None:
        """Write the options."""
        from tensorboard.plugins.hparams import api

        self.first_update = update
        with self.writer.as_default():
            values = flat(self.options.resolved()).items()
            api.hparams(
                {name: value if isinstance(value, bool | int | float | str) else str(value) for name, value in values},
                trial_id=self.path.parent.name,
            )

    def before_update(self, update: int) -> None:
        """Begin or end the profile; begin the clock after the first update, which is compiled."""
        done = update - 1 - self.first_update
        if self.began is None and done == 1:
            self.began = time.monotonic(), update - 1
        if self.options.profile and done == PROFILED[0]:
            tf.profiler.experimental.start(str(self.path))
            self.is_profiling = True
        elif self.is_profiling and done == PROFILED[1]:
            self.end_profile()

    def after_interval(self, update: int, means: dict[str, float]) -> None:
        """Write the means over the interval and new pictures."""
        with self.writer.as_default(update):
            for name, tag in self.scalars.items():
                tf.summary.scalar(tag, means[name])
            self.write_rates(update)
            self.write_page(self.gallery.draw(self.model))
            if update // self.options.interval % JUDGED_EVERY == 0 or update == self.options.num_updates:
                self.write_page(self.gallery.draw_large(self.model))
                for judge in self.judges:
                    self.write_page(judge.judge(self.model))
        self.writer.flush()
        self.began = time.monotonic(), update

    def write_rates(self, update: int) -> None:
        """Write learning rates and, unless the interval has but one update, speed."""
        for name in ("critic", "generator"):
            rate = getattr(self.model, f"{name}_optimizer").learning_rate
            tf.summary.scalar(f"{name}/learning_rate", float(np.asarray(rate)))  # float() refuses a mirrored one
        if self.began is not None and update > self.began[1]:
            seconds, number = time.monotonic() - self.began[0], update - self.began[1]
            tf.summary.scalar("speed/updates_per_second", number / seconds)

    def write_page(self, page: Page) -> None:
        """Write scalars and pictures."""
        for tag, value in page.scalars.items():
            tf.summary.scalar(tag, value)
        for tag, picture in page.pictures.items():
            tf.summary.image(tag, picture[None])

    def end_profile(self) -> None:
        """Write the profile."""
        tf.profiler.experimental.stop()
        self.is_profiling = False

    def end(self) -> None:
        """Write out what is left."""
        if self.is_profiling:
            self.end_profile()
        self.writer.flush()
