"""The rule that sheets obey: no atom with fewer than two neighbours, and one piece.

Inside a SavedModel and tile by tile nobody can look at a whole sheet of any size. So in sheets of more than
`SMALL` cells only flakes of at most `LARGEST_FLAKE` atoms are removed; up to that size the result is exact.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.flakes import without_flakes
from rugan_tf.lattice.states import States
from rugan_tf.systems.porous_graphene.geometry import LATTICE
from rugan_tf.systems.porous_graphene.sites import num_pieces, remove_dangling
from rugan_tf.systems.rule import Rule

LARGEST_FLAKE = 48  # atoms; flakes cut off from drawn sheets had at most 22
SMALL = 4096  # cells up to which a sheet becomes exactly one piece
# A piece without dangling atoms has two atoms at least in each row and each column that it spans, so a flake spans
# half as many cells as it has atoms. A chain that dangles is as thin: the other half is for what its removal changes.
HALO = LARGEST_FLAKE + 2


class OnePiece(Rule):
    """No dangling atoms, one piece."""

    halo = (HALO, HALO)
    reach = (1, 1)  # of the neighbours of a cell's sites

    def step(self, states: Any, xp: Any = np) -> Any:
        """Remove atoms with fewer than two neighbours, once."""
        site_a, site_b = remove_dangling(states % 2, states // 2, xp)
        return site_a + 2 * site_b

    def finish(self, states: Any, xp: Any = np, *, is_window: bool = False) -> Any:
        """Remove what is cut off. No atom that stays loses a neighbour, so none comes to dangle."""
        chosen = states % 2, states // 2
        shape = xp.shape(states)
        cells = shape[1] * shape[2]
        # In a small sheet every piece but the largest is a flake, of up to all its sites.
        largest = LARGEST_FLAKE if is_window else xp.where(cells <= SMALL, LATTICE.num_sites * cells, LARGEST_FLAKE)
        # No window can tell which piece is the largest of the sheet.
        site_a, site_b = without_flakes(LATTICE, chosen, largest, xp, spare_largest=not is_window)
        return site_a + 2 * site_b

    def num_pieces(self, states: States) -> NDArray[np.int64]:
        """Return the pieces (n,) of sheets (n, rows, cols); 0 for an empty sheet."""
        return num_pieces(states)


def prune(states: States) -> States:
    """Remove dangling atoms until none is left, and nothing else; uint8 (batch, rows, cols), a new array."""
    return OnePiece().settle(states)
