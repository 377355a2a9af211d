"""A sheet of any size from many small requests: what `generate` would return, without a request of its size.

Latents are drawn here, block by block from the seed, and each tile goes to the model with a halo as wide as the
generator sees, which the model tells. Halos are cut off, and the whole sheet is repaired at the end, since a repair may
cross tiles. The model may lie on this disk or behind a server.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.generate.latent import draw_window
from rugan_tf.systems.system import LatticeSystem

UPSCALING = 2  # cells for each latent cell
LARGEST_TILE = 512  # cells; a larger one saves a tenth of the work and takes four times the memory


class TileModel(Protocol):
    """What tiles ask of a model: `SheetModel` and `serve.client.Client` both answer."""

    def latent_channels(self) -> int:
        """Return the Gaussian channels of the latent."""

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays, and return arrays."""


def generate_in_tiles(
    model: TileModel,
    system: LatticeSystem,
    energy_per_area: float,
    *,
    rows: int,
    cols: int,
    seed: int = 0,
    sheet: int = 0,
    tile: int = LARGEST_TILE,
    repaired: bool = True,
    calibrated: bool = True,
) -> NDArray[np.uint8]:
    """Return one sheet, uint8 (rows, cols): the one that the model's `generate` returns for the same seed.

    Where two states are as likely to the last bit, a tile may round the other way.

    Args:
        model: with `generate_from_latent` and `calibrate`, which tells how far the generator sees.
        system: the material, whose rule repairs sheets.
        energy_per_area: requested, in the unit of the system.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        sheet: which of the sheets of that seed.
        tile: cells along each side of a tile, even; a request has the model's halo more on either side.
        repaired: whether the rule is applied.
        calibrated: whether the request is calibrated, as by `generate`.

    Raises:
        InputError: an odd or too small size, a model that does not tell how far it sees, or a request that it refuses.
    """
    if min(rows, cols, tile) < UPSCALING or rows % UPSCALING or cols % UPSCALING or tile % UPSCALING:
        raise InputError(f"rows, cols and tile must be even. Received: rows={rows}, cols={cols}, tile={tile}")
    given, reach = calibrated_request(model, energy_per_area, rows, cols)
    asked = given if calibrated else energy_per_area
    states = np.empty((rows, cols), dtype=np.uint8)
    number = -(-rows // tile) * -(-cols // tile)
    with tqdm(total=number, desc="tiles", unit="tile", disable=number == 1) as bar:
        for row, col, part in stream_tiles(model, asked, (rows, cols), place=(seed, sheet), tile=tile, reach=reach):
            states[row : row + part.shape[0], col : col + part.shape[1]] = part.argmax(axis=-1)
            bar.update()
    return system.repair(states[None])[0] if repaired else states


def calibrated_request(model: TileModel, energy_per_area: float, rows: int, cols: int) -> tuple[float, tuple[int, int]]:
    """Return the energy per area, eV/Å², to ask the generator for, and how far it sees, latent rows and columns.

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
    return float(answer["energy_per_area"][0]), (reach_rows, reach_cols)


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


def stream_tiles(
    model: TileModel,
    energy_per_area: float,
    size: tuple[int, int],
    *,
    place: tuple[int, int],
    tile: int,
    reach: tuple[int, int],
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield first row, first column and probabilities (height, width, states) of one tile after another.

    Args:
        model: as of `generate_in_tiles`.
        energy_per_area: what the generator is asked for, eV/Å².
        size: rows and columns of the sheet.
        place: seed and number of the sheet.
        tile: as of `generate_in_tiles`.
        reach: how far the generator sees, latent rows and columns.
    """
    channels = model.latent_channels()
    step, height, width = tile // UPSCALING, size[0] // UPSCALING, size[1] // UPSCALING
    for first_row in range(0, height, step):
        for first_col in range(0, width, step):
            inner = min(step, height - first_row), min(step, width - first_col)
            wanted_rows = (first_row + np.arange(-reach[0], inner[0] + reach[0])) % height
            wanted_cols = (first_col + np.arange(-reach[1], inner[1] + reach[1])) % width
            latent = draw_window(place[0], wanted_rows, wanted_cols, channels, sheet=place[1])
            field = np.full(latent.shape[:3], energy_per_area, np.float32)
            answer = model.predict("generate_from_latent", latent=latent, energy_per_area=field)
            probabilities = answer["probabilities"][0]
            ends = zip(reach, inner, strict=True)
            kept = tuple(slice(UPSCALING * before, UPSCALING * (before + length)) for before, length in ends)
            yield UPSCALING * first_row, UPSCALING * first_col, probabilities[kept]
