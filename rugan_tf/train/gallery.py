"""Generated sheets beside real ones of the same energy, as a picture and as two numbers."""

import dataclasses

import keras
import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.labels import LabelScale
from rugan_tf.data.storage import DataSet
from rugan_tf.generate.drawing import draw_sheet
from rugan_tf.train.model import RUGAN
from rugan_tf.units import ENERGY_PER_AREA

QUANTILES = (0.02, 0.25, 0.5, 0.75, 0.98)
SHEETS_PER_LABEL = 16


@dataclasses.dataclass(frozen=True)
class GalleryPage:
    """What one look at the generator gives: a uint8 (height, width, 3) picture, and scalars by their tags."""

    picture: NDArray[np.uint8]
    scalars: dict[str, float]


class Gallery:
    """Sheets of the averaged generator at fixed latents and at energies over the whole range of the data.

    Args:
        generator: a network of the same kind, which the averages are copied to.
        data_set: the training data.
        scale: of its labels.
        seed: of the latents.
    """

    def __init__(self, generator: keras.Model, data_set: DataSet, scale: LabelScale, seed: int) -> None:
        self.generator, self.data_set = generator, data_set
        self.energies = np.quantile(data_set.energy_per_area, QUANTILES)
        rows, cols = data_set.states.shape[1:]
        count = len(self.energies) * SHEETS_PER_LABEL
        rng = np.random.default_rng(seed)
        latent = rng.normal(size=(count, rows // 2, cols // 2, generator.latent_channels)).astype(np.float32)
        label = np.tile(scale.label(self.energies), SHEETS_PER_LABEL)
        self.inputs = {"latent": latent, "label": np.broadcast_to(label[:, None, None], latent.shape[:3])}

    def draw(self, model: RUGAN) -> GalleryPage:
        """Generate with the averaged weights of `model` and draw the first sheet of every energy."""
        model.average.copy_to(self.generator)
        probabilities = keras.ops.convert_to_numpy(self.generator(self.inputs, training=False))
        states = probabilities.argmax(axis=-1).astype(np.uint8)
        system = self.data_set.system
        atoms = system.num_atoms(states)
        removed = atoms - system.num_atoms(system.repair(states))
        scalars = {
            "sheets/valid_share": float(system.is_valid(states).mean()),
            "sheets/dangling_share_of_atoms": float(removed.sum() / max(1, atoms.sum())),
        }
        return GalleryPage(self.picture(states[: len(self.energies)]), scalars)

    def picture(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return real sheets above generated ones, uint8 (height, width, 3)."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(3 * len(self.energies), 6.6), dpi=80, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.subplots(2, len(self.energies), squeeze=False)
        nearest = [int(np.abs(self.data_set.energy_per_area - energy).argmin()) for energy in self.energies]
        for column, energy in enumerate(self.energies):
            draw_sheet(axes[0, column], self.data_set.system, self.data_set.states[nearest[column]])
            draw_sheet(axes[1, column], self.data_set.system, states[column])
            axes[0, column].set_title(f"real, {self.data_set.energy_per_area[nearest[column]]:.2f} {ENERGY_PER_AREA}")
            axes[1, column].set_title(f"generated for {energy:.2f} {ENERGY_PER_AREA}")
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()
