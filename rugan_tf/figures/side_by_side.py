"""A large sheet beside a small one at one length scale, the size of the small one marked on the large one."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rugan_tf.figures.style import LABEL, VERMILION


def side_by_side(large: np.ndarray, small: np.ndarray) -> tuple[Figure, Axes, Axes]:
    """Return a new figure and its axes for two sheets of the given lengths (2,) at one length scale."""
    scale = min(8.0 / max(large.max(), small.max()), 4.1 / small.max())  # inches per unit of length
    margin, gap, title = 0.75, 0.9, 0.7  # inches
    width = margin + (large[0] + small[0]) * scale + gap + 0.2
    height = margin + max(large[1], small[1]) * scale + title
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)

    def place(left: float, lengths: np.ndarray) -> Axes:
        size = lengths * scale
        return figure.add_axes((left / width, margin / height, size[0] / width, size[1] / height))

    return figure, place(margin, large), place(margin + large[0] * scale + gap, small)


def mark_size(axes: Axes, length_x: float, length_y: float, *, unit: str) -> None:
    """Mark a rectangle of the given lengths in the lower left corner, labelled inside if it is large."""
    mark = Rectangle((0, 0), length_x, length_y, fill=False, edgecolor=VERMILION, linewidth=2.5, zorder=4)
    mark.set_clip_on(False)
    axes.add_patch(mark)
    is_small = length_x < 0.22 * axes.get_xlim()[1]
    label = f"training size\n{length_x:.1f} {unit} × {length_y:.1f} {unit}"
    box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": VERMILION}
    x, align = (1.2 * length_x, "left") if is_small else (length_x / 2, "center")
    axes.text(x, length_y / 2, label, ha=align, va="center", fontsize=LABEL, color=VERMILION, bbox=box, zorder=5)
