"""What all pictures share: colours, legends, sizes of letters, and how a figure becomes a file or pixels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from rugan_tf import files

# Okabe and Ito's colours, which colour-blind people tell apart, and grey.
BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#555555"
EDGE = "#BBBBBB"  # of boxes around notes
CURVES = (BLUE, VERMILION, GREEN, ORANGE, GREY)
ABOVE: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False, "fontsize": 10}
TITLE, LABEL, LEGEND = 13, 11, 10  # points: of a figure, of axes and their titles, of legends and notes
DOTS_PER_INCH, DOTS_PER_INCH_ON_SCREEN = 150, 80


def new_figure(width: float, height: float, padding: float = 0.1) -> Figure:
    """Return an empty figure of a size in inches, whose axes make room for their labels."""
    layout = ConstrainedLayoutEngine(w_pad=padding, h_pad=0.8 * padding)
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def write_figure(path: Path, figure: Figure) -> None:
    """Write a figure in the format that the suffix names, PNG, SVG or PDF; it appears whole or not at all."""
    with files.replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower()[1:], dpi=DOTS_PER_INCH)


def write_pages(path: Path, figures: Iterator[Figure]) -> None:
    """Write figures as the pages of one PDF; they are drawn one after another, so memory holds one."""
    with files.replacing(path) as temporary, PdfPages(temporary) as pages:
        for figure in figures:
            figure.savefig(pages, format="pdf", dpi=DOTS_PER_INCH)


def pixels(figure: Figure) -> NDArray[np.uint8]:
    """Return a figure as uint8 (height, width, 3), as TensorBoard shows it."""
    figure.set_dpi(DOTS_PER_INCH_ON_SCREEN)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
