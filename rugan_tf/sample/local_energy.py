"""Energies that are sums over places, so that a change costs no more than its neighbourhood."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from rugan_tf.energies.ednn import EdnnEnergy
from rugan_tf.energies.function import EnergyFunction
from rugan_tf.energies.many_at_once import ManyAtOnce
from rugan_tf.energies.one_by_one import OneByOne
from rugan_tf.errors import InputError
from rugan_tf.sample.places import Cells, Window, window_around
from rugan_tf.systems.energy import LocalSheetEnergy
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.systems.told_energy import ToldEnergy


@dataclasses.dataclass(frozen=True)
class LocalEnergy:
    """The total energy of periodic sheets, and what of it changes with a window; both in TensorFlow's graph.

    Attributes:
        reach: rows and columns that the energy of a place depends on around it.
        period: rows and columns of such a place.
        whole: energies, float64 (n,), of sheets, int32 (n, rows, cols).
        inside: energies, float64 (n,), of windows, int32 (n, rows, cols), up to what a change in the middle leaves
            alone.
        needs_halo: whether windows have a halo even where they go around a whole sheet.
    """

    reach: Cells
    period: Cells
    whole: Callable[[Any], Any]
    inside: Callable[[Any], Any]
    needs_halo: bool

    def window(self, sheet: Cells, patch: Cells) -> Window | None:
        """Return what has to be summed anew around a patch that changes; None where the whole sheet costs less.

        The energies of two windows are needed, before and after. A window is worked on in layers, which shrink from all
        of it to its focus.
        """
        window = window_around(sheet, patch, self.reach, self.period)
        if not self.needs_halo:
            # A window that goes around is periodic as the sheet is: a halo would only repeat what it holds.
            goes_around = [window.focus[axis] == sheet[axis] for axis in range(2)]
            halo = [0 if goes_around[axis] else window.halo[axis] for axis in range(2)]
            window = dataclasses.replace(window, halo=(halo[0], halo[1]))
        is_cheaper = np.prod(sheet) <= np.prod(window.shape) + np.prod(window.focus)
        return None if is_cheaper else window


def local_energy_of(system: LatticeSystem, function: EnergyFunction) -> LocalEnergy:
    """Return an energy function as one of places.

    Raises:
        InputError: it is no sum over places, as far as it says.
    """
    if isinstance(function, EdnnEnergy):
        return of_ednn(function)
    known = {OneByOne: "function", ManyAtOnce: "told"}
    energy = getattr(function, known.get(type(function), ""), None)
    local = sum_over_cells(energy)
    if local is not None and local.reach is not None:
        return of_sheets(system, local, local.reach)
    # Of a material's file the name alone: its function may need an extra, and nothing is gained by installing it.
    told = energy.told.name if isinstance(energy, ToldEnergy) else function.origin.description
    raise InputError(
        f"Monte Carlo needs an energy that is a sum over places: an EDNN, or one that says its reach. Received: {told}"
    )


def sum_over_cells(energy: Any) -> LocalSheetEnergy | None:
    """Return an energy that is a sum over cells as such a one; None for others, and where nobody said the reach."""
    # The reach first: asking for more looks for the function, which may not be installed.
    has_reach = getattr(energy, "reach", None) is not None
    return energy if has_reach and isinstance(energy, LocalSheetEnergy) else None


def of_ednn(ednn: EdnnEnergy) -> LocalEnergy:
    """Return the energy of an EDNN, by the signatures of its SavedModel."""
    signatures = ednn.signatures.loaded().signatures
    missing = [name for name in ("energy", "halo_energy") if name not in signatures]
    if missing:
        raise InputError(f"The EDNN must have the signatures energy and halo_energy. Received: without {missing[0]}")

    def whole(states: Any) -> Any:
        return tf.cast(signatures["energy"](states=tf.cast(states, tf.uint8))["energy"], tf.float64)

    def inside(states: Any) -> Any:
        return signatures["halo_energy"](states=tf.cast(states, tf.uint8))["energy"]

    return LocalEnergy(ednn.halo, ednn.period, whole, inside, needs_halo=True)


def of_sheets(system: LatticeSystem, energy: LocalSheetEnergy, reach: Cells) -> LocalEnergy:
    """Return an energy of whole sheets. A window is taken for a sheet.

    What sees across the ends of the window sees no change: the energies of before and after differ as they should.
    """

    def whole(states: Any) -> Any:
        found = tf.numpy_function(lambda given: energy.energies(given.astype(np.uint8)), [states], tf.float64)
        return tf.ensure_shape(found, states.shape[:1])

    return LocalEnergy(reach, (system.row_period, system.col_period), whole, whole, needs_halo=False)


def with_chemical_potentials(
    system: LatticeSystem, energy: LocalEnergy, potentials: Mapping[str, float]
) -> LocalEnergy:
    """Return the energy less the chemical potential of every atom, or of whatever else the sites hold.

    Raises:
        InputError: a potential of what the material does not have.
    """
    if not potentials:
        return energy
    known = {name for sites in system.species for name in sites if name is not None}
    unknown = sorted(set(potentials) - known)
    if unknown:
        raise InputError(f"Chemical potentials must be of {', '.join(sorted(known))}. Received: {unknown[0]}")
    of_state = tf.constant(state_potentials(system, potentials), tf.float64)

    def held(states: Any) -> Any:
        return tf.reduce_sum(tf.gather(of_state, states), axis=(1, 2))

    # What a window holds around the middle is the same before and after.
    return dataclasses.replace(
        energy,
        whole=lambda states: energy.whole(states) - held(states),
        inside=lambda states: energy.inside(states) - held(states),
    )


def state_potentials(system: LatticeSystem, potentials: Mapping[str, float]) -> list[float]:
    """Return the sum of the chemical potentials of what a cell holds, by its state."""
    return [sum(potentials.get(name, 0.0) for name in sites if name is not None) for sites in system.species]
