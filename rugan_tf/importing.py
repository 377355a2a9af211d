"""Things of the user's own, named as package.module:name on a command line."""

import importlib
import os
import sys
from typing import Any

from rugan_tf.errors import InputError


def look_in_working_folder() -> None:
    """Let modules be found in the folder that a program runs in, as `python -m` does and a console script does not."""
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())  # stays, so that worker processes find the modules as well


def imported(spec: str, what: str) -> Any:
    """Return what "package.module:name" names.

    >>> imported("math:tau", "the constant") > 6
    True

    Args:
        spec: a module that Python finds, in the working folder or on PYTHONPATH, and a name in it.
        what: what it should be, for the message.

    Raises:
        InputError: the spec has another form, or there is no such module or name.
    """
    module, separator, name = spec.partition(":")
    if not (module and separator and name):
        raise InputError(f"{what} must be given as package.module:name. Received: {spec!r}")
    look_in_working_folder()
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"{what} must be importable; its module lies in the working folder or on PYTHONPATH. "
            f"Received: {spec} ({error})"
        ) from error


def refuse_standard_library(spec: str) -> None:
    """Raise InputError for what Python itself has under package.module:name.

    A data set may name what computes its energies, and Python's own modules run commands and read pickles.
    """
    if spec.partition(":")[0].partition(".")[0] in sys.stdlib_module_names:
        raise InputError(f"What computes energies must not be of Python's own modules. Received: {spec}")
