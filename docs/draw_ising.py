"""Spins of a generator beside those of Monte Carlo of the same energies: docs/ising.png, and a table of numbers.

python docs/draw_ising.py --model MODEL

Each sheet of the canonical ensemble at a temperature is matched by one that is generated at its energy.
"""

import argparse
from pathlib import Path

import numpy as np

from rugan_tf.energies.named import energy_named
from rugan_tf.figures.style import BLUE, VERMILION, new_figure, write_figure
from rugan_tf.generate.sheets import load_model
from rugan_tf.systems.ising.energy import spins_of
from rugan_tf.systems.ising.sampling import sample

TEMPERATURES = (1.8, 2.0, 2.15, 2.269, 2.4, 2.6, 3.0, 3.5, 4.0)  # J/k_B
SIZES = ((16, 256), (32, 128), (64, 48))  # rows and columns, sheets of each temperature
SWEEPS = 80


def magnetisation(states):
    """Absolute magnetisation (n,)."""
    return np.abs(spins_of(states).mean(axis=(1, 2)))


def next_nearest(states):
    """Correlation (n,) of spins along the diagonals."""
    spins = spins_of(states)
    return np.mean([(spins * np.roll(spins, (1, turn), (1, 2))).mean(axis=(1, 2)) for turn in (1, -1)], axis=0)


QUANTITIES = (("absolute magnetisation", magnetisation), ("correlation along diagonals", next_nearest))


def pairs_at(model, judge, temperature, side, number):
    """Sheets of Monte Carlo and generated ones, each set with its energies per site."""
    real = sample(np.random.default_rng(123), np.full(number, temperature), side, side, SWEEPS)
    energy = judge.energies(real) / side**2
    made = model.generate(energy, side, side, seed=round(1000 * temperature))
    return (energy, real), (judge.energies(made) / side**2, made)


def compared(model, judge, side, number):
    """Sheets of all temperatures; a row of the table for each."""
    found = []
    for temperature in TEMPERATURES:
        real, made = pairs_at(model, judge, temperature, side, number)
        means = [f"{measure(states).mean():.3f}" for _, measure in QUANTITIES for _, states in (real, made)]
        print(f"| {side} | {temperature:g} | {real[0].mean():.3f} | " + " | ".join(means) + " |", flush=True)
        found.append((real, made))
    wanted, got = (np.concatenate([pair[which][0] for pair in found]) for which in (0, 1))
    r2 = 1 - ((wanted - got) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum()
    error, bias = np.abs(wanted - got).mean(), (got - wanted).mean()
    print(f"{side}x{side}: {len(wanted)} sheets, R2 {r2:.5f}, MAE {error:.4f} J, bias {bias:+.4f} J")
    return found


def draw(axes, side, found, words, measure):
    """One quantity against the energy, of both kinds of sheets."""
    for which, (colour, name) in enumerate(((BLUE, "Monte Carlo"), (VERMILION, "generated"))):
        energy = np.concatenate([pair[which][0] for pair in found])
        values = np.concatenate([measure(pair[which][1]) for pair in found])
        axes.plot(energy, values, ".", color=colour, markersize=3, alpha=0.5, label=name)
    axes.set(xlabel="energy per site (J)", ylabel=words, title=f"{side}x{side} spins")
    axes.legend()


def main():
    """Print the table, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("ising.png"))
    options = parser.parse_args()
    model = load_model(options.model)
    judge = energy_named(model.system, "ising")
    figure = new_figure(11, 4 * len(SIZES))
    print("| side | T (J/k_B) | energy (J) | m, MC | m, generated | diagonal, MC | diagonal, generated |")
    for place, (side, number) in zip(figure.subplots(len(SIZES), 2), SIZES, strict=True):
        found = compared(model, judge, side, number)
        for axes, (words, measure) in zip(place, QUANTITIES, strict=True):
            draw(axes, side, found, words, measure)
    write_figure(options.out, figure)


if __name__ == "__main__":
    main()
