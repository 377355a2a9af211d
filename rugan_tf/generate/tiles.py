"""A sheet of any size as a stream of tiles, each generated, repaired and judged while it is hot.

A tile is what the whole sheet is there, cell by cell: it is cut out of a window with a halo as wide as the rule and the
energy see. Whoever takes the tiles puts them together, writes them to a disk, or sends them from a worker of a cluster.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.energies.function import HaloEnergy
from rugan_tf.errors import InputError
from rugan_tf.generate.finishing import Finishing, Place, Repairs, Tile
from rugan_tf.generate.maps import ConditionMap, NaturalMap, UniformMap
from rugan_tf.generate.regions import UPSCALING, Region, SheetRequest, TileModel
from rugan_tf.systems.system import LatticeSystem

LARGEST_TILE = 512  # cells; a larger one saves a tenth of the work and takes four times the memory
BLOCK = 8192  # cells along each side of what one stream keeps of the generator's states: 64 MB


def places_of(area: Place, tile: int) -> list[Place]:
    """Return the tiles of an area, row by row; the last of each row and column may be smaller.

    >>> places_of(Place(0, 4, 6, 4), 4)
    [Place(row=0, col=4, rows=4, cols=4), Place(row=4, col=4, rows=2, cols=4)]
    """
    end_row, end_col = area.row + area.rows, area.col + area.cols
    return [
        Place(row, col, min(tile, end_row - row), min(tile, end_col - col))
        for row in range(area.row, end_row, tile)
        for col in range(area.col, end_col, tile)
    ]


def blocks_of(rows: int, cols: int, tile: int, block: int = BLOCK) -> list[Place]:
    """Return the blocks that a sheet is streamed in, whole tiles each.

    >>> blocks_of(10, 14, tile=4, block=9)
    [Place(row=0, col=0, rows=8, cols=8), Place(row=0, col=8, rows=8, cols=6), \
Place(row=8, col=0, rows=2, cols=8), Place(row=8, col=8, rows=2, cols=6)]
    """
    return places_of(Place(0, 0, rows, cols), max(tile, block // tile * tile))


def stream_tiles(
    model: TileModel,
    request: SheetRequest,
    finishing: Finishing,
    *,
    tile: int = LARGEST_TILE,
    piece: int | None = None,
    is_wanted: Callable[[Place], bool] = lambda _: True,
) -> Iterator[Tile]:
    """Yield the tiles of one sheet, in memory that does not grow with it.

    Args:
        model: with `generate_from_latent`.
        request: the sheet.
        finishing: repair and energy.
        tile: cells along each side of a tile, even and whole periods of the energy.
        piece: most cells along each side of what the generator makes at once, its halo apart; `tile` by default.
        is_wanted: whether a tile is to be made.

    Raises:
        InputError: an odd tile, or a request that the model refuses.
    """
    require_whole_periods(tile, request, finishing.energy)
    for block in blocks_of(request.rows, request.cols, tile):
        yield from stream_block(model, request, finishing, block=block, tile=tile, piece=piece, is_wanted=is_wanted)


def stream_block(
    model: TileModel,
    request: SheetRequest,
    finishing: Finishing,
    *,
    block: Place,
    tile: int,
    piece: int | None = None,
    is_wanted: Callable[[Place], bool] = lambda _: True,
) -> Iterator[Tile]:
    """Yield the tiles of one block, which needs nothing of the others: workers of a cluster share no memory.

    One tile is repaired and judged while the generator works on the next.

    Args:
        model: as of `stream_tiles`.
        request: as of `stream_tiles`.
        finishing: as of `stream_tiles`.
        block: one of `blocks_of`.
        tile: as of `stream_tiles`.
        piece: as of `stream_tiles`.
        is_wanted: as of `stream_tiles`.
    """
    size = request.rows, request.cols
    rows, cols = finishing.window(block, size)
    # One thread each: tiles come in order, and `Repairs` keeps what it has without a lock.
    with ThreadPoolExecutor(1) as drawing, ThreadPoolExecutor(1) as finisher:
        region = Region(model, request, rows=rows, cols=cols, piece=piece or tile, drawing=drawing)
        repairs = Repairs(finishing)
        hot: deque[Future[Tile]] = deque()
        for place in filter(is_wanted, places_of(block, tile)):
            window = finishing.window(place, size)
            hot.append(finisher.submit(repairs.tile, place, region.window(*window), *window))
            # One is finished while the generator works on the next; more of them would only fill the memory.
            if len(hot) > 1:
                yield hot.popleft().result()
        while hot:
            yield hot.popleft().result()


def require_whole_periods(tile: int, request: SheetRequest, energy: HaloEnergy | None) -> None:
    """Refuse tiles that the generator or the energy cannot make."""
    if tile < UPSCALING or tile % UPSCALING:
        raise InputError(f"tile must be even. Received: tile={tile}")
    if energy is None:
        return
    lengths = ("tile", tile), ("tile", tile), ("rows", request.rows), ("cols", request.cols)
    for (name, length), period in zip(lengths, (*energy.period, *energy.period), strict=True):
        if length % period:
            raise InputError(
                f"Tiles and sheets must be whole periods of the EDNN. Received: {name}={length}, a period of {period}"
            )


def generate_in_tiles(
    model: TileModel,
    system: LatticeSystem,
    condition_map: ConditionMap,
    *,
    rows: int,
    cols: int,
    seed: int = 0,
    sheet: int = 0,
    tile: int = LARGEST_TILE,
    repaired: bool = True,
) -> NDArray[np.uint8]:
    """Return one sheet, uint8 (rows, cols): the one that the model's `generate` returns for the same seed.

    Where two states are as likely to the last bit, a tile may round the other way.

    Args:
        model: with `generate_from_latent` and `calibrate`, which tells how far the generator sees.
        system: the material, whose rule repairs sheets.
        condition_map: what the generator is asked for, as `requested_map` returns it for one energy.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        sheet: which of the sheets of that seed.
        tile: cells along each side of a tile, even; a request has the model's halo more on either side.
        repaired: whether the rule is applied.

    Raises:
        InputError: an odd or too small size, a model that does not tell how far it sees, or a request that it refuses.
    """
    if min(rows, cols, tile) < UPSCALING or rows % UPSCALING or cols % UPSCALING or tile % UPSCALING:
        raise InputError(f"rows, cols and tile must be even. Received: rows={rows}, cols={cols}, tile={tile}")
    reach = generator_reach(model, rows, cols)
    request = SheetRequest(condition_map=condition_map, rows=rows, cols=cols, seed=seed, sheet=sheet, reach=reach)
    states = np.empty((rows, cols), dtype=np.uint8)
    finishing = Finishing(system=system, repaired=repaired)
    number = -(-rows // tile) * -(-cols // tile)
    with tqdm(total=rows * cols, desc="tiles", unit="cell", unit_scale=True, disable=number == 1) as bar:
        for place, part, _ in stream_tiles(model, request, finishing, tile=tile):
            states[place.row : place.row + place.rows, place.col : place.col + place.cols] = part
            bar.update(part.size)
    return states


class Recipe(NamedTuple):
    """How a model makes a sheet of one size at one energy, as its signature `calibrate` tells.

    Attributes:
        given: energy per area that the generator is asked for at first, in the unit of the system.
        reach: how far the generator sees, latent rows and columns.
        has_maps: whether it is asked for a map.
        corrections: how often the energy obtained corrects what it is asked for.
    """

    given: float
    reach: tuple[int, int]
    has_maps: bool
    corrections: int


def recipe_of(model: TileModel, energy_per_area: float, rows: int, cols: int) -> Recipe:
    """Ask a model how it makes a sheet.

    Raises:
        InputError: the model does not tell how far it sees.
    """
    size = {"rows": np.int32(rows), "cols": np.int32(cols)}
    answer = model.predict("calibrate", energy_per_area=np.array([energy_per_area], np.float32), **size)
    if "reach" not in answer:
        raise InputError(
            "A model must tell how far its generator sees to make a sheet in tiles: export its run anew, "
            f"`rugan export`. Received: a signature calibrate that returns {', '.join(answer)}"
        )
    reach_rows, reach_cols = answer["reach"].tolist()
    # Models of before there were maps tell of neither.
    has_maps, corrections = (int(answer[name]) if name in answer else 0 for name in ("has_maps", "corrections"))
    return Recipe(float(answer["energy_per_area"][0]), (reach_rows, reach_cols), bool(has_maps), corrections)


def requested_map(
    model: TileModel, energy_per_area: float, rows: int, cols: int, *, seed: int = 0, sheet: int = 0
) -> ConditionMap:
    """Return what the generator is asked for where `generate` would be asked for one energy per area."""
    recipe = recipe_of(model, energy_per_area, rows, cols)
    return map_of(model, recipe, recipe.given, rows, cols, seed=seed, sheet=sheet, tile=LARGEST_TILE)


def map_of(
    model: TileModel, recipe: Recipe, given: float, rows: int, cols: int, *, seed: int, sheet: int, tile: int
) -> ConditionMap:
    """Return the map of a sheet with the mean `given`, in the unit of the system."""
    if not recipe.has_maps:
        return UniformMap(given)
    # No more at once than a tile: a model of few cells refuses larger windows, of its map as of its states.
    return NaturalMap(model, given, rows, cols, seed, sheet, largest=max(1, tile // UPSCALING))


def generator_reach(model: TileModel, rows: int, cols: int) -> tuple[int, int]:
    """Return how far the generator sees, latent rows and columns.

    Raises:
        InputError: the model does not tell.
    """
    # Of any energy: how far the generator sees depends on none.
    return recipe_of(model, 0.0, rows, cols).reach


def largest_tile(max_cells: int, reach: tuple[int, int]) -> int:
    """Return how many cells along each side a tile may have, so that with its halo it is within a model's limit.

    >>> largest_tile(10_000, (5, 5))
    80

    Args:
        max_cells: limit of one request.
        reach: how far the generator sees, latent rows and columns.

    Raises:
        InputError: not even the smallest tile is within the limit.
    """
    halo_rows, halo_cols = (2 * UPSCALING * length for length in reach)
    for tile in range(LARGEST_TILE, 0, -UPSCALING):
        if (tile + halo_rows) * (tile + halo_cols) <= max_cells:
            return tile
    smallest = (UPSCALING + halo_rows) * (UPSCALING + halo_cols)
    raise InputError(
        f"A tile with its halo has at least {smallest} cells: export the run anew with --max-cells of as many or more. "
        f"Received: a model with max_cells={max_cells}"
    )
