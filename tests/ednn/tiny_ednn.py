"""Reference energies that are quick to learn, and an EDNN of a few hundred weights as a SavedModel."""

from pathlib import Path

import numpy as np

from rugan_tf.ednn.saved_model import write_saved_model
from rugan_tf.formats.data_set import DataSet, write_data_set
from rugan_tf.networks.ednn import EDNN
from rugan_tf.saved.ednn_card import EdnnCard
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.sites import neighbour_counts, occupancies

ENERGY_BY_NEIGHBOURS = -np.array([1.0, 3.0, 5.0, 7.0])  # eV per atom with 0 to 3 neighbours
FACTS = {"system": "porous_graphene", "data": {"energy": "by neighbours", "sha256": "0123456789abcdef"}}


def draw_states(num_sheets, rows, cols, seed=0):
    """Draw sheets of all fillings, uint8 (num_sheets, rows, cols)."""
    rng = np.random.default_rng(seed)
    filling = rng.uniform(0.1, 1.0, (num_sheets, 1, 1, 1))
    pair = (rng.random((num_sheets, rows, cols, 2)) < filling).astype(np.uint8)
    return pair[..., 0] + 2 * pair[..., 1]


def neighbour_energy(states):
    """Energies (n,), eV, each atom's by its number of neighbours: extensive, and not linear in the states."""
    by_site = occupancies(states) * ENERGY_BY_NEIGHBOURS[neighbour_counts(states)]
    return by_site.sum(axis=(1, 2, 3))


def write_reference(path: Path, num_sheets=400, rows=4, cols=4, seed=0) -> Path:
    """Write a reference data set."""
    system = system_named("porous_graphene")
    states = draw_states(num_sheets, rows, cols, seed)
    per_area = system.energy_per_area(neighbour_energy(states), rows, cols)
    write_data_set(path, DataSet(states, per_area, {"system": system.name, "energy": "by neighbours"}), overwrite=True)
    return path


def build_ednn() -> EDNN:
    """Build an untrained network whose weights are drawn."""
    network = EDNN(width=4, context=1, state_energies=(0.25, -7.0, -7.5, -16.0), energy_scale=0.5)
    network.build()
    rng = np.random.default_rng(2)
    for weight in network.weights:
        weight.assign(rng.normal(size=weight.shape) / 3)
    return network


def save_ednn(base: Path) -> Path:
    """Write that network as the next version below `base`, and return the version folder."""
    network, told = build_ednn(), FACTS["data"]
    card = EdnnCard(
        system=FACTS["system"],
        reference=told["energy"],
        data_sha256=told["sha256"],
        max_cells=2**24,
        halo=network.halo,
        period=network.period,
    )
    return write_saved_model(network, system_named("porous_graphene"), base, card)


def train_arguments(data: Path, run_dir: Path, *others: str) -> list[str]:
    """Return the command line of a training that takes seconds."""
    settings = {
        "num-epochs": 20,
        "batch-size": 16,
        "learning-rate": 0.02,
        "width": 12,
        "context": 1,
        "seed": 3,
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    return ["train", "--data", str(data), "--run-dir", str(run_dir), *words, *others]
