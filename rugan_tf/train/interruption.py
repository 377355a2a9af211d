"""The end that a batch scheduler asks for, by SIGTERM, before it takes the machine away."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import keras


class StopOnSigterm(keras.callbacks.Callback):
    """End a training after the update in which SIGTERM came, to whichever of the workers it came.

    It must stand before the callback that then writes a checkpoint. A second SIGTERM changes nothing.

    Args:
        first_update: updates done before.
        agree: whether any worker was asked, told whether this one was; all workers call it after every update.
    """

    def __init__(self, first_update: int, agree: Callable[[bool], bool]) -> None:
        super().__init__()
        self.update, self.agree = first_update, agree
        self.was_asked = threading.Event()
        self.stopped_at: int | None = None
        self.handler: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Watch for SIGTERM, which only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            self.handler = signal.signal(signal.SIGTERM, lambda *_: self.was_asked.set())

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if that was asked for."""
        self.update += 1
        if self.agree(self.was_asked.is_set()):
            self.stopped_at = self.update
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave SIGTERM as it was."""
        if self.handler is not None:
            signal.signal(signal.SIGTERM, self.handler)
