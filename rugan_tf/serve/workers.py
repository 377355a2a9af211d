"""Threads that answer requests, and what becomes of those requests when the server ends."""

import concurrent.futures
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from rugan_tf.serve.errors import Code, ServingError

Answer = TypeVar("Answer")
ENDING = "The server is ending; ask another, or again"


class Workers:
    """A pool of threads whose pending answers can be cut off.

    An answer that is cut off is there at once, an error, whatever its thread still does: operations of TensorFlow end
    between two kernels at best, and a caller should not wait for that.

    Args:
        num_threads: requests at once; the others wait.
    """

    def __init__(self, num_threads: int) -> None:
        self.pool = concurrent.futures.ThreadPoolExecutor(num_threads, "requests")
        self.changed = threading.Condition()
        self.pending: set[concurrent.futures.Future] = set()
        self.is_cut_off = False

    def submit(self, function: Callable[[], Answer]) -> "concurrent.futures.Future[Answer]":
        """Return the answer to come of a function without arguments."""
        answer: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        with self.changed:
            if self.is_cut_off:
                answer.set_exception(ServingError(Code.UNAVAILABLE, ENDING))
                return answer
            self.pending.add(answer)
        self.pool.submit(self.work, answer, function)
        return answer

    def work(self, answer: "concurrent.futures.Future[Answer]", function: Callable[[], Answer]) -> None:
        """Run a function, and settle its answer unless it has been cut off or nobody waits for it."""
        if not answer.done():
            try:
                result, error = function(), None
            except BaseException as raised:  # it belongs to whoever waits for the answer
                result, error = None, raised
            self.settle(answer, result, error)
        with self.changed:
            self.pending.discard(answer)
            self.changed.notify_all()

    def settle(self, answer: concurrent.futures.Future, result: object, error: BaseException | None) -> bool:
        """Give an answer its result or its error; return whether it had none yet."""
        with self.changed:
            if answer.done():
                return False
            try:
                answer.set_result(result) if error is None else answer.set_exception(error)
            except concurrent.futures.InvalidStateError:  # whoever waited has gone, just now
                return False
            return True

    def wait_until_idle(self, timeout: float) -> bool:
        """Wait for all answers; return whether all are there in time (s)."""
        end = time.monotonic() + timeout
        with self.changed:
            return self.changed.wait_for(lambda: not self.pending, max(0.0, end - time.monotonic()))

    def cut_off(self) -> int:
        """Answer everything that is pending with UNAVAILABLE, now and from now on; return how many were."""
        with self.changed:
            self.is_cut_off, pending = True, list(self.pending)
        return sum(self.settle(one, None, ServingError(Code.UNAVAILABLE, ENDING)) for one in pending)

    def close(self) -> None:
        """Take no more work; do not wait for threads that are busy."""
        self.pool.shutdown(wait=False, cancel_futures=True)
