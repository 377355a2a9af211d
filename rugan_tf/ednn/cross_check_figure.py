"""A cross-check as a figure and as tables: what each method says beyond atoms, against the reference."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from rugan_tf.figures.style import BLUE, GREY, new_figure
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.units import error_key

if TYPE_CHECKING:
    from rich.table import Table

ACROSS = 3  # panels side by side


def cross_figure(system: LatticeSystem, content: dict[str, Any]) -> Figure:
    """Draw one panel for each method of what `cross_check` found."""
    methods = [method for method in content["methods"] if "slope_beyond_atoms" in method]
    across = min(ACROSS, max(1, len(methods)))
    down = -(-len(methods) // across) or 1
    figure = new_figure(4.2 * across, 4.0 * down)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    reference = np.array(content["beyond_atoms_per_area"][content["reference"]["name"]], dtype=np.float64)
    mae_key = f"mae_{error_key(system.error_unit)}_beyond_atoms"
    for axes, method in zip(panels, methods, strict=False):
        values = np.array(content["beyond_atoms_per_area"][method["name"]], dtype=np.float64)
        axes.axline((0, 0), slope=1, color=GREY, linewidth=1)
        axes.plot(reference, values, "o", color=BLUE, markersize=4)
        axes.set_title(
            f"{short_name(method['name'])}\nr = {method['pearson_r_beyond_atoms']:.3f}, "
            f"slope {method['slope_beyond_atoms']:.2f}, MAE {method[mae_key]:.0f} {system.error_unit}"
        )
        axes.set_xlabel(f"{short_name(content['reference']['name'])}, beyond atoms ({system.quantity.unit})")
        axes.set_ylabel(f"this method, beyond atoms ({system.quantity.unit})")
    for axes in panels[len(methods) :]:
        axes.set_axis_off()
    return figure


def short_name(name: str) -> str:
    """Return the name of a method so that it fits above a panel.

    >>> short_name('ase:tblite.ase:TBLite:{"method": "GFN1-xTB"}')
    'TBLite GFN1-xTB'
    """
    kind, _, rest = name.partition(":")
    if kind != "ase":
        return name if len(name) <= 30 else f"...{name[-27:]}"
    _, class_name, *arguments = rest.split(":", 2)
    told = json.loads(arguments[0]) if arguments else {}
    words = [str(value) for value in told.values() if isinstance(value, str)]
    return " ".join([class_name, *words])[:30]


def cross_tables(system: LatticeSystem, content: dict[str, Any]) -> list["Table"]:
    """Return a table of the methods, and one of the sheets known by name where there are any."""
    from rich.table import Table

    unit, mae_key = system.error_unit, f"mae_{error_key(system.error_unit)}_beyond_atoms"
    sizes = ", ".join(dict.fromkeys(content["sizes"]))
    against = short_name(content["reference"]["name"])
    methods = Table(title=f"energy beyond atoms, {content['sheets']} sheets ({sizes}) against {against}")
    methods.add_column("method", no_wrap=True)
    for heading in ("sheets", "r", "slope", f"MAE ({unit})", "time (s)"):
        methods.add_column(heading, justify="right")
    shown = {"pearson_r_beyond_atoms": ".3f", "slope_beyond_atoms": ".2f", mae_key: ".1f"}
    for method in content["methods"]:
        numbers = [format(method[key], form) if key in method else "-" for key, form in shown.items()]
        methods.add_row(short_name(method["name"]), str(method["num_sheets"]), *numbers, f"{method['seconds']:.0f}")
    if not content["known_sheets"]:
        return [methods]
    known = Table(title=f"energy beyond atoms ({system.quantity.total_unit})")
    known.add_column("sheet")
    names = [content["reference"]["name"], *(method["name"] for method in content["methods"])]
    for name in names:
        known.add_column(short_name(name), justify="right")
    for sheet, values in content["known_sheets"].items():
        known.add_row(sheet, *("-" if values[name] is None else f"{values[name]:.2f}" for name in names))
    return [methods, known]
