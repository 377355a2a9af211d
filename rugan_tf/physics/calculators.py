"""Reference energies by name: the built-in tight binding, or any ASE calculator.

An energy function takes one sheet, uint8 (rows, cols), and returns its total energy in eV. It can be pickled,
so that worker processes each make their own calculator, and its `description` says in a data set's metadata
where energies come from.
"""

import functools
import importlib
import json
import math
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import ArrayLike

from rugan_tf.physics.structures import sheet_structure
from rugan_tf.physics.tight_binding import SMEARING, sheet_energy

TIGHT_BINDING = "tight-binding"
ASE_PREFIX = "ase:"
FORMS = '"tight-binding", "ase:package.module:Class" or "ase:package.module:Class:{"argument": value}"'


class EnergyFunction(Protocol):
    """What gives the total energy (eV) of one sheet, uint8 (rows, cols); an empty sheet has 0."""

    @property
    def description(self) -> str:
        """Method and zero of the energy, in words."""

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy in eV."""


@dataclass(frozen=True)
class TightBindingEnergy:
    """Energies of the built-in tight binding, relative to 2 E_s + 2 E_p per atom."""

    @property
    def description(self) -> str:
        """Method and zero of the energy, in words."""
        return (
            f"{TIGHT_BINDING}: orthogonal sp3 model of Xu, Wang, Chan and Ho (1992), Gamma point, band "
            f"energy (Fermi smearing {SMEARING} eV) and repulsion, in eV relative to 2 E_s + 2 E_p per atom"
        )

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols), in eV."""
        return sheet_energy(states)


@dataclass(frozen=True)
class AseEnergy:
    """Energies of an ASE calculator, as it gives them: relative to nothing that this package knows.

    Args:
        module: the module that holds the calculator's class.
        name: the class.
        arguments: its keyword arguments, a JSON object.
    """

    module: str
    name: str
    arguments: str = "{}"

    def __post_init__(self) -> None:
        """Find the class now, so that a wrong name is refused before any work."""
        _calculator_class(self.module, self.name)
        _parse_arguments(self.arguments)

    @property
    def description(self) -> str:
        """Method and zero of the energy, in words."""
        return f"{ASE_PREFIX}{self.module}:{self.name}:{self.arguments} in eV as the ASE calculator gives it"

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols), in eV.

        An exception of the calculator itself is passed on as it is.

        Raises:
            ValueError: not one sheet, arguments that the class refuses, or an energy that is not finite.
        """
        structure = sheet_structure(states)
        if not len(structure):
            return 0.0
        calculator = _calculator(self.module, self.name, self.arguments)
        if hasattr(calculator, "reset"):
            calculator.reset()  # the energy of a sheet must not depend on the sheets before it
        structure.calc = calculator
        energy = float(structure.get_potential_energy())
        if not math.isfinite(energy):
            raise ValueError(f"The energy must be finite. Received: {energy} from {self.module}:{self.name}")
        return energy


def _calculator_class(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"The ASE calculator must be importable. Received: {module}:{name} ({error})") from error


def _parse_arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"Calculator arguments must be a JSON object. Received: {text!r} ({error})") from error
    if not isinstance(arguments, dict):
        raise ValueError(f"Calculator arguments must be a JSON object. Received: {text!r}")
    return arguments


@functools.cache
def _calculator(module: str, name: str, arguments: str) -> Any:
    """Make the one calculator of this process, which may be costly to make."""
    try:
        return _calculator_class(module, name)(**_parse_arguments(arguments))
    except TypeError as error:
        raise ValueError(
            f"The ASE calculator must accept its arguments. Received: {module}:{name} {arguments} ({error})"
        ) from error


def energy_function(spec: str) -> EnergyFunction:
    """Return the energy function of a name.

    >>> energy_function("ase:ase.calculators.lj:LennardJones").name
    'LennardJones'

    Args:
        spec: "tight-binding"; or "ase:package.module:Class", optionally followed by a colon and the
            calculator's keyword arguments as a JSON object.

    Raises:
        ValueError: another name, a calculator that cannot be imported, or arguments that are no JSON object.
    """
    if spec == TIGHT_BINDING:
        return TightBindingEnergy()
    parts = spec.removeprefix(ASE_PREFIX).split(":", 2)
    if not spec.startswith(ASE_PREFIX) or len(parts) < 2 or not all(parts):
        raise ValueError(f"The energy must be {FORMS}. Received: {spec!r}")
    return AseEnergy(*parts)
