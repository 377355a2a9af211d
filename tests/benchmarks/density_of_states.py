"""Densities of states and energies by kernel polynomials: exactness, error bars, time, memory, share of the bandwidth.

.venv/bin/python tests/benchmarks/density_of_states.py --parts levels pristine zero-modes million energy
"""

import dataclasses
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from rugan_tf.physics.hamiltonian import PlanarAtoms, nearest_neighbour_pi
from rugan_tf.physics.kernel_polynomials import MomentSpectrum
from rugan_tf.physics.levels import all_levels, k_grid
from rugan_tf.physics.recursion import moments_of, random_signs, scaled, spectral_bounds
from rugan_tf.physics.sublattices import bond_matrix, zero_modes
from rugan_tf.physics.total_energy import exact_energy, linear_scaling_energy
from rugan_tf.systems.porous_graphene.atoms import sheet_positions
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.holes import PoreOptions, draw_porous_states
from rugan_tf.systems.porous_graphene.rule import prune
from rugan_tf.systems.porous_graphene.sites import num_atoms

Part = Literal[
    "levels", "pristine", "zero-modes", "million", "ten-million", "energy", "large-energy", "coverage", "reference"
]
BLOCK = 200, 202  # cells of the independent sheets that a large sheet is put together from
REPEATS = 16, 51  # along both axes, of a sheet of 14x16 cells: 10^5 and 10^6 atoms
FINE_GRID = 16  # k-points along an axis; more of them change the energy of such a sheet by less than 1e-6 eV an atom


@dataclasses.dataclass(frozen=True)
class BenchmarkOptions:
    parts: tuple[Part, ...] = ("levels", "pristine", "zero-modes", "million", "energy", "coverage")
    """What to measure."""
    num_moments: int = 2048
    """Moments of the large sheets."""
    num_vectors: int = 8
    """Random vectors of the large sheets."""
    cases: int = 20
    """Sheets of `coverage` and of `reference`."""


def atoms_of(states):
    positions, lengths = sheet_positions(states)
    return PlanarAtoms(positions, np.diag(lengths), CARBON)


def porous(seed, rows, cols):
    return draw_porous_states(np.random.default_rng(seed), 1, rows, cols, PoreOptions())[0]


def large_sheet(blocks_down, blocks_across):
    """Return a porous sheet put together from independent ones, pruned where they meet."""
    blocks = [[porous(i * blocks_across + j, *BLOCK) for j in range(blocks_across)] for i in range(blocks_down)]
    return prune(np.block(blocks)[None])[0]


def levels(_):
    atoms = atoms_of(porous(3, 36, 38))
    matrix = nearest_neighbour_pi(atoms)
    exact = all_levels(matrix)
    bounds = spectral_bounds(matrix)
    small, count = scaled(matrix, bounds), 2048
    everything = moments_of(small, bounds, np.eye(matrix.num_rows), count).sum(axis=0)
    angles = np.arccos((exact - bounds.centre) / bounds.half_width)
    traces = np.array([np.cos(n * angles).sum() for n in range(count)])
    print(f"levels: {matrix.num_rows} sites, {(abs(exact) < 1e-6).sum()} zero modes, {count} moments")
    print(
        f"  moments against exact traces: largest difference {abs(everything - traces).max():.2e} of {matrix.num_rows}"
    )
    energy = np.linspace(exact[0] - 0.5, exact[-1] + 0.5, 2001)
    drawn = MomentSpectrum(traces[None], bounds, matrix.num_rows)
    staircase = np.searchsorted(exact, energy) / matrix.num_rows
    for vectors in (8, 64, 512, 2048):
        found = moments_of(small, bounds, random_signs(matrix, 0, range(vectors)), count)
        estimate, error = MomentSpectrum(found, bounds, matrix.num_rows).integrated(energy)
        off = abs(estimate - drawn.integrated(energy)[0]).max() / matrix.num_rows
        step = abs(estimate / matrix.num_rows - staircase).max()
        print(
            f"  {vectors} vectors: integrated density off by {off:.2e} from the exact levels under the same kernel, "
            f"{step:.2e} from their staircase; largest standard error {error.max() / matrix.num_rows:.2e}"
        )
    step = abs(drawn.integrated(energy)[0] / matrix.num_rows - staircase).max()
    print(f"  the kernel alone: {step:.2e} from the staircase")


def pristine(_):
    matrix = nearest_neighbour_pi(atoms_of(np.full((300, 300), 3, np.uint8)))
    bounds = spectral_bounds(matrix)
    start = np.zeros((matrix.num_rows, 1))
    start[0] = 1
    spectrum = MomentSpectrum(moments_of(scaled(matrix, bounds), bounds, start, 512), bounds, 1)
    energy = np.linspace(-8.3, 8.3, 3321)
    density = spectrum.density(energy)[0]
    peaks = [energy[side][np.argmax(density[side])] for side in (energy < 0, energy > 0)]
    near = (abs(energy) > 0.3) & (abs(energy) < 0.8)
    slope = (density[near] / abs(energy[near])).mean()
    expected = 1 / (np.pi * np.sqrt(3) * 2.7**2)  # levels per eV and site of one spin: |E| / (pi sqrt 3 t^2)
    print(f"pristine: peaks at {peaks[0]:.3f} and {peaks[1]:.3f} eV (t = 2.7), width {spectrum.resolution:.3f} eV")
    print(f"  density / |E| between 0.3 and 0.8 eV: {slope:.5f}, linear law at zero {expected:.5f} 1/eV^2")


def zero_modes_part(_):
    counts = []
    for seed in range(100):
        atoms = atoms_of(porous(seed, 14, 16))
        forced = zero_modes(bond_matrix(atoms))
        counts.append(((abs(all_levels(nearest_neighbour_pi(atoms))) < 1e-6).sum(), forced.unmatched, forced.imbalance))
    found, unmatched, imbalance = np.array(counts).T
    print(
        f"zero modes of 100 porous sheets: {found.sum()}, unpaired atoms {unmatched.sum()}, "
        f"|N_A - N_B| {imbalance.sum()}"
    )
    print(
        f"  at least |N_A - N_B| on {(found >= imbalance).sum()}, equal to unpaired atoms on "
        f"{(found == unmatched).sum()}"
    )


def bandwidth(threads=2, size=2**24):
    """Return bytes per second of an addition of arrays that no cache holds, on all threads at once."""
    arrays = [[np.ones(size // threads) for _ in range(3)] for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(lambda three: np.add(three[0], three[1], out=three[2]), arrays))
            times.append(time.perf_counter() - start)
    return 24 * size / min(times)


def product_rate(matrix, width=4, threads=2, rounds=8):
    """Return bytes per second of the product, counting what it must move: vectors once in, once out, matrix once."""
    vectors = [np.ones((matrix.num_rows, width)) for _ in range(threads)]
    moved = sum(block.data.nbytes + block.indices.nbytes + block.indptr.nbytes for block in matrix.blocks)
    moved += 2 * vectors[0].nbytes
    barrier = threading.Barrier(threads)

    def work(which):
        barrier.wait()
        start = time.perf_counter()
        for block in matrix.blocks:
            block @ vectors[which]
        return time.perf_counter() - start

    with ThreadPoolExecutor(threads) as pool:
        times = [max(pool.map(work, range(threads))) for _ in range(rounds)]
    return threads * moved / min(times)


def million(options):
    large("million", 5, 5, options)


def ten_million(options):
    large("ten million", 11, 16, options)


def large(name, down, across, options):
    """Run the command in a process of its own; then the product beside the bandwidth, in this one."""
    states = large_sheet(down, across)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "sheet.npz"), Path(folder, "density.npz")
        np.savez_compressed(source, states=states[None])
        width = np.pi * 8.1 / options.num_moments * (1 + 1e-3)
        command = [
            sys.executable, "-m", "rugan_tf.density_of_states", "--structures", str(source), "--out", str(out),
            "--model", "pi", "--method", "polynomials", "--num-vectors", str(options.num_vectors),
            "--num-moments", str(options.num_moments), "--broadening", str(width), "--no-figure",
        ]  # fmt: skip
        start = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{name}: {int(num_atoms(states[None])[0]):,} atoms, {options.num_moments} moments, {options.num_vectors} "
        f"vectors, the whole command: {seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processors, "
        f"{used.ru_maxrss / 2**20:.2f} GiB at most"
    )
    if name == "million":
        matrix = nearest_neighbour_pi(atoms_of(states))
        pairs = [(product_rate(matrix), bandwidth()) for _ in range(5)]
        shares = [product / copy for product, copy in pairs]
        print(
            f"  product {np.median([pair[0] for pair in pairs]) / 1e9:.1f} GB/s, memory "
            f"{np.median([pair[1] for pair in pairs]) / 1e9:.1f} GB/s, share {np.median(shares):.0%} "
            f"({min(shares):.0%} to {max(shares):.0%} in five rounds)"
        )


def energy(_):
    atoms = atoms_of(porous(1, 56, 64))
    start = time.perf_counter()
    estimate = linear_scaling_energy(atoms)
    middle = time.perf_counter()
    exact = exact_energy(atoms)
    end = time.perf_counter()
    off, count = estimate.energy - exact, len(atoms.positions)
    print(
        f"energy of 56x64, {count} atoms: off by {1e3 * off / count:+.3f} meV/atom, standard error "
        f"{1e3 * estimate.standard_error / count:.3f}, 95 % within {1e3 * estimate.interval / count:.3f}; "
        f"{middle - start:.0f} s against {end - middle:.0f} s of all levels"
    )


def large_energy(_):
    """Energies of a sheet that is repeated, beside those of all its levels at the k-points that the repeats have."""
    unit = porous(1, 14, 16)
    small = atoms_of(unit)
    for count in REPEATS:
        points = k_grid(min(count, FINE_GRID), min(count, FINE_GRID))
        exact = 1e3 * exact_energy(small, k_points=points) / len(small.positions)
        start, before = time.perf_counter(), time.process_time()
        estimate = linear_scaling_energy(atoms_of(np.tile(unit, (count, count))))
        seconds, processors = time.perf_counter() - start, time.process_time() - before
        per_atom = 1e3 / estimate.num_atoms
        print(
            f"energy of {estimate.num_atoms:,} atoms: off by {per_atom * estimate.energy - exact:+.4f} meV/atom, "
            f"standard error {per_atom * estimate.standard_error:.4f}, 95 % within {per_atom * estimate.interval:.4f}; "
            f"{estimate.num_vectors} vectors, {seconds:.0f} s, {processors:.0f} s of processors, "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB at most",
            flush=True,
        )


def coverage(options):
    inside, errors, intervals = 0, [], []
    for seed in range(options.cases):
        atoms = atoms_of(porous(100 + seed, 14, 16))
        estimate, exact = linear_scaling_energy(atoms, seed=seed), exact_energy(atoms)
        inside += abs(estimate.energy - exact) <= estimate.interval
        errors.append((estimate.energy - exact) / len(atoms.positions))
        intervals.append(estimate.interval / len(atoms.positions))
    print(
        f"coverage: the 95 % interval holds the exact energy of {inside} of {options.cases} sheets of 14x16; root mean "
        f"square error {1e3 * np.sqrt(np.mean(np.square(errors))):.2f}, mean half width "
        f"{1e3 * np.mean(intervals):.2f} meV/atom"
    )


def reference(options):
    """K-point and smearing errors of the built-in reference."""
    finer = {(6, 8): (6, 6), (10, 12): (4, 4), (14, 16): (3, 3), (20, 22): (2, 2)}
    for (rows, cols), grid in finer.items():
        at_gamma, twisted = [], []
        for seed in range(max(1, min(options.cases, 4000 // (rows * cols)))):
            atoms = atoms_of(porous(500 + seed, rows, cols))
            count = len(atoms.positions)
            at_gamma.append(exact_energy(atoms) / count)
            twisted.append(exact_energy(atoms, k_points=k_grid(*grid)) / count)
        off = 1e3 * (np.array(at_gamma) - twisted)
        atoms = atoms_of(np.full((rows, cols), 3, np.uint8))
        pure = 1e3 * (exact_energy(atoms) - exact_energy(atoms, k_points=k_grid(*grid))) / len(atoms.positions)
        print(
            f"reference {rows}x{cols}: Gamma - {grid[0]}x{grid[1]} k-points {off.mean():+.2f} meV/atom, sd "
            f"{off.std(ddof=1):.2f}, {len(off)} porous sheets; pristine {pure:+.2f}"
        )
    sheets = [atoms_of(porous(500 + seed, 14, 16)) for seed in range(min(options.cases, 16))]
    counts = np.array([len(atoms.positions) for atoms in sheets])
    zero = np.array([exact_energy(atoms, smearing=0.005) for atoms in sheets]) / counts
    for smearing in (0.2, 0.1, 0.05, 0.025):
        plain = np.array([exact_energy(atoms, smearing=smearing) for atoms in sheets]) / counts
        free = np.array([exact_energy(atoms, smearing=smearing, free=True) for atoms in sheets]) / counts
        print(
            f"reference 14x16 at Gamma, smearing {smearing} eV: energy - unsmeared {1e3 * (plain - zero).mean():+.2f} "
            f"meV/atom, sd {1e3 * (plain - zero).std(ddof=1):.2f}; with half the entropy "
            f"{1e3 * (free - zero).mean():+.2f}, sd {1e3 * (free - zero).std(ddof=1):.2f} ({len(sheets)} porous sheets)"
        )


def main(options: BenchmarkOptions) -> None:
    parts = {
        "levels": levels, "pristine": pristine, "zero-modes": zero_modes_part, "million": million,
        "ten-million": ten_million, "energy": energy, "large-energy": large_energy,
        "coverage": coverage, "reference": reference,
    }  # fmt: skip
    for part in options.parts:
        parts[part](options)


if __name__ == "__main__":
    main(tyro.cli(BenchmarkOptions))
