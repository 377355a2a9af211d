"""Independent sheets near one energy in a second: Monte Carlo, drawing and rejecting, and RUGAN, side by side.

    python tests/benchmarks/monte_carlo.py [--energy -2.6] [--within 0.02] [--size 14 16] [--chains 64] [--steps 400]

For one size, in one process: sheets within `--within` of the energy per area count, by the EDNN for all three. Of
drawn and of generated sheets each is independent; of Monte Carlo's as many as the autocorrelation time leaves.
Intervals of 95 %: of drawing by the number found (Clopper and Pearson), of RUGAN by the scatter of its calls, of Monte
Carlo by the scatter of groups of chains. Where chains are too short for an autocorrelation time, the time that the
slowest observable seems to have is printed as a bound from below, and the rate as a bound from above.

They sample different things, see docs/monte_carlo.md.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.stats import beta, t

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.energies.ednn import ednn_in, shipped_ednn
from rugan_tf.formats.pieces import Pieces
from rugan_tf.generate.sheets import load_model
from rugan_tf.sample.autocorrelation import FEWEST_TIMES, autocorrelation_time, observables
from rugan_tf.sample.options import WindowOptions
from rugan_tf.sample.results import sampled_of
from rugan_tf.sample.sampling import chains_of, start_states


def per_area(system, judge, states):
    return judge.energies(states) / system.extent(*states.shape[1:])


def drawing(system, judge, options, told):
    """Rate and interval of drawn sheets that are near enough, judging included."""
    states = draw_sheets(system, 8, options.rows, options.cols, 1, system.drawing)
    per_area(system, judge, states)
    began, number, found, block = time.perf_counter(), 0, 0, 0
    while time.perf_counter() - began < told.seconds:
        size = max(1, 2**17 // states[0].size)
        drawn = system.draw_states(np.random.default_rng([2, block]), size, options.rows, options.cols, system.drawing)
        found += int((np.abs(per_area(system, judge, drawn) - told.energy) < told.within).sum())
        number, block = number + size, block + 1
    seconds = time.perf_counter() - began
    low = beta.ppf(0.025, found, number - found + 1) if found else 0.0
    high = beta.ppf(0.975, found + 1, number - found)
    print(f"drawing: {found} of {number} near enough, {seconds:.1f} s")
    return found / seconds, (low * number / seconds, high * number / seconds)


def rugan(system, judge, options, told):
    """Rate and interval of generated sheets that are near enough; corrected by the EDNN inside, as users get them."""
    model, size = load_model(), max(1, min(64, 2**18 // (options.rows * options.cols)))
    rates, share, number = [], [], 0
    model.generate([told.energy] * size, options.rows, options.cols, seed=0)
    began, call = time.perf_counter(), 0
    while time.perf_counter() - began < told.seconds or call < 4:
        call += 1
        start = time.perf_counter()
        states = model.generate([told.energy] * size, options.rows, options.cols, seed=call)
        seconds = time.perf_counter() - start
        near = np.abs(per_area(system, judge, states) - told.energy) < told.within
        rates.append(near.sum() / seconds)
        share.append(near.mean())
        number += size
    half = t.ppf(0.975, len(rates) - 1) * np.std(rates, ddof=1) / np.sqrt(len(rates))
    print(f"RUGAN: {np.mean(share):.3f} of {number} near enough")
    return np.mean(rates), (np.mean(rates) - half, np.mean(rates) + half)


def monte_carlo(system, judge, options, told):
    """Rate and interval of Monte Carlo; a bound from above, without an interval, for short chains."""
    chains = chains_of(system, judge, options)
    trace = chains.run(start_states(system, options, options.num_replicas), Pieces(None))
    (one,) = sampled_of(system, chains.ensemble, trace, np.zeros((1, 1, 1)))
    near = float((np.abs(one.trace - told.energy) < told.within).mean())
    worth = one.independence
    print(f"Monte Carlo: {trace.seconds:.1f} s for {options.num_steps} steps of {options.num_chains} chains and "
          f"{options.num_replicas} replicas, burn-in {trace.burn_in_seconds:.1f} s")  # fmt: skip
    print(f"  flips that keep the rule {trace.kept_rule[0]:.3f}, accepted {trace.accepted[0]:.4f}, whole "
          f"{trace.whole[0]:.3f}, swaps {np.round(trace.swapped, 2)}, drift {trace.drift:.1e} eV")  # fmt: skip
    print(f"  energy error {one.mean - told.energy:+.4f}, sd {one.sd:.4f}, near enough {near:.3f}")
    print("  times", {name: None if value is None else round(value, 1) for name, value in worth.times.items()})
    radial = one.spectrum.radial()
    print("  S(k)", [f"{k:.3f}: {s:.3f} +- {e:.3f}" for k, s, e in zip(*radial, strict=True)][:4])
    if worth.time is None:
        seen = observables(system, trace.states[:, 0], trace.energy[:, 0])
        least = max(filter(None, (autocorrelation_time(values) for values in seen.values())))
        print(f"  chains are shorter than {FEWEST_TIMES} times: the time is {least:.0f} steps or more")
        return near * worth.num_samples / least / trace.seconds, None
    scale = near / trace.seconds
    return worth.num_independent * scale, tuple(end * scale for end in worth.interval or (np.nan, np.nan))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--energy", type=float, default=-2.6)
    parser.add_argument("--within", type=float, default=0.02)
    parser.add_argument("--size", type=int, nargs=2, default=(14, 16))
    parser.add_argument("--chains", type=int, default=64)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--width", type=float, default=0.01)
    parser.add_argument("--widest", type=float, default=0.02)
    parser.add_argument("--flips", type=int)
    parser.add_argument("--seconds", type=float, default=60, help="for drawing, and for RUGAN")
    told = parser.parse_args()
    options = WindowOptions(
        out=Path("unused.npz"), rows=told.size[0], cols=told.size[1], num_chains=told.chains, num_steps=told.steps,
        energy_per_area=told.energy, width=told.width, widest=told.widest, num_replicas=told.replicas,
        flips_per_step=told.flips,
    )  # fmt: skip
    system = load_model().system
    judge = ednn_in(shipped_ednn(system), system)
    rates = {}
    for name, sampler in (("drawing", drawing), ("RUGAN", rugan), ("Monte Carlo", monte_carlo)):
        rates[name], interval = sampler(system, judge, options, told)
        shown = "at most, no interval" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}"
        print(f"{name}: {rates[name]:.3g} independent sheets a second ({shown})", flush=True)
    for name in ("drawing", "Monte Carlo"):
        print(f"RUGAN / {name}: {rates['RUGAN'] / rates[name]:.3g}")


if __name__ == "__main__":
    main()
