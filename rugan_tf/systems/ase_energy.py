"""Energies of an ASE calculator, as it gives them."""

import functools
import importlib
import json
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rugan_tf.errors import InputError
from rugan_tf.extras import extra_of, missing_extra
from rugan_tf.importing import refuse_standard_library
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.system import LatticeSystem

ASE_PREFIX = "ase:"


@dataclass(frozen=True)
class AseEnergy:
    """Energies of an ASE calculator, as it gives them: relative to nothing that this package knows.

    Args:
        system: the material, which places the atoms.
        module: the module that holds the calculator's class.
        name: the class.
        arguments: its keyword arguments, a JSON object.
        pbc: whether the structures are periodic along x, y and z; as the material has it unless given.
        vacuum: height of the cell, across the sheet, Å; as the material has it unless given.
    """

    system: LatticeSystem
    module: str
    name: str
    arguments: str = "{}"
    pbc: tuple[bool, bool, bool] | None = None
    vacuum: float | None = None

    def __post_init__(self) -> None:
        """Find the class now, so that a wrong name is refused before any work."""
        _calculator_class(self.module, self.name)
        _parse_arguments(self.arguments)
        if self.vacuum is not None and not 0 < self.vacuum < math.inf:
            raise InputError(f"vacuum must be positive, in Å. Received: vacuum={self.vacuum}")

    @property
    def origin(self) -> EnergyOrigin:
        """The calculator, and its own zero."""
        method = f"{ASE_PREFIX}{self.module}:{self.name}:{self.arguments}"
        cell = "" if self.pbc is None else f", periodic along {''.join(np.array(list('xyz'))[list(self.pbc)])}"
        cell += "" if self.vacuum is None else f", cells {self.vacuum:g} Å high"
        return EnergyOrigin(
            method, "as the calculator gives it", f"{method} in eV as the ASE calculator gives it{cell}"
        )

    def structure(self, states: ArrayLike) -> Any:
        """Return one sheet, uint8 (rows, cols), as the atoms that the calculator gets."""
        structure = self.system.structure(np.asarray(states))
        if self.vacuum is not None:
            lengths = structure.cell.lengths()
            structure.positions[:, 2] += (self.vacuum - lengths[2]) / 2  # in the middle, as before
            structure.cell[2] = (0, 0, self.vacuum)
        if self.pbc is not None:
            structure.pbc = self.pbc
        return structure

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols), in eV.

        An exception of the calculator itself is passed on as it is.

        Raises:
            InputError: not one sheet, arguments that the class refuses, or an energy that is not finite.
        """
        structure = self.structure(states)
        # Programs refuse a cell without atoms.
        if not len(structure):
            return 0.0
        calculator = _calculator(self.module, self.name, self.arguments)
        if hasattr(calculator, "reset"):
            calculator.reset()  # the energy of a sheet must not depend on the sheets before it
        if hasattr(calculator, "directory"):
            calculator.directory = os.getcwd()  # of this sheet alone, whatever the arguments say
        structure.calc = calculator
        energy = float(structure.get_potential_energy())
        if not math.isfinite(energy):
            raise InputError(f"The energy must be finite. Received: {energy} from {self.module}:{self.name}")
        return energy


def split_spec(spec: str) -> tuple[str, str, str]:
    """Return module, class and arguments of "ase:package.module:Class" or "...:Class:{arguments}".

    Raises:
        InputError: another form.
    """
    module, _, rest = spec.removeprefix(ASE_PREFIX).partition(":")
    name, _, arguments = rest.partition(":")
    if not (spec.startswith(ASE_PREFIX) and module and name):
        raise InputError(f"A calculator must be given as {ASE_PREFIX}package.module:Class. Received: {spec!r}")
    return module, name, arguments or "{}"


def calculator_named(spec: str) -> Any:
    """Return the calculator of this process that "ase:package.module:Class" or "...:Class:{arguments}" names.

    Raises:
        InputError: another form, a class that cannot be imported, or arguments that it refuses.
    """
    return _calculator(*split_spec(spec))


def _calculator_class(module: str, name: str) -> Any:
    refuse_standard_library(f"{module}:{name}")
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        extra = extra_of(error.name)
        if extra is not None:
            raise InputError(missing_extra(extra, error.name)) from error
        raise InputError(f"The ASE calculator must be importable. Received: {module}:{name} ({error})") from error
    # TypeError is what importlib raises for a relative name, ValueError for an empty one.
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"The ASE calculator must be importable. Received: {module}:{name} ({error})") from error
    # A data set may name it: a class that is no calculator must not be made with arguments of its choice.
    if isinstance(found, type) and not hasattr(found, "get_potential_energy"):
        raise InputError(f"An ASE calculator must have get_potential_energy. Received: {module}:{name}")
    return found


def _parse_arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"Calculator arguments must be a JSON object. Received: {text!r} ({error})") from error
    if not isinstance(arguments, dict):
        raise InputError(f"Calculator arguments must be a JSON object. Received: {text!r}")
    return arguments


@functools.cache
def _calculator(module: str, name: str, arguments: str) -> Any:
    """Make the one calculator of this process, which may be costly to make."""
    try:
        return _calculator_class(module, name)(**_parse_arguments(arguments))
    except TypeError as error:
        raise InputError(
            f"The ASE calculator must accept its arguments. Received: {module}:{name} {arguments} ({error})"
        ) from error
