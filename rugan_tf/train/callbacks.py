"""What happens between the updates of a run: progress, checkpoints, the end of one that diverges."""

import time
from collections.abc import Callable
from typing import Any

import keras
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.train.checkpoints import CheckpointFolder
from rugan_tf.train.model import RUGAN

DIVERGED = 1e8


class ProgressBar(keras.callbacks.Callback):
    """One bar over all updates of the run, those before a resumption included."""

    def __init__(self, num_updates: int, first_update: int) -> None:
        super().__init__()
        self.num_updates, self.update = num_updates, first_update

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Show the bar."""
        self.bar = tqdm(total=self.num_updates, initial=self.update, desc="training", unit="update")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Advance by one update."""
        shown = {"wasserstein": f"{float(logs['wasserstein_estimate']):.3f}"} if logs else None
        self.update += 1
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave the bar as it stands."""
        self.bar.close()


class CheckpointWriter(keras.callbacks.Callback):
    """Write a checkpoint, and the averaged generator: after every interval, after some minutes, and at the end.

    The end may come within an interval, where another callback stops the training.

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

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Count the minutes from now."""
        self.written = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write if the minutes are over or the training stops here."""
        self.update += 1
        is_due = self.seconds is not None and time.monotonic() - self.written >= self.seconds
        if (is_due or self.model.stop_training) and self.update % self.interval:
            self.write(self.update)  # at the end of an interval the end of the epoch writes

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
        """Raise InputError if a loss is not finite, or beyond all measure."""
        for name, value in (logs or {}).items():
            if not abs(float(value)) < DIVERGED:
                raise InputError(
                    f"Losses must stay finite and below {DIVERGED:g}; a lower learning_rate or a larger "
                    f"gradient_penalty_weight may help. Received: {name}={float(value)}; "
                    f"last good checkpoint: {self.folder.last_good()}"
                )
