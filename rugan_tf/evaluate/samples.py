"""The sheets of one scale: generated at energies that the data has, their energies computed."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.energies.function import EnergyFunction, Work, estimates_of
from rugan_tf.evaluate.options import EvaluateOptions
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True)
class ScaleSamples:
    """Generated sheets of one scale.

    Attributes:
        scale: multiple of the training size.
        states: uint8 (n, rows, cols).
        requested: float64 (n,), energies per area.
        obtained: float64 (n,), energies per area.
        unrepaired: uint8 (n, rows, cols), what the generator makes before repair, for the same requests.
        unrepaired_obtained: float64 (n,), their energies; None where the judge is too slow for them.
        uncalibrated_obtained: float64 (n,), of repaired sheets for requests that were not calibrated; None
            where the judge is too slow for them.
        raw_obtained: float64 (n,), of what the generator makes of requests as they are, neither calibrated nor
            repaired: what the paper evaluates; None where the judge is too slow for them.
        independent: float64 (n,), energies of the data, drawn apart from the requests; None if none were.
        standard_error: float64 (n,), of the energies obtained, by a judge that tells it; else None.
    """

    scale: int
    states: NDArray[np.uint8]
    requested: NDArray[np.float64]
    obtained: NDArray[np.float64]
    unrepaired: NDArray[np.uint8]
    unrepaired_obtained: NDArray[np.float64] | None = None
    uncalibrated_obtained: NDArray[np.float64] | None = None
    raw_obtained: NDArray[np.float64] | None = None
    independent: NDArray[np.float64] | None = None
    standard_error: NDArray[np.float64] | None = None

    @property
    def name(self) -> str:
        """The scale as metrics and file names say it."""
        return f"{self.scale}x{self.scale}"


def sample_scale(
    model: SheetModel,
    data_set: DataSet,
    energy_function: EnergyFunction,
    scale: int,
    options: EvaluateOptions,
) -> ScaleSamples:
    """Generate the sheets of one scale at energies drawn from the data, and compute their energies.

    What is reported beside the main numbers, sheets before repair and without calibration, is judged too where the
    judge is an EDNN.
    """
    # By scale as well, or all scales would be asked for the same energies.
    rng = np.random.default_rng([options.seed, scale])
    requested = rng.choice(data_set.energy_per_area, options.samples_by_scale[scale])
    rows, cols = scale * model.rows, scale * model.cols
    states = model.generate(requested, rows, cols, options.seed)

    def judge(sheets: NDArray[np.uint8], what: str) -> NDArray[np.float64]:
        energy = energy_function.energies(sheets, Work(f"{what} {scale}x{scale}", options.processes))
        return model.system.energy_per_area(energy, rows, cols)

    # The journal is of these alone: what follows is judged by fast judges only.
    work = Work(f"energies {scale}x{scale}", options.processes, journal=progress_path(options.out, scale))
    energy, error = estimates_of(energy_function, states, work)
    obtained = model.system.energy_per_area(energy, rows, cols)
    standard_error = None if error is None else model.system.energy_per_area(error, rows, cols)
    # Whatever the judge: whether they are valid before repair needs no energy.
    unrepaired = model.generate_unrepaired(requested, rows, cols, options.seed)
    independent = rng.choice(data_set.energy_per_area, len(requested))  # after the requests, which a seed decides
    samples = ScaleSamples(
        scale, states, requested, obtained, unrepaired, independent=independent, standard_error=standard_error
    )
    if not energy_function.is_fast:
        return samples
    uncalibrated = model.generate_unrepaired(requested, rows, cols, options.seed, calibrated=False)
    return dataclasses.replace(
        samples,
        unrepaired_obtained=judge(unrepaired, "before repair"),
        uncalibrated_obtained=judge(model.system.repair(uncalibrated), "without calibration"),
        raw_obtained=judge(uncalibrated, "raw"),
    )


def progress_path(out: Path, scale: int) -> Path:
    """Return the file that keeps the energies of an unfinished evaluation, beside its folder."""
    return out.with_name(f"{out.name}.{scale}x{scale}.progress")


def write_samples(path: Path, samples: ScaleSamples, system: LatticeSystem) -> None:
    """Write a line for each sheet as CSV: its number, energies per area, atoms (or sites), whether it is valid."""
    energies = {
        "requested": samples.requested,
        "obtained": samples.obtained,
        "obtained_unrepaired": samples.unrepaired_obtained,
        "obtained_uncalibrated": samples.uncalibrated_obtained,
        "obtained_raw": samples.raw_obtained,
        "standard_error": samples.standard_error,
    }
    counted = "num_atoms" if system.atoms else "num_sites"
    columns = {name: values.tolist() for name, values in energies.items() if values is not None}
    columns[counted] = system.num_atoms(samples.states).tolist()
    columns["is_valid"] = system.is_valid(samples.states).astype(int).tolist()
    with files.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sheet", *columns])
        writer.writerows((number, *row) for number, row in enumerate(zip(*columns.values(), strict=True)))
