"""TensorFlow as it starts: its start-up lines are told to nobody who did not ask, and nothing waits for Matplotlib.

`import tensorflow` writes lines about missing GPUs to stderr before its log levels count, so a command that makes one
sheet begins with four lines of warnings. They are held back here, and nothing else is; if the import fails, they
appear.
"""

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import IO, Any, cast

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
PATIENCE = 5.0  # s, for the process that reads
STARTED = b"\0started\n"  # what no import writes
START_UP = re.compile(rb"WARNING: All log messages before absl::InitializeLog|[IWE]\d{4} [\d:. ]+\S+\.cc:\d+\]")


class PlainStart(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as Python would, and lets it start without its start-up lines and without Matplotlib.

    Args:
        is_quiet: whether start-up lines are held back.
    """

    def __init__(self, *, is_quiet: bool) -> None:
        self.is_quiet = is_quiet

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
            execute = without_pyplot(loader.exec_module)
            loader.exec_module = held_back(execute) if self.is_quiet else execute
        return spec


class LatePyplot(importlib.abc.MetaPathFinder):
    """Finds Matplotlib's pyplot as a module that is executed when something of it is first used."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of pyplot, None for every other module."""
        if fullname != "matplotlib.pyplot":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def start_quietly() -> None:
    """Let TensorFlow start soon, and hold its start-up lines back; whoever sets its log level sees them all."""
    if "tensorflow" in sys.modules:
        return
    is_quiet = LEVEL not in os.environ
    if is_quiet:
        os.environ[LEVEL] = "3"  # it tells of missing GPUs as errors, later as well
    sys.meta_path.insert(0, PlainStart(is_quiet=is_quiet))


def without_pyplot(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    """Return what executes a module, and does not wait for pyplot.

    TensorFlow imports all of Keras, whose galleries of pictures import pyplot: half a second for who draws nothing.
    """

    def execute_soon(module: ModuleType) -> None:
        late = LatePyplot()
        sys.meta_path.insert(0, late)
        try:
            execute(module)
        finally:
            sys.meta_path.remove(late)

    return execute_soon


def held_back(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    """Return what executes a module, and holds its start-up lines back until it has started.

    C++ writes to the descriptor, past sys.stderr. What reads it is a process of its own: an import that ends this one,
    for a processor without the instructions it needs, say, must not take along what it wrote.
    """

    def execute_quietly(module: ModuleType) -> None:
        opened = open_reader()
        if opened is None:  # no stderr, or no process that could read: then the lines are seen
            return execute(module)
        terminal, reader = opened
        has_started = False
        try:
            os.dup2(cast(IO[bytes], reader.stdin).fileno(), 2)
            execute(module)
            has_started = True
        finally:
            with contextlib.suppress(AttributeError, ValueError, OSError):  # none, closed, or read by nobody
                cast(IO[str], sys.stderr).flush()
            os.dup2(terminal, 2)
            os.close(terminal)
            end_reader(reader, has_started=has_started)

    return execute_quietly


def open_reader() -> tuple[int, subprocess.Popen[bytes]] | None:
    """Return a copy of the descriptor of stderr and the process that reads what is written meanwhile, if there can be.

    It has a session of its own, so that Ctrl-C is not told to it as well.
    """
    if not sys.executable:  # Python inside of another program
        return None
    try:
        terminal = os.dup(2)
    except OSError:
        return None
    command = [sys.executable, "-I", "-S", __file__]
    try:
        reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    except OSError:
        os.close(terminal)
        return None
    return terminal, reader


def end_reader(reader: "subprocess.Popen[bytes]", *, has_started: bool) -> None:
    """Tell the reader that nothing more comes, and wait for it, though not for ever: no import may fail or hang by it.

    Processes that the import began may hold the pipe open; then the reader goes on without being waited for.
    """
    pipe = cast(IO[bytes], reader.stdin)
    with contextlib.suppress(OSError):  # it has died
        if has_started:
            pipe.write(STARTED)
        pipe.flush()
    with contextlib.suppress(OSError):
        pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        reader.wait(PATIENCE)


def pass_on(lines: Iterable[bytes], write: Callable[[bytes], object]) -> None:
    """Write lines less those that TensorFlow starts with; these as well if it never says that it has started."""
    kept = []
    for line in lines:
        # Something else may have left the line before without an end.
        if line.endswith(STARTED):
            rest = line.removesuffix(STARTED)
            if not START_UP.match(rest):
                write(rest)
            return
        if START_UP.match(line):
            kept.append(line)
        else:
            write(line)
    for line in kept:
        write(line)


def read_from_pipe() -> None:
    """Pass on what the import writes, until it has started or its process has ended."""
    pass_on(sys.stdin.buffer, lambda line: os.write(2, line))


if __name__ == "__main__":
    read_from_pipe()
