"""A material for tests alone: three-state spins on a triangular lattice, in units of J. No atoms, no rule."""

import dataclasses
from typing import ClassVar

import numpy as np

from rugan_tf.lattice.lattice import Lattice
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.quantity import LabelQuantity
from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True)
class Disorder:
    share: float = 0.5
    """Share of spins that are not of the majority, at most."""


@dataclasses.dataclass(frozen=True)
class PottsEnergy:
    origin: ClassVar = EnergyOrigin("potts", "no equal neighbours", "potts: in J relative to no equal neighbours")

    def __call__(self, states):
        around = Spins.lattice.around([np.asarray(states, np.int64)[None] + 1], once=True)[0]
        return -float(sum((other == states + 1).sum() for other in around))


class Spins(LatticeSystem):
    name = "spins"
    lattice = Lattice(1.0, np.sqrt(3) / 2, 1.1, col_shift=0.5)
    species = (("red",), ("green",), ("blue",))
    quantity = LabelQuantity("energy per site", "J", "J", "site")
    length_unit = "a"
    drawing = Disorder()
    reference_energies: ClassVar = {"potts": PottsEnergy()}

    def draw_states(self, rng, num_sheets, rows, cols, options):
        is_free = rng.random((num_sheets, rows, cols)) < options.share * rng.random((num_sheets, 1, 1))
        return np.where(is_free, rng.integers(0, 3, is_free.shape), 0).astype(np.uint8)


potts = PottsEnergy()


def colours(states):
    return states.sum(axis=(1, 2), dtype=float)
