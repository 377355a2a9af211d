import keras
import numpy as np

from rugan_tf.generate.from_generator import LabelledGenerator
from rugan_tf.saved.conditions import LearntCondition, LearntConditions
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.named import system_named


class Thresholds(keras.Model):
    """State 3 where the first latent channel is below the label, else state 1; two cells for each latent cell."""

    latent_channels = 3

    def call(self, inputs, training=None):
        low = keras.ops.cast(inputs["latent"][..., 0] < inputs["label"], "float32")
        low = keras.ops.repeat(keras.ops.repeat(low, 2, axis=1), 2, axis=2)
        return keras.ops.stack([0 * low, 1 - low, 0 * low, low], axis=-1)


def test_sheets_are_the_most_probable_states_at_standardised_labels():
    energies = np.array([-3.0, -2.0, -1.0])
    energy = LearntCondition(system_named("porous_graphene").energy_condition, LabelScale(-2.0, 0.5), (-3.0, -1.0))
    labelled = LabelledGenerator(Thresholds(), LearntConditions((energy,)))
    states = labelled.draw(energies[:, None], rows=4, cols=6, rng=np.random.default_rng(1))
    latent = np.random.default_rng(1).standard_normal((3, 2, 3, 3), dtype=np.float32)
    low = latent[..., 0] < np.array([-2.0, 0.0, 2.0])[:, None, None]
    np.testing.assert_array_equal(states, np.where(low, 3, 1).repeat(2, axis=1).repeat(2, axis=2))
    assert states.dtype == np.uint8
    assert len(np.unique(states)) == 2
