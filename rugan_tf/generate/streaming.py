"""Sheets of any size as they are made: each tile goes to a Zarr folder at once, and what is there is not made again."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError, PartlyDoneError
from rugan_tf.formats.zarr_store import (
    CHUNK,
    Chunk,
    StatesStore,
    create_store,
    open_store,
    remove_partial_files,
    remove_store,
)
from rugan_tf.generate.finishing import Finishing, Place
from rugan_tf.generate.regions import SheetRequest, TileModel
from rugan_tf.generate.tiles import BLOCK, blocks_of, places_of, stream_block
from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stream:
    """Sheets to be streamed.

    Attributes:
        model: makes tiles.
        finishing: repairs and judges them.
        requests: the sheets, of one size.
        piece: most cells along each side of what the generator makes at once, its halo apart.
        told: JSON content that tells these sheets from all others: model, energies, seed and more.
    """

    model: TileModel
    finishing: Finishing
    requests: Sequence[SheetRequest]
    piece: int
    told: Mapping[str, Any]

    @property
    def system(self) -> LatticeSystem:
        """The material."""
        return self.finishing.system

    @property
    def shape(self) -> tuple[int, int, int]:
        """Sheets, rows and columns."""
        return len(self.requests), self.requests[0].rows, self.requests[0].cols


@dataclasses.dataclass(frozen=True)
class Task:
    """What is missing of one block of one sheet, for whoever makes it, in this process or on a worker of a cluster.

    Attributes:
        path: the Zarr folder, as this process and the workers see it.
        model: makes tiles.
        finishing: repairs and judges them.
        request: the sheet.
        sheet: its place in the folder.
        block: which part of the sheet.
        piece: as of `Stream`.
        missing: tiles of the block that are to be made.
    """

    path: Path
    model: TileModel
    finishing: Finishing
    request: SheetRequest
    sheet: int
    block: Place
    piece: int
    missing: frozenset[Place]

    def written(self) -> Iterator[int]:
        """Make and write what is missing, and yield the cells of each chunk when it is on the disk."""
        # Opened here: a task travels to workers, and an open group cannot.
        store = open_store(self.path, self.finishing.system)
        wanted: dict[str, Any] = {"block": self.block, "tile": CHUNK, "piece": self.piece}
        wanted["is_wanted"] = self.missing.__contains__
        for place, states, energy in stream_block(self.model, self.request, self.finishing, **wanted):
            store.write(chunk_of(self.sheet, place), states, energy)
            yield states.size

    def run(self) -> int:
        """Make and write what is missing, and return how many cells that were."""
        return sum(self.written())


class Runner(Protocol):
    """What does tasks, here or elsewhere."""

    block: int
    """Cells along each side of a block."""

    def run(self, tasks: Sequence[Task]) -> Iterator[int]:
        """Do the tasks, and yield the cells that were written, as soon as they are."""


class InThisProcess:
    """Does one task after another."""

    block = BLOCK

    def run(self, tasks: Sequence[Task]) -> Iterator[int]:
        """Do the tasks, and yield the cells of each chunk."""
        for task in tasks:
            yield from task.written()


def chunk_of(sheet: int, place: Place) -> Chunk:
    """Return the chunk that a tile fills."""
    return Chunk(sheet, place.row // CHUNK, place.col // CHUNK)


def stream_to_zarr(stream: Stream, store: StatesStore, runner: Runner) -> None:
    """Make every chunk that the folder lacks, with progress, and then the totals.

    Raises:
        PartlyDoneError: the disk is full, or a cluster is lost; what is finished stays, and the same command goes on.
    """
    finished = store.finished_chunks()
    # A list, since the progress bar is told what is missing before the first is done.
    tasks = list(tasks_of(stream, store.path, finished, runner.block))
    total = int(np.prod(stream.shape))
    missing = sum(place.rows * place.cols for task in tasks for place in task.missing)
    try:
        with tqdm(total=total, initial=total - missing, desc="streaming", unit="cell", unit_scale=True) as bar:
            for cells in runner.run(tasks):
                bar.update(cells)
        store.finish(**totals(store))
    # Of a full disk, or a lost cluster, whose error is of this kind as well.
    except OSError as error:
        done, number = len(finished_chunks_now(store)), store.group["chunk_filling"].size
        raise PartlyDoneError(
            f"Every chunk must be written. {done} of {number} are, and are kept in {store.path}; the same command goes "
            f"on with them. Received: {error}"
        ) from error


def finished_chunks_now(store: StatesStore) -> NDArray[np.intp]:
    """Return the chunks that are on the disk, without a look at their states."""
    return np.argwhere(np.isfinite(store.chunk_values("chunk_filling")))


def tasks_of(stream: Stream, path: Path, finished: set[Chunk], block: int) -> Iterator[Task]:
    """Yield a task for every block that lacks chunks."""
    for sheet, request in enumerate(stream.requests):
        for area in blocks_of(request.rows, request.cols, CHUNK, block):
            places = places_of(area, CHUNK)
            missing = frozenset(place for place in places if chunk_of(sheet, place) not in finished)
            if missing:
                yield Task(path, stream.model, stream.finishing, request, sheet, area, stream.piece, missing)


def open_or_create(path: Path, stream: Stream, *, overwrite: bool) -> StatesStore:
    """Return the folder of a stream: a new one, or one that the same request began.

    Raises:
        InputError: the folder belongs to another request, or is no folder of sheets.
    """
    if path.exists() and overwrite:
        remove_store(path)
    if not path.exists():
        has_energy = stream.finishing.energy is not None
        return create_store(path, stream.system, stream.shape, {"request": dict(stream.told)}, has_energy=has_energy)
    store = open_store(path, stream.system)
    begun = store.told.get("request", {})
    names = sorted(name for name in {*begun, *stream.told} if begun.get(name) != stream.told.get(name))
    if names:
        differences = "; ".join(f"{name}: {begun.get(name)} there, {stream.told.get(name)} asked" for name in names)
        raise InputError(
            f"The folder must belong to the same request, or --overwrite be given. Received: {path} ({differences})"
        )
    # What an interrupted write left behind is no chunk, and nobody else would remove it.
    remove_partial_files(path)
    return store


def totals(store: StatesStore) -> dict[str, list[float]]:
    """Return total energies, energies per area and shares of filled sites, one for each sheet, as JSON content."""
    (_, rows, cols), (height, width) = store.states.shape, store.chunk_shape
    cells = np.outer(*(np.diff([*range(0, size, side), size]) for size, side in ((rows, height), (cols, width))))
    filling = (store.chunk_values("chunk_filling") * cells).sum(axis=(1, 2)) / (rows * cols)
    found = {"filling_obtained": filling.tolist()}
    if "chunk_energy" in store.group:
        energy = store.chunk_values("chunk_energy").sum(axis=(1, 2))
        per_area = store.system.energy_per_area(energy, rows, cols)
        found |= {"energy": energy.tolist(), "energy_per_area_obtained": per_area.tolist()}
    return found
