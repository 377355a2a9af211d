"""TensorFlow's start-up lines, told to nobody who did not ask.

`import tensorflow` writes lines about missing GPUs to stderr before its log levels count, so a command that makes one
sheet begins with four lines of warnings. They are held back here, and nothing else is.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
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
    """Return what executes a module, and passes on what it wrote to stderr less the start-up lines."""

    def execute_quietly(module: ModuleType) -> None:
        try:
            terminal = os.dup(2)
        except OSError:  # no stderr: nothing to hold back
            return execute(module)
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)  # C++ writes to the descriptor, past sys.stderr
            try:
                return execute(module)
            finally:
                if sys.stderr is not None:
                    sys.stderr.flush()
                os.dup2(terminal, 2)
                os.close(terminal)
                held.seek(0)
                os.write(2, without_start_up(held.read()))

    return execute_quietly


def without_start_up(written: bytes) -> bytes:
    """Return what was written to stderr without the lines that TensorFlow starts with."""
    return b"".join(line for line in written.splitlines(keepends=True) if not START_UP.match(line))
