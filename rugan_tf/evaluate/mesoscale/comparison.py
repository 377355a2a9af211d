"""Generated sheets of one size and energy beside real ones, and beside what the small sheets of the data foretell."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import EnergyFunction
from rugan_tf.evaluate import metrics
from rugan_tf.evaluate.mesoscale.matched import MatchedSource
from rugan_tf.evaluate.mesoscale.measures import Fluctuations, Scope, SetMeasures, foretell, measure_set
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.sheets import SheetModel

QUANTILES = (0.2, 0.5, 0.8)  # of the data's energies: away from the ends, where hardly any sheet lies
MOST_UNREPAIRED = 64  # sheets looked at before their repair, for each energy


class BeforeRepair(NamedTuple):
    """What the generator leaves to repair, and what users get.

    Attributes:
        removed_share: of the atoms (of the cells, where there are none), by repair.
        valid: share of valid sheets before repair.
        pieces: mean pieces of a sheet before repair; None where that is no matter.
    """

    removed_share: float
    valid: float
    pieces: float | None


@dataclasses.dataclass(frozen=True)
class MesoscaleComparison:
    """Sheets of one size, asked for at one energy.

    Attributes:
        scope: sizes, wave numbers and windows.
        wanted: energy per area.
        generated: sheets as users get them.
        real: two sets of real sheets of that energy; None where none can be had.
        foretold: by the small sheets of the data; None where they are too few.
        before_repair: of some of the generated sheets.
    """

    scope: Scope
    wanted: float
    generated: SetMeasures
    real: tuple[SetMeasures, SetMeasures] | None
    foretold: Fluctuations | None
    before_repair: BeforeRepair


def energies_of(data_set: DataSet, energies: Sequence[float] = ()) -> list[float]:
    """Return the energies per area at which sheets are compared: those given, or quantiles of the data."""
    return [float(one) for one in energies] or np.quantile(data_set.energy_per_area, QUANTILES).tolist()


def source_of(
    data_set: DataSet,
    judge: EnergyFunction,
    tolerance: float,
    *,
    cache: Path | None = None,
    processes: int | None = None,
) -> MatchedSource:
    """Return where real sheets come from, `tolerance` in standard deviations of the energies of the data."""
    return MatchedSource(data_set, judge, tolerance * float(data_set.energy_per_area.std()), cache, processes)


@dataclasses.dataclass(frozen=True)
class Mesoscale:
    """Compares the sheets of a model.

    Attributes:
        model: the generator.
        source: of real sheets, with the data and the judge.
        energies: per area, at which sheets are asked for.
        seed: of the generator.
    """

    model: SheetModel
    source: MatchedSource
    energies: Sequence[float]
    seed: int = 0

    def compare(self, scale: int, num_sheets: int) -> list[MesoscaleComparison]:
        """Return the comparison of `num_sheets` sheets at each energy."""
        model, system = self.model, self.model.system
        rows, cols = scale * model.rows, scale * model.cols
        scope = Scope(system, (model.rows, model.cols), (rows, cols))
        real = self.source.find(self.energies, num_sheets, rows, cols)
        found = []
        for number, (wanted, sets) in enumerate(zip(self.energies, real, strict=True)):
            request = np.full(num_sheets, wanted)
            seed = self.seed + number  # or all energies would see the same latents
            generated = self.measured(scope, model.generate(request, rows, cols, seed))
            raw = model.generate_unrepaired(request[:MOST_UNREPAIRED], rows, cols, seed)
            beside = None if sets is None else (self.measured(scope, sets.first), self.measured(scope, sets.second))
            # Of that energy alone: how sheets fluctuate changes with it.
            small = self.source.data_set.states[self.source.is_near(self.source.data_set.energy_per_area, wanted)]
            comparison = MesoscaleComparison(
                scope, wanted, generated, beside, foretell(scope, small), before_repair(self.model, raw)
            )
            found.append(comparison)
        return found

    def measured(self, scope: Scope, states: NDArray[np.uint8]) -> SetMeasures:
        """Return what is measured of sheets."""
        return measure_set(scope, states, self.source.judged(states))


def before_repair(model: SheetModel, unrepaired: NDArray[np.uint8]) -> BeforeRepair:
    """Return what repair finds in sheets (n, rows, cols)."""
    system = model.system
    pieces = metrics.pieces(system, unrepaired)
    removed = metrics.removed_share(system, unrepaired)
    return BeforeRepair(removed, metrics.validity(system, unrepaired), None if pieces is None else pieces["mean"])
