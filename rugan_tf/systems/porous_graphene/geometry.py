"""Geometry of graphene: the honeycomb with the lattice constant of carbon. Lengths are in Å."""

import math

from rugan_tf.lattice.lattice import honeycomb

LATTICE_CONSTANT = 2.46
BOND_LENGTH = LATTICE_CONSTANT / math.sqrt(3)
HYDROGEN_BOND = 1.09  # of benzene and of edges
COLUMN_PITCH = LATTICE_CONSTANT * math.sqrt(3) / 2
LATTICE = honeycomb(LATTICE_CONSTANT)
SPECIES = ((None, None), ("C", None), (None, "C"), ("C", "C"))  # on sites A and B, by state

validate_size, cell_lengths, site_positions = LATTICE.validate_size, LATTICE.cell_lengths, LATTICE.positions
