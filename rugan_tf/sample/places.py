"""Where sheets change, and how much around such a place has to be looked at.

A move changes a patch of a few cells. What lies in the cells around it is judged by parts of sheets, windows: a focus
where something may have become different, and around it what the judgement of the focus depends on.
"""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

Cells = tuple[int, int]  # rows and columns


@dataclasses.dataclass(frozen=True)
class Window:
    """The part of a periodic sheet that is looked at around a patch.

    Attributes:
        sheet: rows and columns of the sheet.
        period: a window starts at a multiple of it, so that parts of sheets look like sheets.
        before: rows and columns from the start of the period that holds the patch's corner back to the focus.
        focus: rows and columns where a change of the patch may make a difference.
        halo: rows and columns around the focus that it depends on.
    """

    sheet: Cells
    period: Cells
    before: Cells
    focus: Cells
    halo: Cells

    @property
    def shape(self) -> Cells:
        """Rows and columns of the window."""
        return self.focus[0] + 2 * self.halo[0], self.focus[1] + 2 * self.halo[1]

    def indices(self, corners: Any) -> Any:
        """Return the cells of the windows around patches, int32 (n, rows, cols), counted row by row within the sheet.

        Windows that are wider than the sheet wrap around.

        Args:
            corners: int32 (n, 2), row and column of each patch's first cell.
        """
        along = []
        for axis in range(2):
            start = corners[:, axis] // self.period[axis] * self.period[axis] - self.before[axis] - self.halo[axis]
            along.append((start[:, None] + tf.range(self.shape[axis])) % self.sheet[axis])
        return along[0][:, :, None] * self.sheet[1] + along[1][:, None, :]

    def inside(self, values: Any) -> Any:
        """Return what lies in the focus of windows (n, rows, cols)."""
        (rows, cols), (halo_rows, halo_cols) = self.focus, self.halo
        return values[:, halo_rows : halo_rows + rows, halo_cols : halo_cols + cols]


def window_around(sheet: Cells, patch: Cells, reach: Cells, period: Cells) -> Window:
    """Return the window in which a change of a patch makes a difference.

    Args:
        sheet: rows and columns of the sheet.
        patch: rows and columns that change at most.
        reach: rows and columns that what is judged sees around each cell, or around each period.
        period: rows and columns after which the lattice, and what is judged, repeats.
    """
    halo = [-(-reach[axis] // period[axis]) * period[axis] for axis in range(2)]
    # A patch that starts at the end of a period touches one period more.
    touched = [((patch[axis] + period[axis] - 2) // period[axis] + 1) * period[axis] for axis in range(2)]
    focus = [min(sheet[axis], touched[axis] + 2 * halo[axis]) for axis in range(2)]
    return Window(sheet, period, (halo[0], halo[1]), (focus[0], focus[1]), (halo[0], halo[1]))


@dataclasses.dataclass(frozen=True)
class Places:
    """Places of one sheet that can change together: what one changes makes no difference where another is judged.

    Attributes:
        sheet: rows and columns of the sheet.
        patch: rows and columns that change at most.
        spacing: rows and columns from place to place.
    """

    sheet: Cells
    patch: Cells
    spacing: Cells

    @property
    def number(self) -> int:
        """Places that change together."""
        # Rounded down: the rest of the sheet is shorter than a spacing, and a place in it would see the first one.
        return int(np.prod([max(1, self.sheet[axis] // self.spacing[axis]) for axis in range(2)]))

    def corners(self, offset: Any) -> Any:
        """Return the first cells of the places, int32 (n, places, 2), of sheets whose first place is at `offset`.

        Args:
            offset: int32 (n, 2).
        """
        steps = [np.arange(max(1, self.sheet[axis] // self.spacing[axis])) * self.spacing[axis] for axis in range(2)]
        grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2)
        return (offset[:, None] + grid.astype(np.int32)) % np.array(self.sheet, np.int32)

    def indices(self, corners: Any) -> Any:
        """Return the cells of patches, int32 (..., patch rows, patch cols), counted row by row within the sheet."""
        along = [(corners[..., axis, None] + tf.range(self.patch[axis])) % self.sheet[axis] for axis in range(2)]
        return along[0][..., :, None] * self.sheet[1] + along[1][..., None, :]
