"""What noise does to sheets when they are made: edges, pores and energies of a shipped model, decided with noise.

    python tests/benchmarks/sample_noise.py --data sheets.npz [--model porous_graphene] [--noise 0 0.25 0.5 1]

Maps and latents are the same for every noise. Gumbel noise of this size is added to the logarithms of the
probabilities, as in a training with `--sample-noise`, then each cell takes its best state, and the sheet is repaired.
The first row is of the real sheets whose energies are asked for. The model is asked once, without calibration.
"""

import argparse
from pathlib import Path

import numpy as np

from rugan_tf.energies.named import energy_named
from rugan_tf.evaluate import metrics
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.generate.sheets import load_model


def options():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="porous_graphene")
    parser.add_argument("--noise", nargs="*", type=float, default=(0.0, 0.25, 0.5, 1.0))
    parser.add_argument("--num-sheets", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def probabilities(model, requested, rng):
    """Return probabilities (n, rows, cols, states) of sheets of the training size on natural maps."""
    size = {"rows": np.int32(model.rows), "cols": np.int32(model.cols)}
    shape = np.array([model.rows // 2, model.cols // 2], np.int32)
    place = {"seed": np.int64(1), "first_sheet": np.int64(0), "origin": np.zeros(2, np.int32), "shape": shape}
    maps = model.predict("map", energy_per_area=requested, **size, **place)["energy_per_area"]
    maps += (requested - maps.mean((1, 2)))[:, None, None]
    latent = rng.standard_normal((len(requested), *shape, model.latent_channels())).astype(np.float32)
    return model.predict("generate_from_latent", latent=latent, energy_per_area=maps)["probabilities"]


def row(name, system, made, requested, energy):
    """Print what sheets (n, rows, cols) are, before and after repair."""
    states = system.repair(made)
    found = system.statistics(states)
    obtained = system.energy_per_area(energy.energies(states), *made.shape[1:])
    values = (
        f"{found['edges'].values[0]:.1%}",
        f"{metrics.validity(system, made):.2f}",
        f"{1 - system.num_atoms(states).sum() / system.num_atoms(made).sum():.2%}",
        f"{found['pore_density'].values.mean():.5f}",
        f"{found['pore_size'].values.mean():.1f}",
        f"{metrics.r2(requested, obtained):.4f}",
    )
    print(f"| {name} | {' | '.join(values)} |", flush=True)


def main(data, model, noise, num_sheets, seed):
    """Decide, repair, print a table."""
    model, rng = load_model(model), np.random.default_rng(seed)
    system, data_set = model.system, read_data_set(data)
    energy = energy_named(system, "ednn")
    chosen = rng.choice(len(data_set.states), num_sheets, replace=False)
    requested = data_set.energy_per_area[chosen].astype(np.float32)
    logarithms = np.log(probabilities(model, requested, rng) + 1e-7)
    print("| noise | zigzag edges | valid before repair | atoms removed | pores per Å² | vacant sites of a pore | R² |")
    print("|---|---|---|---|---|---|---|")
    row("real sheets", system, data_set.states[chosen], requested, energy)
    for size in noise:
        made = (logarithms + size * rng.gumbel(size=logarithms.shape)).argmax(-1).astype(np.uint8)
        row(f"{size:g}", system, made, requested, energy)


if __name__ == "__main__":
    main(**vars(options()))
