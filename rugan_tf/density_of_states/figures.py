"""Densities of states drawn: total, sigma and pi of each sheet, with the error bars of random vectors."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rugan_tf import files
from rugan_tf.density_of_states.results import DensityResults
from rugan_tf.units import ENERGY

TOTAL, SIGMA, PI = "#333333", "#0072B2", "#D55E00"  # Okabe and Ito's blue and vermilion beside grey
MOST_SHOWN = 6


def draw_density(axes: Axes, results: DensityResults, sheet: int) -> None:
    """Draw the density of states of one sheet into `axes`."""
    energy, total = results.energy, results.density[sheet]
    axes.fill_between(energy, total, color="#DDDDDD", linewidth=0)
    axes.plot(energy, total, color=TOTAL, linewidth=1.0, label="total")
    error = results.density_error[sheet]
    # Exact levels have no error, and that of one random vector is not known: neither has a band.
    if np.isfinite(error).all() and error.any():
        axes.fill_between(energy, total - error, total + error, color=TOTAL, alpha=0.4, linewidth=0)
    if results.density_sigma[sheet].any():
        axes.plot(energy, results.density_sigma[sheet], color=SIGMA, linewidth=1.2, label="σ")
        axes.plot(energy, results.density_pi[sheet], color=PI, linewidth=1.2, linestyle="--", label="π")
    axes.axvline(0, color="#888888", linewidth=0.8, linestyle=":")
    axes.set(xlim=(energy[0], energy[-1]), ylim=(0, None))
    axes.set_ylabel(f"states per {ENERGY} and atom")


def density_figure(results: DensityResults) -> Figure:
    """Draw up to six sheets below each other; a note says if there are more."""
    shown = min(len(results.density), MOST_SHOWN)
    figure = Figure(figsize=(7.2, 1.0 + 2.4 * shown), layout="constrained")
    # A canvas of its own: pyplot keeps figures, and may look for a display.
    FigureCanvasAgg(figure)
    for sheet in range(shown):
        axes = figure.add_subplot(shown, 1, sheet + 1)
        draw_density(axes, results, sheet)
        gap = results.gap[sheet]
        note = "" if np.isnan(gap) else f", gap {gap:.2f} {ENERGY}"
        axes.set_title(f"sheet {sheet}: {results.num_atoms[sheet]:,} atoms{note}", fontsize=10, loc="left")
        if sheet == 0 and results.density_sigma.any():
            axes.legend(frameon=False, ncols=3, loc="upper right")
    axes.set_xlabel(f"energy relative to the Fermi level ({ENERGY})")
    if shown < len(results.density):
        figure.suptitle(f"the first {shown} of {len(results.density)} sheets", fontsize=11)
    return figure


def write_figures(results: DensityResults, out: Path) -> None:
    """Draw into a .png and a .pdf of the name of `out`."""
    figure = density_figure(results)
    for suffix in (".png", ".pdf"):
        with files.replacing(out.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, dpi=150)
