"""Energies of generated sheets during a training. No gradient comes of it."""

import numpy as np
from numpy.typing import NDArray

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
from rugan_tf.train.gallery import Page
from rugan_tf.train.options import TrainOptions
from rugan_tf.train.rugan import RUGAN
from rugan_tf.units import tag_unit

SCALES = {1: 1, 2: 4}  # and how many times fewer sheets
TAGS = {  # metric: tag, with its unit
    "ks_statistic": "ks_statistic",
    "r2": "r2",
    "mae": "mae_{unit}",
    "bias_in_sd": "bias_in_sd_of_labels",
}


class Judge:
    """Compare energies obtained and requested for fixed latents and labels, neither calibrated; sheets are repaired.

    Args:
        num_sheets: at the training size, a quarter of them at twice that.
        averaged: a network of the same kind, which the averages are copied to.
        data_set: the training data.
        energy: what judges.
        seed: of labels and latents.
    """

    def __init__(
        self,
        num_sheets: int,
        averaged: LabelledGenerator,
        data_set: DataSet,
        energy: EnergyFunction,
        seed: int,
    ) -> None:
        self.num_sheets, self.averaged, self.data_set = num_sheets, averaged, data_set
        self.energy, self.seed = energy, seed

    def judge(self, model: RUGAN) -> Page:
        """Return how the energies obtained agree with those requested, at either size."""
        model.average.copy_to(self.averaged.generator)
        page = Page({}, {})
        for scale, fewer in SCALES.items():
            scalars, picture = self.judge_scale(scale, fewer)
            group = f"energy_{scale}x{scale}"
            page.scalars.update({f"{group}/{name}": value for name, value in scalars.items()})
            page.pictures[f"{group}/obtained_against_requested"] = picture
        return page

    def judge_scale(self, scale: int, fewer: int) -> tuple[dict[str, float], NDArray[np.uint8]]:
        """Generate, repair, compute energies, compare: scalars and a picture."""
        system, (rows, cols) = self.data_set.system, self.data_set.states.shape[1:]
        rng = np.random.default_rng([self.seed, scale])
        requested = rng.choice(self.data_set.energy_per_area, max(2, self.num_sheets // fewer))
        made = self.averaged.draw(requested, rows=scale * rows, cols=scale * cols, rng=rng)
        states = system.repair(made)
        obtained = system.energy_per_area(
            self.energy.energies(states, Work(f"judging {scale}x{scale}")), scale * rows, scale * cols
        )
        values = measured(requested, obtained, float(self.data_set.energy_per_area.std()))
        samples = ScaleSamples(scale, states, requested, obtained, made)
        unit = tag_unit(system.quantity.unit)
        scalars = {tag.format(unit=unit): values[name] for name, tag in TAGS.items()} | {
            "valid_share": metrics.validity(system, made)
        }
        figure = comparison_figure(samples, values, system.quantity)
        figure.set_size_inches(9.5, 4.2)  # TensorBoard shows it small
        return scalars, pixels(figure)


def measured(requested: NDArray[np.float64], obtained: NDArray[np.float64], spread: float) -> dict[str, float]:
    """Return how energies obtained (n,) agree with those requested (n,), in the unit of the system."""
    bias = metrics.bias(requested, obtained)
    return {
        "ks_statistic": metrics.ks_test(requested, obtained)[0],
        "r2": metrics.r2(requested, obtained),
        "mae": metrics.mae(requested, obtained),
        "bias": bias,
        "bias_in_sd": bias / spread,
    }


def judge_for(options: TrainOptions, averaged: LabelledGenerator, data_set: DataSet) -> Judge | None:
    """Return the judge that the options name, by default the shipped EDNN where its energies are those of the data.

    None if no sheets shall be judged, or there is no such EDNN.
    """
    if not options.judge_sheets:
        return None
    labels = origin_in(data_set.metadata)
    if options.judge is not None:
        energy = energy_named(data_set.system, options.judge)
        require_agreement({"the data": labels, "the judge": energy.origin}, strict=options.strict)
    elif not has_shipped_ednn(data_set.system):
        return None
    else:
        energy = energy_named(data_set.system, EDNN)
        if disagreements({"the data": labels, "the judge": energy.origin}):
            return None  # of other energies it would tell nothing; --judge names one that does
    return Judge(options.judge_sheets, averaged, data_set, energy, options.seed)
