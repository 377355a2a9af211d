"""Figures of an evaluation: energies obtained against requested, and a large sheet beside one of the data."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rugan_tf.figures.sheets import draw_sheet, name_marks
from rugan_tf.figures.side_by_side import mark_size, side_by_side
from rugan_tf.figures.style import ABOVE, BLUE, EDGE, GREY, LABEL, LEGEND, TITLE, VERMILION, new_figure
from rugan_tf.formats.data_set import DataSet
from rugan_tf.systems.conditions import Condition
from rugan_tf.systems.quantity import LabelQuantity

if TYPE_CHECKING:
    from rugan_tf.evaluate.samples import ScaleSamples

SCATTER_BELOW = 500  # samples; fewer make no heat map


def comparison_figure(
    samples: "ScaleSamples", values: dict[str, Any], quantity: LabelQuantity | Condition, judge: str = ""
) -> Figure:
    """Draw what was obtained against what was requested on the left, both histograms on the right.

    Legends and metrics stand outside the axes, where they hide nothing.

    Args:
        samples: generated sheets with both energies.
        values: metrics of these sheets; None is shown as undefined.
        quantity: what the values are.
        judge: what told those obtained; empty where nobody needs to be told.
    """
    figure = new_figure(13, 5)
    left, right = figure.subplots(1, 2)
    draw_pairs(figure, left, samples, quantity)
    draw_histograms(right, samples, quantity)
    shown = [
        f"KS D = {as_text(values['ks_statistic'])}",
        f"$R^2$ = {as_text(values['r2'])}",
        f"MAE = {as_text(values['mae'])} {quantity.unit}",
        f"bias = {as_text(values['bias'], '+.4f')} {quantity.unit}",
    ]
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": EDGE}
    right.text(1.04, 1.0, "\n".join(shown), transform=right.transAxes, va="top", fontsize=LEGEND, bbox=box)
    rows, cols = samples.states.shape[1:]
    title = f"{samples.name}: {len(samples.states)} generated sheets of {rows}×{cols} cells"
    figure.suptitle(title + by_judge(judge), fontsize=TITLE)
    return figure


def by_judge(judge: str) -> str:
    """Return what a title says of a judge, as a line of its own, or nothing."""
    return judge and f"\njudged by {judge}"


def errors_figure(
    samples: "ScaleSamples", values: dict[str, Any], quantity: LabelQuantity | Condition, judge: str = ""
) -> Figure:
    """Draw the error against the requested energy: the median and the middle 68 % of the errors in each bin.

    Not the mean and the standard deviation, which a few sheets that are far off decide.
    """
    figure = new_figure(8, 4.2)
    axes = figure.subplots()
    bins = values["errors_by_energy"]
    keys = ("requested", "percentile_16", "median", "percentile_84")
    requested, low, median, high = (np.array([one[key] for one in bins]) for key in keys)
    axes.axhline(0, color=GREY, linewidth=1)
    axes.fill_between(requested, low, high, color=BLUE, alpha=0.2, linewidth=0, label="16th to 84th percentile")
    axes.plot(requested, median, "o-", color=BLUE, label="median error")
    axes.set_xlabel(f"requested {quantity.label}", fontsize=LABEL)
    axes.set_ylabel(f"obtained - requested ({quantity.unit})", fontsize=LABEL)
    axes.legend(ncols=2, **ABOVE)
    title = f"{samples.name}: error by energy, bins of {bins[0]['num_samples']} sheets"
    figure.suptitle(title + by_judge(judge), fontsize=TITLE)
    return figure


def draw_pairs(figure: Figure, axes: Axes, samples: "ScaleSamples", quantity: LabelQuantity | Condition) -> None:
    """Draw a heat map of the pairs, or points where they are few, and the line of equal energies."""
    limits = energy_limits(samples)
    if len(samples.requested) < SCATTER_BELOW:
        axes.scatter(samples.requested, samples.obtained, s=16, color=BLUE, alpha=0.6, linewidths=0, zorder=2)
    else:
        counts, *edges = np.histogram2d(samples.requested, samples.obtained, bins=60, range=[limits, limits])
        # Bins without any sheet stay white, so that few are told from none.
        image = axes.pcolormesh(*edges, np.ma.masked_equal(counts.T, 0), cmap="viridis")
        figure.colorbar(image, ax=axes, label="sheets per bin")
    axes.plot(limits, limits, color=VERMILION, linestyle="--", linewidth=1.5, label="obtained = requested", zorder=3)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.set_xlabel(f"requested {quantity.label}", fontsize=LABEL)
    axes.set_ylabel(f"obtained {quantity.label}", fontsize=LABEL)
    axes.legend(**ABOVE)


def draw_histograms(axes: Axes, samples: "ScaleSamples", quantity: LabelQuantity | Condition) -> None:
    """Draw the distributions of the requested and of the obtained energies over each other."""
    limits = energy_limits(samples)
    # Some ten sheets in a bin: fewer would draw chance.
    num_bins = int(np.clip(len(samples.requested) // 10, 12, 60))
    # The same for both: histograms of different bins cannot be compared.
    edges = np.linspace(*limits, num_bins + 1).tolist()
    axes.hist(samples.requested, edges, color=GREY, alpha=0.35, label="requested")
    axes.hist(samples.obtained, edges, color=BLUE, histtype="step", linewidth=2, label="obtained")
    axes.set_xlim(*limits)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(quantity.label, fontsize=LABEL)
    axes.set_ylabel("sheets", fontsize=LABEL)
    axes.legend(ncols=2, **ABOVE)


def energy_limits(samples: "ScaleSamples") -> tuple[float, float]:
    """Return limits that hold all energies of both kinds."""
    both = np.concatenate([samples.requested, samples.obtained])
    # All energies may be one and the same.
    margin = 0.04 * np.ptp(both) or 0.01
    return float(both.min() - margin), float(both.max() + margin)


def as_text(value: float | None, form: str = ".4f") -> str:
    """Return a number as text; None is undefined."""
    return "undefined" if value is None else format(value, form)


def large_sheet_figure(samples: "ScaleSamples", data_set: DataSet) -> Figure:
    """Draw a generated sheet beside one of the data at the same length scale, whose size is marked on it.

    The generated sheet is the one whose request is the median; the other has the energy closest to its own.

    Args:
        samples: generated sheets.
        data_set: where the other sheet comes from.
    """
    system = data_set.system
    median = np.argsort(samples.requested, kind="stable")[len(samples.requested) // 2]
    nearest = np.argmin(np.abs(data_set.energy_per_area - samples.obtained[median]))
    sheets = samples.states[median], data_set.states[nearest]
    lengths = [system.lattice.cell_lengths(*sheet.shape) for sheet in sheets]
    figure, left, right = side_by_side(*lengths)
    for axes, sheet in zip((left, right), sheets, strict=True):
        draw_sheet(axes, system, sheet)
    left.set_title(
        f"generated: {samples.requested[median]:.3f} requested,\n"
        f"{samples.obtained[median]:.3f} {system.quantity.unit} obtained",
        fontsize=LABEL,
    )
    right.set_title(f"training sheet:\n{data_set.energy_per_area[nearest]:.3f} {system.quantity.unit}", fontsize=LABEL)
    mark_size(left, *lengths[1], unit=system.length_unit)
    name_marks(figure, system, "lower right")
    return figure
