"""One figure of a sampling: a sheet, the energies along chains and as histogram, and the structure factor."""

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rugan_tf.figures.sheets import draw_sheet
from rugan_tf.figures.style import ABOVE, BLUE, GREY, LABEL, LEGEND, TITLE, new_figure
from rugan_tf.sample.results import Sampled
from rugan_tf.systems.system import LatticeSystem

CHAINS_SHOWN = 4


def sample_figure(system: LatticeSystem, sampled: list[Sampled]) -> Figure:
    """Draw what the recorded replicas found, each in a colour."""
    figure = new_figure(11, 9)
    sheet, along, histogram, waves = figure.subplots(2, 2).ravel()
    colours = [BLUE] if len(sampled) == 1 else list(colormaps["viridis"](np.linspace(0, 0.85, len(sampled))))
    unit = f"{system.quantity.words} ({system.quantity.unit})"
    draw_sheet(sheet, system, sampled[0].states[0])
    sheet.set_title(f"{sampled[0].name}: {sampled[0].energy_per_area[0]:.4g} {system.quantity.unit}", fontsize=LABEL)
    ends = np.concatenate([one.trace.ravel() for one in sampled])
    # Energies may be all the same, and the ends of bins must ascend.
    bins = np.linspace(ends.min(), ends.max() if np.ptp(ends) > 0 else ends.min() + 1, 80)
    for one, colour in zip(sampled, colours, strict=True):
        for chain in range(min(CHAINS_SHOWN, one.trace.shape[1])):
            along.plot(one.trace[:, chain], color=colour, linewidth=0.8, alpha=0.4 + 0.6 * (chain == 0))
        histogram.hist(one.trace.ravel(), bins, color=colour, histtype="step", density=True, label=one.name)
        radial = one.spectrum.radial()
        waves.errorbar(
            radial.wave_number, radial.mean, np.nan_to_num(radial.error), color=colour, marker="o", capsize=2
        )
        if one.target is not None:
            histogram.axvline(one.target, color=GREY, linestyle="--", label="requested")
            along.axhline(one.target, color=GREY, linestyle="--")
    along.set_xlabel("recorded step", fontsize=LABEL)
    along.set_ylabel(unit, fontsize=LABEL)
    along.set_title(
        f"{min(CHAINS_SHOWN, sampled[0].trace.shape[1])} of {sampled[0].trace.shape[1]} chains", fontsize=LABEL
    )
    histogram.set_xlabel(unit, fontsize=LABEL)
    histogram.set_ylabel("density", fontsize=LABEL)
    histogram.legend(**{**ABOVE, "fontsize": LEGEND, "ncols": 3})
    waves.set_xlabel(f"wave number (1/{system.length_unit})", fontsize=LABEL)
    waves.set_ylabel("structure factor S(k)", fontsize=LABEL)
    waves.set_ylim(bottom=0)
    figure.suptitle("Monte Carlo", fontsize=TITLE)
    return figure
