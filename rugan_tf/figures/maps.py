"""Maps of energies per area, beside a sheet that was made from them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from rugan_tf.figures.sheets import draw_sheet
from rugan_tf.figures.style import LABEL, new_figure
from rugan_tf.systems.system import LatticeSystem

COLOURS = "cividis"  # told apart by colour-blind eyes, and in grey


def map_figure(
    system: LatticeSystem, states: NDArray[np.uint8], asked: NDArray[np.floating], obtained: NDArray[np.floating]
) -> Figure:
    """Draw the map asked for, the map obtained and the sheet, side by side, to one scale.

    Args:
        system: the material.
        states: uint8 (rows, cols).
        asked: (rows/2, cols/2), in the unit of the system.
        obtained: the same.
    """
    lengths = system.lattice.cell_lengths(*states.shape)
    height = min(8.0, max(3.0, 4.6 * lengths[1] / lengths[0]))
    figure = new_figure(15.5, height + 0.8)
    left, middle, right = figure.subplots(1, 3)
    limits = float(min(asked.min(), obtained.min())), float(max(asked.max(), obtained.max()))
    for axes, values, title in ((left, asked, "asked for"), (middle, obtained, "obtained")):
        image = draw_map(axes, values, lengths, limits, unit=system.length_unit)
        axes.set_title(title, fontsize=LABEL)
    bar = figure.colorbar(image, ax=[left, middle], shrink=0.85, pad=0.02)
    bar.set_label(f"{system.quantity.words} ({system.quantity.unit})")
    draw_sheet(right, system, states)
    right.set_title("the sheet", fontsize=LABEL)
    return figure


def draw_map(
    axes: Axes, values: NDArray[np.floating], lengths: NDArray[np.float64], limits: tuple[float, float], *, unit: str
) -> AxesImage:
    """Draw a map (rows, cols) of a sheet of some lengths (2,), x along its rows, and return what a colour bar needs."""
    low, high = limits
    axes.set_xlabel(f"x ({unit})")
    axes.set_ylabel(f"y ({unit})")
    extent = (0.0, float(lengths[0]), 0.0, float(lengths[1]))
    return axes.imshow(values.T, origin="lower", extent=extent, cmap=COLOURS, vmin=low, vmax=high)
