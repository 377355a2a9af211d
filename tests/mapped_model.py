"""An exported model that has learnt from maps, with weights set by hand instead of hours of training."""

import runpy
from pathlib import Path

import numpy as np

from rugan_tf.export.saved_model import export_run
from rugan_tf.networks.generator import Generator
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.map_statistics import MapStatistics
from rugan_tf.saved.model_card import ModelCard, write_run_card

TESTS = Path(__file__).parent
CHANNELS = 2
WIDTH = 4
MAX_CELLS = 8_000
FEEDBACK = 3


def build_generator() -> Generator:
    """Build a generator of full cells and empty ones, more empty ones the higher the label, but too few of them.

    Small numbers in all convolutions make a cell depend on all that it may depend on.
    """
    generator = Generator(width=WIDTH, latent_channels=CHANNELS)
    generator.build()
    rng = np.random.default_rng(3)
    for weight in generator.weights:
        if len(weight.shape) == 4:
            weight.assign(0.1 * rng.normal(size=weight.shape))
    shortcut = np.zeros((1, 1, CHANNELS + 1, 4))
    shortcut[0, 0, :, 0] = 1.0, 0.3, 0.3  # noise, noise, label
    generator.blocks[0].shortcut.kernel.assign(shortcut - shortcut[..., ::-1])  # channel 3 is channel 0 with a minus
    generator.blocks[0].shortcut.bias.assign([-0.4, 0, 0, 0.4])
    last = np.zeros((3, 3, 4, 4))
    last[..., 0, 0] = last[..., 3, 3] = 0.1
    last[1, 1, 0, 0] = last[1, 1, 3, 3] = 1.0
    generator.convolution.kernel.assign(last + 0.05 * rng.normal(size=last.shape))
    generator.convolution.bias.assign([0, -1, -1, 0])
    return generator


def map_statistics() -> MapStatistics:
    """Statistics of maps as those of a material of this model may be."""
    return runpy.run_path(str(TESTS / "generate" / "map_statistics.py"))["statistics"](noise=0.1)


def save_mapped_model(folder: Path, *, has_maps: bool = True, max_cells: int = MAX_CELLS) -> Path:
    """Train nothing, export with an EDNN inside, and return the base folder of the model."""
    ednn = runpy.run_path(str(TESTS / "ednn" / "tiny_ednn.py"))["save_ednn"](folder / "ednn")
    card = ModelCard(
        system="porous_graphene",
        rows=14,
        cols=16,
        latent_channels=CHANNELS,
        label_scale=LabelScale(-2.0, 0.5),
        energy_range=(-3.0, -1.0),
        energy_metadata={"energy": "made-up"},
        training={"width": WIDTH},
        map_statistics=map_statistics() if has_maps else None,
    )
    run_dir = folder / "run"
    (run_dir / "model").mkdir(parents=True)
    write_run_card(run_dir, card)
    build_generator().save(run_dir / "model" / "generator.keras")
    return export_run(run_dir, folder / "model", max_cells, ednn, feedback=FEEDBACK).parent
