"""From options to a data set of sheets: choose energy and moves, run chains, judge what they are worth, write."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rugan_tf
from rugan_tf import files
from rugan_tf.config import counted, to_json
from rugan_tf.energies.ednn import EDNN, has_shipped_ednn
from rugan_tf.energies.function import EnergyFunction
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.origin import as_metadata
from rugan_tf.formats.npz import write_npz
from rugan_tf.formats.pieces import Pieces
from rugan_tf.sample.chains import Chains, Schedule
from rugan_tf.sample.ensembles import Canonical, EnergyWindow, Ensemble
from rugan_tf.sample.local_energy import local_energy_of, state_potentials, sum_over_cells, with_chemical_potentials
from rugan_tf.sample.moves import moves_of
from rugan_tf.sample.options import CanonicalOptions, SampleOptions, WindowOptions
from rugan_tf.sample.results import Sampled, report_of, sampled_of
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem

States = NDArray[np.uint8]


def sample_sheets(options: WindowOptions | CanonicalOptions) -> dict[str, Any]:
    """Sample sheets, and write a data set, a report and a figure; an interrupted run of the same options goes on.

    Returns:
        What the report holds.

    Raises:
        FileExistsError: a file exists that may not be replaced.
        InputError: the energy is no sum over places or of another material, or the window holds no sheet.
    """
    system = system_named(options.system)
    system.validate_size(options.rows, options.cols)
    # Now: a file that may not be replaced must not be found after hours of sampling.
    files.require_absent(options.out, options.report, options.figure, overwrite=options.overwrite)
    function = energy_named(system, options.energy or default_energy(system))
    chains = chains_of(system, function, options)
    pieces = Pieces(options.progress).of(*identity(system, options, function))
    trace = chains.run(start_states(system, options, len(chains.ensemble.inverse_temperatures)), pieces)
    added = potential_energies(system, trace.states, options)
    sampled = sampled_of(system, chains.ensemble, trace, added)
    told = {**to_json(options), "system": system.spec}
    content = {"options": told, "energy": function.origin.description, "rugan_tf": rugan_tf.__version__}
    content |= report_of(system, chains, trace, sampled)
    write_all(system, function, options, sampled, content)
    # Last: until all files are there an interrupted run goes on from its pieces.
    pieces.remove()
    return content


def default_energy(system: LatticeSystem) -> str:
    """Return the name of the energy that is taken unless said otherwise.

    An EDNN is for references that are no sum over places: one that is a sum is exact, and as fast.
    """
    reference = next(iter(system.reference_energies.values()), None)
    is_local = sum_over_cells(reference) is not None
    return EDNN if has_shipped_ednn(system) and not is_local else system.reference_name


def chains_of(system: LatticeSystem, function: EnergyFunction, options: WindowOptions | CanonicalOptions) -> Chains:
    """Return the chains that options ask for."""
    energy = local_energy_of(system, function)
    if isinstance(options, CanonicalOptions):
        energy = with_chemical_potentials(system, energy, options.chemical_potentials)
    moves = moves_of(system, energy, (options.rows, options.cols), options.patch, parallel=options.parallel)
    flips = options.flips_per_step or options.rows * options.cols
    schedule = Schedule(options.burn_in, options.num_steps, -(-flips // moves.places.number), options.seed)
    return Chains(moves, ensemble_of(system, options), schedule)


def ensemble_of(system: LatticeSystem, options: WindowOptions | CanonicalOptions) -> Ensemble:
    """Return what is sampled."""
    if isinstance(options, CanonicalOptions):
        return Canonical(np.array(options.temperatures))
    requested = np.full(options.num_chains, options.energy_per_area)
    extent = system.extent(options.rows, options.cols)
    return EnergyWindow(requested, options.width, options.widest_width, options.num_replicas, extent)


def start_states(system: LatticeSystem, options: SampleOptions, num_replicas: int) -> States:
    """Return the sheets that the chains of all replicas begin with."""
    return drawn_start(system, (num_replicas, options.num_chains, options.rows, options.cols), options.seed)


def drawn_start(system: LatticeSystem, shape: tuple[int, int, int, int], seed: int) -> States:
    """Return sheets (replicas, chains, rows, cols) to begin with: drawn as the material draws, or else random.

    They lie apart, so that chains which agree have forgotten them.
    """
    replicas, chains, rows, cols = shape
    rng = np.random.default_rng([seed, replicas])
    if system.drawing is not None:
        states = system.draw_states(rng, replicas * chains, rows, cols, system.drawing)
    else:
        states = rng.integers(0, system.num_states, (replicas * chains, rows, cols)).astype(np.uint8)
    return system.repair(states).reshape(shape)


def potential_energies(system: LatticeSystem, states: States, options: SampleOptions) -> NDArray[np.float64]:
    """Return what chemical potentials took off the energies of sheets, in the shape of the sheets' axes."""
    potentials = options.chemical_potentials if isinstance(options, CanonicalOptions) else {}
    counts = np.stack([(states == state).sum(axis=(-2, -1)) for state in range(system.num_states)], axis=-1)
    return np.asarray(counts @ np.array(state_potentials(system, potentials)))


def identity(system: LatticeSystem, options: SampleOptions, function: EnergyFunction) -> tuple[Any, ...]:
    """Return what makes two runs the same run."""
    told = {name: value for name, value in vars(options).items() if name not in ("out", "overwrite")}
    told["system"] = system.spec  # what the file of a material says, and not where it is
    # The version too: another one may draw other numbers from the same seed.
    return repr(sorted(told.items())), function.origin.description, rugan_tf.__version__


def write_all(
    system: LatticeSystem,
    function: EnergyFunction,
    options: WindowOptions | CanonicalOptions,
    sampled: list[Sampled],
    content: dict[str, Any],
) -> None:
    """Write data set, figure and, last of all, the report; say where they are and what is in them."""
    from rugan_tf.figures.style import write_figure
    from rugan_tf.sample.figure import sample_figure

    arrays = {
        "states": np.concatenate([one.states for one in sampled]),
        "energy_per_area": np.concatenate([one.energy_per_area for one in sampled]),
    }
    if isinstance(options, CanonicalOptions):
        arrays["temperature"] = np.repeat(options.temperatures, [len(one.states) for one in sampled])
    metadata = {"system": system.spec, **as_metadata(function.origin), "sampling": content}
    write_npz(options.out, arrays, metadata)
    write_figure(options.figure, sample_figure(system, sampled))
    files.write_json(options.report, content)
    print(said(system, options, sampled, content))


def said(system: LatticeSystem, options: SampleOptions, sampled: list[Sampled], content: dict[str, Any]) -> str:
    """Return what the command says at its end."""
    number = sum(len(one.states) for one in sampled)
    lines = [
        f"{options.out}, {options.report.name}, {options.figure.name}: {counted(number, 'sheet')} of "
        f"{options.rows}x{options.cols} cells",
        f"measure: {content['measure']}",
    ]
    for one in sampled:
        worth = one.independence
        told = f"{one.name}: {system.quantity.words} {one.mean:.5g} with standard deviation {one.sd:.3g}"
        if worth.num_independent is None or worth.time is None:
            lines.append(f"{told}; no autocorrelation time: {worth.reason}")
            continue
        rate = worth.num_independent / content["seconds"]
        lines.append(
            f"{told}; autocorrelation time {worth.time:.3g} steps, {worth.num_independent:.0f} independent sheets, "
            f"{rate:.3g} in a second"
        )
    return "\n".join(lines)
