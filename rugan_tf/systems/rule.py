"""What valid sheets obey, as one step that is applied until nothing changes. Repair and validity follow from it."""

import abc
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rugan_tf.lattice.flakes import repeat_while

CELLS_AT_ONCE = 2**21  # of the sheets that are finished together: bounds the memory of their labels


class Rule(abc.ABC):
    """A rule whose fixed points are the valid sheets. It is written once, for NumPy and keras.ops.

    Attributes:
        halo: rows and columns around a window of a large sheet from which what happens inside may be changed.
        reach: rows and columns around a cell that one step looks at; None where nobody said, which means all.
    """

    halo: ClassVar[tuple[int, int]]
    reach: ClassVar[tuple[int, int] | None] = None

    @abc.abstractmethod
    def step(self, states: Any, xp: Any = np) -> Any:
        """Apply the rule once; integer arrays (batch, rows, cols). `xp` is NumPy or keras.ops."""

    def finish(self, states: Any, xp: Any = np, *, is_window: bool = False) -> Any:  # noqa: ARG002 - for rules that do
        """Apply, after all steps, what needs to be done only once and makes no further step necessary.

        Args:
            states: int32 (batch, rows, cols), fixed points of `step`.
            xp: NumPy or keras.ops.
            is_window: whether this is a part of a larger sheet, with its halo.
        """
        return states

    def repair(self, states: Any, xp: Any = np, *, is_window: bool = False) -> Any:
        """Return what the rule leaves of sheets: int32 tensors (batch, rows, cols) for keras.ops, else uint8 arrays.

        Whole sheets and windows agree: what lies inside of the halo is the same.
        """
        if xp is np:
            settled = self.settle(np.asarray(states))
            size = max(1, CELLS_AT_ONCE // max(1, settled[:1].size))
            for start in range(0, len(settled), size):
                part = settled[start : start + size].astype(np.int32)
                settled[start : start + size] = self.finish(part, is_window=is_window)
            return settled

        def body(before: Any, _: Any) -> tuple[Any, Any]:
            after = self.step(before, xp)
            return after, xp.any(after != before)

        # True to begin with: the loop asks before its first round.
        first = states, xp.ones((), dtype="bool")
        settled = repeat_while(lambda _, changed: changed, body, first, xp)[0]
        return self.finish(settled, xp, is_window=is_window)

    def settle(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Apply the step until nothing changes. Each round works only on sheets that the round before changed."""
        settled = states.copy()
        active = np.arange(len(states))
        while len(active):
            current = settled[active]
            # In bytes: neighbours are few, and a round moves a quarter of what it would as int32.
            reduced = np.asarray(self.step(current.astype(np.int8), np)).astype(np.uint8)
            settled[active] = reduced
            active = active[(reduced != current).any(axis=(1, 2))]
        return settled

    def num_pieces(self, states: NDArray[np.uint8]) -> NDArray[np.int64] | None:  # noqa: ARG002 - for rules that do
        """Return the pieces (n,) of sheets (n, rows, cols), one at most in valid ones; None if that is no matter."""
        return None

    def is_valid(self, states: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return bool (batch,): whether a sheet is a fixed point, and one piece where that matters."""
        is_fixed = np.asarray((self.step(states.astype(np.int8), np) == states).all(axis=(1, 2)))
        pieces = self.num_pieces(states)
        return is_fixed if pieces is None else is_fixed & (pieces <= 1)
