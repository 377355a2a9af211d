"""Maps of the label: where in a sheet its energy is, as an EDNN sees it."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.energies.ednn import EdnnEnergy
from rugan_tf.errors import InputError
from rugan_tf.lattice.filters import map_operator, smallest_wave_number
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.system import LatticeSystem

LATENT = 2  # rows and columns of cells of a latent cell, which is a cell of the map
CELLS_PER_CALL = 2**18


@dataclasses.dataclass(frozen=True)
class MapFilter:
    """The filter between the tiles of an EDNN and a map, for sheets of one size.

    Attributes:
        tiles: rows and columns of tiles of a sheet.
        size: rows and columns of a map, the latent's.
        cutoff: of the filter, 2 pi over the unit of length.
        operator: float32 (tiles of a sheet, cells of a map).
        smoothing: float32 (cells of a map, cells of a map), the filter of what is a map already.
    """

    tiles: tuple[int, int]
    size: tuple[int, int]
    cutoff: float
    operator: NDArray[np.float32]
    smoothing: NDArray[np.float32]

    @classmethod
    def of(cls, system: LatticeSystem, rows: int, cols: int, cutoff: float) -> "MapFilter":
        """Return the filter of sheets of a size.

        Args:
            system: the material, whose period is a tile of its EDNN.
            rows: lattice cells, even.
            cols: lattice cells, even.
            cutoff: in units of the smallest wave number of such a sheet.

        Raises:
            InputError: a tile is larger than a latent cell.
        """
        if system.row_period > LATENT or system.col_period > LATENT:
            raise InputError(
                f"Maps need a lattice that repeats after at most {LATENT} rows and columns. "
                f"Received: {system.row_period} and {system.col_period}"
            )
        tiles, size = (rows // system.row_period, cols // system.col_period), (rows // LATENT, cols // LATENT)
        lengths = system.lattice.cell_lengths(rows, cols)
        wave_number = cutoff * smallest_wave_number(lengths)
        made = (map_operator(fine, size, lengths, wave_number).astype(np.float32) for fine in (tiles, size))
        return cls(tiles, size, wave_number, *made)

    def apply(self, local: Any) -> Any:
        """Return the maps (batch, rows/2, cols/2) of what tiles (batch, rows/period, cols/period) have."""
        flat = tf.reshape(local, (-1, self.tiles[0] * self.tiles[1]))
        return tf.reshape(tf.matmul(flat, self.operator), (-1, *self.size))


@dataclasses.dataclass(frozen=True)
class LabelMaps:
    """What a training makes the maps of its sheets from.

    Attributes:
        local: float32 (n, rows/period, cols/period), standardised label of every tile; their mean is the sheet's.
        passed: from tiles to maps.
        noise: standard deviation of the white noise on a map.
        uniform_share: share of the sheets whose map is one number.
    """

    local: NDArray[np.float32]
    passed: MapFilter
    noise: float
    uniform_share: float

    def draw(self, local: Any, seed: Any) -> tuple[Any, Any]:
        """Return what networks see of the maps of some sheets, and the maps, both float32 (batch, rows/2, cols/2).

        Args:
            local: float32 (batch, rows/period, cols/period), of sheets of the data, shifted or not.
            seed: int64 (2,), of noise and choice.
        """
        asked = self.passed.apply(local)
        noise_seed, choice_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2, alg="philox"))
        noise = self.noise * tf.random.stateless_normal(tf.shape(asked), noise_seed, alg="philox")
        # Without its mean: the label of the whole sheet is known exactly, whatever is unknown about places in it.
        noise -= tf.reduce_mean(noise, axis=(1, 2), keepdims=True)
        is_uniform = tf.random.stateless_uniform(tf.shape(asked)[:1], choice_seed, alg="philox") < self.uniform_share
        mean = tf.reduce_mean(asked, axis=(1, 2), keepdims=True)
        return tf.where(is_uniform[:, None, None], mean + tf.zeros_like(asked), asked + noise), asked


def local_labels(
    states: NDArray[np.uint8], system: LatticeSystem, ednn: EdnnEnergy, scale: LabelScale
) -> NDArray[np.float32]:
    """Return the standardised label of every tile, float32 (n, rows/period, cols/period), as an EDNN sees sheets.

    Args:
        states: uint8 (n, rows, cols).
        system: the material.
        ednn: with the signature `local_energy`.
        scale: of the labels.

    Raises:
        InputError: an EDNN that was exported before it could tell local energies.
    """
    size = max(1, CELLS_PER_CALL // states[0].size)
    parts = []
    for start in tqdm(range(0, len(states), size), desc="local energies", unit="call", disable=len(states) <= size):
        encoding = np.eye(system.num_states, dtype=np.float32)[states[start : start + size]]
        parts.append(ednn.local_energies(encoding))
    per_area = np.concatenate(parts) / system.extent(system.row_period, system.col_period)
    return np.asarray(scale.label(per_area), dtype=np.float32)
