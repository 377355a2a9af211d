"""Draw docs/large_sheets.png: a real sheet of 112x128 cells, a uniform and a natural one, at one energy per area.

python docs/draw_large_sheets.py --data sheets.npz
"""

import argparse
from pathlib import Path

import numpy as np

from rugan_tf.energies.named import energy_named
from rugan_tf.figures.sheets import draw_sheet
from rugan_tf.figures.side_by_side import mark_size
from rugan_tf.figures.style import LABEL, new_figure, write_figure
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.generate.sheets import load_model

ENERGY, ROWS, COLS, SEED = -2.7, 112, 128, 4


def real_sheet(data, energy_function):
    """Draw sheets as the data was drawn, and return the one whose energy per area is nearest."""
    rng = np.random.default_rng(SEED)
    drawn = data.system.draw_states(rng, 64, ROWS, COLS, data.system.drawing_options(data.metadata))
    energies = data.system.energy_per_area(energy_function.energies(drawn), ROWS, COLS)
    return drawn[np.abs(energies - ENERGY).argmin()]


def main():
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("large_sheets.png"))
    options = parser.parse_args()
    data, model = read_data_set(options.data), load_model()
    judge = energy_named(data.system, "ednn")
    sheets = {
        "real": real_sheet(data, judge),
        "generated, uniform": model.generate([ENERGY], ROWS, COLS, SEED, uniform=True)[0],
        "generated, natural": model.generate([ENERGY], ROWS, COLS, SEED)[0],
    }
    figure = new_figure(16.5, 6.0)
    lengths = data.system.lattice.cell_lengths(ROWS, COLS)
    small = data.system.lattice.cell_lengths(*data.states.shape[1:])
    for axes, (name, sheet) in zip(figure.subplots(1, 3), sheets.items(), strict=True):
        axes.set(xlim=(0, lengths[0]), ylim=(0, lengths[1]), aspect="equal")
        energy = data.system.energy_per_area(judge.energies(sheet[None]), ROWS, COLS)[0]
        draw_sheet(axes, data.system, sheet)
        axes.set_title(f"{name}: {energy:.2f} {data.system.quantity.unit}", fontsize=LABEL)
        mark_size(axes, *small, unit=data.system.length_unit)
    write_figure(options.out, figure)


if __name__ == "__main__":
    main()
