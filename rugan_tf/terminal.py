"""What commands say, on a terminal or in a file that has no letter for Å: it is written in ASCII there."""

import codecs
import sys

NAME = "rugan_in_ascii"
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
