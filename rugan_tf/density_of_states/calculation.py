"""From a file of sheets to a file of densities of states."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

import rugan_tf
from rugan_tf.config import counted, to_json
from rugan_tf.density_of_states.inputs import read_sheets
from rugan_tf.density_of_states.local import DISTANCE_STEP, NUM_DISTANCES
from rugan_tf.density_of_states.options import DensityOptions
from rugan_tf.density_of_states.results import DensityResults, LocalDensities, write_results
from rugan_tf.density_of_states.sheet import SheetSpectrum, num_ticks, sheet_spectrum
from rugan_tf.errors import InputError
from rugan_tf.formats.pieces import Pieces
from rugan_tf.physics.hamiltonian import PlanarAtoms
from rugan_tf.physics.levels import LevelSpectrum

Floats = NDArray[np.float64]

POINTS_PER_BROADENING = 4
MARGIN = 5  # broadenings beyond the outermost levels
MOST_ENERGIES = 20_000


def density_of_sheets(options: DensityOptions) -> DensityResults:
    """Compute the densities of states of all sheets of a file; write, draw, and say what was found.

    Raises:
        FileExistsError: a file that would be written exists.
        InputError: no sheets of the element in a plane, or options that do not fit them.
    """
    # Before the work: a file that may not be replaced must not be found after it.
    for path in options.targets:
        if path.exists() and not options.overwrite:
            raise FileExistsError(f"The file must not exist, or --overwrite be given. Received: {path}")
    number, sheets = read_sheets(options.structures, options.system)
    pieces = Pieces(options.out.with_suffix(".progress"))
    spectra = compute_sheets(number, sheets, options, pieces)
    results = collect(spectra, options)
    write_results(options.out, results)
    if options.figure:
        from rugan_tf.density_of_states.figures import write_figures

        write_figures(results, options.out)
    pieces.remove()
    print(summary(results, options))
    return results


def compute_sheets(
    number: int, sheets: Iterator[PlanarAtoms], options: DensityOptions, pieces: Pieces
) -> list[SheetSpectrum]:
    """Return the spectra of all sheets; the progress bar counts sheets, or the vectors of a single one."""
    spectra = []
    with tqdm(total=number, desc="density of states", unit="sheet") as bar:
        for index, atoms in enumerate(sheets):
            # One sheet of millions of atoms takes minutes or hours: its vectors are what moves.
            if number == 1:
                bar.reset(num_ticks(options, len(atoms.positions)))
                bar.unit = "vector"
            try:
                spectra.append(sheet_spectrum(atoms, options, pieces, bar.update if number == 1 else lambda _: None))
            except ValueError as error:
                raise InputError(f"{error} (sheet {index} of {options.structures})") from None
            if number > 1:
                bar.update()
    return spectra


def energy_grid(spectra: Sequence[SheetSpectrum], options: DensityOptions) -> Floats:
    """Return energies (m,), eV relative to the Fermi level, that hold every level, four to a standard deviation."""
    finest = min(block.resolution for sheet in spectra for block in sheet.blocks.values())
    if options.energy_range is not None:
        low, high = options.energy_range
    else:
        ends = np.array([_ends(sheet) for sheet in spectra])
        low, high = ends[:, 0].min() - MARGIN * options.broadening, ends[:, 1].max() + MARGIN * options.broadening
    step = finest / POINTS_PER_BROADENING
    first, last = int(np.floor(low / step)), int(np.ceil(high / step))  # so that zero, the Fermi level, is one
    if last - first >= MOST_ENERGIES:
        raise InputError(
            f"At most {MOST_ENERGIES} energies are written: give a larger broadening or a smaller energy_range. "
            f"Received: {last - first + 1} energies, {step:.3g} eV apart"
        )
    return np.asarray(step * np.arange(first, last + 1), np.float64)


def _ends(sheet: SheetSpectrum) -> tuple[float, float]:
    lows, highs = [], []
    for block in sheet.blocks.values():
        if isinstance(block, LevelSpectrum):
            lows.append(block.levels.min())
            highs.append(block.levels.max())
        else:
            lows.append(block.bounds.centre - block.bounds.half_width)
            highs.append(block.bounds.centre + block.bounds.half_width)
    return min(lows) - sheet.fermi_level, max(highs) - sheet.fermi_level


def collect(spectra: Sequence[SheetSpectrum], options: DensityOptions) -> DensityResults:
    """Return the results of all sheets on one grid of energies."""
    energy = energy_grid(spectra, options)
    densities = [_densities(sheet, energy) for sheet in spectra]
    (sigma, sigma_error), (pi, pi_error) = (np.stack([one[name] for one in densities], 1) for name in ("sigma", "pi"))
    resolution = [[_resolution(sheet, name) for name in ("sigma", "pi")] for sheet in spectra]
    columns: dict[str, Any] = {
        name: np.array([getattr(sheet, name) for sheet in spectra])
        for name in (
            "fermi_level", "gap", "num_atoms", "num_zero_modes", "sublattice_imbalance", "unmatched_atoms",
            "state_energy", "participation",
        )
    }  # fmt: skip
    methods = {name: type(block).__name__ for name, block in spectra[0].blocks.items()}
    metadata = {"options": to_json(options), "methods": methods, "rugan_tf": rugan_tf.__version__}
    return DensityResults(
        energy=energy, density=sigma + pi, density_sigma=sigma, density_pi=pi,
        density_error=np.hypot(sigma_error, pi_error), resolution=np.array(resolution),
        local_density=_local(spectra, energy, options), metadata=metadata, **columns,
    )  # fmt: skip


def _densities(sheet: SheetSpectrum, energy: Floats) -> dict[str, Floats]:
    """Return density and error (2, m) of each block, states per eV and atom, both spins."""
    nothing = np.zeros((2, len(energy)))
    found = {name: np.array(block.density(energy + sheet.fermi_level)) for name, block in sheet.blocks.items()}
    return {name: found.get(name, nothing) * (2 / sheet.num_atoms) for name in ("sigma", "pi")}


def _resolution(sheet: SheetSpectrum, name: str) -> float:
    return sheet.blocks[name].resolution if name in sheet.blocks else float("nan")


def _local(spectra: Sequence[SheetSpectrum], energy: Floats, options: DensityOptions) -> LocalDensities | None:
    """Return local densities of all sheets; a class without atoms has the density zero."""
    parts = [sheet.local for sheet in spectra]
    densities, counts, distances = [], [], []
    for sheet, part in zip(spectra, parts, strict=True):
        if part is None:
            return None
        total = sum(one.densities(energy + sheet.fermi_level) for one in part.spectra)
        # Single precision: by site this is the largest array of the file, and random vectors err by far more.
        densities.append((2 * total / np.maximum(part.num_atoms, 1)[:, None]).astype(np.float32))
        counts.append(part.num_atoms)
        distances.append(part.distance)
    if options.local == "sites":
        sizes = np.array([len(part) for part in counts])
        return LocalDensities(np.concatenate(densities), np.concatenate(distances), sizes)
    ends = np.asarray(DISTANCE_STEP * np.arange(NUM_DISTANCES), np.float64)
    ends[-1] = np.inf
    return LocalDensities(np.stack(densities), ends, np.stack(counts))


def summary(results: DensityResults, options: DensityOptions) -> str:
    """Return what the command says at its end."""
    count = len(results.num_atoms)
    sizes = f"{results.num_atoms.min():,} to {results.num_atoms.max():,}" if count > 1 else f"{results.num_atoms[0]:,}"
    how = {"LevelSpectrum": "all levels", "MomentSpectrum": f"kernel polynomials, {options.num_vectors} vectors"}
    methods = ", ".join(f"{name} by {how[kind]}" for name, kind in results.metadata["methods"].items())
    widths = sorted({f"{width:.3g}" for width in results.resolution.ravel() if not np.isnan(width)}, key=float)
    draw = f"the same command without --no-figure draws {options.out.with_suffix('.png')}"
    look = f"look at {options.out.with_suffix('.png')}; docs/density_of_states.md tells the arrays"
    lines = [
        f"{', '.join(map(str, options.targets))}: {counted(count, 'sheet')} of {sizes} atoms",
        f"{methods}; levels are {widths[0]}{f' to {widths[-1]}' if len(widths) > 1 else ''} eV wide "
        f"(standard deviation)",
        f"Fermi level (eV): {_shown(results.fermi_level)}",
        f"gap (eV): {_shown(results.gap)}",
        f"zero modes of the nearest-neighbour pi model: {_counted(results.num_zero_modes)}",
        f"zero modes that bonds force: by unpaired atoms {_counted(results.unmatched_atoms)}, by |N_A - N_B| "
        f"{_counted(results.sublattice_imbalance)}",
        f"next: {look if options.figure else draw}",
    ]
    return "\n".join(lines)


def _shown(values: Floats) -> str:
    if np.isnan(values).all():
        return "not known"
    # + 0.0: what rounds to -0.000 is shown without the sign.
    return " ".join(f"{round(value, 3) + 0.0:.3f}" for value in values[:5]) + (" ..." if len(values) > 5 else "")


def _counted(values: NDArray[np.int64]) -> str:
    if (values < 0).all():
        return "not counted"
    return " ".join(str(value) if value >= 0 else "-" for value in values[:5]) + (" ..." if len(values) > 5 else "")
