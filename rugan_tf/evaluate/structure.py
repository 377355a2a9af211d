"""Structure of generated sheets against real ones of the same size and energies, with a yardstick.

Two sets of real sheets are taken for the energies that the generated sheets have. The distance of the generated
sheets from the first set is read against the distance between the two sets, which is what chance alone gives.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.evaluate.pools import Pool, nearest
from rugan_tf.formats.data_set import DataSet
from rugan_tf.systems.system import LatticeSystem, Statistic


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One statistic of generated and of real sheets.

    Attributes:
        generated: of the generated sheets.
        real: of the first set of real sheets.
        distance: between the two.
        yardstick: distance between two sets of real sheets.
        small: distance between real sheets of the training size with these energies and real sheets of this size,
            which is what the size itself does to the data.
    """

    generated: Statistic
    real: Statistic
    distance: float
    yardstick: float
    small: float


@dataclasses.dataclass(frozen=True)
class RealSheets:
    """Real sheets for the same energies.

    Attributes:
        first: uint8 (n, rows, cols).
        second: uint8 (n, rows, cols), independent of the first.
        small: uint8 (n, training rows, training cols), of the data.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    small: NDArray[np.uint8]


def real_sheets(data_set: DataSet, pools: tuple[Pool, Pool], energy_per_area: NDArray[np.float64]) -> RealSheets:
    """Return real sheets, one for each energy, in two independent sets that hold no sheet twice.

    Args:
        data_set: the data.
        pools: real sheets of the size, in two independent sets.
        energy_per_area: (n,), of the generated sheets.
    """
    first, second = (pool.chosen(energy_per_area).states for pool in pools)
    # At the training size small sheets are the real ones themselves.
    if data_set.states.shape[1:] == first.shape[1:]:
        return RealSheets(first, second, first)
    small = nearest(data_set.energy_per_area, energy_per_area)
    return RealSheets(first, second, data_set.states[small])


def compare(system: LatticeSystem, generated: NDArray[np.uint8], real: RealSheets) -> dict[str, Comparison]:
    """Return each of the system's statistics of generated sheets beside that of real ones."""
    ours, first, second, small = (
        system.statistics(states) for states in (generated, real.first, real.second, real.small)
    )
    return {
        name: Comparison(
            ours[name],
            first[name],
            distance(ours[name], first[name]),
            distance(second[name], first[name]),
            distance(small[name], first[name]),
        )
        for name in ours
    }


def distance(one: Statistic, other: Statistic) -> float:
    """Return how far apart two statistics of one kind are; NaN where one of them is of nothing.

    Total variation for shares, the root of the mean squared difference for curves, the two-sample KS statistic for
    samples.
    """
    from scipy.stats import ks_2samp

    if not (len(one.values) and len(other.values)):
        return float("nan")
    if one.kind == "samples":
        # The statistic alone is wanted, and the exact p of large samples takes long.
        return float(ks_2samp(one.values, other.values, method="asymp").statistic)
    number = min(len(one.values), len(other.values))  # the curve of a smaller sheet ends sooner
    difference = one.values[:number] - other.values[:number]
    if one.kind == "shares":
        return float(np.abs(difference).sum() / 2)
    return float(np.sqrt(np.square(difference).mean()))


def as_content(comparisons: dict[str, Comparison]) -> dict[str, Any]:
    """Return comparisons as JSON content."""
    return {
        name: {
            "kind": one.generated.kind,
            "distance": one.distance,
            "yardstick": one.yardstick,
            "small_sheets": one.small,
            **means(one),
        }
        for name, one in comparisons.items()
    }


def means(one: Comparison) -> dict[str, Any]:
    """Return the values themselves of shares, and the means of samples, for generated and real sheets."""
    sides = {"generated": one.generated, "real": one.real}
    if one.generated.kind == "shares":
        return {side: dict(zip(it.classes, it.values.tolist(), strict=True)) for side, it in sides.items()}
    if one.generated.kind == "samples":
        return {f"{side}_mean": float(it.values.mean()) if len(it.values) else None for side, it in sides.items()}
    return {}
