"""The model files of a run whose generator is untrained, and an energy model that counts atoms."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from rugan_tf.networks.generator import Generator
from rugan_tf.saved.ednn_card import EdnnCard, write_ednn_card

CHANNELS = 63
FACTS = {
    "system": "porous_graphene",
    "rows": 14,
    "cols": 16,
    "latent_channels": CHANNELS,
    "label_mean": -2.0,
    "label_standard_deviation": 0.25,
    "energy_range": [-3.0, -1.0],
    "energy": "made-up",
    "training": {"seed": 0},
}


def build_generator(**options) -> Generator:
    """Build a small generator whose weights are drawn: sheets with many atoms and many dangling ones."""
    generator = Generator(width=6, latent_channels=CHANNELS, **options)
    generator.build()
    rng = np.random.default_rng(1)
    for weight in generator.weights:
        fan_in = max(1, int(np.prod(weight.shape[:-1])))
        values = 1.5 * rng.normal(size=weight.shape) / np.sqrt(fan_in if len(weight.shape) > 1 else 4)
        weight.assign(1 + np.abs(values) if "variance" in weight.name else values)
    generator.convolution.bias.assign(
        [0.0, 0.0, 0.0, 5.0] * int(np.prod(generator.period))
    )  # full cells, so that atoms survive the repair
    return generator


def write_run(run_dir: Path, **options) -> Path:
    """Write what a training leaves for the export; the options are those of the generator."""
    (run_dir / "model").mkdir(parents=True)
    build_generator(**options).save(run_dir / "model" / "generator.keras")
    (run_dir / "model" / "model.json").write_text(json.dumps(FACTS))
    return run_dir


class CountingEnergy(tf.Module):
    """-1 eV an atom, and 2 Å² a cell."""

    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.uint8, "states")], autograph=False)
    def energy(self, states):
        atoms = tf.reduce_sum(tf.cast(states % 2 + states // 2, tf.int32), axis=(1, 2))
        energy = -tf.cast(atoms, tf.float32)
        return {"energy": energy, "energy_per_area": energy / (2.0 * tf.cast(tf.size(states[0]), tf.float32))}


def write_counting_energy(folder: Path) -> Path:
    """Write it as a SavedModel with the signature `energy`."""
    module = CountingEnergy()
    tf.saved_model.save(module, str(folder), signatures={"energy": module.energy})
    card = EdnnCard(
        system="porous_graphene", reference="made-up", data_sha256="0", max_cells=10**6, halo=(0, 0), period=(1, 1)
    )
    write_ednn_card(folder, card)
    return folder
