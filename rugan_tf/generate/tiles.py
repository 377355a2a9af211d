"""A sheet of any size from many small requests: what `generate` would return, without a request of its size.

The client draws the latents, block by block from the seed, and sends each tile with a halo as wide as the generator
sees, which the model tells; halos are cut off, and the whole sheet is repaired at the end, since a repair may cross
tiles.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.generate.latent import draw_window
from rugan_tf.systems.system import LatticeSystem

HALO = 20  # latent cells, for a model that does not tell its reach: that of window means over 14x16 cells
UPSCALING = 2  # cells for each latent cell


class Predictor(Protocol):
    """What tiles ask of a model, whether it lies on this disk or behind a server."""

    def latent_channels(self) -> int:
        """Return the Gaussian channels of the latent."""

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays, and return arrays."""


def generate_in_tiles(
    client: Predictor,
    system: LatticeSystem,
    energy_per_area: float,
    rows: int,
    cols: int,
    seed: int = 0,
    tile: int = 256,
) -> NDArray[np.uint8]:
    """Return one sheet, uint8 (rows, cols), repaired: that of `Client.generate` for the same seed.

    Where two states are as likely to the last bit, a tile may round the other way.

    Args:
        client: of a model with `generate_from_latent` and `calibrate`, which tells how far the generator sees.
        system: the material, whose rule repairs sheets.
        energy_per_area: requested, in the unit of the system.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        tile: cells along each side of a tile, even; a request has 80 cells more.

    Raises:
        InputError: an odd or too small size, or the server refuses a request.
    """
    if min(rows, cols, tile) < UPSCALING or rows % UPSCALING or cols % UPSCALING or tile % UPSCALING:
        raise InputError(f"rows, cols and tile must be even. Received: rows={rows}, cols={cols}, tile={tile}")
    states = np.empty((rows, cols), dtype=np.uint8)
    number = -(-rows // tile) * -(-cols // tile)
    with tqdm(total=number, desc="tiles", unit="tile", disable=number == 1) as bar:
        for row, col, part in stream_tiles(client, energy_per_area, rows, cols, seed, tile):
            states[row : row + part.shape[0], col : col + part.shape[1]] = part.argmax(axis=-1)
            bar.update()
    return system.repair(states[None])[0]


def stream_tiles(
    client: Predictor, energy_per_area: float, rows: int, cols: int, seed: int, tile: int
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Yield first row, first column and probabilities (height, width, states) of one tile after another."""
    channels = client.latent_channels()
    size = {"rows": np.int32(rows), "cols": np.int32(cols)}
    given = client.predict("calibrate", energy_per_area=np.array([energy_per_area], np.float32), **size)
    reach = given.get("reach", np.array([HALO, HALO])).tolist()
    step, height, width = tile // UPSCALING, rows // UPSCALING, cols // UPSCALING
    for first_row in range(0, height, step):
        for first_col in range(0, width, step):
            inner = min(step, height - first_row), min(step, width - first_col)
            wanted_rows = (first_row + np.arange(-reach[0], inner[0] + reach[0])) % height
            wanted_cols = (first_col + np.arange(-reach[1], inner[1] + reach[1])) % width
            latent = draw_window(seed, wanted_rows, wanted_cols, channels)
            field = np.full(latent.shape[:3], given["energy_per_area"][0], np.float32)
            answer = client.predict("generate_from_latent", latent=latent, energy_per_area=field)
            probabilities = answer["probabilities"][0]
            ends = zip(reach, inner, strict=True)
            kept = tuple(slice(UPSCALING * before, UPSCALING * (before + length)) for before, length in ends)
            yield UPSCALING * first_row, UPSCALING * first_col, probabilities[kept]
