"""Structure factors and windows of generated sheets, of two sets of real ones, and as small sheets foretell them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rugan_tf.evaluate.mesoscale.comparison import MesoscaleComparison
from rugan_tf.evaluate.mesoscale.content import FORETOLD, GENERATED, REAL, REAL_2, sides
from rugan_tf.evaluate.mesoscale.measures import Fluctuations, Scope
from rugan_tf.figures.style import BLUE, GREY, LABEL, LEGEND, ORANGE, TITLE, VERMILION, new_figure
from rugan_tf.lattice.spectrum import smallest_wave_number

STYLES: dict[str, dict[str, Any]] = {  # told apart by marker and line as well as by colour
    FORETOLD: {"color": GREY, "linestyle": "--", "label": "foretold by small sheets"},
    REAL: {"color": ORANGE, "marker": "s", "markersize": 5, "label": "real"},
    REAL_2: {"color": VERMILION, "marker": "^", "markersize": 5, "linestyle": ":", "label": "real, second set"},
    GENERATED: {"color": BLUE, "marker": "o", "markersize": 5, "label": "generated"},
}
SHOWN = 3.5  # wave numbers, of the smallest of a training sheet


def mesoscale_figure(comparisons: list[MesoscaleComparison]) -> Figure:
    """Draw the comparisons of one size: a column for each energy, S(k) above, windows below."""
    figure = new_figure(4.4 * len(comparisons) + 0.6, 8.4, padding=0.08)
    panels = figure.subplots(2, len(comparisons), squeeze=False, sharey="row")
    for (upper, lower), one in zip(panels.T, comparisons, strict=True):
        draw_spectrum(upper, one.scope, sides(one))
        draw_windows(lower, one.scope, sides(one))
        quantity = one.scope.system.quantity
        upper.set_title(f"{one.wanted:.3f} {quantity.unit}", fontsize=LABEL)
    for axes in panels[:, 0]:  # shared along a row, so once all are drawn
        axes.set_ylim(0, None)
    panels[0, 0].set_ylabel("structure factor S(k), per site", fontsize=LABEL)
    panels[1, 0].set_ylabel("sd of the composition of windows", fontsize=LABEL)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=LEGEND)
    rows, cols = comparisons[0].scope.sheet
    number = len(comparisons[0].generated.energy_per_area)
    figure.suptitle(f"sheets of {rows}×{cols} cells, {number} of each energy, ± 1 standard error", fontsize=TITLE)
    return figure


def draw_spectrum(axes: Axes, scope: Scope, drawn: Mapping[str, Fluctuations | None]) -> None:
    """Draw S of sheets, by whose they are, against the wave number, and mark what no training sheet has."""
    step = smallest_wave_number(scope.system.lattice, *scope.training)
    axes.axvspan(0, step, color=GREY, alpha=0.15, linewidth=0, label="waves longer than a training sheet")
    for side, style in STYLES.items():
        held = drawn.get(side)
        if held is not None:
            shown = held.radial.wave_number < SHOWN * step
            wave_number, mean, error = (values[shown] for values in held.radial)
            axes.errorbar(wave_number, mean, np.nan_to_num(error), capsize=2, **style)
    axes.set_xlim(0, SHOWN * step)
    axes.set_xlabel(f"wave number k (1/{scope.system.length_unit})", fontsize=LABEL)


def draw_windows(axes: Axes, scope: Scope, drawn: Mapping[str, Fluctuations | None]) -> None:
    """Draw the standard deviation of the composition of windows against their side, the training size marked."""
    lengths = [window_side(scope, window) for window in scope.windows]
    for side, style in STYLES.items():
        held = drawn.get(side)
        if held is not None:
            value, error = np.array(held.windows).reshape(-1, 2).T
            axes.errorbar(lengths, value, np.nan_to_num(error), capsize=2, **style)
    training = window_side(scope, scope.training)
    axes.axvline(training, color=GREY, linewidth=1)
    axes.text(training, 0.98, " training size ", ha="right" if training >= max(lengths) else "left", va="top",
              fontsize=LEGEND - 1, color=GREY, transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xlabel(f"side of a window ({scope.system.length_unit})", fontsize=LABEL)


def window_side(scope: Scope, window: tuple[int, int]) -> float:
    """Return the side of the square that has the area of a window."""
    lattice = scope.system.lattice
    return float(np.sqrt(window[0] * lattice.row_pitch * window[1] * lattice.col_pitch))
