"""The sheets of a request, each made in tiles: what `SheetModel.generate` does where one call cannot."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rugan_tf.generate.corrections import Corrected, corrected_sheet
from rugan_tf.generate.maps import ConditionMap, ShiftedMap, UniformMap
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
    wanted |= {"repaired": repaired, "calibrated": calibrated, "uniform": uniform}
    sheets = [
        tiled_sheet(model, float(requested), system=model.system, seed=part_seed, sheet=sheet, **wanted)
        for part, part_seed in model.parts(energy_per_area, rows, cols, seed)
        for sheet, requested in enumerate(part)
    ]
    return np.stack(sheets)


def tiled_sheet(
    model: TileModel,
    requested: float,
    *,
    system: LatticeSystem,
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
        model: with `generate_from_latent`, `calibrate`, `map` if it learnt from maps, `energy` if it corrects.
        requested: energy per area, in the unit of the system.
        system: the material.
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
    place: dict[str, Any] = {"rows": rows, "cols": cols, "seed": seed, "sheet": sheet}
    asked = UniformMap(given) if uniform else map_of(model, recipe, given, tile=tile, **place)
    if repaired and calibrated and recipe.corrections:
        wanted = CorrectedMap(model, system, asked, requested, given, recipe.corrections, tile=tile, **place)
        # The corrections have made this sheet already: a map of its mean would make it again.
        return wanted.kept.states
    return generate_in_tiles(model, system, asked, tile=tile, repaired=repaired, **place)


@dataclasses.dataclass(frozen=True)
class CorrectedMap:
    """Another map, with its mean corrected by what the sheet made of it has too much of its energy.

    Attributes:
        model: as of `tiled_sheet`.
        system: the material.
        map: what the generator is asked for at first.
        requested: energy per area, in the unit of the system.
        given: the mean of `map`.
        rounds: corrections.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        sheet: which of the sheets of that seed.
        tile: cells along each side of a tile, even.
    """

    model: TileModel
    system: LatticeSystem
    map: ConditionMap
    requested: float
    given: float
    rounds: int
    rows: int
    cols: int
    seed: int
    sheet: int
    tile: int

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:
        """Return a window of the corrected map, float32 (rows, cols)."""
        return self.shifted(self.kept.given).window(row, col, rows, cols)

    @functools.cached_property
    def kept(self) -> Corrected:
        """The sheet nearest to its request, known when the first window is asked for, and what it was asked for."""
        return corrected_sheet(self.made, self.energy_per_area, self.requested, self.given, self.rounds)

    def shifted(self, given: float) -> ConditionMap:
        """Return the map with another mean."""
        return ShiftedMap(self.map, given - self.given)

    def made(self, given: float) -> NDArray[np.uint8]:
        """Return the repaired sheet of a mean."""
        place: dict[str, Any] = {"rows": self.rows, "cols": self.cols, "seed": self.seed, "sheet": self.sheet}
        return generate_in_tiles(self.model, self.system, self.shifted(given), tile=self.tile, **place)

    def energy_per_area(self, states: NDArray[np.uint8]) -> float:
        """Return the energy per area of a sheet as the model's EDNN sees it."""
        return float(self.model.predict("energy", states=states[None])["energy_per_area"][0])
