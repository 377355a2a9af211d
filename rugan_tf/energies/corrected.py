"""A fast method with a correction that was fitted to few sheets of a better one.

Two methods differ most in what an atom costs, and an atom on an edge: numbers that a few dozen sheets fix. The
correction is linear in the numbers of such places (`LatticeSystem.environments`), so it is extensive, as energies are.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import EnergyFunction, Estimates, SheetsFailedError, Work, estimates_of
from rugan_tf.errors import InputError
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.system import LatticeSystem

CORRECTED = "corrected"
KEYS = ("system", "base", "environments", "reference", "fitted")


@dataclasses.dataclass(frozen=True)
class CorrectedEnergy:
    """The energies of a method, corrected.

    Args:
        base: the method.
        system: the material.
        environments: what is added for each kind of place, in the unit of totals.
        reference: method and zero that the correction was fitted to.
        fitted: in words, what the correction was fitted to.
    """

    base: EnergyFunction
    system: LatticeSystem
    environments: Mapping[str, float]
    reference: EnergyOrigin
    fitted: str

    @property
    def origin(self) -> EnergyOrigin:
        """The base's energies as they come near the reference, relative to the zero of that."""
        words = f"{self.base.origin.method} corrected to {self.reference.method}"
        unit = self.system.quantity.total_unit
        numbers = ", ".join(f"{value:+.4f} {unit} for each {name}" for name, value in self.environments.items())
        description = f"{words}: {numbers}, {self.fitted}, in {unit} relative to {self.reference.zero}"
        return EnergyOrigin(words, self.reference.zero, description)

    @property
    def is_fast(self) -> bool:
        """As fast as the base."""
        return self.base.is_fast

    @property
    def by_halo(self) -> None:
        """A function of whole sheets: edges are counted in them."""
        return None

    def energies(self, states: NDArray[np.uint8], work: Work = Work()) -> NDArray[np.float64]:
        """Return the energies (n,) of sheets (n, rows, cols).

        Raises:
            SheetsFailedError: the base has no energy of some.
        """
        return self.estimates(states, work).energies

    def estimates(self, states: NDArray[np.uint8], work: Work = Work()) -> Estimates:
        """Return the same with the standard errors of the base, if it tells them.

        Raises:
            SheetsFailedError: as `energies`.
        """
        states = self.system.validate_states(states)
        added = correction(self.system, states, self.environments)
        try:
            energies, errors = estimates_of(self.base, states, work)
            return Estimates(energies + added, errors)
        except SheetsFailedError as error:
            # The others are kept, and they too must be corrected.
            raise SheetsFailedError(error.energies + added, error.failures, work, error.given_up) from error


def correction(
    system: LatticeSystem, states: NDArray[np.uint8], environments: Mapping[str, float]
) -> NDArray[np.float64]:
    """Return what is added to the energies (n,) of sheets (n, rows, cols).

    Raises:
        InputError: the correction is of other kinds of places than the material has.
    """
    counts = system.environments(states)
    if set(counts) != set(environments):
        raise InputError(
            f"A correction must be of {', '.join(counts)} in {system.name}. Received: {', '.join(environments)}"
        )
    return np.sum([environments[name] * counts[name] for name in counts], axis=0, dtype=np.float64)


def read_correction(path: Path) -> dict[str, Any]:
    """Read what `rugan ednn correction` wrote.

    Raises:
        InputError: it is no such file.
    """
    if not path.is_file():
        raise InputError(f"A correction must be a file that `rugan ednn correction` wrote. Received: no file {path}")
    try:
        content = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"A correction must be a JSON file. Received: {path} ({error})") from None
    missing = [key for key in KEYS if not isinstance(content, dict) or key not in content]
    if not missing and not is_told(content):
        raise InputError(f"A correction must name its base, no correction itself, and its reference. Received: {path}")
    numbers = {} if missing else content["environments"]
    are_numbers = isinstance(numbers, dict) and all(isinstance(value, float | int) for value in numbers.values())
    if missing or not are_numbers or not np.isfinite(list(numbers.values())).all():
        raise InputError(f"A correction must hold {', '.join(KEYS)}, with numbers. Received: {path}")
    return content


def is_told(content: Mapping[str, Any]) -> bool:
    """Return whether base and reference are what they must be; a correction of itself would never end."""
    base, reference = content["base"], content["reference"]
    return (
        isinstance(base, str)
        and not base.startswith(f"{CORRECTED}:")
        and isinstance(reference, dict)
        and set(reference) == {"method", "zero", "description"}
    )
