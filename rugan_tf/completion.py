"""Completion of command lines in shells: the script that `rugan --print-completion SHELL` prints."""

import contextlib
import dataclasses
import importlib
import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from rugan_tf.config import commands_of, options_type
from rugan_tf.errors import InputError

SHELLS = ("bash", "zsh", "fish")
SPECIFICATION = re.compile(r"^COMPLETION_SPEC = .*$", re.MULTILINE)


def completion_script(shell: str, doors: Mapping[str, str]) -> str:
    """Return the script by which a shell completes `rugan`: its commands, their subcommands, all options.

    Args:
        shell: one of `SHELLS`.
        doors: what each command does, by its name.

    Raises:
        InputError: another shell.
    """
    import tyro

    if shell not in SHELLS:
        raise InputError(f"The shell must be one of {', '.join(SHELLS)}. Received: {shell!r}")
    cli: Callable[..., Any] = tyro.cli
    written = io.StringIO()
    # tyro ends the process when it has written the script, as after --help.
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        cli(
            tree_of(doors),
            prog="rugan",
            args=["--tyro-write-completion", shell, "-"],
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
        )
    # The script ends a suggestion at a line break, and texts of several lines would suggest their second one.
    return SPECIFICATION.sub(lambda found: re.sub(r"\\+n", " ", found[0]), written.getvalue())


def tree_of(doors: Mapping[str, str]) -> Any:
    """Return all commands as one type, of which tyro knows the options: a union of the doors."""
    from typing import Annotated, Union

    import tyro

    found = []
    for door, description in doors.items():
        commands = commands_of(importlib.import_module(f"rugan_tf.{door}.__main__").main)
        kind, _ = options_type(commands, [])
        if not dataclasses.is_dataclass(kind):  # several subcommands: tyro nests them as what a field may be
            kind = dataclasses.make_dataclass(door, [("command", kind)])
        found.append(Annotated[kind, tyro.conf.subcommand(door, description=description)])
    return Union[tuple(found)]  # noqa: UP007
