"""A journal of finished energies: each is on the disk as soon as it is known, whatever happens next."""

import math
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from rugan_tf.errors import InputError

MAGIC = b"rugan energies 2"
# Number of the sheet, energy, its standard error (NaN where the function tells none), seconds, checksum of these.
RECORD = struct.Struct("<qdddI")
KEY_LENGTH = 64  # hexadecimal SHA-256


class Journal:
    """Keeps energies, their standard errors and the seconds they took, by number of the sheet, in one append-only file.

    A record that was half written when the machine stopped does not match its checksum, and is cut off.

    Args:
        path: the file; made if it does not exist.
        key: SHA-256, hexadecimal, of what is being computed.

    Raises:
        InputError: the file belongs to something else.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.energies: dict[int, float] = {}
        self.standard_errors: dict[int, float] = {}
        self.seconds: dict[int, float] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        header = MAGIC + key.encode("ascii")
        content = path.read_bytes() if path.exists() else b""
        if len(content) < len(header) and header.startswith(content):
            content = header  # new, or stopped before its first line was whole
            path.write_bytes(header)
        # Never overwritten: it may hold the work of days, for other sheets.
        if not content.startswith(header):
            raise InputError(
                "Progress must belong to the same sheets and the same energy function; remove the file to begin anew. "
                f"Received: {path}"
            )
        whole = len(header)
        for index, energy, standard_error, seconds in records(content, whole):
            self.energies[index], self.standard_errors[index], self.seconds[index] = energy, standard_error, seconds
            whole += RECORD.size
        self.file = path.open("r+b")
        self.file.truncate(whole)
        self.file.seek(whole)

    def __enter__(self) -> "Journal":
        """Return the journal."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.file.close()

    def add(self, index: int, energy: float, standard_error: float | None, seconds: float) -> None:
        """Keep one energy; it is on the disk when this returns."""
        error = math.nan if standard_error is None else standard_error
        record = RECORD.pack(index, energy, error, seconds, 0)[:-4]
        self.file.write(record + struct.pack("<I", zlib.crc32(record)))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.energies[index], self.standard_errors[index], self.seconds[index] = energy, error, seconds


def records(content: bytes, begin: int) -> Iterator[tuple[int, float, float, float]]:
    """Yield number, energy, standard error and seconds of each record from a place in the content of a journal on."""
    # To the first record that is not whole: a stopped machine may leave noise behind the last, never before it.
    while begin + RECORD.size <= len(content):
        index, energy, standard_error, seconds, checksum = RECORD.unpack_from(content, begin)
        if checksum != zlib.crc32(content[begin : begin + RECORD.size - 4]):
            return
        yield index, energy, standard_error, seconds
        begin += RECORD.size


def seconds_in(path: Path) -> dict[int, float]:
    """Return the seconds that each energy took, by number of the sheet; none where there is no journal."""
    if not path.exists():
        return {}
    found = records(path.read_bytes(), len(MAGIC) + KEY_LENGTH)
    return {index: seconds for index, _, _, seconds in found}
