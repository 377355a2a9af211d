"""The console script `rugan`: it only opens doors.

`rugan data build ...` is `python -m rugan_tf.data build ...`.
"""

import contextlib
import importlib
import sys
from collections.abc import Sequence

import rugan_tf

DOORS = {
    "data": "draw sheets and compute their energies, import structures, or label sheets that you bring",
    "ednn": "train the EDNN on reference energies, and evaluate it",
    "train": "train RUGAN by a preset: quick, cpu or paper",
    "export": "write the averaged generator of a run as a SavedModel",
    "generate": "generate sheets of any even size at a requested energy per area",
    "sample": "Monte Carlo of sheets near an energy per area, or at temperatures",
    "density_of_states": "densities of states of sheets of any size, total, sigma and pi",
    "evaluate": "judge generated sheets: energies obtained against requested",
    "serve": "serve exported models over gRPC and REST by the protocol of TensorFlow Serving",
    "client": "ask a server of that protocol for sheets, and for the versions that it has",
}


def usage() -> str:
    """Return what `rugan --help` prints."""
    width = max(map(len, DOORS))
    lines = [f"  {door:<{width}}  {description}" for door, description in DOORS.items()]
    return "\n".join(
        [
            "usage: rugan [--help] [--version] [--print-completion SHELL] command ...",
            "",
            "RUGAN: mesoscale configurations from small ones, at a requested energy per area.",
            "",
            "commands:",
            *lines,
            "",
            "rugan COMMAND --help says what a command takes. rugan --print-completion bash (or zsh, fish) prints a",
            "script that lets the shell complete commands and options.",
        ]
    )


def print_completion(args: Sequence[str]) -> int:
    """Print what lets a shell complete commands and options, and return the exit code."""
    from rugan_tf.completion import completion_script
    from rugan_tf.errors import InputError

    try:
        return printed(completion_script(args[0] if args else "", DOORS))
    except InputError as error:
        print(f"rugan: {error}", file=sys.stderr)
        return 2


def printed(text: str) -> int:
    """Print a text, and return the exit code."""
    from rugan_tf.terminal import READER_GONE, reader_has_gone, write_in_any_encoding

    write_in_any_encoding()
    with contextlib.suppress(BrokenPipeError):
        print(text)
    return READER_GONE if reader_has_gone() else 0


def main(args: Sequence[str] | None = None) -> int:
    """Open the door that the first argument names, with the other arguments.

    Returns: the exit code of the door. 0: help, version or a script for completion printed. 2: no such door or no such
        shell, said on stderr.
    """
    given = sys.argv[1:] if args is None else list(args)
    first, rest = (given[0], given[1:]) if given else (None, [])
    door = (first or "").replace("-", "_")  # density-of-states, as subcommands of several words are written
    if door in DOORS:
        return importlib.import_module(f"rugan_tf.{door}.__main__").main(rest)
    if first in ("--help", "-h"):
        return printed(usage())
    if first == "--version":
        return printed(f"rugan_tf {rugan_tf.__version__}")
    if first == "--print-completion":
        return print_completion(rest)
    received = "none" if first is None else repr(first)
    print(f"rugan: The command must be one of {', '.join(DOORS)}. Received: {received}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
