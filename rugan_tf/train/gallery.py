"""What a generator looks like during its training: sheets beside real ones of the same energy, and a large one."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.conditions import Labels
from rugan_tf.evaluate import metrics
from rugan_tf.figures.sheets import draw_sheet
from rugan_tf.figures.side_by_side import mark_size, side_by_side
from rugan_tf.figures.style import LABEL, new_figure, pixels
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.from_generator import LabelledGenerator
from rugan_tf.train.rugan import RUGAN

QUANTILES = (0.02, 0.25, 0.5, 0.75, 0.98)
SHEETS_PER_LABEL = 16
LARGE = 4  # times the training size, along rows and columns


@dataclasses.dataclass(frozen=True)
class Page:
    """What one look at the generator gives: scalars, and uint8 (height, width, 3) pictures, by their tags."""

    scalars: dict[str, float]
    pictures: dict[str, NDArray[np.uint8]]


class Gallery:
    """Sheets of the averaged generator at fixed latents, asked for what sheets over the range of the data have.

    Args:
        averaged: a network of the same kind, which the averages are copied to.
        data_set: the training data.
        labels: what the generator is asked for, of the training data.
        seed: of the latents.
    """

    def __init__(self, averaged: LabelledGenerator, data_set: DataSet, labels: Labels, seed: int) -> None:
        self.averaged, self.data_set, self.labels, self.seed = averaged, data_set, labels, seed
        # Real sheets at quantiles of the first condition: what they have together is something that sheets can have.
        order = np.argsort(labels.values[:, 0], kind="stable")
        self.real = order[np.rint(np.array(QUANTILES) * (len(order) - 1)).astype(int)]

    def generate(self, model: RUGAN, requested: NDArray[np.float64], times: int = 1) -> NDArray[np.uint8]:
        """Generate one sheet for each request (n, conditions), with the averaged weights of `model`, not repaired.

        Returns: uint8 (n, times rows, times cols).
        """
        model.average.copy_to(self.averaged.generator)
        rows, cols = (times * length for length in self.data_set.states.shape[1:])
        # The same latents at every look: what changes in the pictures is the generator.
        rng = np.random.default_rng(self.seed)
        return self.averaged.draw(requested, rows=rows, cols=cols, rng=rng)

    def draw(self, model: RUGAN) -> Page:
        """Draw a sheet below each of a few real ones, asked for what that has; shares of a few dozen sheets."""
        states = self.generate(model, np.tile(self.labels.values[self.real], (SHEETS_PER_LABEL, 1)))
        system = self.data_set.system
        scalars = {
            "sheets/valid_share": float(system.is_valid(states).mean()),
            "sheets/dangling_share_of_atoms": float(np.nan_to_num(metrics.removed_share(system, states))),
        }
        return Page(scalars, {"sheets/real_above_generated": self.picture(states[: len(self.real)])})

    def draw_large(self, model: RUGAN) -> Page:
        """Draw a large sheet asked for what a median real one has, the training size marked, beside that."""
        middle = self.real[len(self.real) // 2]
        sheets = self.generate(model, self.labels.values[[middle]], LARGE)[0], self.data_set.states[middle]
        lengths = [self.data_set.system.lattice.cell_lengths(*sheet.shape) for sheet in sheets]
        figure, large, small = side_by_side(*lengths)
        for axes, sheet in zip((large, small), sheets, strict=True):
            draw_sheet(axes, self.data_set.system, sheet)
        # Not repaired: what is wrong with a generator is to be seen, not what the rule makes of it.
        large.set_title(f"generated for {self.told(middle)}, before repair", fontsize=LABEL)
        small.set_title(f"real: {self.told(middle)}", fontsize=LABEL)
        mark_size(large, *lengths[1], unit=self.data_set.system.length_unit)
        return Page({}, {"sheets/large_with_training_size": pixels(figure)})

    def picture(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return real sheets above generated ones, uint8 (height, width, 3)."""
        figure = new_figure(2.3 * len(self.real), 5.4, padding=0.04)
        axes = figure.subplots(2, len(self.real), squeeze=False)
        for column, index in enumerate(self.real):
            draw_sheet(axes[0, column], self.data_set.system, self.data_set.states[index])
            draw_sheet(axes[1, column], self.data_set.system, states[column])
            axes[0, column].set_title(f"real, {self.told(index)}")
            axes[1, column].set_title(f"generated for\n{self.told(index)}")
        return pixels(figure)

    def told(self, index: int) -> str:
        """Return what a sheet of the data has of each condition, with units, a line for each."""
        pairs = zip(self.labels.conditions, self.labels.values[index], strict=True)
        if len(self.labels.conditions) == 1:
            return " ".join(f"{value:.2f} {condition.unit}".rstrip() for condition, value in pairs)
        return "\n".join(f"{condition.words} {value:.3f} {condition.unit}".rstrip() for condition, value in pairs)
