"""Materials for tests of sampling alone: what is enumerated exactly, with energies that are sums over cells."""

import itertools
from typing import ClassVar

import numpy as np

from rugan_tf.lattice.lattice import square
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.porous_graphene.system import PorousGraphene
from rugan_tf.systems.system import LabelQuantity, LatticeSystem


class PairEnergy:
    origin: ClassVar = EnergyOrigin("pairs", "free spins", "pairs: in J relative to free spins")
    reach = (1, 1)

    def cell_energies(self, states, xp=np):
        spins = 2 * states - 1
        return -spins * (xp.roll(spins, -1, 1) + xp.roll(spins, -1, 2))

    def __call__(self, states):
        return float(self.cell_energies(np.asarray(states, np.int64)[None]).sum())


class Squares(LatticeSystem):
    """Ising's spins on the square lattice."""

    name = "squares"
    lattice = square(1.0)
    species = (("down",), ("up",))
    quantity = LabelQuantity("energy per site", "J", "J", "site")
    length_unit = "a"
    reference_energies: ClassVar = {"pairs": PairEnergy()}


class BondEnergy:
    """Three for each bond, less one for each atom of the first site: no symmetry between the sites."""

    origin: ClassVar = EnergyOrigin("bonds", "free atoms", "bonds: in eV relative to free atoms")
    reach = (1, 1)

    def cell_energies(self, states, xp=np):
        sites = [states % 2, states // 2]
        around = PorousGraphene.lattice.around(sites, xp, once=True)
        bonds = sum(own * other for own, others in zip(sites, around, strict=True) for other in others)
        return -3 * bonds - sites[0]

    def __call__(self, states):
        return float(self.cell_energies(np.asarray(states, np.int64)[None]).sum())


class Bonded(PorousGraphene):
    name = "bonded"
    reference_energies: ClassVar = {"bonds": BondEnergy()}


def every_sheet(system, rows, cols):
    """All valid sheets of a size, by brute force."""
    product = itertools.product(range(system.num_states), repeat=rows * cols)
    sheets = np.array(list(product), np.uint8).reshape(-1, rows, cols)
    return sheets[system.is_valid(sheets)]


def codes(sheets, num_states):
    """One number for each sheet."""
    flat = sheets.reshape(len(sheets), -1).astype(np.int64)
    return flat @ (num_states ** np.arange(flat.shape[1], dtype=np.int64))
