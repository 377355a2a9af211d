"""The labels that generated sheets have, told during training by the material's rules and an EDNN, with gradients."""

from typing import Any

import tensorflow as tf
from keras import ops

from rugan_tf.data.conditions import Labels
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet
from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.systems.conditions import CellSum
from rugan_tf.train.learnt_maps import map_ednn
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import JudgedLabels


def judged_labels(
    options: TrainOptions, data_set: DataSet, labels: Labels, learnt: LearntConditions
) -> JudgedLabels | None:
    """Return how the generator learns its conditions; None if it learns maps, or only from the critic.

    Raises:
        InputError: something only the data know is among the conditions, or there is no EDNN for an energy.
    """
    if not options.maps.map_weight or options.has_maps:
        return None
    rules = [require_rule(condition.name, condition.rule) for condition in labels.conditions]
    system = data_set.system
    local_energy, tile = None, system.extent(system.row_period, system.col_period)
    if any(rule.needs_energy for rule in rules):
        local_energy = map_ednn(options, data_set).signatures.loaded().signatures["local_energy"]

    def obtained(encoding: Any) -> Any:
        energy = None
        if local_energy is not None:
            # The mean of tiles over the extent of one, which needs no size: sheets of a batch have the size of the
            # data.
            energy = tf.reduce_mean(local_energy(encoding=encoding)["energy"], axis=(1, 2)) / tile
        told = [
            (rule.of_encoding(encoding, energy, ops) - one.scale.mean) / one.scale.standard_deviation
            for rule, one in zip(rules, learnt.each, strict=True)
        ]
        return told[0] if len(told) == 1 else tf.stack(told, axis=-1)

    return JudgedLabels(options.maps.map_weight, obtained)


def require_rule(name: str, rule: CellSum | None) -> CellSum:
    """Return how a condition is told of sheets, or raise InputError."""
    if rule is None:
        raise InputError(
            "The generator learns from conditions that its material tells of sheets; --map-weight 0 "
            f"--regression-weight 10 lets a critic learn to tell others. Received: {name}, a number of the data alone"
        )
    return rule
