"""Sheets for the tests of Hamiltonians."""

import numpy as np

from rugan_tf.physics.hamiltonian import PlanarAtoms
from rugan_tf.systems.porous_graphene.atoms import sheet_positions
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.holes import PoreOptions, draw_porous_states

A = 2.46


def atoms_of(states):
    positions, lengths = sheet_positions(states)
    return PlanarAtoms(positions, np.diag(lengths), CARBON)


def porous_states(seed, rows, cols):
    return draw_porous_states(np.random.default_rng(seed), 1, rows, cols, PoreOptions(max_radius=4.0))[0]


def porous(seed, rows, cols):
    return atoms_of(porous_states(seed, rows, cols))


def primitive_graphene(repeats=1):
    """Graphene in its hexagonal cell, which is not at right angles."""
    cell = A * np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]])
    steps = np.array([(i, j) for i in range(repeats) for j in range(repeats)])
    basis = np.array([[0.0, 0.0], (cell[0] + cell[1]) / 3])
    return PlanarAtoms((basis + (steps @ cell)[:, None]).reshape(-1, 2), repeats * cell, CARBON)
