"""Moves that keep a rule: a patch of cells is redrawn, and what breaks the rule is refused.

A patch and its new states are drawn without a look at the sheet, and a move and its reverse are equally likely. So is
refusing both, and with Metropolis' acceptance each flip is in detailed balance (Metropolis et al., J. Chem. Phys. 21,
1087 (1953)).
"""

import dataclasses
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from rugan_tf.sample.local_energy import LocalEnergy
from rugan_tf.sample.places import Cells, Places, Window, window_around
from rugan_tf.systems.system import LatticeSystem

PATCH, PATCH_WITH_RULE = (1, 1), (2, 3)  # rows and columns; what a rule holds together changes together, or never


class Proposals(NamedTuple):
    """What is tried in each sheet at once.

    Attributes:
        corners: int32 (n, places, 2), the first cell of each patch.
        states: int32 (n, rows, cols), the sheets with all patches changed.
        indices: int32 (n, places, patch cells), the cells of each patch, counted row by row within the sheet.
    """

    corners: Any
    states: Any
    indices: Any


@dataclasses.dataclass(frozen=True)
class Moves:
    """The moves of one material on sheets of one size.

    Attributes:
        system: the material.
        energy: as a sum over places.
        sheet: rows and columns.
        patch: rows and columns of the largest patch; smaller ones are as likely.
        parallel: change as many places of a sheet together as do not see each other.
    """

    system: LatticeSystem
    energy: LocalEnergy
    sheet: Cells
    patch: Cells
    parallel: bool = True

    @property
    def energy_window(self) -> Window | None:
        """What has to be summed anew around a change; None where whole sheets cost less."""
        return self.energy.window(self.sheet, self.patch)

    @property
    def rule_window(self) -> Window | None:
        """Where a change may break the rule; None where whole sheets are looked at, or there is no rule."""
        rule = self.system.rule
        if rule is None or rule.reach is None:
            return None
        period = self.system.row_period, self.system.col_period
        window = window_around(self.sheet, self.patch, rule.reach, period)
        return window if np.prod(window.shape) < np.prod(self.sheet) else None

    @property
    def places(self) -> Places:
        """The places that change together: one, unless energy and rule are judged by windows."""
        windows = [self.energy_window]
        if self.system.rule is not None:
            windows.append(self.rule_window)
        known = [window for window in windows if window is not None]
        if not self.parallel or len(known) < len(windows):
            # A whole sheet is judged with all that changed in it, so one place changes at a time.
            return Places(self.sheet, self.patch, self.sheet)
        spacing = [max(window.focus[axis] for window in known) for axis in range(2)]
        # Equal remainders by the period, so that all windows of a sheet begin alike.
        period = self.energy.period
        spacing = [-(-spacing[axis] // period[axis]) * period[axis] for axis in range(2)]
        return Places(self.sheet, self.patch, (spacing[0], spacing[1]))

    def propose(self, states: Any, seed: Any) -> Proposals:
        """Draw patches of sheets, int32 (n, rows, cols), and their new states.

        The first cell of a patch always changes, the others may.
        """
        place_seed, shape_seed, first_seed, other_seed = tfp.random.split_seed(seed, n=4)
        number, places = tf.shape(states)[0], self.places
        # Anew for every flip: the cells between places that stay would never change.
        offset = [
            integers([number], 0, size, one)
            for size, one in zip(self.sheet, tfp.random.split_seed(place_seed, n=2), strict=True)
        ]
        corners = places.corners(tf.stack(offset, axis=-1))
        indices = tf.reshape(places.indices(corners), [number, places.number, -1])
        shape = [
            integers([number, places.number], 1, size + 1, one)
            for size, one in zip(self.patch, tfp.random.split_seed(shape_seed, n=2), strict=True)
        ]
        row, col = np.divmod(np.arange(int(np.prod(self.patch)), dtype=np.int32), self.patch[1])
        is_in = (row < shape[0][..., None]) & (col < shape[1][..., None])
        most = self.system.num_states
        first = integers([number, places.number, 1], 1, most, first_seed)
        others = integers([number, places.number, len(row) - 1], 0, most, other_seed)
        added = tf.where(is_in, tf.concat([first, others], axis=-1), 0)
        flat = tf.reshape(states, [number, -1])
        # Added, modulo the states: so the first cell does change, and the reverse is as likely.
        new = (tf.gather(flat, indices, batch_dims=1) + added) % most
        changed = replace(flat, indices, new, tf.ones_like(corners[..., 0], tf.bool))
        return Proposals(corners, tf.reshape(changed, tf.shape(states)), indices)

    def keeps_rule(self, proposals: Proposals) -> Any:
        """Return bool (n, places): whether one step of the rule leaves a changed patch and its surroundings alone."""
        rule, states = self.system.rule, proposals.states
        number, places = tf.shape(states)[0], self.places.number
        if rule is None:
            return tf.ones([number, places], tf.bool)
        window = self.rule_window
        if window is None:
            kept = tf.reduce_all(rule.step(states, keras.ops) == states, axis=(1, 2))
            return kept[:, None]
        parts = cut(states, proposals.corners, window)
        kept = tf.reduce_all(window.inside(rule.step(parts, keras.ops) == parts), axis=(1, 2))
        return tf.reshape(kept, [number, places])

    def energy_changes(self, states: Any, energy: Any, proposals: Proposals, wanted: Any) -> Any:
        """Return the change of the energy, float64 (n, places), of each patch alone; 0 where it is not wanted.

        Args:
            states: int32 (n, rows, cols), the sheets as they are.
            energy: float64 (n,), of these.
            proposals: patches, and the sheets with all of them changed.
            wanted: bool (n, places); the energy of a sheet that breaks the rule is not worth its time.
        """
        which = tf.cast(tf.where(wanted), tf.int32)
        sheet, window = which[:, 0], self.energy_window

        def of_some() -> Any:
            if window is None:
                return self.energy.whole(tf.gather(proposals.states, sheet)) - tf.gather(energy, sheet)
            # What the other places of a sheet change is not seen in this focus, so it may stand in the window.
            corners = tf.gather_nd(proposals.corners, which)
            after = self.energy.inside(cut_at(proposals.states, sheet, corners, window))
            return after - self.energy.inside(cut_at(states, sheet, corners, window))

        # An EDNN refuses to be asked for nothing.
        change = tf.cond(tf.size(sheet) > 0, of_some, lambda: tf.zeros([0], tf.float64))
        return tf.scatter_nd(which, change, tf.shape(wanted))

    def is_valid(self, states: Any) -> Any:
        """Return bool (n,): whether sheets obey the rule as a whole, so that they are one piece where that matters."""
        if self.system.rule is None:
            return tf.ones(tf.shape(states)[:1], tf.bool)
        # What is asked of whole sheets, as their pieces, is found by SciPy, which has no place in a graph.
        judged = tf.numpy_function(lambda given: self.system.is_valid(given.astype(np.uint8)), [states], tf.bool)
        return tf.ensure_shape(judged, [states.shape[0]])


def moves_of(
    system: LatticeSystem, energy: LocalEnergy, sheet: Cells, patch: Cells | None = None, *, parallel: bool = True
) -> Moves:
    """Return the moves of a material; patches are as large as its rule needs them unless said otherwise."""
    rows, cols = patch or (PATCH if system.rule is None else PATCH_WITH_RULE)
    # A patch that is larger than the sheet would hold cells twice.
    return Moves(system, energy, sheet, (min(rows, sheet[0]), min(cols, sheet[1])), parallel=parallel)


def integers(shape: Any, low: int, high: int, seed: Any) -> Any:
    """Draw integers, int32, at least `low` and less than `high`."""
    return tf.random.stateless_uniform(shape, seed, low, high, tf.int32)


def cut(states: Any, corners: Any, window: Window) -> Any:
    """Return windows around places (n, places, 2) of sheets (n, rows, cols): int32 (n * places, rows, cols)."""
    number, places = tf.shape(corners)[0], tf.shape(corners)[1]
    sheet = tf.repeat(tf.range(number), places)
    return cut_at(states, sheet, tf.reshape(corners, [-1, 2]), window)


def cut_at(states: Any, sheet: Any, corners: Any, window: Window) -> Any:
    """Return the windows around corners (m, 2) of the sheets of these numbers (m,): int32 (m, rows, cols)."""
    cells = int(np.prod(window.sheet))
    return tf.gather(tf.reshape(states, [-1]), window.indices(corners) + (sheet * cells)[:, None, None])


def replace(flat: Any, indices: Any, values: Any, chosen: Any) -> Any:
    """Return sheets (n, cells) with the values (n, places, m) at indices (n, places, m) of the chosen places."""
    number, cells = tf.shape(flat)[0], tf.shape(flat)[1]
    place = indices + (tf.range(number) * cells)[:, None, None]
    kept = tf.boolean_mask(place, chosen)
    # No cell is in two chosen places: TensorFlow leaves open which of two updates of a cell counts.
    updated = tf.tensor_scatter_nd_update(
        tf.reshape(flat, [-1]), tf.reshape(kept, [-1, 1]), tf.reshape(tf.boolean_mask(values, chosen), [-1])
    )
    return tf.reshape(updated, tf.shape(flat))
