"""The filter between what the tiles of an EDNN have and the map of a sheet."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.filters import map_operator, smallest_wave_number
from rugan_tf.systems.system import LatticeSystem

LATENT = 2  # rows and columns of cells of a latent cell, which is a cell of the map


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
