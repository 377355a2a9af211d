"""Energies by name: a name, for a material, becomes what computes them."""

import warnings
from pathlib import Path

from rugan_tf.energies.corrected import CORRECTED, CorrectedEnergy, read_correction
from rugan_tf.energies.ednn import EDNN, ednn_in, shipped_ednn
from rugan_tf.energies.function import EnergyFunction
from rugan_tf.energies.many_at_once import ManyAtOnce
from rugan_tf.energies.one_by_one import OneByOne
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.extras import require_extra
from rugan_tf.systems.ase_energy import ASE_PREFIX, AseEnergy
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.systems.told_energy import ToldEnergy


def energy_named(
    system: LatticeSystem,
    spec: str,
    *,
    pbc: tuple[bool, bool, bool] | None = None,
    vacuum: float | None = None,
) -> EnergyFunction:
    """Return the energy function of a name.

    Args:
        system: the material.
        spec: one of the names that the system knows; "ednn", the shipped EDNN, or "ednn:FOLDER"; "corrected:FILE", a
            method with a correction fitted to a better one; or "ase:package.module:Class", optionally followed by a
            colon and the calculator's keyword arguments as JSON.
        pbc: whether the structures that a calculator gets are periodic along x, y and z; as the system has it unless
            given.
        vacuum: height of their cells, Å; as the system has it unless given.

    Raises:
        InputError: another name, a calculator that cannot be imported, arguments that are no JSON object, or a cell
            for what is no calculator.
    """
    kind, _, rest = spec.partition(":")
    is_calculator = spec.startswith(ASE_PREFIX)
    if not is_calculator and (pbc is not None or vacuum is not None):
        raise InputError(f"pbc and vacuum are of the structures that ase:... calculators get. Received: {spec!r}")
    if kind == EDNN:
        return ednn_in(Path(rest) if rest else shipped_ednn(system), system)
    if kind == CORRECTED:
        return corrected_in(Path(rest), system)
    if spec in system.reference_energies:
        energy = system.reference_energies[spec]
        # Now: the workers would tell it once for every sheet.
        if extra := getattr(energy, "extra", None):
            require_extra(extra)
        return ManyAtOnce(energy) if isinstance(energy, ToldEnergy) and energy.is_of_many else OneByOne(energy)
    parts = spec.removeprefix(ASE_PREFIX).split(":", 2)
    if not is_calculator or len(parts) < 2 or not all(parts):
        known = ", ".join([*system.reference_energies, EDNN, f"{EDNN}:FOLDER", f"{CORRECTED}:FILE"])
        forms = 'ase:package.module:Class or ase:package.module:Class:{"argument": value}'
        raise InputError(f"The energy must be {known}, {forms}. Received: {spec!r}")
    module, name, *arguments = parts
    return OneByOne(AseEnergy(system, module, name, arguments[0] if arguments else "{}", pbc, vacuum))


def corrected_in(path: Path, system: LatticeSystem) -> CorrectedEnergy:
    """Return the method that a file corrects, as the file corrects it.

    Warns:
        InputWarning: the method is not what it was when the correction was fitted.

    Raises:
        InputError: no such file, a file that is damaged, or one of another material.
    """
    content = read_correction(path)
    if content["system"] != system.spec:
        raise InputError(f"A correction must be of {system.name}. Received: {content['system']} in {path}")
    base, fitted_to = energy_named(system, content["base"]), content.get("base_origin")
    # An EDNN in its folder may have been trained on other data, or a file of a material changed, since.
    if fitted_to is not None and fitted_to != base.origin.description:
        rule = f"A correction should be of the method that it was fitted to, {fitted_to}"
        warnings.warn(f"{rule}. Received: {base.origin.description}", InputWarning, stacklevel=2)
    return CorrectedEnergy(
        base,
        system,
        content["environments"],
        EnergyOrigin(**content["reference"]),
        content["fitted"],
    )
