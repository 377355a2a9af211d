"""Extended XYZ: frames one after another, each a number of atoms, a line about the sheet, and a line for each atom."""

import io
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rugan_tf.formats.frames import Frame, ReadOptions, said

if TYPE_CHECKING:
    import ase


def write_extxyz(path: Path, structures: list["ase.Atoms"]) -> None:
    """Write structures as frames of one file, with the energies of their calculators and all of `info`."""
    import ase.io

    ase.io.write(path, structures, format="extxyz")


def read_extxyz(path: Path, _options: ReadOptions) -> Iterator[Frame]:
    """Yield the frames of a file; one that cannot be read hides no other.

    ASE stops at the first bad line. Here the file is cut into frames first: after a bad one reading goes on at the
    next line that holds a number alone, which only the number of atoms does.
    """
    # One bad byte must not hide the frames around it.
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = Lines(file)
        index = 0
        while head := lines.take(1):
            if not head[0].strip():
                continue
            number = count_in(head[0])
            body = lines.take(1 + number) if number is not None else []
            frame = parsed(path, index, head[0], body, number)
            yield frame
            index += 1
            if frame.structure is None:
                lines.put_back(body)
                lines.skip_to_count()


class Lines:
    """Lines of a file, some of which may be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines, self.pending = iter(lines), deque[str]()

    def take(self, number: int) -> list[str]:
        """Return the next lines; fewer where the file ends."""
        taken = [self.pending.popleft() for _ in range(min(number, len(self.pending)))]
        return taken + list(itertools.islice(self.lines, number - len(taken)))

    def put_back(self, lines: list[str]) -> None:
        """Let lines come again before all others."""
        self.pending.extendleft(reversed(lines))

    def skip_to_count(self) -> None:
        """Leave out lines up to the next that holds a number alone."""
        while line := self.take(1):
            if count_in(line[0]) is not None:
                self.put_back(line)
                return


def count_in(line: str) -> int | None:
    """Return the number that stands alone in a line, or None."""
    word = line.strip()
    # isdigit alone takes digits that int refuses, as that of 10².
    return int(word) if word.isascii() and word.isdigit() else None


def parsed(path: Path, index: int, head: str, body: list[str], number: int | None) -> Frame:
    """Return a frame of its lines."""
    import ase.io

    if number is None:
        return Frame(path, index, None, f"a frame must begin with its number of atoms. Received: {head.strip()[:40]!r}")
    if len(body) < 1 + number:
        return Frame(path, index, None, f"it must have {number} atoms. Received: the end of the file before")
    try:
        structure = ase.io.read(io.StringIO("".join([head, *body])), index=0, format="extxyz")
    except Exception as error:  # ASE's reader raises whatever its first wrong step raises
        return Frame(path, index, None, f"ASE cannot read it ({said(error)})")
    return Frame(path, index, structure)
