"""TensorFlow's start-up lines, told to nobody who did not ask.

`import tensorflow` writes lines about missing GPUs to stderr before its log levels count, so a command that makes one
sheet begins with four lines of warnings. They are held back here, and nothing else is; if the import fails, they
appear.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import IO, Any, cast

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
STARTED = b"\0started\n"  # what no import writes
START_UP = re.compile(rb"WARNING: All log messages before absl::InitializeLog|[IWE]\d{4} [\d:. ]+\S+\.cc:\d+\]")


class QuietStart(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as Python would, and lets it start without its start-up lines."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - as Python calls it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of TensorFlow, None for every other module."""
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)  # once is enough, and the search below would find itself
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            loader.exec_module = held_back(loader.exec_module)
        return spec


def start_quietly() -> None:
    """Hold TensorFlow's start-up lines back; whoever sets its log level sees them all."""
    if LEVEL not in os.environ and "tensorflow" not in sys.modules:
        os.environ[LEVEL] = "3"  # it tells of missing GPUs as errors, later as well
        sys.meta_path.insert(0, QuietStart())


def held_back(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    """Return what executes a module, and holds its start-up lines back until it has started.

    C++ writes to the descriptor, past sys.stderr. What reads it is a process of its own: an import that ends this one,
    for a processor without the instructions it needs, say, must not take along what it wrote.
    """

    def execute_quietly(module: ModuleType) -> None:
        try:
            terminal = os.dup(2)
        except OSError:  # no stderr: nothing to hold back
            return execute(module)
        try:
            reader = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
            )
        except OSError:  # no further process here: then the lines are seen
            os.close(terminal)
            return execute(module)
        has_started = False
        with reader, cast(IO[bytes], reader.stdin) as pipe:
            os.dup2(pipe.fileno(), 2)
            try:
                execute(module)
                has_started = True
            finally:
                if sys.stderr is not None:
                    sys.stderr.flush()
                os.dup2(terminal, 2)
                os.close(terminal)
                if has_started:
                    pipe.write(STARTED)

    return execute_quietly


def pass_on(lines: Iterable[bytes], write: Callable[[bytes], object]) -> None:
    """Write lines less those that TensorFlow starts with; these as well if it never says that it has started."""
    kept = []
    for line in lines:
        # Something else may have left the line before without an end.
        if line.endswith(STARTED):
            write(line.removesuffix(STARTED))
            return
        if START_UP.match(line):
            kept.append(line)
        else:
            write(line)
    for line in kept:
        write(line)


def read_from_pipe() -> None:
    """Pass on what the import writes, until it has started or its process has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that process is told, and tells
    pass_on(sys.stdin.buffer, lambda line: os.write(2, line))


if __name__ == "__main__":
    read_from_pipe()
