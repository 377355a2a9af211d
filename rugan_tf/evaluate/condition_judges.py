"""What tells conditions of sheets: their rules, a judge of energies, and EDNNs of numbers that the data alone know."""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import EnergyFunction, Work, estimates_of
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.generate.conditioned import ConditionedModel, States

Floats = NDArray[np.float64]


class Told(NamedTuple):
    """What was told of sheets.

    Attributes:
        values: by condition, float64 (n,).
        errors: standard errors of those whose judge tells them, by condition, float64 (n,).
    """

    values: dict[str, Floats]
    errors: dict[str, Floats]


@dataclasses.dataclass(frozen=True)
class Judges:
    """What tells conditions of sheets.

    Attributes:
        model: the generator, whose conditions have rules.
        energy: what judges energies; None where no condition holds one.
        properties: what judges numbers of the data alone, by name.
    """

    model: ConditionedModel
    energy: EnergyFunction | None
    properties: dict[str, EnergyFunction]

    def told(self, states: States, work: Work) -> Told:
        """Return what can be told of sheets (n, rows, cols)."""
        energies, error = (None, None) if self.energy is None else self.per_area(self.energy, states, work)
        found = self.model.obtained(states) if energies is None else self.model.obtained(states, energies)
        rules = {one.condition.name: one.condition.rule for one in self.model.learnt.each}
        errors = {
            # What cells add to a condition is exact; the error of the energy is multiplied as the energy is.
            name: abs(rule.energy) * error
            for name, rule in rules.items()
            if error is not None and rule is not None and rule.needs_energy and name not in self.properties
        }
        properties = {name: self.per_area(judge, states, work)[0] for name, judge in self.properties.items()}
        return Told(found | properties, errors)

    def per_area(self, judge: EnergyFunction, states: States, work: Work) -> tuple[Floats, Floats | None]:
        """Return totals over the extent of sheets, and their standard errors if the judge tells them."""
        energies, errors = estimates_of(judge, states, work)
        system, (rows, cols) = self.model.model.system, states.shape[1:]
        per_area = system.energy_per_area(energies, rows, cols)
        return per_area, None if errors is None else system.energy_per_area(errors, rows, cols)


def property_judges(model: ConditionedModel, texts: tuple[str, ...]) -> dict[str, EnergyFunction]:
    """Return EDNNs by the property that they were trained on, of texts NAME=FOLDER.

    Raises:
        InputError: a name that is no condition, no EDNN, or one that was trained on something else.
    """
    found = {}
    for text in texts:
        name, _, folder = text.partition("=")
        if name not in model.learnt.names or not folder:
            raise InputError(f"A judge must be NAME=FOLDER of {', '.join(model.learnt.names)}. Received: {text!r}")
        judge = energy_named(model.model.system, f"ednn:{folder}")
        if judge.origin.method != name:
            raise InputError(f"A judge of {name} must be trained on it. Received: one of {judge.origin.method}")
        found[name] = judge
    return found
