"""Sheets without atoms, drawn to scale: each cell a rectangle in the colour of its state."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from rugan_tf.systems.system import LatticeSystem

COLOURS = ("#DDDDDD", "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#000000")


def draw_states(axes: Axes, system: LatticeSystem, states: NDArray[np.uint8]) -> None:
    """Draw the cells of one sheet, uint8 (rows, cols), into axes whose limits are those of the sheet.

    The colours are Okabe and Ito's; from the tenth state on they repeat.
    """
    lattice, (rows, cols) = system.lattice, states.shape
    lengths = lattice.cell_lengths(rows, cols)
    centres = lattice.positions(rows, cols).mean(axis=2).reshape(-1, 2)
    half = np.array([lattice.row_pitch, lattice.col_pitch]) / 2
    corners = half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    # Cells at the border reach beyond it and come in again at the other side.
    images = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]) * lengths
    placed = (centres + images[:, None]).reshape(-1, 2)
    state = np.tile(states.ravel(), len(images))
    near = ((placed > -half) & (placed < lengths + half)).all(axis=1)
    cells = PolyCollection(
        list(placed[near, None] + corners),
        facecolors=[COLOURS[one % len(COLOURS)] for one in state[near]],
        edgecolors="face",
        linewidths=0.3,
    )
    cells.set_clip_path(Rectangle((0, 0), *lengths, transform=axes.transData))
    axes.add_collection(cells, autolim=False)
