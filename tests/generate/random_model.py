"""A SavedModel that keeps the contract of an exported generator and draws random states."""

import json
from pathlib import Path

import tensorflow as tf

CARD = {
    "system": "porous_graphene",
    "rows": 4,
    "cols": 4,
    "max_cells": 64,
    "label_mean": -1.5,
    "label_standard_deviation": 0.5,
    "energy_range": [-3.0, 0.0],
    "latent_channels": 5,
    "energy": "tight-binding: made-up, in eV relative to free atoms",
    "ednn": {"energy": "ednn: trained on tight-binding: made-up, in eV relative to free atoms (data 0)"},
    "rugan_tf": "0.0.0",
    "training": {},
}
REFUSED_SEED = 999


class RandomSheets(tf.Module):
    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="energy_per_area"),
            tf.TensorSpec([], tf.int32, name="rows"),
            tf.TensorSpec([], tf.int32, name="cols"),
            tf.TensorSpec([], tf.int64, name="seed"),
        ]
    )
    def generate(self, energy_per_area, rows, cols, seed):
        tf.debugging.assert_none_equal(
            seed, tf.constant(REFUSED_SEED, tf.int64), message=f"seed must not be {REFUSED_SEED}"
        )
        shape = [tf.size(energy_per_area), rows, cols]
        states = tf.random.stateless_uniform(shape, [seed, 0], 0, 4, tf.int32, alg="philox")
        return {"states": tf.cast(states, tf.uint8), "energy_per_area": energy_per_area}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, CARD["latent_channels"]], tf.float32, name="latent"),
            tf.TensorSpec([None, None, None], tf.float32, name="energy_per_area"),
        ]
    )
    def generate_from_latent(self, latent, energy_per_area):
        logits = latent[..., :4] + energy_per_area[..., None] * tf.constant([0.0, 0.0, 0.0, 1.0])
        doubled = tf.repeat(tf.repeat(logits, 2, axis=1), 2, axis=2)
        return {"probabilities": tf.nn.softmax(doubled)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.float32, name="energy_per_area"),
            tf.TensorSpec([], tf.int32, name="rows"),
            tf.TensorSpec([], tf.int32, name="cols"),
        ]
    )
    def calibrate(self, energy_per_area, rows, cols):
        offset = tf.cast(rows - cols, tf.float32)  # nothing for square sheets
        return {"energy_per_area": energy_per_area + offset, "reach": tf.constant([0, 0])}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.uint8, name="states")])
    def energy(self, states):
        filled = tf.reduce_mean(tf.cast(states % 2 + states // 2, tf.float32), axis=(1, 2))
        return {"energy": filled, "energy_per_area": -3.0 * filled / 2.0}  # -3 for full, 0 for empty sheets


def save_random_model(folder: Path, *, has_ednn: bool = False) -> Path:
    module = RandomSheets()
    signatures = {name: getattr(module, name) for name in ("generate", "generate_from_latent", "calibrate")}
    if has_ednn:
        signatures["energy"] = module.energy
    tf.saved_model.save(module, str(folder), signatures=signatures)
    (folder / "assets.extra").mkdir()
    (folder / "assets.extra" / "rugan.json").write_text(json.dumps(CARD))
    return folder
