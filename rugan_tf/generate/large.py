"""Sheets of any size from a model: what is streamed, how it is judged, and what is told at the end."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.config import counted
from rugan_tf.energies.ednn import EDNN, has_shipped_ednn
from rugan_tf.energies.function import HaloEnergy
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.formats import pyramid
from rugan_tf.formats.zarr_store import StatesStore
from rugan_tf.generate.finishing import Finishing
from rugan_tf.generate.maps import ConditionMap, UniformMap
from rugan_tf.generate.needs import require_disk
from rugan_tf.generate.regions import SheetRequest, TileModel
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.generate.streaming import Runner, Stream, open_or_create, stream_to_zarr
from rugan_tf.generate.tiled import CorrectedMap
from rugan_tf.generate.tiles import generator_reach, largest_tile, map_of, recipe_of
from rugan_tf.systems.lengths import readable_length_unit, size_in_words
from rugan_tf.systems.system import LatticeSystem

PICTURE = "picture.png"  # in the folder
MOST_PIXELS = 600  # along the longer side of the picture


def stream_of(
    model: SheetModel,
    energy_per_area: Sequence[float],
    *,
    rows: int,
    cols: int,
    seed: int = 0,
    repaired: bool = True,
    piece: int | None = None,
    uniform: bool = False,
    judge: str | None = None,
) -> Stream:
    """Return the sheets that `SheetModel.generate` would return, as a stream.

    Args:
        model: on this disk.
        energy_per_area: requested, (n,), in the unit of the system. What lies outside of the data is warned of.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        repaired: whether the rule is applied.
        uniform: ask for the same energy everywhere.
        piece: most cells along each side of what the generator makes at once; as the model's limit allows by default.
        judge: an energy by name that judges tiles; the EDNN that comes with the package by default.

    Raises:
        InputError: a request that cannot be generated.
    """
    energy = model.check_request(energy_per_area, rows, cols, seed)
    model.warn_outside_range(np.asarray(energy_per_area, dtype=np.float64))
    piece = piece or largest_tile(model.max_cells, generator_reach(model, rows, cols))
    wanted: dict[str, Any] = {"rows": rows, "cols": cols, "piece": piece, "repaired": repaired, "uniform": uniform}
    requests = [
        request_of(model, model.system, float(one), seed=part_seed, sheet=sheet, **wanted)
        # Seeds as `generate` derives them for its calls: the same request gives the same sheets.
        for part, part_seed in model.parts(energy, rows, cols, seed)
        for sheet, one in enumerate(part)
    ]
    energy_function = judge_of(model.system, judge)
    told = {
        "model": fingerprint(model.folder),
        "energy_per_area": [float(one) for one in energy_per_area],
        "seed": seed,
        "repaired": repaired,
        "uniform": uniform,
    }
    return Stream(
        model=model,
        finishing=Finishing(system=model.system, repaired=repaired, energy=energy_function),
        requests=requests,
        piece=piece,
        told=told | told_of(requests, energy_function),
    )


def served_stream(
    model: TileModel,
    system: LatticeSystem,
    energy_per_area: float,
    *,
    rows: int,
    cols: int,
    seed: int,
    piece: int,
    name: str,
) -> Stream:
    """Return one sheet of a model behind a server as a stream.

    Args:
        model: the client.
        system: the material.
        energy_per_area: requested, in the unit of the system.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        piece: most cells along each side of a request, its halo apart.
        name: what tells the model from others.
    """
    single = float(np.float32(energy_per_area))  # what a whole sheet would be asked for
    request = request_of(model, system, single, rows=rows, cols=cols, seed=seed, piece=piece)
    judge = judge_of(system)
    told = {"model": name, "energy_per_area": [energy_per_area], "seed": seed, "repaired": True}
    return Stream(
        model=model,
        finishing=Finishing(system=system, energy=judge),
        requests=[request],
        piece=piece,
        told=told | told_of([request], judge),
    )


def request_of(
    model: TileModel,
    system: LatticeSystem,
    energy_per_area: float,
    *,
    rows: int,
    cols: int,
    seed: int,
    piece: int,
    sheet: int = 0,
    repaired: bool = True,
    uniform: bool = False,
) -> SheetRequest:
    """Return the request for one sheet at one energy per area, calibrated and corrected as by `generate`."""
    recipe = recipe_of(model, energy_per_area, rows, cols)
    given = recipe.given
    place: dict[str, Any] = {"rows": rows, "cols": cols, "seed": seed, "sheet": sheet}
    asked: ConditionMap = UniformMap(given) if uniform else map_of(model, recipe, given, tile=piece, **place)
    if repaired and recipe.corrections:
        asked = CorrectedMap(model, system, asked, energy_per_area, given, recipe.corrections, tile=piece, **place)
    return SheetRequest(condition_map=asked, reach=recipe.reach, **place)


def told_of(requests: Sequence[SheetRequest], judge: HaloEnergy | None) -> dict[str, Any]:
    """Return what tells requests from others beside model, energies and seed, JSON content."""
    first = requests[0]
    origin = getattr(judge, "origin", None)
    return {
        "num_sheets": len(requests),
        "rows": first.rows,
        "cols": first.cols,
        "energy": None if origin is None else origin.description,
    }


def judge_of(system: LatticeSystem, name: str | None = None) -> HaloEnergy | None:
    """Return what judges tiles: an energy by name, else the EDNN that comes with the package for a material.

    None if there is none.

    Raises:
        InputError: an energy of whole sheets, which tells nothing of their parts.
    """
    if name is None and not has_shipped_ednn(system):
        return None
    by_halo = energy_named(system, name or EDNN).by_halo
    if by_halo is None:
        raise InputError(f"Tiles are judged by an energy that is a sum over places, ednn. Received: --judge {name}")
    return by_halo


def fingerprint(folder: Path) -> str:
    """Return a digest of a version folder: graph and weights."""
    # By content and not by path or time, so that a copy of the model goes on with what the model began.
    digest = hashlib.sha256()
    for path in [folder / "saved_model.pb", *sorted((folder / "variables").glob("*"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def stream_sheets(stream: Stream, out: Path, runner: Runner, *, overwrite: bool = False) -> StatesStore:
    """Stream sheets into a Zarr folder, draw the first, and return the folder.

    Raises:
        InputError: the folder belongs to another request, or the disk is too small.
        PartlyDoneError: the disk is full, or a cluster is lost; the same command goes on.
    """
    num_sheets, rows, cols = stream.shape
    # A folder that was begun holds a part already: what it still needs is less, and not known here.
    if not out.exists():
        require_disk(out, stream.system, num_sheets * rows * cols)
    store = open_or_create(out, stream, overwrite=overwrite)
    stream_to_zarr(stream, store, runner)
    return store


def draw_picture(store: StatesStore, training_size: tuple[int, int] | None) -> Path:
    """Draw the first sheet as a whole, with the training size marked, into the folder, and return the file."""
    from rugan_tf.figures.streamed_sheet import streamed_sheet_figure
    from rugan_tf.figures.style import write_figure

    energies = None
    if "chunk_energy" in store.group:
        energies = chunk_energies_per_area(store)[0]
    whole = store.system.lattice.cell_lengths(*store.states.shape[1:])
    unit, factor = readable_length_unit(store.system, max(whole))

    def lengths(size: tuple[int, int]) -> tuple[float, float]:
        along_x, along_y = store.system.lattice.cell_lengths(*size) / factor
        return float(along_x), float(along_y)

    figure = streamed_sheet_figure(
        coarse_filling(store),
        lengths=lengths(store.states.shape[1:]),
        training=None if training_size is None else lengths(training_size),
        quantity=store.system.quantity,
        length_unit=unit,
        chunk=lengths(store.chunk_shape),
        energies=energies,
    )
    path = store.path / PICTURE
    write_figure(path, figure)
    return path


def coarse_filling(store: StatesStore) -> NDArray[np.float64]:
    """Return the shares of filled sites of the first sheet, (pixel rows, pixel cols), as fine as a picture shows."""
    level = 0
    # A finer level would be read from the disk and not be seen.
    while max(store.group[f"{pyramid.GROUP}/{level}"].shape) > MOST_PIXELS:
        level += 1
    return store.group[f"{pyramid.GROUP}/{level}"][0] / pyramid.FULL


def chunk_energies_per_area(store: StatesStore) -> NDArray[np.float64]:
    """Return the energy per area of every chunk, (n, chunk rows, chunk cols), in the unit of the system."""
    energies = store.chunk_values("chunk_energy")
    shape, sides = store.states.shape[1:], store.chunk_shape
    # The last chunk along an axis may be shorter.
    heights, widths = (np.diff([*range(0, size, side), size]) for size, side in zip(shape, sides, strict=True))
    extents = np.array([[store.system.extent(int(height), int(width)) for width in widths] for height in heights])
    return energies / extents


def summary(store: StatesStore) -> Iterator[str]:
    """Yield what is said of finished sheets, line by line."""
    num_sheets, rows, cols = store.states.shape
    told: Mapping[str, Any] = store.told
    count = counted(num_sheets, "sheet")
    yield f"{store.path}: {count} of {rows}x{cols} cells, {size_in_words(store.system, rows, cols)}"
    quantity = store.system.quantity
    if "energy" in told:
        shown = " ".join(f"{value:.4f}" for value in told["energy_per_area_obtained"][:5])
        totals = " ".join(f"{value:.8g}" for value in told["energy"][:5])
        more = " ..." if num_sheets > 5 else ""
        yield f"{quantity.words} obtained, as an EDNN sees it: {shown}{more} {quantity.unit}"
        yield f"total energy: {totals}{more} {quantity.total_unit} ({told['request']['energy']})"
    else:
        yield f"{quantity.words} obtained: not computed, as no EDNN comes with rugan_tf for {store.system.name}"
