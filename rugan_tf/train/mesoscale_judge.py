"""How sheets of twice the training size fluctuate during a training, beside what the small sheets foretell."""

import dataclasses
import math

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rugan_tf.data.conditions import Labels
from rugan_tf.evaluate.mesoscale.content import FORETOLD, GENERATED
from rugan_tf.evaluate.mesoscale.figure import draw_spectrum
from rugan_tf.evaluate.mesoscale.measures import Fluctuations, Scope, fluctuations, foretell
from rugan_tf.figures.style import LEGEND, new_figure, pixels
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.from_generator import LabelledGenerator
from rugan_tf.train.gallery import Page
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import RUGAN

SCALE, FEWER = 2, 4  # of the training size, and as many times fewer sheets than are judged at that
MOST, LEAST, SHARE = 512, 64, 16  # sheets of the data that foretell, and at most one in so many of all
GROUP = f"mesoscale_{SCALE}x{SCALE}"


@dataclasses.dataclass(frozen=True)
class MesoscaleJudge:
    """Compares generated sheets of one request with what the small sheets that have nearly that foretell.

    One request, from the middle of the data: between sheets of different energies the composition differs anyway.

    Attributes:
        averaged: a network of the same kind, which the averages are copied to.
        scope: sizes and wave numbers.
        requested: (n, c), n times the same.
        foretold: by the small sheets.
        seed: of the latents.
    """

    averaged: LabelledGenerator
    scope: Scope
    requested: NDArray[np.float64]
    foretold: Fluctuations
    seed: int

    def judge(self, model: RUGAN) -> Page:
        """Return ratios to what is foretold, of the structure factor and of windows of training size; a picture."""
        model.average.copy_to(self.averaged.generator)
        rows, cols = self.scope.sheet
        # The same latents at every look: what changes is the generator.
        made = self.averaged.draw(self.requested, rows=rows, cols=cols, rng=np.random.default_rng([self.seed, SCALE]))
        found = fluctuations(self.scope, self.scope.system.repair(made))
        window = self.scope.windows.index(self.scope.training)
        ratios = {
            "structure_factor_of_long_waves": found.bands[0].value / self.foretold.bands[0].value,
            "deviation_of_training_windows": found.windows[window].value / self.foretold.windows[window].value,
        }
        scalars = {f"{GROUP}/{name}_over_foretold": ratio for name, ratio in ratios.items() if math.isfinite(ratio)}
        return Page(scalars, {f"{GROUP}/structure_factor": pixels(self.figure(found))})

    def figure(self, found: Fluctuations) -> Figure:
        """Draw the structure factor against the wave number."""
        figure = new_figure(6, 4.2)
        axes = figure.subplots()
        draw_spectrum(axes, self.scope, {FORETOLD: self.foretold, GENERATED: found})
        axes.set_ylim(0, None)
        axes.set_ylabel("structure factor S(k), per site")
        axes.legend(fontsize=LEGEND)
        return figure


def mesoscale_judge_for(
    options: TrainOptions, averaged: LabelledGenerator, data_set: DataSet, labels: Labels
) -> MesoscaleJudge | None:
    """Return the judge of large sheets; None if no sheets shall be judged, or too few small ones foretell anything."""
    if not options.judge_sheets:
        return None
    median = np.median(labels.values, axis=0)
    spread = labels.values.std(axis=0)
    # Near in all conditions, each measured by what the data have of it.
    distance = np.linalg.norm((labels.values - median) / np.where(spread > 0, spread, 1), axis=1)
    nearest = np.argsort(distance, kind="stable")[: min(MOST, len(distance) // SHARE)]
    if len(nearest) < LEAST:
        return None  # so few would foretell their own chance
    rows, cols = data_set.states.shape[1:]
    scope = Scope(data_set.system, (rows, cols), (SCALE * rows, SCALE * cols))
    foretold = foretell(scope, data_set.states[np.sort(nearest)])
    if foretold is None or not foretold.bands[0].value > 0:
        return None
    # What the nearest sheet has, not the medians: of several conditions no sheet may have these together.
    requested = np.tile(labels.values[nearest[0]], (max(2, options.judge_sheets // FEWER), 1))
    return MesoscaleJudge(averaged, scope, requested, foretold, options.seed)
