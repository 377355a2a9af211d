"""How far an EDNN is from the reference: on the held-out sheets, by filling, and at sizes it has not seen."""

import itertools
import json
import warnings
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.ednn.options import EdnnEvaluateOptions
from rugan_tf.ednn.reference import split_reference, total_energy
from rugan_tf.ednn.training import load_ednn
from rugan_tf.energies.function import Work
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.origin import disagreements, origin_in, require_agreement
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.figures.style import BLUE, VERMILION, new_figure, write_figure
from rugan_tf.formats.data_set import DataSet, read_data_set
from rugan_tf.formats.pyramid import filled_sites
from rugan_tf.networks.ednn import EDNN
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.units import error_key

FILLINGS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)  # edges


def evaluate(options: EdnnEvaluateOptions) -> dict[str, Any]:
    """Write metrics.json, parity.png and, if sheets can be drawn, sizes.png into `options.out`; return the metrics."""
    model, data_set = load_ednn(options.run_dir), read_data_set(options.data)
    learnt = json.loads((options.run_dir / "config.json").read_text(encoding="utf-8"))["options"].get("property")
    data_set = data_set if learnt is None else data_set.labelled_by(learnt)
    check_input(options, data_set)
    test = split_reference(len(data_set.states)).test
    states, energy = data_set.states[test], total_energy(data_set)[test]
    predicted = predict(model, states)
    content: dict[str, Any] = {
        "run_dir": str(options.run_dir),
        "data": str(options.data),
        "error_unit": data_set.system.error_unit,
        "test": errors(data_set, states, energy, predicted),
        "by_filling": errors_by_filling(data_set, states, energy, predicted),
        # Of new sheets the reference tells the energy alone.
        "by_size": errors_by_size(model, data_set, options) if learnt is None else {},
    }
    folder = files.require_fresh_folder(options.out, overwrite=options.overwrite)
    system, extent = data_set.system, data_set.system.extent(*states.shape[1:])
    reference = origin_in(data_set.metadata).method
    figure = parity_figure(system, energy / extent, predicted / extent, content["test"], reference)
    write_figure(folder / "parity.png", figure)
    if content["by_size"]:
        write_figure(folder / "sizes.png", size_figure(system, content["by_size"]))
    files.write_json(folder / "metrics.json", content)
    return content


def check_input(options: EdnnEvaluateOptions, data_set: DataSet) -> None:
    """Refuse data whose test part the EDNN may have seen, and a folder with content or with model or data in it."""
    content = json.loads((options.run_dir / "config.json").read_text(encoding="utf-8"))
    if content["data"]["sha256"] != data_set.checksum:
        raise InputError(
            f"An EDNN must be evaluated on the data set that it was trained on, of which it has not seen the test "
            f"part. Received: {options.data} instead of {content['data']['path']}"
        )
    for kept in (options.run_dir.resolve(), options.data.resolve()):
        if options.overwrite and kept.is_relative_to(options.out.resolve()):
            raise InputError(f"The folder must hold neither run nor data. Received: {options.out} with {kept}")
    if not options.overwrite:
        files.require_fresh_folder(options.out)


def predict(model: EDNN, states: NDArray[np.uint8], batch_size: int = 256) -> NDArray[np.float64]:
    """Return the EDNN's total energies (n,)."""
    parts = [states[start : start + batch_size] for start in range(0, len(states), batch_size)]
    return np.concatenate([np.asarray(model(part), dtype=np.float64) for part in parts])


def errors(
    data_set: DataSet, states: NDArray[np.uint8], energy: NDArray[np.float64], predicted: NDArray[np.float64]
) -> dict[str, Any]:
    """Return errors of predicted total energies (n,); per atom they leave empty sheets out; None where undefined."""
    system, extent = data_set.system, data_set.system.extent(*states.shape[1:])
    unit, per_extent = error_key(system.error_unit), f"{system.quantity.total_unit.lower()}_per_{system.quantity.per}"
    atoms = system.num_atoms(states)
    # Each sheet by its own atoms for the mean error, all atoms together for the bias: small sheets do not rule it.
    difference, occupied = predicted - energy, atoms > 0
    spread = float(data_set.energy_per_area.std())
    per_atom = np.abs(difference[occupied]) / atoms[occupied]
    variation = ((energy - energy.mean()) ** 2).sum()
    return {
        "num_sheets": len(states),
        f"mae_{unit}": float(1000 * per_atom.mean()) if occupied.any() else None,
        f"rmse_{unit}": float(1000 * np.sqrt(np.mean(per_atom**2))) if occupied.any() else None,
        f"mae_{per_extent}": float(np.abs(difference).mean() / extent),
        "mae_percent_of_sd": float(100 * np.abs(difference).mean() / extent / spread),
        "r2": float(1 - (difference**2).sum() / variation) if variation > 0 else None,
        f"bias_{unit}": float(1000 * difference.sum() / max(1, atoms.sum())),
    }


def errors_by_filling(
    data_set: DataSet, states: NDArray[np.uint8], energy: NDArray[np.float64], predicted: NDArray[np.float64]
) -> dict[str, Any]:
    """Return errors for sheets of increasing filling, the share of sites that hold what the last state puts there.

    That is the number of atoms per site where the others leave sites vacant.
    """
    filling = filled_sites(data_set.system)[states].mean(axis=(1, 2))
    result = {}
    for low, high in itertools.pairwise(FILLINGS):
        # Open below, so that empty sheets are in no bin: they have no error per atom.
        chosen = (filling > low) & (filling <= high)
        # One sheet alone has no R²: nothing varies.
        if chosen.sum() > 1:
            result[f"{low}-{high}"] = errors(data_set, states[chosen], energy[chosen], predicted[chosen])
    return result


def errors_by_size(model: EDNN, data_set: DataSet, options: EdnnEvaluateOptions) -> dict[str, Any]:
    """Return errors on new sheets of other sizes, drawn like the training data of RUGAN; none if they cannot be.

    Warns:
        InputWarning: the data may have been labelled by something else than what tells the energies of new sheets.
    """
    system = data_set.system
    if system.drawing is None:
        return {}
    function = energy_named(system, options.energy or system.reference_name)
    origins = {"the data": origin_in(data_set.metadata), "what tells energies of new sheets": function.origin}
    if options.energy is None and (reasons := disagreements(origins)):
        # Not an error of the network: it would be the difference between two methods.
        rule = "Errors at other sizes need --energy, what labelled the data"
        warnings.warn(f"{rule}. Received: no --energy; {reasons[0]}", InputWarning, stacklevel=2)
        return {}
    require_agreement(origins, strict=False)
    result = {}
    # New sheets: of sizes that the data do not have there are no held-out ones.
    for (rows, cols), number in zip(options.lattice_sizes(), options.num_sheets, strict=True):
        states = draw_sheets(system, number, rows, cols, options.seed, system.drawing)
        energy = function.energies(states, Work(f"reference {rows}x{cols}"))
        result[f"{rows}x{cols}"] = errors(data_set, states, energy, predict(model, states))
    return result


def parity_figure(
    system: LatticeSystem,
    reference: NDArray[np.float64],
    predicted: NDArray[np.float64],
    values: dict[str, Any],
    method: str,
) -> Figure:
    """Draw predicted against reference energies per area, and the differences; `method` told the reference."""
    words, unit = system.quantity.words, system.quantity.unit
    figure = new_figure(10, 4.6)
    left, right = figure.subplots(1, 2)
    ends = (min(reference.min(), predicted.min()), max(reference.max(), predicted.max()))
    left.plot(ends, ends, color=VERMILION, linestyle="--", linewidth=1, label="EDNN = reference")
    left.plot(reference, predicted, ".", color=BLUE, markersize=4, alpha=0.6)
    left.set_xlabel(f"reference {words} ({unit})")
    left.set_ylabel(f"EDNN {words} ({unit})")
    left.legend()
    right.plot(reference, 1000 * (predicted - reference), ".", color=BLUE, markersize=4, alpha=0.6)
    right.axhline(0, color=VERMILION, linestyle="--", linewidth=1)
    right.set_xlabel(f"reference {words} ({unit})")
    right.set_ylabel(f"EDNN - reference (m{unit})")
    error = values[f"mae_{error_key(system.error_unit)}"]
    figure.suptitle(
        f"{values['num_sheets']} held-out sheets: MAE {error:.2f} {system.error_unit}, "
        f"{values['mae_percent_of_sd']:.3f} % of the standard deviation\nreference: {method}"
    )
    return figure


def size_figure(system: LatticeSystem, by_size: dict[str, Any]) -> Figure:
    """Draw the error per atom or site against the size of the sheet."""
    key = f"mae_{error_key(system.error_unit)}"
    figure = new_figure(5.5, 4)
    axes = figure.subplots()
    heights = [np.nan if (mae := values[key]) is None else mae for values in by_size.values()]
    axes.bar(list(by_size), heights, color=BLUE)
    axes.set_xlabel("size of the sheet (lattice cells)")
    axes.set_ylabel(f"mean absolute error ({system.error_unit})")
    return figure
