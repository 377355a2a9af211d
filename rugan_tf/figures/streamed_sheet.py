"""A sheet of any size as a picture: the share of filled sites, and the energy of its parts."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from rugan_tf.figures.style import LABEL, LEGEND, VERMILION, new_figure
from rugan_tf.systems.quantity import LabelQuantity

COMMON = (0.5, 99.5)  # percentiles: single pixels must not set the colours of all
MANY = 4  # parts from which on their energies are drawn
Lengths = tuple[float, float]


def streamed_sheet_figure(
    filling: NDArray[np.float64],
    *,
    lengths: Lengths,
    training: Lengths | None,
    quantity: LabelQuantity,
    length_unit: str,
    chunk: Lengths,
    energies: NDArray[np.float64] | None = None,
) -> Figure:
    """Draw a sheet, and beside it the energies of its parts where there are some.

    Args:
        filling: shares of filled sites (rows, cols), rows along x.
        lengths: of the sheet, x and y.
        training: size of a training sheet, which is marked; None marks nothing.
        quantity: what the energies are.
        length_unit: of all lengths.
        chunk: size of a part.
        energies: of the parts (rows, cols), in the unit of `quantity`.
    """
    has_energies = energies is not None and energies.size >= MANY
    shape = np.array(lengths) / max(lengths)
    figure = new_figure((7.5 * shape[0] + 2.0) * (2 if has_energies else 1), 7.5 * shape[1] + 1.2)
    axes = figure.add_subplot(1, 2 if has_energies else 1, 1)
    draw_map(axes, filling, lengths, length_unit, label="share of filled sites", cmap="gray_r", shown=COMMON)
    if training is not None:
        mark_training_size(axes, training, lengths)
    if has_energies and energies is not None:
        axes = figure.add_subplot(1, 2, 2)
        label = f"{quantity.words} ({quantity.unit})"
        draw_map(axes, energies, lengths, length_unit, label=label, cmap="cividis", step=chunk)
    return figure


def draw_map(
    axes: Axes,
    values: NDArray[np.float64],
    lengths: Lengths,
    length_unit: str,
    *,
    label: str,
    cmap: str,
    shown: tuple[float, float] = (0.0, 100.0),
    step: Lengths | None = None,
) -> None:
    """Draw values (rows, cols), rows along x, over a sheet, with a colour bar.

    Args:
        axes: where to draw.
        values: what to draw.
        lengths: of the sheet, x and y.
        length_unit: of the lengths.
        label: of the colour bar.
        cmap: colours.
        shown: percentiles of the values between which colours differ.
        step: length of each value along x and y, the last may be cut; by default equal shares of the sheet.
    """
    low, high = np.percentile(values, shown)
    edges: list[Any] = [
        np.linspace(0, length, number + 1) if step is None else np.minimum(np.arange(number + 1) * step[axis], length)
        for axis, (length, number) in enumerate(zip(lengths, values.shape, strict=True))
    ]
    mesh = axes.pcolormesh(*edges, values.T, cmap=cmap, vmin=low, vmax=high, rasterized=True)
    axes.set(xlim=(0, lengths[0]), ylim=(0, lengths[1]), aspect="equal")
    axes.set_xlabel(f"x ({length_unit})", fontsize=LABEL)
    axes.set_ylabel(f"y ({length_unit})", fontsize=LABEL)
    bar = axes.figure.colorbar(mesh, ax=axes, shrink=0.8)
    bar.set_label(label, fontsize=LABEL)


def mark_training_size(axes: Axes, training: Lengths, lengths: Lengths) -> None:
    """Mark the size of a training sheet in the lower left corner, with an arrow where it is too small to be seen."""
    offset = 0.02 * max(lengths)
    axes.add_patch(Rectangle((offset, offset), *training, fill=False, edgecolor=VERMILION, linewidth=1.5))
    axes.annotate(
        "training size",
        xy=(offset + training[0], offset + training[1]),
        xytext=(30, 30),
        textcoords="offset points",
        fontsize=LEGEND,
        color=VERMILION,
        arrowprops={"arrowstyle": "->", "color": VERMILION},
        bbox={"facecolor": "white", "edgecolor": VERMILION, "boxstyle": "round,pad=0.2"},
    )
