"""What a generator looks like during its training: sheets beside real ones of the same energy, and a large one."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

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
    """Sheets of the averaged generator at fixed latents and at energies over the whole range of the data.

    Args:
        averaged: a network of the same kind, which the averages are copied to.
        data_set: the training data.
        seed: of the latents.
    """

    def __init__(self, averaged: LabelledGenerator, data_set: DataSet, seed: int) -> None:
        self.averaged, self.data_set, self.seed = averaged, data_set, seed
        self.unit = data_set.system.quantity.unit
        self.energies = np.quantile(data_set.energy_per_area, QUANTILES)

    def generate(self, model: RUGAN, energies: NDArray[np.float64], times: int = 1) -> NDArray[np.uint8]:
        """Generate one sheet for each energy (n,), with the averaged weights of `model`, not repaired.

        Returns: uint8 (n, times rows, times cols).
        """
        model.average.copy_to(self.averaged.generator)
        rows, cols = (times * length for length in self.data_set.states.shape[1:])
        # The same latents at every look: what changes in the pictures is the generator.
        rng = np.random.default_rng(self.seed)
        return self.averaged.draw(energies, rows=rows, cols=cols, rng=rng)

    def draw(self, model: RUGAN) -> Page:
        """Draw one sheet of every energy below a real one; shares of a few dozen sheets."""
        states = self.generate(model, np.tile(self.energies, SHEETS_PER_LABEL))
        system = self.data_set.system
        scalars = {
            "sheets/valid_share": float(system.is_valid(states).mean()),
            "sheets/dangling_share_of_atoms": float(np.nan_to_num(metrics.removed_share(system, states))),
        }
        return Page(scalars, {"sheets/real_above_generated": self.picture(states[: len(self.energies)])})

    def draw_large(self, model: RUGAN) -> Page:
        """Draw a large sheet of the median energy, with the training size marked, beside a real one."""
        energy = self.energies[len(self.energies) // 2]
        nearest = int(np.abs(self.data_set.energy_per_area - energy).argmin())
        sheets = self.generate(model, np.array([energy]), LARGE)[0], self.data_set.states[nearest]
        lengths = [self.data_set.system.lattice.cell_lengths(*sheet.shape) for sheet in sheets]
        figure, large, small = side_by_side(*lengths)
        for axes, sheet in zip((large, small), sheets, strict=True):
            draw_sheet(axes, self.data_set.system, sheet)
        # Not repaired: what is wrong with a generator is to be seen, not what the rule makes of it.
        large.set_title(f"generated for {energy:.2f} {self.unit}, before repair", fontsize=LABEL)
        small.set_title(f"real: {self.data_set.energy_per_area[nearest]:.2f} {self.unit}", fontsize=LABEL)
        mark_size(large, *lengths[1], unit=self.data_set.system.length_unit)
        return Page({}, {"sheets/large_with_training_size": pixels(figure)})

    def picture(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return real sheets above generated ones, uint8 (height, width, 3)."""
        figure = new_figure(2.3 * len(self.energies), 5.4, padding=0.04)
        axes = figure.subplots(2, len(self.energies), squeeze=False)
        nearest = [int(np.abs(self.data_set.energy_per_area - energy).argmin()) for energy in self.energies]
        for column, energy in enumerate(self.energies):
            draw_sheet(axes[0, column], self.data_set.system, self.data_set.states[nearest[column]])
            draw_sheet(axes[1, column], self.data_set.system, states[column])
            axes[0, column].set_title(f"real, {self.data_set.energy_per_area[nearest[column]]:.2f} {self.unit}")
            axes[1, column].set_title(f"generated for\n{energy:.2f} {self.unit}")
        return pixels(figure)
