"""The sign of requested energies, checked within the graph: a server's clients do not know the range of the data."""

from typing import Any

import tensorflow as tf

from rugan_tf.generate.needs import only_sign, sign_rule
from rugan_tf.systems.system import LatticeSystem


def checked_signs(system: LatticeSystem, energy_range: tuple[float, float], energy_per_area: Any) -> list[Any]:
    """Return the assertion that requested energies have a sign that the training data have; none where both will do.

    What the generator itself is asked for is not checked so: a calibration or a map may well lead beyond 0.

    Args:
        system: the material.
        energy_range: smallest and largest energy per area of the training data, in the unit of the system.
        energy_per_area: requested, float32 (n,), in the same unit.
    """
    sign = only_sign(system, energy_range)
    if not sign:
        return []
    check = tf.debugging.assert_less_equal if sign < 0 else tf.debugging.assert_greater_equal
    return [check(energy_per_area, 0.0, sign_rule(system, energy_range))]
