"""The conditions that a generator learnt: how their values become labels, and which values its data have together."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.conditions import CellSum, Condition

NUM_POINTS = 256  # of a cover, at most
LABELS_A_POINT = 8  # at least: the others tell how far from a point data are
Floats = NDArray[np.float64]
Content = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Cover:
    """Which standardised labels the data have together.

    Ranges would not do: sheets of high porosity have few edges, so most pairs of a high and a high value are never met.
    A few labels of the data, each as far as possible from those before it, and the furthest that any sheet of the data
    is from the nearest of them.

    Attributes:
        points: (p, c), standardised.
        radius: the furthest of the data, in standard deviations.
    """

    points: tuple[tuple[float, ...], ...]
    radius: float

    @classmethod
    def of(cls, labels: Floats) -> "Cover":
        """Choose the points among labels (n, c), beginning with the one nearest to the mean."""
        distance = np.linalg.norm(labels, axis=1)
        chosen, number = [int(distance.argmin())], min(NUM_POINTS, len(labels) // LABELS_A_POINT)
        distance = np.linalg.norm(labels - labels[chosen[0]], axis=1)
        # It ends early where all other labels are among the chosen: data may repeat a few values.
        while len(chosen) < number and distance.max() > 0:
            chosen.append(int(distance.argmax()))
            distance = np.minimum(distance, np.linalg.norm(labels - labels[chosen[-1]], axis=1))
        points = tuple(tuple(map(float, labels[index])) for index in chosen)
        return cls(points, float(distance.max()))

    def distances(self, labels: Floats) -> Floats:
        """Return how far labels (n, c) are from the nearest point, (n,), in standard deviations."""
        points = np.array(self.points)
        return np.array([np.linalg.norm(points - label, axis=1).min() for label in labels])


@dataclasses.dataclass(frozen=True)
class LearntCondition:
    """A condition with what the training data have of it.

    Attributes:
        condition: what it is.
        scale: of the labels that the networks see.
        range: smallest and largest value of the training data.
    """

    condition: Condition
    scale: LabelScale
    range: tuple[float, float]

    @property
    def in_words(self) -> str:
        """Name, range and unit, as messages list them."""
        low, high = self.range
        return f"{self.condition.name} ({low:.4g} to {high:.4g} {self.condition.unit}".rstrip() + ")"


@dataclasses.dataclass(frozen=True)
class LearntConditions:
    """All conditions of a generator.

    Attributes:
        each: (c,).
        cover: of their values together; None of one condition, whose range says all.
    """

    each: tuple[LearntCondition, ...]
    cover: Cover | None = None

    @classmethod
    def of(cls, conditions: Sequence[Condition], values: Floats) -> "LearntConditions":
        """Return what data of values (n, c) let a generator learn."""
        each = tuple(
            LearntCondition(condition, LabelScale.of(column), (float(column.min()), float(column.max())))
            for condition, column in zip(conditions, values.T, strict=True)
        )
        learnt = cls(each)
        return learnt if len(each) == 1 else cls(each, Cover.of(learnt.standardised(values)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the conditions."""
        return tuple(one.condition.name for one in self.each)

    @property
    def in_words(self) -> str:
        """All conditions with range and unit, for messages."""
        return ", ".join(one.in_words for one in self.each)

    @property
    def example(self) -> list[str]:
        """NAME=VALUE of each, the mean of the training data, as `--condition` takes it."""
        return [f"{one.condition.name}={one.scale.mean:.3g}" for one in self.each]

    def standardised(self, values: ArrayLike) -> Floats:
        """Return labels float64 (n, c) of values (n, c)."""
        columns = np.asarray(values, np.float64).T
        scales = [one.scale for one in self.each]
        labels = [(column - one.mean) / one.standard_deviation for column, one in zip(columns, scales, strict=True)]
        return np.stack(labels, axis=1)

    def label(self, values: ArrayLike) -> NDArray[np.float32]:
        """Return what networks get for values (n, c): float32 (n,) of one condition, (n, c) of several."""
        return squeezed(self.standardised(values)).astype(np.float32)

    def asked(self, given: Mapping[str, ArrayLike]) -> Floats:
        """Return values (n, c) of what was asked for by name, one number or n of each.

        Raises:
            InputError: a name is missing or unknown, numbers that do not belong together, or one that is not finite.
        """
        if set(given) != set(self.names):
            raise InputError(
                f"A sheet must be asked for {self.in_words}. Received: {', '.join(given) or 'no condition'}"
            )
        columns = [np.atleast_1d(np.asarray(given[name], np.float64)) for name in self.names]
        lengths = {len(column) for column in columns} - {1}
        if len(lengths) > 1 or any(column.ndim != 1 or not len(column) for column in columns):
            told = ", ".join(f"{name} {column.shape}" for name, column in zip(self.names, columns, strict=True))
            raise InputError(f"Conditions must be one number, or one for each sheet. Received: shapes {told}")
        values = np.stack(np.broadcast_arrays(*columns), axis=1)
        for name, column in zip(self.names, values.T, strict=True):
            # Signatures take single precision, in which a larger number is infinite.
            is_finite = np.abs(column) <= np.finfo(np.float32).max
            if not is_finite.all():
                raise InputError(f"{name} must be finite. Received: {name}={column[~is_finite][0]}")
        return values

    def uncovered(self, values: Floats) -> list[str]:
        """Return what the training data do not cover of values (n, c), a sentence for each kind."""
        found, is_inside = [], np.ones(len(values), bool)
        for one, column in zip(self.each, values.T, strict=True):
            low, high = one.range
            margin = 1e-6 * max(abs(low), abs(high))  # single precision of what was read off the data
            outside = (column < low - margin) | (column > high + margin)
            is_inside &= ~outside
            if outside.any():
                first = one.condition.told(column[outside][0])
                found.append(f"{outside.sum()} of {len(values)} lie outside of {one.in_words}, the first {first}")
        if self.cover is None or not is_inside.any():
            return found
        inside = values[is_inside]
        distance = self.cover.distances(self.standardised(inside))
        # A little more than the furthest of the data, which rounding must not refuse.
        is_far = distance > self.cover.radius + 1e-5
        if is_far.any():
            worst = int(distance.argmax())
            pairs = zip(self.each, inside[worst], strict=True)
            told = " with ".join(one.condition.told(value) for one, value in pairs)
            found.append(
                f"{is_far.sum()} of {len(values)} lie inside of each range, but no sheet of the data has such values "
                f"together; the furthest is {told}, {distance[worst]:.2g} standard deviations from any, at most "
                f"{self.cover.radius:.2g} in the data"
            )
        return found

    def content(self) -> dict[str, Any]:
        """Return JSON content."""
        each = [
            {
                "name": one.condition.name,
                "words": one.condition.words,
                "unit": one.condition.unit,
                "rule": None if one.condition.rule is None else dataclasses.asdict(one.condition.rule),
                "mean": one.scale.mean,
                "standard_deviation": one.scale.standard_deviation,
                "range": list(one.range),
            }
            for one in self.each
        ]
        return {"each": each, "cover": None if self.cover is None else dataclasses.asdict(self.cover)}


def squeezed(values: Floats) -> Floats:
    """Return values (n,) of one condition, which has no axis of its own, and (n, c) of several as they are."""
    return values[:, 0] if values.shape[1] == 1 else values


def conditions_in(content: Content) -> LearntConditions:
    """Return the conditions that JSON content holds."""
    each, cover = [], content["cover"]
    for one in content["each"]:
        rule, (low, high) = one["rule"], map(float, one["range"])
        told = None if rule is None else CellSum(float(rule["energy"]), tuple(map(float, rule["by_state"])))
        condition = Condition(str(one["name"]), str(one["words"]), str(one["unit"]), told)
        scale = LabelScale(float(one["mean"]), float(one["standard_deviation"]))
        each.append(LearntCondition(condition, scale, (low, high)))
    known = None
    if cover is not None:
        known = Cover(tuple(tuple(map(float, point)) for point in cover["points"]), float(cover["radius"]))
    return LearntConditions(tuple(each), known)
