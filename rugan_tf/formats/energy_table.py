"""Numbers of sheets as CSV, for files of structures that cannot hold them: a row for each frame of each file."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.errors import InputError

FILE, FRAME = "file", "frame"
TABLE_SUFFIX = ".csv"


class EnergyTable(NamedTuple):
    """Numbers of frames.

    Attributes:
        path: the file of the table.
        columns: names of the numbers.
        rows: by the file, as an absolute path, and the frame in it: the numbers by name; those left empty are not in.
    """

    path: Path
    columns: tuple[str, ...]
    rows: dict[tuple[Path, int], dict[str, float]]

    def numbers(self, path: Path, index: int) -> dict[str, float]:
        """Return the numbers of a frame by name; none if the table does not know it."""
        return self.rows.get((path.resolve(), index), {})


def table_path(path: Path) -> Path:
    """Return where the table of a file of structures stands, beside it."""
    return path.with_name(f"{path.stem}{TABLE_SUFFIX}")


def write_energy_table(
    path: Path, frames: Sequence[tuple[str, int]], numbers: Mapping[str, NDArray[np.floating]]
) -> None:
    """Write numbers (n,) by name for frames (n), each the name of a file beside the table and a number in it."""
    with files.replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([FILE, FRAME, *numbers])
        for index, frame in enumerate(frames):
            # By repr, so that the very number is read again.
            writer.writerow([*frame, *(repr(float(values[index])) for values in numbers.values())])


def read_energy_table(path: Path) -> EnergyTable:
    """Read a table with the column `file`, a column for each number, and perhaps `frame`, which counts from 0.

    Files are named from the folder of the table.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: no such columns, a number that is none, or two rows of one frame.
    """
    rows: dict[tuple[Path, int], dict[str, float]] = {}
    # Spreadsheets put a byte-order mark before the first heading, which would else be part of its name.
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        names = tuple(reader.fieldnames or ())
        columns = tuple(name for name in names if name not in (FILE, FRAME))
        if FILE not in names or not columns:
            raise InputError(
                f"A table must have the column {FILE} and a column of numbers. Received: {', '.join(names)} in {path}"
            )
        for line, row in enumerate(reader, start=2):
            try:
                key = (path.parent / row[FILE]).resolve(), int(row.get(FRAME) or 0)
                told = {name: float(row[name]) for name in columns if row[name]}
            except (TypeError, ValueError) as error:
                raise InputError(f"A table must hold numbers. Received: line {line} of {path} ({error})") from None
            if key in rows:
                raise InputError(f"A table must have one row for a frame. Received: line {line} of {path} again")
            rows[key] = told
    return EnergyTable(path, columns, rows)
