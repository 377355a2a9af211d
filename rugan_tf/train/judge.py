"""What generated sheets have of their conditions during a training. No gradient comes of it."""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.conditions import Labels
from rugan_tf.energies.ednn import EDNN, has_shipped_ednn
from rugan_tf.energies.function import EnergyFunction, Work
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.origin import disagreements, origin_in, require_agreement
from rugan_tf.evaluate import metrics
from rugan_tf.evaluate.figures import comparison_figure
from rugan_tf.evaluate.samples import ScaleSamples
from rugan_tf.figures.style import pixels
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.from_generator import LabelledGenerator
from rugan_tf.systems.conditions import ENERGY_PER_AREA, CellSum, Condition
from rugan_tf.train.gallery import Page
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import RUGAN
from rugan_tf.units import tag_unit

SCALES = {1: 1, 2: 4}  # and how many times fewer sheets
TAGS = {  # metric: tag, with its unit
    "ks_statistic": "ks_statistic",
    "r2": "r2",
    "mae": "mae{unit}",
    "bias_in_sd": "bias_in_sd_of_labels",
}
TAG = {ENERGY_PER_AREA: "energy"}


class Judge:
    """Compare what is obtained and requested for fixed latents and labels, neither calibrated; sheets are repaired.

    Args:
        num_sheets: at the training size, a quarter of them at twice that.
        averaged: a network of the same kind, which the averages are copied to.
        data_set: the training data.
        labels: what is requested, of the training data.
        energy: what judges energies; None where nothing does, and conditions that hold one are not judged.
        seed: of labels and latents.
    """

    def __init__(
        self,
        num_sheets: int,
        averaged: LabelledGenerator,
        data_set: DataSet,
        labels: Labels,
        energy: EnergyFunction | None,
        seed: int,
    ) -> None:
        self.num_sheets, self.averaged, self.data_set, self.labels = num_sheets, averaged, data_set, labels
        self.energy, self.seed = energy, seed

    @property
    def judged(self) -> list[tuple[int, Condition, CellSum]]:
        """The conditions that can be told of sheets: number, condition, rule."""
        numbered = [(index, one, one.rule) for index, one in enumerate(self.labels.conditions) if one.rule is not None]
        return [one for one in numbered if self.energy is not None or not one[2].needs_energy]

    def judge(self, model: RUGAN) -> Page:
        """Return how what is obtained agrees with what was requested, at either size."""
        model.average.copy_to(self.averaged.generator)
        page = Page({}, {})
        for scale, fewer in SCALES.items():
            self.judge_scale(page, scale, fewer)
        return page

    def judge_scale(self, page: Page, scale: int, fewer: int) -> None:
        """Generate, repair, tell what sheets have, compare: scalars and a picture of every condition."""
        system, (rows, cols) = self.data_set.system, self.data_set.states.shape[1:]
        rng = np.random.default_rng([self.seed, scale])
        # Two at least: one sheet has no R².
        requested = self.labels.values[rng.choice(len(self.labels.values), max(2, self.num_sheets // fewer))]
        made = self.averaged.draw(requested, rows=scale * rows, cols=scale * cols, rng=rng)
        states = system.repair(made)
        energies = None
        if self.energy is not None:
            total = self.energy.energies(states, Work(f"judging {scale}x{scale}"))
            energies = system.energy_per_area(total, scale * rows, scale * cols)
        for index, condition, rule in self.judged:
            asked, obtained = requested[:, index], rule.values(states, energies)
            values = measured(asked, obtained, float(self.labels.values[:, index].std()))
            group = f"{TAG.get(condition.name, condition.name)}_{scale}x{scale}"
            unit = f"_{tag_unit(condition.unit)}" if condition.unit else ""
            page.scalars.update({f"{group}/{tag.format(unit=unit)}": values[name] for name, tag in TAGS.items()})
            page.scalars[f"{group}/valid_share"] = metrics.validity(system, made)
            figure = comparison_figure(ScaleSamples(scale, states, asked, obtained, made), values, condition)
            figure.set_size_inches(9.5, 4.2)  # TensorBoard shows it small
            page.pictures[f"{group}/obtained_against_requested"] = pixels(figure)


def measured(requested: NDArray[np.float64], obtained: NDArray[np.float64], spread: float) -> dict[str, float]:
    """Return how values obtained (n,) agree with those requested (n,), in their unit."""
    bias = metrics.bias(requested, obtained)
    return {
        "ks_statistic": metrics.ks_test(requested, obtained)[0],
        "r2": metrics.r2(requested, obtained),
        "mae": metrics.mae(requested, obtained),
        "bias": bias,
        "bias_in_sd": bias / spread,
    }


def judge_for(options: TrainOptions, averaged: LabelledGenerator, data_set: DataSet, labels: Labels) -> Judge | None:
    """Return the judge that the options name, by default the shipped EDNN where its energies are those of the data.

    None if no sheets shall be judged, or nothing can be told of them.
    """
    if not options.judge_sheets:
        return None
    judge = Judge(options.judge_sheets, averaged, data_set, labels, judging_energy(options, data_set), options.seed)
    return judge if judge.judged else None


def judging_energy(options: TrainOptions, data_set: DataSet) -> EnergyFunction | None:
    """Return what judges energies; None where nothing does."""
    origin = origin_in(data_set.metadata)
    if options.judge is not None:
        energy = energy_named(data_set.system, options.judge)
        require_agreement({"the data": origin, "the judge": energy.origin}, strict=options.strict)
        return energy
    if not has_shipped_ednn(data_set.system):
        return None
    energy = energy_named(data_set.system, EDNN)
    if disagreements({"the data": origin, "the judge": energy.origin}):
        return None  # of other energies it would tell nothing; --judge names one that does
    return energy
