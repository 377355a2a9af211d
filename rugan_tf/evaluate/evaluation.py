"""One evaluation: request energies that the data has, generate sheets, compute their energies, compare."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.data.labelling import label_states
from rugan_tf.data.storage import DataSet
from rugan_tf.evaluate import metrics
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.physics.calculators import EnergyFunction
from rugan_tf.units import ENERGY_PER_AREA


@dataclasses.dataclass(frozen=True)
class ScaleSamples:
    """Generated sheets of one scale.

    Attributes:
        scale: multiple of the training size.
        states: uint8 (n, rows, cols).
        requested: float64 (n,), eV/Å².
        obtained: float64 (n,), eV/Å².
        unrepaired: uint8 (n, rows, cols), what the generator makes before repair, for the same requests.
    """

    scale: int
    states: NDArray[np.uint8]
    requested: NDArray[np.float64]
    obtained: NDArray[np.float64]
    unrepaired: NDArray[np.uint8]

    @property
    def name(self) -> str:
        """The scale as metrics and file names say it."""
        return f"{self.scale}x{self.scale}"


def evaluate(
    model: SheetModel, data_set: DataSet, energy_function: EnergyFunction, options: EvaluateOptions
) -> dict[str, Any]:
    """Evaluate a model at every scale and write metrics.json, the sheets and the figures into `options.out`.

    Energies that are done are kept beside the folder until it is written: the same evaluation, started again
    after an interruption, goes on from there.

    Args:
        model: the generator.
        data_set: whose energies per area are requested.
        energy_function: what gives the energy of a generated sheet.
        options: numbers of sheets, scales, seed, folder.

    Returns:
        What metrics.json holds; None stands for what is undefined.

    Raises:
        ValueError: model and data are of different materials, a sheet is larger than the model allows, or an
            energy cannot be computed.
        FileExistsError: the folder has content and may not be overwritten.
    """
    if data_set.system is not model.system:
        raise ValueError(
            f"Model and data must be of one system. Received: {model.system.name} and {data_set.system.name}"
        )
    for scale in options.scales:
        model.check_request([0.0], scale * model.rows, scale * model.cols, options.seed)
    check_folder(options)
    samples = [sample_scale(model, data_set, energy_function, scale, options) for scale in options.scales]
    per_scale = {one.name: scale_metrics(model, data_set, one, energy_function.description) for one in samples}
    content = {
        "num_samples": len(samples[0].requested),
        "seed": options.seed,
        "model": str(options.model),
        "data": str(options.data),
        "energy": energy_function.description,
        "unit": ENERGY_PER_AREA.replace("Å²", "A^2"),
        "scales": per_scale,
    }
    write_evaluation(files.require_fresh_folder(options.out, options.overwrite), content, samples, data_set)
    for scale in options.scales:
        progress_path(options.out, scale).unlink(missing_ok=True)
    return content


def check_folder(options: EvaluateOptions) -> None:
    """Refuse, before any work, a folder with content, or one that holds the model or the data."""
    out = options.out.resolve()
    for kept in (options.model.resolve(), options.data.resolve()):
        if options.overwrite and kept.is_relative_to(out):
            raise ValueError(f"The folder must hold neither model nor data. Received: {options.out} with {kept}")
    if not options.overwrite:
        files.require_fresh_folder(options.out)


def sample_scale(
    model: SheetModel,
    data_set: DataSet,
    energy_function: EnergyFunction,
    scale: int,
    options: EvaluateOptions,
) -> ScaleSamples:
    """Generate the sheets of one scale at energies drawn from the data, and compute their energies."""
    rng = np.random.default_rng([options.seed, scale])
    requested = rng.choice(data_set.energy_per_area, options.samples_by_scale[scale])
    rows, cols = scale * model.rows, scale * model.cols
    states = model.generate(requested, rows, cols, options.seed)
    energy = label_states(
        states,
        energy_function,
        progress_path=progress_path(options.out, scale),
        processes=options.processes,
        description=f"energies {scale}x{scale}",
    )
    unrepaired = model.generate_unrepaired(requested, rows, cols, options.seed)
    return ScaleSamples(scale, states, requested, model.system.energy_per_area(energy, rows, cols), unrepaired)


def progress_path(out: Path, scale: int) -> Path:
    """Return the file that keeps the energies of an unfinished evaluation, beside its folder."""
    return out.with_name(f"{out.name}.{scale}x{scale}.progress.npz")


def scale_metrics(model: SheetModel, data_set: DataSet, samples: ScaleSamples, energy: str) -> dict[str, Any]:
    """Return the metrics of one scale as JSON content; energies per area in eV/Å², None where undefined."""
    system, states = model.system, samples.states
    pair = samples.requested, samples.obtained
    statistic, pvalue = metrics.ks_test(*pair)
    spread = float(data_set.energy_per_area.std())
    bias = metrics.bias(*pair)
    values: dict[str, Any] = {
        "num_samples": len(states),
        "rows": states.shape[1],
        "cols": states.shape[2],
        "ks_statistic": statistic,
        "ks_pvalue": pvalue,
        "mae": metrics.mae(*pair),
        "rmse": metrics.rmse(*pair),
        "r2": metrics.r2(*pair),
        "pearson_r": metrics.pearson_r(*pair),
        "bias": bias,
        "bias_in_sd": bias / spread if spread > 0 else math.nan,
        "validity": metrics.validity(system, states),
        "validity_unrepaired": metrics.validity(system, samples.unrepaired),
        "dangling_share_unrepaired": metrics.dangling_share(system, samples.unrepaired),
        "uniqueness": metrics.uniqueness(system, states),
        "novelty": metrics.novelty(system, states, data_set.states),
        "energy": energy,
    }
    return {key: defined(value) for key, value in values.items()}


def defined(value: Any) -> Any:
    """Return None for NaN and infinity, which JSON does not know, and any other value as it is."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_evaluation(folder: Path, content: dict[str, Any], samples: list[ScaleSamples], data_set: DataSet) -> None:
    """Write sheets, figures and, last of all, metrics.json."""
    from rugan_tf.evaluate.figures import comparison_figure, large_sheet_figure

    for one in samples:
        with files.replacing(folder / f"samples_{one.name}.npz") as temporary:
            np.savez_compressed(temporary, states=one.states, requested=one.requested, obtained=one.obtained)
        figure = comparison_figure(one, content["scales"][one.name])
        with files.replacing(folder / f"energies_{one.name}.png") as temporary:
            figure.savefig(temporary, dpi=150)
    largest = max(samples, key=lambda one: one.scale)
    with files.replacing(folder / "large_sheet.png") as temporary:
        large_sheet_figure(largest, data_set).savefig(temporary, dpi=150)
    files.write_json(folder / "metrics.json", content)
