"""Worker processes that each compute one sheet at a time, in a folder of its own, and can be ended.

An executor of the standard library is not enough: it cannot end one calculation that hangs, and when a worker dies it
does not say over which sheet.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.systems.energy import EstimatedSheetEnergy, SheetEnergy

PATIENCE = 120.0  # s, for a worker to start: it imports, on a busy machine
MOST_STARTS = 3  # failures to start in a row


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one sheet: its energy, and its standard error if it tells one; or why it has none."""

    index: int
    energy: float = float("nan")
    failure: str = ""
    standard_error: float | None = None
    seconds: float = dataclasses.field(default=0.0, compare=False)  # no two runs take the same time


def compute(function: SheetEnergy, states: NDArray[np.uint8], index: int, base: Path) -> Outcome:
    """Compute one sheet in a folder of its own below `base`, which is the working folder meanwhile.

    Calculators that speak with a program through files name them relative to it; in one folder for all they would read
    each other's. The folder stays if the calculation fails.
    """
    folder = folder_of(index, base)
    folder.mkdir(parents=True)
    began = time.monotonic()
    try:
        with contextlib.chdir(folder):
            energy, standard_error = estimated(function, states)
    except Exception as error:  # whatever a calculator raises is a failure of its sheet, not of the others
        return Outcome(index, failure=f"{type(error).__name__}: {error}".rstrip(": "))
    if not np.isfinite(energy):
        return Outcome(index, failure=f"the energy must be finite. Received: {energy}")
    # Refused for its sheet: one that is no number would spoil the error of all sheets together.
    if standard_error is not None and not 0 <= standard_error < np.inf:
        return Outcome(index, failure=f"the standard error must be finite and not negative. Received: {standard_error}")
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(index, energy, standard_error=standard_error, seconds=time.monotonic() - began)


def estimated(function: SheetEnergy, states: NDArray[np.uint8]) -> tuple[float, float | None]:
    """Return the energy of one sheet and its standard error, None where the function tells none."""
    if isinstance(function, EstimatedSheetEnergy):
        estimate = function.with_error(states)
        return float(estimate.energy), float(estimate.standard_error)
    return float(function(states)), None


def folder_of(index: int, base: Path) -> Path:
    """Return the folder of one sheet's calculation."""
    return base / f"sheet-{index:06d}"


def keep_files(outcome: Outcome, base: Path, failed_folder: Path | None) -> None:
    """Move the files of a failed calculation to where they are kept, or remove them."""
    folder = folder_of(outcome.index, base)
    if not outcome.failure or not folder.exists():
        return
    if failed_folder is not None and any(folder.iterdir()):
        target = failed_folder / folder.name
        shutil.rmtree(target, ignore_errors=True)  # of an earlier try
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, target)
    shutil.rmtree(folder, ignore_errors=True)


def serve_sheets(connection: Connection, function: SheetEnergy, base: Path) -> None:
    """Compute sheets that come through `connection` until it closes. Runs in a worker."""
    os.setsid()  # a group of its own, so that programs which a calculator starts can be ended with it
    parent = os.getppid()
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    threadpoolctl.threadpool_limits(1)  # as many workers as cores: each keeps its linear algebra on one
    os.environ["OMP_NUM_THREADS"] = "1"  # and so does what is loaded only with the first sheet
    connection.send("ready")  # only now does the time of a sheet begin: imports took their own
    while True:
        try:
            index, states = connection.recv()
            connection.send(compute(function, states, index, base))
        except (EOFError, OSError):
            return


def end_with(parent: int) -> None:
    """End this process and what it started when its parent is gone, as after kill -9."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)


class Worker:
    """One worker process and the sheet it is at."""

    def __init__(self, function: SheetEnergy, base: Path) -> None:
        # spawn: a fork after TensorFlow's threads began would hang.
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve_sheets, args=(other, function, base))
        self.process.start()
        other.close()
        self.is_ready = False
        self.index: int | None = None
        self.since = time.monotonic()

    def give(self, index: int, states: NDArray[np.uint8]) -> None:
        """Give it a sheet."""
        self.index, self.since = index, time.monotonic()
        self.connection.send((index, states))

    def left(self, timeout: float | None) -> float | None:
        """Return how long it may take on, s; None for as long as it likes."""
        if not self.is_ready:
            limit: float | None = PATIENCE
        else:
            limit = None if self.index is None else timeout
        return None if limit is None else max(0.0, self.since + limit - time.monotonic())

    def end(self) -> int | None:
        """End it with everything that it started, and return its exit code."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.pid is not None and os.getpgid(self.process.pid) == self.process.pid:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.connection.close()
        return self.process.exitcode


class WorkerPool:
    """Worker processes for the sheets of one function."""

    def __init__(self, function: SheetEnergy, number: int, timeout: float | None, base: Path) -> None:
        self.function, self.number, self.timeout, self.base = function, number, timeout, base
        self.workers: list[Worker] = []
        self.failed_starts = 0

    def __enter__(self) -> "WorkerPool":
        """Return the pool."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.end()

    def outcomes(self, states: NDArray[np.uint8], indices: NDArray[np.int64]) -> Iterator[Outcome]:
        """Yield what became of each of `indices`, in order of completion.

        Raises:
            InputError: worker processes cannot be started.
        """
        pending = [int(index) for index in indices[::-1]]
        while pending or any(worker.index is not None for worker in self.workers):
            self.forget_dead()
            while len(self.workers) < min(self.number, len(pending) + self.busy()):
                self.workers.append(Worker(self.function, self.base))
            # Before anything is waited for: workers of an earlier call have nothing more to say of themselves.
            for worker in self.workers:
                if worker.is_ready and worker.index is None and pending:
                    index = pending.pop()
                    worker.give(index, states[index])
            limits = [left for worker in self.workers if (left := worker.left(self.timeout)) is not None]
            told = wait([worker.connection for worker in self.workers], min(limits, default=None))
            for worker in [worker for worker in self.workers if worker.connection in told]:
                outcome = self.hear(worker)
                if outcome is not None:
                    yield outcome
            for worker in [worker for worker in self.workers if worker.left(self.timeout) == 0.0]:
                outcome = self.lose(worker, f"it took longer than {self.timeout} s")
                if outcome is not None:
                    yield outcome

    def busy(self) -> int:
        """Return how many workers have a sheet."""
        return sum(worker.index is not None for worker in self.workers)

    def forget_dead(self) -> None:
        """Forget workers that ended while they had nothing to do; others take their places."""
        for worker in [one for one in self.workers if one.is_ready and one.index is None]:
            if not worker.process.is_alive():
                self.workers.remove(worker)
                worker.end()

    def hear(self, worker: Worker) -> Outcome | None:
        """Take what a worker sends: that it is ready, an outcome, or its end."""
        try:
            message: Any = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join(1.0)  # the pipe closes a moment before the exit code is known
            return self.lose(worker, "its worker process ended")
        if isinstance(message, Outcome):
            worker.index = None
            return message
        worker.is_ready, self.failed_starts = True, 0
        return None

    def lose(self, worker: Worker, reason: str) -> Outcome | None:
        """End a worker that hangs or died; return what that means for its sheet. Another takes its place."""
        self.workers.remove(worker)
        died = not worker.process.is_alive()
        code = worker.end()
        if worker.is_ready and worker.index is not None:
            return Outcome(worker.index, failure=f"{reason} (exit code {code})" if died else reason)
        self.failed_starts += 1
        if self.failed_starts >= MOST_STARTS:
            raise InputError(
                "Worker processes must start; fewer need less memory, and a script needs its work under "
                f'if __name__ == "__main__". Received: exit code {code} at the start, {MOST_STARTS} times'
            )
        return None
