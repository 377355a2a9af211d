"""The sheets of a request, each made in tiles: what `SheetModel.generate` does where one call cannot."""

from collections.abc import Iterator
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
    wanted: dict[str, Any] = {"rows": rows, "cols": cols, "tile": tile_of(model, rows, cols, tile)}
    wanted |= {"repaired": repaired}

    def made(requested: float, part_seed: int, sheet: int) -> NDArray[np.uint8]:
        recipe = recipe_of(model, requested, rows, cols)
        place: dict[str, Any] = {"seed": part_seed, "sheet": sheet}
        given = recipe.given if calibrated else requested
        asked = UniformMap(given) if uniform else map_of(model, recipe, given, rows, cols, **place)
        return corrected_sheet(
            lambda now: generate_in_tiles(model, model.system, ShiftedMap(asked, now - given), **wanted, **place),
            lambda states: float(model.judged_energies(states[None])[0]),
            requested,
            given,
            recipe.corrections if calibrated and repaired else 0,
        )

    sheets = [
        made(float(one), part_seed, sheet)
        for part, part_seed in model.parts(energy_per_area, rows, cols, seed)
        for sheet, one in enumerate(part)
    ]
    return np.stack(sheets)
