"""The end that a batch scheduler asks for, by SIGTERM, before it takes the machine away."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any


class StopOnSigterm:
    """Watch for SIGTERM while a training runs, and let all workers agree on the update that they stop after.

    A second SIGTERM changes nothing: the checkpoint that the first one asked for is being written.

    Args:
        agree: whether any worker was asked, told whether this one was; all workers call it after every update.
    """

    def __init__(self, agree: Callable[[bool], bool]) -> None:
        self.agree = agree
        self.was_asked = threading.Event()
        self.handler: Any = None

    def __enter__(self) -> "StopOnSigterm":
        """Watch for SIGTERM, which only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            # Only noted: an exception within an update would leave networks and optimisers between two states.
            self.handler = signal.signal(signal.SIGTERM, lambda *_: self.was_asked.set())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave SIGTERM as it was."""
        if self.handler is not None:
            signal.signal(signal.SIGTERM, self.handler)

    def is_asked(self) -> bool:
        """Return whether the training ends here, the same for all workers."""
        return self.agree(self.was_asked.is_set())


@contextlib.contextmanager
def told_how_to_go_on(run_dir: Path, last_good: Callable[[], str]) -> Iterator[None]:
    """Say, where Ctrl-C ends a training, what is kept of it and how it goes on.

    Args:
        run_dir: of the training.
        last_good: returns the path of the newest checkpoint.
    """
    try:
        yield
    except KeyboardInterrupt:
        if (run_dir / "config.json").is_file():  # else nothing was begun that could go on
            print(f"\n{run_dir}: the newest checkpoint is {last_good()}\nnext: the same command with --resume")
        raise
