"""What happens between the updates of a run: progress, checkpoints, TensorBoard."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from rugan_tf.train.checkpoints import CheckpointFolder
from rugan_tf.train.gallery import Gallery
from rugan_tf.train.model import RUGAN

SCALARS = {
    "critic_loss": "critic/loss",
    "wasserstein_estimate": "critic/wasserstein_estimate",
    "gradient_penalty": "critic/gradient_penalty",
    "consistency_term": "critic/consistency_term",
    "generator_loss": "generator/loss",
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
    """Write a checkpoint, and the averaged generator, at the end of every interval."""

    def __init__(self, folder: CheckpointFolder, interval: int, write_generator: Callable[[RUGAN], None]) -> None:
        super().__init__()
        self.folder, self.interval, self.write_generator = folder, interval, write_generator

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write after `interval` more updates."""
        self.folder.write(self.model, (epoch + 1) * self.interval)
        self.write_generator(self.model)


class TensorBoardLog(keras.callbacks.Callback):
    """Write scalars and the gallery for TensorBoard; the step is the number of generator updates."""

    def __init__(self, path: Path, interval: int, gallery: Gallery) -> None:
        super().__init__()
        self.interval, self.gallery = interval, gallery
        self.writer = tf.summary.create_file_writer(str(path))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the means over the interval and new pictures."""
        step = (epoch + 1) * self.interval
        sheets = self.gallery.draw(self.model)
        with self.writer.as_default():
            for name, tag in SCALARS.items():
                tf.summary.scalar(tag, float((logs or {})[name]), step)
            rate = np.asarray(self.model.generator_optimizer.learning_rate)  # float() refuses a mirrored variable
            tf.summary.scalar("generator/learning_rate", float(rate), step)
            for tag, value in sheets.scalars.items():
                tf.summary.scalar(tag, value, step)
            tf.summary.image("sheets", sheets.picture[None], step)
        self.writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the event file."""
        self.writer.close()
