"""The folder of a comparison: figures, then mesoscale.json."""

from pathlib import Path

from rugan_tf import files
from rugan_tf.config import to_json
from rugan_tf.evaluate.mesoscale.comparison import MesoscaleComparison
from rugan_tf.evaluate.mesoscale.content import as_content
from rugan_tf.evaluate.mesoscale.figure import mesoscale_figure
from rugan_tf.evaluate.mesoscale.options import MesoscaleOptions
from rugan_tf.evaluate.metrics import defined
from rugan_tf.figures.style import write_figure


def write_comparisons(folder: Path, found: dict[int, list[MesoscaleComparison]], options: MesoscaleOptions) -> None:
    """Write the figure of each scale and, last of all, mesoscale.json."""
    for scale, comparisons in found.items():
        write_figure(folder / f"mesoscale_{scale}x{scale}.png", mesoscale_figure(comparisons))
    scales = {f"{scale}x{scale}": [as_content(one) for one in comparisons] for scale, comparisons in found.items()}
    files.write_json(folder / "mesoscale.json", defined({"options": to_json(options), "scales": scales}))
