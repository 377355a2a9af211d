"""An exported generator that is asked for several conditions, each by its name and in its unit."""

import dataclasses
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError, InputWarning
from rugan_tf.generate.needs import require_sign
from rugan_tf.generate.sheets import SheetModel, load_model
from rugan_tf.saved.conditions import Floats, LearntConditions
from rugan_tf.systems.conditions import ENERGY_PER_AREA

States = NDArray[np.uint8]


def load_conditioned(model: Path | str | None = None) -> "ConditionedModel":
    """Load a generator by what it is asked for, as `load_model` does; those of the energy alone are among them."""
    loaded = load_model(model)
    return ConditionedModel(loaded, loaded.card.learnt(loaded.system))


@dataclasses.dataclass(frozen=True)
class ConditionedModel:
    """A generator, asked for sheets by its conditions.

    Attributes:
        model: with its folder, card and system.
        learnt: its conditions, with unit and range.
    """

    model: SheetModel
    learnt: LearntConditions

    def generate(
        self, conditions: Mapping[str, ArrayLike], rows: int, cols: int, seed: int = 0, *, strict: bool = False
    ) -> States:
        """Generate a sheet for each request; values that the data do not have together are warned of.

        Args:
            conditions: by name, one number for all sheets or one for each, in the unit of the condition.
            rows: lattice cells, even.
            cols: lattice cells, even.
            seed: not negative.
            strict: refuse values that the training data do not have, instead of a warning.

        Returns:
            uint8 (n, rows, cols).

        Raises:
            InputError: a request that cannot be generated.
        """
        return self.sheets(self.checked(conditions, strict=strict), rows, cols, seed)

    def checked(self, conditions: Mapping[str, ArrayLike], *, strict: bool = False) -> Floats:
        """Return requests as values (n, c); warn of what the data do not have, or refuse it."""
        values = self.learnt.asked(conditions)
        for one, column in zip(self.learnt.each, values.T, strict=True):
            if one.condition.name == ENERGY_PER_AREA:
                require_sign(self.model.system, one.range, column)
        for sentence in self.learnt.uncovered(values):
            if strict:
                raise InputError(f"Conditions must be such as the training data have. Received: {sentence}")
            warnings.warn(f"conditions that the training data do not have: {sentence}", InputWarning, stacklevel=3)
        return values

    def sheets(self, values: Floats, rows: int, cols: int, seed: int) -> States:
        """Return sheets, uint8 (n, rows, cols), of values (n, c) that were checked."""
        self.require_size(rows, cols, seed)
        calls = self.parts(values, rows, cols, seed)
        return np.concatenate([self.one_call(part, rows, cols, part_seed) for part, part_seed in calls])

    def require_size(self, rows: int, cols: int, seed: int) -> None:
        """Raise InputError for a sheet that the model does not make whole."""
        self.model.check_size(rows, cols, seed)
        if not self.model.is_whole(rows, cols):
            raise InputError(
                f"A sheet that is asked for by conditions is made whole: rows * cols must be at most "
                f"{self.model.max_cells}. Received: rows={rows}, cols={cols}"
            )

    def parts(self, values: Floats, rows: int, cols: int, seed: int) -> Iterator[tuple[Floats, int]]:
        """Yield the values of one call after another, each with a seed of its own."""
        # `parts` cuts numbers of which each request has one: here its place, which single precision holds up to 2^24.
        places = np.arange(len(values), dtype=np.float32)
        for part, part_seed in self.model.parts(places, rows, cols, seed):
            yield values[part.astype(int)], part_seed

    def one_call(self, values: Floats, rows: int, cols: int, seed: int) -> States:
        """Return the sheets of one call of `generate`."""
        asked = {name: column.astype(np.float32) for name, column in zip(self.learnt.names, values.T, strict=True)}
        size: dict[str, Any] = {"rows": np.int32(rows), "cols": np.int32(cols), "seed": np.int64(seed)}
        return self.model.system.validate_states(self.model.predict("generate", **asked, **size)["states"])

    def raw(self, conditions: Mapping[str, ArrayLike], rows: int, cols: int, seed: int = 0) -> States:
        """Return what the generator itself makes of one request each, neither corrected nor repaired."""
        from rugan_tf.generate.latent import draw_latent

        values = self.learnt.asked(conditions)
        self.require_size(rows, cols, seed)
        sheets = []
        for part, part_seed in self.parts(values, rows, cols, seed):
            drawn = (np.int32(number) for number in (len(part), rows // 2, cols // 2))
            latent = draw_latent(np.int64(part_seed), *drawn, self.model.latent_channels())
            maps = {
                name: np.broadcast_to(column.astype(np.float32)[:, None, None], latent.shape[:3])
                for name, column in zip(self.learnt.names, part.T, strict=True)
            }
            probabilities = self.model.predict("generate_from_latent", latent=latent, **maps)["probabilities"]
            sheets.append(probabilities.argmax(axis=-1).astype(np.uint8))
        return np.concatenate(sheets)

    def obtained(self, states: States, energy_per_area: Floats | None = None) -> dict[str, Floats]:
        """Return what sheets (n, rows, cols) have of each condition that can be told of them, (n,) by name.

        Args:
            states: uint8 (n, rows, cols).
            energy_per_area: (n,), of another judge; what the model's EDNN sees unless given.

        Raises:
            InputError: states that are no sheets of the material.
        """
        states = self.model.system.validate_states(states)
        rules = {one.condition.name: one.condition.rule for one in self.learnt.each if one.condition.rule is not None}
        if energy_per_area is None and any(rule.needs_energy for rule in rules.values()):
            energy_per_area = self.model.obtained_energies(states)
        return {
            name: rule.values(states, energy_per_area if rule.needs_energy else None)
            for name, rule in rules.items()
            if energy_per_area is not None or not rule.needs_energy
        }


def parsed(texts: Sequence[str], option: str) -> dict[str, tuple[float, ...]]:
    """Return numbers by name, of texts NAME=VALUE or NAME=VALUE,VALUE,...

    >>> parsed(["porosity=0.2,0.3", "band_gap=1"], "--condition")
    {'porosity': (0.2, 0.3), 'band_gap': (1.0,)}

    Raises:
        InputError: no number, or a name twice.
    """
    found: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, _, told = text.partition("=")
        try:
            values = tuple(float(value) for value in told.split(","))
        except ValueError:
            values = ()
        if not name or not values or not all(map(math.isfinite, values)) or name in found:
            raise InputError(f"{option} must be NAME=NUMBER, each name once. Received: {text!r}")
        found[name] = values
    return found


def for_sheets(asked: Mapping[str, tuple[float, ...]], num_sheets: int | None) -> dict[str, Floats]:
    """Return one number for each sheet, (n,) by name.

    Raises:
        InputError: neither one number nor as many as there are sheets.
    """
    longest = max(len(values) for values in asked.values())
    number = longest if num_sheets is None else num_sheets
    if number < 1 or any(len(values) not in (1, number) for values in asked.values()):
        told = ", ".join(f"{len(values)} of {name}" for name, values in asked.items())
        raise InputError(f"Conditions must be one number, or one for each of {number} sheets. Received: {told}")
    # A copy: what broadcast_to returns cannot be written to, and is one number in memory.
    return {name: np.broadcast_to(np.array(values, np.float64), number).copy() for name, values in asked.items()}
