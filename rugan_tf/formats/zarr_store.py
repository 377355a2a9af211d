"""Sheets of any size in a Zarr group that grows chunk by chunk, and that an interrupted stream finds again.

    states          uint8 (n, rows, cols)
    chunk_energy    float64 (n, chunk rows, chunk cols), the part of the total energy that lies in each chunk
    chunk_filling   float64 (n, chunk rows, chunk cols), the share of filled sites; written last, so it tells what is
                    finished
    filling/0 ...   uint8, the pyramid

Every file appears whole, and states carry a checksum: a chunk is either finished or as good as never begun.
"""

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.formats import pyramid
from rugan_tf.systems.system import LatticeSystem

CHUNK = 512  # lattice cells along each side
UNWRITTEN = 255  # no state: what chunks that were never written are read as
ATTRIBUTE = "rugan_tf"
VERSION = 1
# What reading a chunk raises if its file is damaged.
DAMAGE = (RuntimeError, ValueError, OSError)


class Chunk(NamedTuple):
    """Number of the sheet, of the row and of the column of chunks."""

    sheet: int
    row: int
    col: int


@dataclasses.dataclass(frozen=True)
class StatesStore:
    """An open Zarr group of sheets.

    Attributes:
        path: the folder.
        system: the material.
        group: of Zarr.
    """

    path: Path
    system: LatticeSystem
    group: Any

    @property
    def states(self) -> Any:
        """The array of states, uint8 (n, rows, cols)."""
        return self.group["states"]

    @property
    def told(self) -> dict[str, Any]:
        """What the folder says about its sheets, JSON content."""
        return dict(self.group.attrs[ATTRIBUTE])

    @property
    def chunk_shape(self) -> tuple[int, int]:
        """Lattice cells of a chunk, rows and columns."""
        return self.states.chunks[1:]

    def chunk_values(self, name: str) -> NDArray[np.float64]:
        """Return `chunk_energy` or `chunk_filling`, float64 (n, chunk rows, chunk cols), NaN where not finished."""
        return np.asarray(self.group[name][:])

    def write(self, chunk: Chunk, states: NDArray[np.uint8], energy: float | None) -> None:
        """Write one finished chunk: uint8 (rows, cols), and its part of the total energy where that is known.

        Raises:
            OSError: the disk is full, or gone.
        """
        place = self.place(chunk)
        self.states[place] = states
        side = self.chunk_shape[0] // pyramid.FINEST, self.chunk_shape[1] // pyramid.FINEST
        pixels = pyramid.finest_pixels(self.system, states)
        row, col = chunk.row * side[0], chunk.col * side[1]
        self.group[f"{pyramid.GROUP}/0"][chunk.sheet, row : row + pixels.shape[0], col : col + pixels.shape[1]] = pixels
        if energy is not None:
            self.group["chunk_energy"][chunk] = energy
        # Last: it says that the chunk is finished, so all else must be there.
        self.group["chunk_filling"][chunk] = pyramid.filled_sites(self.system)[states].mean()

    def place(self, chunk: Chunk) -> tuple[int, slice, slice]:
        """Return where a chunk lies among the states."""
        height, width = self.chunk_shape
        row, col = chunk.row * height, chunk.col * width
        return chunk.sheet, slice(row, row + height), slice(col, col + width)

    def window(self, sheet: int, row: int, col: int, rows: int, cols: int) -> NDArray[np.uint8]:
        """Return states, uint8 (rows, cols), of a window of one sheet, which is periodic.

        Raises:
            InputError: the window has chunks that are damaged, or not finished.
        """
        _, height, width = self.states.shape
        parts = [split_periodic(row, rows, height), split_periodic(col, cols, width)]
        try:
            states = np.block([[self.states[sheet, down, across] for across in parts[1]] for down in parts[0]])
        except DAMAGE as error:
            raise InputError(f"Chunks must be whole. Received: {self.path} ({error})") from None
        if states.max() >= self.system.num_states:
            raise InputError(
                "Every chunk of a window must be finished; the command that began goes on where it was. "
                f"Received: {self.path}"
            )
        return states

    def finished_chunks(self) -> set[Chunk]:
        """Return the chunks that are finished and whole; each is read, so that damage is found."""
        done = np.argwhere(np.isfinite(self.chunk_values("chunk_filling")))
        return {chunk for chunk in (Chunk(*map(int, index)) for index in done) if self.is_whole(chunk)}

    def is_whole(self, chunk: Chunk) -> bool:
        """Tell whether the states of a chunk can be read, and are states."""
        try:
            states = self.states[self.place(chunk)]
        except DAMAGE:
            return False
        return bool(states.max() < self.system.num_states)

    def finish(self, **totals: Any) -> None:
        """Compute the coarse levels of the pyramid, and write totals, JSON content, into what the folder tells."""
        levels = [self.group[f"{pyramid.GROUP}/{level}"] for level in range(len(list(self.group[pyramid.GROUP])))]
        pyramid.build_levels(levels, max(levels[0].chunks[1:]))
        self.group.attrs[ATTRIBUTE] = {**self.told, "finished": True, **totals}


def split_periodic(start: int, length: int, size: int) -> list[slice]:
    """Return the parts of a periodic axis that a window covers, which is at most as long.

    >>> split_periodic(7, 5, 10)
    [slice(7, 10, None), slice(0, 2, None)]
    """
    start %= size
    first = slice(start, min(start + length, size))
    rest = start + length - size
    return [first, slice(0, rest)] if rest > 0 else [first]


def create_store(
    path: Path, system: LatticeSystem, shape: tuple[int, int, int], told: Mapping[str, Any], *, has_energy: bool
) -> StatesStore:
    """Make the folder, with no chunk written, and open it.

    Args:
        path: the folder, which must not exist.
        system: the material.
        shape: sheets, rows and columns.
        told: JSON content that says what the sheets are.
        has_energy: whether chunks will have energies.

    Raises:
        FileExistsError: the folder exists.
    """
    import zarr
    from zarr.codecs import ZstdCodec

    num_sheets, rows, cols = shape
    chunk = min(CHUNK, rows), min(CHUNK, cols)
    packed = ZstdCodec(level=3, checksum=True)
    shapes = pyramid.level_shapes(rows, cols)
    content = {
        "version": VERSION,
        "system": system.spec,
        "length_unit": system.length_unit,
        "row_pitch": system.lattice.row_pitch,
        "col_pitch": system.lattice.col_pitch,
        "species": [list(sites) for sites in system.species],
        "quantity": dataclasses.asdict(system.quantity),
        "finished": False,
        **told,
    }
    with files.replacing(path) as temporary:
        group = zarr.create_group(
            temporary, attributes={ATTRIBUTE: content, "ome": pyramid.multiscales(system, len(shapes))}
        )
        group.create_array(
            "states", shape=shape, chunks=(1, *chunk), dtype=np.uint8, fill_value=UNWRITTEN, compressors=packed,
            dimension_names=("sheet", "x", "y"),
        )  # fmt: skip
        counts = num_sheets, -(-rows // chunk[0]), -(-cols // chunk[1])
        # A file for each number: workers that finish two chunks at once never write the same one.
        for name in ("chunk_energy", "chunk_filling") if has_energy else ("chunk_filling",):
            group.create_array(
                name, shape=counts, chunks=(1, 1, 1), dtype=np.float64, fill_value=np.nan, compressors=None
            )
        side = max(CHUNK // pyramid.FINEST, 1)
        for level, (height, width) in enumerate(shapes):
            group.create_array(
                f"{pyramid.GROUP}/{level}", shape=(num_sheets, height, width), chunks=(1, side, side), dtype=np.uint8,
                compressors=packed, dimension_names=("sheet", "x", "y"),
            )  # fmt: skip
    return open_store(path, system)


def open_store(path: Path, system: LatticeSystem | None = None, *, is_writable: bool = True) -> StatesStore:
    """Open a folder that `create_store` made.

    Args:
        path: the folder.
        system: the material; what the folder says by default.
        is_writable: whether chunks are to be written.

    Raises:
        InputError: another folder, or one of another version or material.
    """
    import zarr

    from rugan_tf.systems.named import system_named

    try:
        group = zarr.open_group(path, mode="r+" if is_writable else "r")
        told: Any = group.attrs[ATTRIBUTE]
        version, spec = told["version"], told["system"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"Sheets must be a Zarr group that rugan wrote. Received: {path} ({error!r})") from None
    if version != VERSION:
        raise InputError(f"The Zarr group must be of the form {VERSION}. Received: {version} in {path}")
    known = system_named(spec)
    if system is not None and known != system:
        raise InputError(f"The sheets must be of {system.short_spec}. Received: {known.short_spec} in {path}")
    return StatesStore(path, known, group)


def remove_store(path: Path) -> None:
    """Remove a folder of `create_store`, and refuse any other.

    Raises:
        InputError: another folder.
    """
    open_store(path)
    shutil.rmtree(path)


def remove_partial_files(path: Path) -> None:
    """Remove the files that a process was writing when it was killed."""
    for partial in path.rglob("*.partial"):
        partial.unlink(missing_ok=True)
