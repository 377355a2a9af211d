"""Large JSON text, read piece by piece.

One call of Python's decoder for tens of megabytes holds the interpreter's lock for up to a second, and nothing else is
answered meanwhile, health neither. So long lists are cut between their elements, and the decoder reads one piece after
another. What is refused, and how, is what the decoder refuses.
"""

import json
import json.scanner
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from rugan_tf.serve.json_lists import Gathered

SIZES = (
    2**8,
    2**12,
    2**16,
)  # characters that are looked at: most lists are short, and the last takes half a millisecond
LARGE = SIZES[-1]
# A string may go on behind the window: were it no match, each of its escaped quotes would be tried as a beginning.
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
SPACE = re.compile(r"[ \t\n\r]*")
# Lists are read in the context "[0,ELEMENTS,0]", so that the decoder sees commas that stand wrongly around a piece.
BEFORE, AFTER = "[0,", ",0]"
OPENING, CLOSING, COMMA, CASE = ord("{"), ord("}"), ord(","), 0x20  # square brackets become braces with the bit CASE
WHOLE = json.JSONDecoder()
Scan = Callable[[str, int], tuple[Any, int]]


class PiecewiseDecoder(json.JSONDecoder):
    """A decoder that gives long lists as `LongList`; those of objects, and short ones, as lists."""

    def __init__(self) -> None:
        super().__init__()
        self.parse_array = read_list
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]  # the one that takes parsers


def read_list(s_and_end: tuple[str, int], scan_once: Scan) -> tuple[Any, int]:
    """Return a list and where it ends; its first element begins at the given place, behind the bracket.

    Raises:
        json.JSONDecodeError: the text is no list.
    """
    text, start = s_and_end
    elements, end, is_last = next_elements(text, start, scan_once, is_first=True)
    if is_last:
        return elements, end
    gathered = Gathered()
    gathered.add(elements)
    while not is_last:
        elements, end, is_last = next_elements(text, end, scan_once)
        gathered.add(elements)
    return gathered.value(), end


def next_elements(text: str, start: int, scan_once: Scan, *, is_first: bool = False) -> tuple[list[Any], int, bool]:
    """Return whole elements, where the next one begins or the list ends, and whether it ends."""
    for size in SIZES if is_first else SIZES[-1:]:
        window = text[start : start + size]
        cut = place_to_cut(window)
        if cut is not None:
            length, is_last = cut
            return decoded(text, start, length, is_first=is_first, is_last=is_last), start + length + 1, is_last
    return one_element(text, start, scan_once)


def place_to_cut(window: str) -> tuple[int, bool] | None:
    """Return where the list ends (and True), or else its last comma (and False), or None if neither is to be seen."""
    plain = STRING.sub(lambda found: "x" * len(found[0]), window) if '"' in window else window
    # A byte for each character, so that places stay the same; what latin-1 lacks is no bracket and no comma.
    codes = np.frombuffer(plain.encode("latin-1", "replace"), np.uint8)
    braces = codes | CASE
    depth = np.cumsum((braces == OPENING).astype(np.int8) - (braces == CLOSING), dtype=np.int32)
    ends = np.flatnonzero(depth < 0)
    if ends.size:
        return int(ends[0]), True
    commas = np.flatnonzero((codes == COMMA) & (depth == 0))
    return (int(commas[-1]), False) if commas.size else None


def decoded(text: str, start: int, length: int, *, is_first: bool, is_last: bool) -> list[Any]:
    """Return the elements that stand in a part of the text, which ends before a comma or the bracket of the list."""
    before = "[" if is_first else BEFORE
    piece = text[start : start + length + is_last]
    try:
        elements, _ = WHOLE.raw_decode(f"{before}{piece}{'' if is_last else AFTER}")
    except json.JSONDecodeError as error:
        # With its place in the whole text, where a reader looks for it.
        raise json.JSONDecodeError(error.msg, text, start + error.pos - len(before)) from None
    return elements[0 if is_first else 1 : None if is_last else -1]


def one_element(text: str, start: int, scan_once: Scan) -> tuple[list[Any], int, bool]:
    """Return one element, which is longer than what is looked at, where the next begins, and whether the list ends."""
    try:
        value, end = scan_once(text, end_of_space(text, start))
    except StopIteration as stopped:
        raise json.JSONDecodeError("Expecting value", text, stopped.value) from None
    end = end_of_space(text, end)
    if text[end : end + 1] not in (",", "]"):
        raise json.JSONDecodeError("Expecting ',' delimiter", text, end)
    return [value], end + 1, text[end] == "]"


def end_of_space(text: str, start: int) -> int:
    """Return where white space ends that begins at a place."""
    found = SPACE.match(text, start)
    return start if found is None else found.end()
