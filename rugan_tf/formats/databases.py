"""Databases of ASE, .db and .json: a row for each sheet, with its energy and named numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rugan_tf.formats.frames import Frame, ReadOptions, said

if TYPE_CHECKING:
    import ase


def write_database(path: Path, structures: list["ase.Atoms"]) -> None:
    """Write structures as rows of a new database; what `info` holds become its columns."""
    from ase.db import connect

    kind = path.suffix.lower()[1:]
    with connect(path, type=kind, append=False, use_lock_file=False) as rows:
        for structure in structures:
            rows.write(structure, key_value_pairs=dict(structure.info))


def read_database(path: Path, options: ReadOptions) -> Iterator[Frame]:
    """Yield the rows that are selected; the columns of each stand in `info`. Frames count from 0 as ids do from 1."""
    from ase.db import connect

    index = 0
    try:
        for row in connect(path, type=path.suffix.lower()[1:], use_lock_file=False).select(options.selection or None):
            index = row.id - 1
            structure = row.toatoms()
            structure.info = dict(row.key_value_pairs)
            yield Frame(path, index, structure)
    except Exception as error:  # of SQLite, JSON or the selection's parser
        yield Frame(path, index, None, f"ASE cannot read the database ({said(error)})")
