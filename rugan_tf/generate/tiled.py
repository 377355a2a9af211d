"""The sheets of a request, each made in tiles: what `SheetModel.generate` does where one call cannot."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rugan_tf.generate.corrections import corrected_sheet
from rugan_tf.generate.maps import ShiftedMap, UniformMap
from rugan_tf.generate.regions import TileModel
from rugan_tf.generate.tiles import generate_in_tiles, largest_tile, map_of, recipe_of
from rugan_tf.systems.system import LatticeSystem


class LocalModel(TileModel, Protocol):
    """What whole requests ask of a model on this disk."""

    @property
    def system(self) -> LatticeSystem:
        """The material."""

    @property
    def max_cells(self) -> int:
        """Most lattice cells (sheets * rows * cols) of one call."""

    def judged_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the energies per area (n,) of sheets."""

    def parts(
        self, energy: NDArray[np.float32], rows: int, cols: int, seed: int
    ) -> Iterator[tuple[NDArray[np.float32], int]]:
        """Yield the energies of one call after another, each with a seed of its own."""


def tile_of(model: LocalModel, rows: int, cols: int, tile: int | None) -> int:
    """Return the cells along each side of a tile: those asked for, or as many as the model's limit allows."""
    return largest_tile(model.max_cells, recipe_of(model, 0.0, rows, cols).reach) if tile is None else tile


def tiled_sheets(
    model: LocalModel,
    energy_per_area: NDArray[np.float32],
    rows: int,
    cols: int,
    seed: int,
    *,
    tile: int | None = None,
    repaired: bool = True,
    calibrated: bool = True,
    uniform: bool = False,
) -> NDArray[np.uint8]:
    """Return the sheets of a request, uint8 (n, rows, cols).

    Args:
        model: on this disk.
        energy_per_area: requested, (n,), in the unit of the system.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        tile: cells along each side of a tile, even.
        repaired: whether the rule is applied.
        calibrated: whether requests are calibrated, and corrected, as by `generate`.
        uniform: ask for the same energy everywhere, whatever the generator learnt from.
    """
    side = tile_of(model, rows, cols, tile)
    sheets = [
        tiled_sheet(
            model,
            float(requested),
            system=model.system,
            judge=lambda states: float(model.judged_energies(states[None])[0]),
            rows=rows,
            cols=cols,
            seed=part_seed,
            sheet=sheet,
            tile=side,
            repaired=repaired,
            calibrated=calibrated,
            uniform=uniform,
        )
        for part, part_seed in model.parts(energy_per_area, rows, cols, seed)
        for sheet, requested in enumerate(part)
    ]
    return np.stack(sheets)


def tiled_sheet(
    model: TileModel,
    requested: float,
    *,
    system: LatticeSystem,
    judge: Callable[[NDArray[np.uint8]], float],
    rows: int,
    cols: int,
    seed: int,
    tile: int,
    sheet: int = 0,
    repaired: bool = True,
    calibrated: bool = True,
    uniform: bool = False,
) -> NDArray[np.uint8]:
    """Return one sheet, uint8 (rows, cols), made in tiles by a model on this disk or behind a server.

    Args:
        model: with `generate_from_latent`, `calibrate` and, if it learnt from maps, `map`.
        requested: energy per area, in the unit of the system.
        system: the material.
        judge: a sheet to its energy per area, by the EDNN of the model; not called if nothing is corrected.
        rows: as of `tiled_sheets`.
        cols: as of `tiled_sheets`.
        seed: as of `tiled_sheets`.
        tile: as of `tiled_sheets`.
        sheet: which of the sheets of that seed.
        repaired: as of `tiled_sheets`.
        calibrated: as of `tiled_sheets`.
        uniform: as of `tiled_sheets`.
    """
    recipe = recipe_of(model, requested, rows, cols)
    given = recipe.given if calibrated else requested
    place: dict[str, Any] = {"seed": seed, "sheet": sheet}
    asked = UniformMap(given) if uniform else map_of(model, recipe, given, rows, cols, **place)
    wanted: dict[str, Any] = {"rows": rows, "cols": cols, "tile": tile, "repaired": repaired, **place}
    return corrected_sheet(
        lambda now: generate_in_tiles(model, system, ShiftedMap(asked, now - given), **wanted),
        judge,
        requested,
        given,
        recipe.corrections if calibrated and repaired else 0,
    )
