"""How far the reference itself can be trusted: its energies beside those of another electronic-structure method."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.ednn.options import CrossCheckOptions
from rugan_tf.energies.function import Work
from rugan_tf.energies.named import energy_named
from rugan_tf.figures.style import BLUE, new_figure, write_figure
from rugan_tf.systems.drawing import drawing_of
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem


def cross_check(options: CrossCheckOptions) -> dict[str, Any]:
    """Compute both energies of the same sheets, fit a straight line, write numbers and a figure.

    Energies of both methods have zeros of their own per atom; a term linear in the number of atoms is therefore
    fitted as well, beside the plain comparison: what is left after it is what the methods say about bonding and edges.
    """
    system = system_named(options.system)
    drawing = drawing_of(system, options)
    functions = [energy_named(system, spec) for spec in (options.energy or system.reference_name, options.other)]
    # Refused now, not after the minutes that energies take.
    if not options.overwrite:
        files.require_fresh_folder(options.out)
    states = draw_sheets(system, options.num_sheets, options.rows, options.cols, options.seed, drawing, distinct=True)
    # Without atoms there is nothing that two methods could differ in.
    states = states[system.num_atoms(states) > 0]
    first, second = (
        system.energy_per_area(function.energies(states, Work(name)), options.rows, options.cols)
        for function, name in zip(functions, ("reference", "other"), strict=True)
    )
    density = system.num_atoms(states) / system.area(options.rows, options.cols)
    content = {
        "sheets": len(states),
        "size": f"{options.rows}x{options.cols}",
        "reference": functions[0].origin.description,
        "other": functions[1].origin.description,
        **comparison(first, second, density),
        "atoms_per_area": density.tolist(),
        "reference_energy_per_area": first.tolist(),
        "other_energy_per_area": second.tolist(),
    }
    # What an earlier check left goes only now that there is something to put in its place.
    folder = files.require_fresh_folder(options.out, overwrite=options.overwrite)
    figure = cross_figure(system, first, second, density, content)
    write_figure(folder / "cross_check.png", figure)
    files.write_json(folder / "cross_check.json", content)
    return content


def comparison(first: NDArray[np.float64], second: NDArray[np.float64], density: NDArray[np.float64]) -> dict[str, Any]:
    """Return Pearson r and slope of second against first energies, plain and without what is linear in atoms."""
    rest_first, rest_second = (
        values - density * ((values @ density) / (density @ density)) for values in (first, second)
    )
    return {
        "pearson_r": float(np.corrcoef(first, second)[0, 1]),
        "slope": float(np.polyfit(first, second, 1)[0]),
        "pearson_r_beyond_atoms": float(np.corrcoef(rest_first, rest_second)[0, 1]),
        "slope_beyond_atoms": float(np.polyfit(rest_first, rest_second, 1)[0]),
    }


def cross_figure(
    system: LatticeSystem,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    density: NDArray[np.float64],
    values: dict[str, Any],
) -> Figure:
    """Draw the second energies against the first, plain and without what is linear in the number of atoms."""
    figure = new_figure(10, 4.6)
    left, right = figure.subplots(1, 2)
    left.plot(first, second, "o", color=BLUE, markersize=4)
    left.set_title(f"r = {values['pearson_r']:.4f}, slope {values['slope']:.3f}")
    rests = [energy - density * ((energy @ density) / (density @ density)) for energy in (first, second)]
    right.plot(*rests, "o", color=BLUE, markersize=4)
    right.set_title(
        f"beyond atoms: r = {values['pearson_r_beyond_atoms']:.3f}, slope {values['slope_beyond_atoms']:.2f}"
    )
    for axes in (left, right):
        axes.set_xlabel(f"reference ({system.quantity.unit})")
        axes.set_ylabel(f"other method ({system.quantity.unit})")
    return figure
