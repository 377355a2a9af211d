"""A material for tests of sampling: lattice and rule of the first, with an energy that is a sum over cells."""

import itertools
from typing import ClassVar

import numpy as np

from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.porous_graphene.system import PorousGraphene


class BondEnergy:
    """Three for each bond, less one for each atom of the first site: no symmetry between the sites."""

    origin: ClassVar = EnergyOrigin("bonds", "free atoms", "bonds: in eV relative to free atoms")
    reach = (1, 1)

    def energies(self, states):
        sites = [states.astype(np.int64) % 2, states.astype(np.int64) // 2]
        around = PorousGraphene.lattice.around(sites, once=True)
        bonds = sum(own * other for own, others in zip(sites, around, strict=True) for other in others)
        return (-3 * bonds - sites[0]).sum(axis=(1, 2)).astype(np.float64)

    def __call__(self, states):
        return float(self.energies(np.asarray(states)[None])[0])


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
