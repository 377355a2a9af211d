"""Energies that are sums over places, so that a change costs no more than its neighbourhood."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rugan_tf.energies.ednn import EdnnEnergy
from rugan_tf.energies.function import EnergyFunction
from rugan_tf.energies.one_by_one import OneByOne
from rugan_tf.errors import InputError
from rugan_tf.sample.places import Cells, Window
from rugan_tf.systems.energy import LocalSheetEnergy
from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True)
class LocalEnergy:
    """The total energy of periodic sheets, and the part of it that lies inside of windows; both in TensorFlow's graph.

    Attributes:
        reach: rows and columns that the energy of a place depends on around it.
        period: rows and columns of such a place.
        whole: energies, float64 (n,), of sheets, int32 (n, rows, cols).
        inside: energies, float64 (n,), of the foci of windows, int32 (n, rows, cols), whose halo is `reach`.
    """

    reach: Cells
    period: Cells
    whole: Callable[[Any], Any]
    inside: Callable[[Any, Window], Any]

    def is_cheaper_whole(self, window: Window) -> bool:
        """Tell whether the energy of a changed sheet costs less than those of two windows, before and after.

        A window is worked on in layers, which shrink from all of it to its focus.
        """
        return int(np.prod(window.sheet)) <= int(np.prod(window.shape)) + int(np.prod(window.focus))


def local_energy_of(system: LatticeSystem, function: EnergyFunction) -> LocalEnergy:
    """Return an energy function as one of places.

    Raises:
        InputError: it is no sum over places, or an EDNN of another material.
    """
    if isinstance(function, EdnnEnergy):
        return of_ednn(system, function)
    if isinstance(function, OneByOne) and isinstance(function.function, LocalSheetEnergy):
        return of_cells(system, function.function)
    raise InputError(
        "Monte Carlo needs an energy that is a sum over places: an EDNN, or a function with cell_energies. "
        f"Received: {function.origin.description}"
    )


def of_ednn(system: LatticeSystem, ednn: EdnnEnergy) -> LocalEnergy:
    """Return the energy of an EDNN, by the signatures of its SavedModel."""
    if ednn.card.system != system.spec:
        raise InputError(f"The EDNN must be one of {system.spec}. Received: {ednn.folder}, of {ednn.card.system}")
    signatures = ednn.signatures.loaded().signatures
    missing = [name for name in ("energy", "halo_energy") if name not in signatures]
    if missing:
        raise InputError(f"The EDNN must have the signatures energy and halo_energy. Received: without {missing[0]}")

    def whole(states: Any) -> Any:
        return tf.cast(signatures["energy"](states=tf.cast(states, tf.uint8))["energy"], tf.float64)

    def inside(states: Any, window: Window) -> Any:  # noqa: ARG001 - its halo is that of the EDNN
        return signatures["halo_energy"](states=tf.cast(states, tf.uint8))["energy"]

    return LocalEnergy(ednn.halo, ednn.period, whole, inside)


def of_cells(system: LatticeSystem, function: LocalSheetEnergy) -> LocalEnergy:
    """Return the energy of a function that tells the energy of every cell."""

    def cells(states: Any) -> Any:
        return tf.cast(function.cell_energies(states, keras.ops), tf.float64)

    def whole(states: Any) -> Any:
        return tf.reduce_sum(cells(states), axis=(1, 2))

    def inside(states: Any, window: Window) -> Any:
        # As if the window were a sheet: only cells outside of the focus see across its ends.
        return tf.reduce_sum(window.inside(cells(states)), axis=(1, 2))

    return LocalEnergy(function.reach, (system.row_period, system.col_period), whole, inside)


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

    return LocalEnergy(
        energy.reach,
        energy.period,
        lambda states: energy.whole(states) - held(states),
        lambda states, window: energy.inside(states, window) - held(window.inside(states)),
    )


def state_potentials(system: LatticeSystem, potentials: Mapping[str, float]) -> list[float]:
    """Return the sum of the chemical potentials of what a cell holds, by its state."""
    return [sum(potentials.get(name, 0.0) for name in sites if name is not None) for sites in system.species]
