"""The one door to energies: a name, for a material, becomes what computes them."""

from pathlib import Path

from rugan_tf.energies.ase import ASE_PREFIX, AseEnergy
from rugan_tf.energies.ednn import EDNN, ednn_in, shipped_ednn
from rugan_tf.errors import InputError
from rugan_tf.systems.system import EnergyFunction, LatticeSystem


def energy_named(system: LatticeSystem, spec: str) -> EnergyFunction:
    """Return the energy function of a name.

    Args:
        system: the material.
        spec: one of the names that the system knows; "ednn", the shipped EDNN, or "ednn:FOLDER"; or
            "ase:package.module:Class", optionally followed by a colon and the calculator's keyword arguments as JSON.

    Raises:
        InputError: another name, a calculator that cannot be imported, or arguments that are no JSON object.
    """
    kind, _, rest = spec.partition(":")
    if kind == EDNN:
        return ednn_in(Path(rest) if rest else shipped_ednn(system))
    if spec in system.reference_energies:
        return system.reference_energies[spec]
    parts = spec.removeprefix(ASE_PREFIX).split(":", 2)
    if not spec.startswith(ASE_PREFIX) or len(parts) < 2 or not all(parts):
        known = ", ".join([*system.reference_energies, EDNN, f"{EDNN}:FOLDER"])
        forms = 'ase:package.module:Class or ase:package.module:Class:{"argument": value}'
        raise InputError(f"The energy must be {known}, {forms}. Received: {spec!r}")
    return AseEnergy(system, *parts)
