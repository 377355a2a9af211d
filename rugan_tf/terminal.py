"""What commands say, on a terminal or in a file that has no letter for Å: it is written in ASCII there."""

import codecs
import os
import select
import sys
from typing import TextIO

NAME = "rugan_in_ascii"
READER_GONE = 141  # the exit code of a program that SIGPIPE ended, as shells say it
WORDS = {
    "Å": "A", "²": "^2", "×": "x", "±": "+-", "•": "*", "…": "...", "σ": "sigma", "π": "pi", "λ": "lambda", "µ": "u",
    "─": "-", "│": "|", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "━": "-", "┃": "|",
    "┏": "+", "┓": "+", "┗": "+", "┛": "+", "┡": "+", "┩": "+", "┳": "+", "╇": "+", "┴": "+", "└": "+", "┘": "+",
    "█": "#",
}  # fmt: skip


def in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for letters that cannot be encoded, and where encoding goes on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(WORDS.get(letter, "?") for letter in letters), error.end


def write_in_any_encoding() -> None:
    """Let stdout and stderr take every letter: an answer must not be lost, after minutes of work, for its unit."""
    codecs.register_error(NAME, in_ascii)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        # Whoever asked for another treatment of such letters, by PYTHONIOENCODING, keeps it.
        if reconfigure is not None and getattr(stream, "errors", None) in ("strict", "backslashreplace"):
            reconfigure(errors=NAME)


def reader_has_gone() -> bool:
    """Tell whether what reads stdout has ended, as `| head` does. Then nothing more is written there.

    Python writes what is left as it ends, and would complain once more: it goes nowhere instead.
    """
    if sys.stdout is None or sys.stdout.closed:  # as services start programs, and `>&-`
        return False
    try:
        sys.stdout.flush()
        # What was written before may have failed already, and is gone: the pipe itself is asked, too.
        has_gone = has_no_reader(sys.stdout)
    except BrokenPipeError:
        has_gone = True
    if has_gone:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return has_gone


def has_no_reader(stream: TextIO) -> bool:
    """Tell whether a stream is a pipe that nothing reads any more."""
    try:
        number = stream.fileno()
    except OSError:  # a stream in memory
        return False
    if not hasattr(select, "poll"):  # Windows
        return False
    asked = select.poll()
    asked.register(number, 0)  # for errors alone, which are always told
    return any(event & select.POLLERR for _, event in asked.poll(0))
