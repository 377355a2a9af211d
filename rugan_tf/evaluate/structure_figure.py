"""The structure of generated sheets beside that of real ones, one panel for each statistic."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rugan_tf.evaluate.structure import Comparison
from rugan_tf.figures.style import BLUE, LABEL, ORANGE, TITLE, new_figure

COLUMNS = 3
GENERATED: dict[str, Any] = {"color": BLUE, "label": "generated"}
REAL: dict[str, Any] = {"color": ORANGE, "label": "real"}


def structure_figure(name: str, comparisons: dict[str, Comparison]) -> Figure:
    """Draw each statistic of generated and real sheets of one scale over each other."""
    rows = -(-len(comparisons) // COLUMNS)
    figure = new_figure(13, 3.9 * rows, padding=0.12)
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axes, (statistic, one) in zip(panels, comparisons.items(), strict=False):
        {"shares": draw_shares, "curve": draw_curve, "samples": draw_samples}[one.generated.kind](axes, one)
        axes.set_title(
            f"{statistic.replace('_', ' ')}\ndistance {one.distance:.4f}, real from real {one.yardstick:.4f}",
            fontsize=LABEL,
        )
    for axes in panels[len(comparisons) :]:
        axes.set_visible(False)
    panels[0].legend(frameon=False)
    figure.suptitle(f"{name}: structure of generated sheets and of real ones with the same energies", fontsize=TITLE)
    return figure


def draw_shares(axes: Axes, one: Comparison) -> None:
    """Draw bars for each class, generated and real side by side."""
    place = np.arange(len(one.generated.classes))
    axes.bar(place - 0.2, one.generated.values, 0.4, **GENERATED)
    axes.bar(place + 0.2, one.real.values, 0.4, **REAL)
    axes.set_xticks(place, one.generated.classes)
    axes.set_xlabel(one.generated.positions_label, fontsize=LABEL)
    axes.set_ylabel(one.generated.label, fontsize=LABEL)


def draw_curve(axes: Axes, one: Comparison) -> None:
    """Draw both curves."""
    for statistic, style, line in ((one.real, REAL, "-"), (one.generated, GENERATED, "--")):
        axes.plot(np.asarray(statistic.positions), statistic.values, line, linewidth=2, **style)
    axes.set_xlabel(one.generated.positions_label, fontsize=LABEL)
    axes.set_ylabel(one.generated.label, fontsize=LABEL)


def draw_samples(axes: Axes, one: Comparison) -> None:
    """Draw the cumulative distributions, which need no bins."""
    values = np.concatenate([one.real.values, one.generated.values])
    for statistic, style, line in ((one.real, REAL, "-"), (one.generated, GENERATED, "--")):
        if len(statistic.values):
            axes.ecdf(statistic.values, linestyle=line, linewidth=2, **style)
    # A few samples far off would press all others against the axis.
    if len(values) and values.min() > 0 and values.max() > 30 * np.median(values):
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))  # small numbers have long labels
    axes.set_xlabel(one.generated.label, fontsize=LABEL)
    axes.set_ylabel("cumulative share", fontsize=LABEL)
