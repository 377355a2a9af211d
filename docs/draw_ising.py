"""Compare generated Ising spins with Monte Carlo at the same energies and magnetisations, and draw docs/ising.png.

python docs/draw_ising.py --model saved_models/ising

At each temperature and size Monte Carlo draws sheets (Swendsen and Wang), and the generator is asked for the energy and
the magnetisation of each of them. Prints a table of means: real, generated, generated / real.
"""

import argparse
from pathlib import Path

import numpy as np

from rugan_tf.figures.sheets import draw_sheet
from rugan_tf.figures.style import BLUE, GREEN, LABEL, LEGEND, VERMILION, new_figure, write_figure
from rugan_tf.generate.conditioned import load_conditioned
from rugan_tf.systems.ising.energy import ising_energies, spins_of
from rugan_tf.systems.ising.sampling import sample

TEMPERATURES = (1.8, 2.0, 2.1, 2.2, 2.27, 2.35, 2.5, 2.8, 3.2, 3.6, 4.0)  # J/k_B
TRANSITION = 2 / np.log(1 + np.sqrt(2))  # of the infinite lattice, Onsager 1944
SIZES = {16: (512, BLUE), 32: (256, GREEN), 64: (64, VERMILION)}  # sheets at each temperature, colour
SHOWN = (1.8, 2.27, 3.2)  # temperatures of the sheets below
NAMES = ("absolute magnetisation", "nearest neighbours", "next-nearest neighbours")
SWEEPS, SEED = 100, 7
WINDOW = 16  # the size of the training sheets


def measured(states):
    """Return four numbers of each sheet, (n, 4).

    |magnetisation|, the mean product of nearest and of next-nearest spins, and the variance of the magnetisation of
    windows of the training size within the sheet.
    """
    spins = spins_of(states).astype(float)

    def product(rows, cols):
        return (spins * np.roll(spins, (rows, cols), (1, 2))).mean(axis=(1, 2))

    nearest = (product(1, 0) + product(0, 1)) / 2
    diagonal = (product(1, 1) + product(1, -1)) / 2
    parts = len(spins[0]) // WINDOW
    windows = spins.reshape(-1, parts, WINDOW, parts, WINDOW).mean(axis=(2, 4))
    return np.stack([np.abs(spins.mean(axis=(1, 2))), nearest, diagonal, windows.var(axis=(1, 2))], axis=1)


def compared(model, side, num_sheets, rng):
    """Return measurements (temperatures, real and generated, n, 4), and the pairs of sheets that are shown."""
    found, shown = [], {}
    for temperature in TEMPERATURES:
        real = sample(rng, np.full(num_sheets, temperature), side, side, SWEEPS)
        asked = {
            "energy_per_area": ising_energies(real) / side**2,
            "magnetisation": spins_of(real).mean(axis=(1, 2)),
        }
        made = model.generate(asked, side, side, SEED)
        found.append((measured(real), measured(made)))
        if temperature in SHOWN:
            shown[temperature] = (real[0], made[0])
    return np.array(found), shown


def print_table(found):
    """Print the means, and the standard error of what Monte Carlo has."""
    print("| size | T (J/k_B) | " + " | ".join(f"{name}: real, generated, ratio" for name in NAMES) + " |")
    print("|---" * (2 + len(NAMES)) + "|")
    for side, values in found.items():
        for temperature, (real, made) in zip(TEMPERATURES, values[..., : len(NAMES)], strict=True):
            errors = real.std(axis=0, ddof=1) / np.sqrt(len(real)) / real.mean(axis=0)
            cells = [
                f"{one:.3f}, {other:.3f}, {other / one:.3f} ± {error:.3f}"
                for one, other, error in zip(real.mean(axis=0), made.mean(axis=0), errors, strict=True)
            ]
            print(f"| {side}x{side} | {temperature:g} | " + " | ".join(cells) + " |")
    for side, values in found.items():
        if side > WINDOW:
            real, made = values[:, 0, :, 3].mean(axis=1), values[:, 1, :, 3].mean(axis=1)
            ratios = ", ".join(f"{ratio:.2f}" for ratio in np.sqrt(made / real))
            print(f"{side}x{side}: sd of the magnetisation of 16x16 windows, generated / real: {ratios}")
        real, made = -2 * values[:, 0, :, 1], -2 * values[:, 1, :, 1]
        print(f"{side}x{side}: R² of the energies {1 - np.mean((made - real) ** 2) / real.var():.5f} ({real.size})")


def draw(path, found, shown, system):
    """Draw curves over the temperature above, sheets below."""
    figure = new_figure(13.0, 7.4)
    grid = figure.add_gridspec(2, 6, height_ratios=(1, 0.9))
    for index, name in enumerate(NAMES):
        axes = figure.add_subplot(grid[0, 2 * index : 2 * index + 2])
        for side, values in found.items():
            colour = SIZES[side][1]
            axes.plot(TEMPERATURES, values[:, 0, :, index].mean(axis=1), color=colour, label=f"{side}x{side}, real")
            made = values[:, 1, :, index].mean(axis=1)
            axes.plot(TEMPERATURES, made, "o", color=colour, mfc="none", label=f"{side}x{side}, generated")
        axes.axvline(TRANSITION, color="black", linestyle=":", linewidth=1)
        axes.set_xlabel("temperature of the real sheets (J/k_B)", fontsize=LABEL)
        axes.set_ylabel(name if index == 0 else f"mean product, {name}", fontsize=LABEL)
        if index == 0:
            axes.legend(fontsize=LEGEND, frameon=False)
    for index, (temperature, pair) in enumerate(shown.items()):
        for second, (words, sheet) in enumerate(zip(("real", "generated"), pair, strict=True)):
            axes = figure.add_subplot(grid[1, 2 * index + second])
            draw_sheet(axes, system, sheet)
            axes.set_title(f"{words}, T = {temperature:g}", fontsize=LABEL)
            axes.set_axis_off()
    write_figure(path, figure)


def main():
    """Print the table, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("ising.png"))
    options = parser.parse_args()
    model, rng = load_conditioned(options.model), np.random.default_rng(SEED)
    found, shown = {}, {}
    for side, (num_sheets, _) in SIZES.items():
        found[side], shown = compared(model, side, num_sheets, rng)
    print_table(found)
    draw(options.out, found, shown, model.model.system)


if __name__ == "__main__":
    main()
