"""The reference energy of graphene and boron nitride: SevenNet-0, a network near the functional PBE.

Without the extra mlip this module cannot be imported.
"""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.extras import require_extra
from rugan_tf.systems.named import system_named
from rugan_tf.systems.seven_net import structure_energy

# Here and not in the function: who asks for the energy by name is told before any sheet is drawn, and once.
require_extra("mlip")


def seven_net_energy(states: NDArray[np.uint8]) -> float:
    """Return the total energy of one sheet, uint8 (rows, cols), eV, relative to what PBE calls 0."""
    return structure_energy(system_named("boron_nitride").structure(states))
