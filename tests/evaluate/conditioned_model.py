"""A SavedModel that keeps the contract of a generator of a porosity and a gap, and leaves atoms out at random."""

from pathlib import Path

import tensorflow as tf

from rugan_tf.data.conditions import labels_of
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.saved.model_card import ExportedCard, write_exported_card

ASKED = [tf.TensorSpec([None], tf.float32, name) for name in ("porosity", "gap")]
MAPS = [tf.TensorSpec([None, None, None], tf.float32, name) for name in ("porosity", "gap")]
SIZE = [tf.TensorSpec([], dtype, name) for name, dtype in (("rows", tf.int32), ("cols", tf.int32), ("seed", tf.int64))]


class CountingSheets(tf.Module):
    @tf.function(input_signature=[*ASKED, *SIZE])
    def generate(self, porosity, gap, rows, cols, seed):
        shape = [tf.size(gap), rows, cols, 2]
        drawn = tf.random.stateless_uniform(shape, [seed, 0], alg="philox")
        filled = tf.cast(drawn > porosity[:, None, None, None], tf.int32)
        return {"states": tf.cast(filled[..., 0] + 2 * filled[..., 1], tf.uint8), "porosity": porosity}

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 5], tf.float32, "latent"), *MAPS])
    def generate_from_latent(self, latent, porosity, gap):
        empty = tf.cast(porosity + 0.0 * gap > 0.5, tf.float32)
        states = tf.stack([empty, 0 * empty, 0 * empty, 1 - empty], axis=-1) + 0.0 * latent[..., :4]
        return {"probabilities": tf.repeat(tf.repeat(states, 2, axis=1), 2, axis=2)}


def write_counting_model(folder: Path, data: Path) -> Path:
    """Write the model with a card of what a data set has of its conditions."""
    data_set, module = read_data_set(data), CountingSheets()
    labels = labels_of(data_set, ["porosity", "gap"])
    learnt = LearntConditions.of(labels.conditions, labels.values)
    signatures = {"generate": module.generate, "generate_from_latent": module.generate_from_latent}
    tf.saved_model.save(module, str(folder / "1"), signatures=signatures)
    rows, cols = data_set.states.shape[1:]
    card = ExportedCard(
        system=data_set.system.spec,
        rows=rows,
        cols=cols,
        latent_channels=5,
        label_scale=learnt.each[0].scale,
        energy_range=(-3.0, 0.0),
        energy_metadata={},
        training={},
        conditions=learnt,
        max_cells=1000,
    )
    write_exported_card(folder / "1", card)
    return folder
