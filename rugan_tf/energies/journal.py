"""A journal of finished energies: each is on the disk as soon as it is known, whatever happens next."""

import os
import struct
import zlib
from pathlib import Path
from types import TracebackType

from rugan_tf.errors import InputError

MAGIC = b"rugan energies 1"
RECORD = struct.Struct("<qdI")  # number of the sheet, energy, checksum of both
# Records of their own, or journals that were begun before there were errors could not be gone on with.
MAGIC_WITH_ERRORS = b"rugan energies 2"
RECORD_WITH_ERRORS = struct.Struct("<qddI")  # number, energy, its standard error, checksum
KEY_LENGTH = 64  # hexadecimal SHA-256


class Journal:
    """Keeps energies by number of the sheet in one append-only file.

    A record that was half written when the machine stopped does not match its checksum, and is cut off.

    Args:
        path: the file; made if it does not exist.
        key: SHA-256, hexadecimal, of what is being computed.
        has_errors: whether each energy comes with its standard error.

    Raises:
        InputError: the file belongs to something else.
    """

    def __init__(self, path: Path, key: str, *, has_errors: bool = False) -> None:
        self.path = path
        self.energies: dict[int, float] = {}
        self.standard_errors: dict[int, float] = {}
        self.record = RECORD_WITH_ERRORS if has_errors else RECORD
        path.parent.mkdir(parents=True, exist_ok=True)
        header = (MAGIC_WITH_ERRORS if has_errors else MAGIC) + key.encode("ascii")
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
        # To the first record that is not whole: a stopped machine may leave noise behind the last, never before it.
        while whole + self.record.size <= len(content):
            index, *values, checksum = self.record.unpack_from(content, whole)
            if checksum != zlib.crc32(content[whole : whole + self.record.size - 4]):
                break
            self.hold(index, values)
            whole += self.record.size
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

    def hold(self, index: int, values: list[float]) -> None:
        """Take the values of a record: the energy, and its standard error if there are errors."""
        self.energies[index] = values[0]
        if self.record is RECORD_WITH_ERRORS:
            self.standard_errors[index] = values[1]

    def add(self, index: int, energy: float, standard_error: float | None = None) -> None:
        """Keep one energy, with its standard error if there are errors; it is on the disk when this returns."""
        values = [energy] if standard_error is None else [energy, standard_error]
        record = self.record.pack(index, *values, 0)[:-4]
        self.file.write(record + struct.pack("<I", zlib.crc32(record)))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.hold(index, values)
