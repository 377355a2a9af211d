"""What a calibration is made of; `rugan_tf.export.calibration` applies it inside the SavedModel."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Calibration:
    """An offset that is added to a requested energy per area, a function of it and of the size of the sheet.

    Between the scales it is linear in 1 / scale, the share that a sheet's border has of it; outside of the scales and
    of the energies that were fitted it is constant.

    Attributes:
        rows: lattice cells of a sheet of scale 1, along the rows.
        cols: the same along the columns.
        scales: (s,), ascending; the square root of the number of cells in units of rows cols.
        energy_per_area: (first, last) of the evenly spaced energies requested, in the unit of the system.
        offset: (s, k), in the unit of the system.
    """

    rows: int
    cols: int
    scales: tuple[float, ...]
    energy_per_area: tuple[float, float]
    offset: tuple[tuple[float, ...], ...]
