"""Comparisons as JSON content and as the lines of a table: each number beside the one that chance alone gives."""

import math
from typing import Any, NamedTuple

import numpy as np

from rugan_tf.evaluate.mesoscale.comparison import MesoscaleComparison
from rugan_tf.evaluate.mesoscale.measures import Estimate, Fluctuations, Scope, SetMeasures
from rugan_tf.evaluate.structure import distance
from rugan_tf.systems.system import Statistic

GENERATED, REAL, REAL_2, FORETOLD = SIDES = ("generated", "real", "real_2", "foretold")
DISTANCES = {"shares": "total variation", "curve": "rms", "samples": "KS D"}


class Line(NamedTuple):
    """One number of a comparison.

    Attributes:
        name: what it is.
        generated: of the generated sheets: their ratio to the first set of real sheets, or difference from it.
        yardstick: the same of the second set of real sheets, which is what chance gives.
        foretold: the same of what small sheets foretell.
    """

    name: str
    generated: float
    yardstick: float = math.nan
    foretold: float = math.nan


def lines(one: MesoscaleComparison) -> list[Line]:
    """Return what a comparison comes down to; ratios are to what is foretold where there are no real sheets."""
    found = [] if not one.scope.windows else fluctuation_lines(one)
    found.append(Line("energy, mean", *energies(one, np.mean)))
    found.append(Line("energy, sd", *energies(one, np.std)))
    if one.real is not None:
        first, second = one.real
        for name, statistic in one.generated.statistics.items():
            found += statistic_lines(name, statistic, first.statistics[name], second.statistics[name])
    found.append(Line("removed by repair, share", one.before_repair.removed_share))
    found.append(Line("valid before repair, share", one.before_repair.valid))
    if one.before_repair.pieces is not None:
        found.append(Line("pieces before repair, mean", one.before_repair.pieces))
    return found


def table_of(columns: list[list[Line]]) -> list[list[str]]:
    """Return rows of text, the name first and then a column for each energy; what chance gives in brackets."""
    by_name = [{line.name: as_text(line) for line in column} for column in columns]
    # Of all energies: without real sheets one has fewer lines than the others.
    names = dict.fromkeys(name for column in by_name for name in column)
    return [[name, *(column.get(name, "-") for column in by_name)] for name in names]


def as_text(line: Line) -> str:
    """Return a line as text."""
    shown = "-" if math.isnan(line.generated) else f"{line.generated:.3g}"
    return shown if math.isnan(line.yardstick) else f"{shown} ({line.yardstick:.3g})"


def energies(one: MesoscaleComparison, value: Any) -> tuple[float, ...]:
    """Return a value of the energies per area of generated sheets and of the second real set."""
    sets = (one.generated, one.real[1]) if one.real is not None else (one.generated,)
    return tuple(float(value(held.energy_per_area)) for held in sets)


def fluctuation_lines(one: MesoscaleComparison) -> list[Line]:
    """Return the ratios of structure factors, and of the fluctuation of windows of training size."""
    held = {side: values_of(one.scope, fluctuations) for side, fluctuations in sides(one).items()}
    base = held[REAL] or held[FORETOLD]
    if not base:
        return []

    def ratio(side: str, name: str) -> float:
        return held[side][name].value / base[name].value if held[side] and base[name].value > 0 else math.nan

    return [Line(f"{name}: ratio", *(ratio(side, name) for side in (GENERATED, REAL_2, FORETOLD))) for name in base]


def sides(one: MesoscaleComparison) -> dict[str, Fluctuations | None]:
    """Return the fluctuations by whose they are."""
    first, second = (held.fluctuations for held in one.real) if one.real is not None else (None, None)
    return dict(zip(SIDES, (one.generated.fluctuations, first, second, one.foretold), strict=True))


def values_of(scope: Scope, fluctuations: Fluctuations | None) -> dict[str, Estimate]:
    """Return by name what is compared of fluctuations: the two bands, and the windows of training size."""
    if fluctuations is None:
        return {}
    unit = f"1/{scope.system.length_unit}"
    bands = [f"S, {low:.2f} < k < {high:.2f} {unit}" for low, high in scope.bands]
    named = dict(zip(bands, fluctuations.bands, strict=True))
    if scope.training in scope.windows:
        named["sd of training-size windows"] = fluctuations.windows[scope.windows.index(scope.training)]
    return named


def statistic_lines(name: str, ours: Statistic, real: Statistic, other: Statistic) -> list[Line]:
    """Return the lines of one statistic: distances, the ratio of means, points of shares."""
    words = name.replace("_", " ")
    found = [Line(f"{words}: {DISTANCES[ours.kind]}", distance(ours, real), distance(other, real))]
    if ours.kind == "samples" and len(real.values):
        found.append(Line(f"{words}, mean: ratio", *(mean(it) / mean(real) for it in (ours, other))))
    if ours.kind == "shares":
        for index, label in enumerate(ours.classes[:-1]):  # the last follows from the others
            points = (100 * float(it.values[index] - real.values[index]) for it in (ours, other))
            found.append(Line(f"{words}, {label}: points off", *points))
    return found


def mean(statistic: Statistic) -> float:
    """Return the mean of samples; NaN without any."""
    return float(statistic.values.mean()) if len(statistic.values) else math.nan


def as_content(one: MesoscaleComparison) -> dict[str, Any]:
    """Return a comparison as JSON content; undefined is NaN."""
    held = {side: fluctuations for side, fluctuations in sides(one).items() if fluctuations is not None}
    sets = {GENERATED: one.generated}
    if one.real is not None:
        sets |= dict(zip((REAL, REAL_2), one.real, strict=True))
    return {
        "energy_per_area": one.wanted,
        "rows": one.scope.sheet[0],
        "cols": one.scope.sheet[1],
        "wave_number_unit": f"1/{one.scope.system.length_unit}",
        "sets": {side: set_content(measures) for side, measures in sets.items()},
        "fluctuations": {side: fluctuation_content(one.scope, it) for side, it in held.items()},
        "before_repair": one.before_repair._asdict(),
        "lines": [line._asdict() for line in lines(one)],
    }


def set_content(measures: SetMeasures) -> dict[str, Any]:
    """Return number, energies and the plain values of the statistics of one set."""
    energy = measures.energy_per_area
    shares = {
        name: dict(zip(it.classes, it.values.tolist(), strict=True))
        for name, it in measures.statistics.items()
        if it.kind == "shares"
    }
    means = {f"{name}_mean": mean(it) for name, it in measures.statistics.items() if it.kind == "samples"}
    return {
        "num_sheets": len(energy),
        "energy_mean": float(energy.mean()),
        "energy_sd": float(energy.std()),
        **shares,
        **means,
    }


def fluctuation_content(scope: Scope, held: Fluctuations) -> dict[str, Any]:
    """Return the curve, the bands and the windows."""
    return {
        "wave_number": held.radial.wave_number.tolist(),
        "structure_factor": held.radial.mean.tolist(),
        "structure_factor_error": held.radial.error.tolist(),
        "bands": [
            {"from": low, "to": high, **estimate._asdict()}
            for (low, high), estimate in zip(scope.bands, held.bands, strict=True)
        ],
        "windows": [
            {"rows": rows, "cols": cols, **estimate._asdict()}
            for (rows, cols), estimate in zip(scope.windows, held.windows, strict=True)
        ],
    }
