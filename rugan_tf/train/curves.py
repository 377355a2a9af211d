"""The curves of a training as a table and a picture, read from what it wrote for TensorBoard."""

import csv
import itertools
from pathlib import Path

from matplotlib.figure import Figure

from rugan_tf import files
from rugan_tf.figures.style import CURVES, LABEL, LEGEND, new_figure, write_figure

STEP = "generator_updates"
PANELS = {  # title with unit: tags
    "scores (no unit)": ("critic/wasserstein_estimate", "critic/loss", "generator/loss"),
    "terms of the critic's loss (no unit)": ("critic/gradient_penalty", "critic/consistency_term"),
    "what repair removes (share of atoms)": ("sheets/dangling_share_of_atoms",),
    "valid sheets before repair (share)": ("sheets/valid_share",),
}
R2, KS = "/r2", "/ks_statistic"  # how tags of judged sheets end; before it stand the condition and the scale


def write_curves(run_dir: Path) -> tuple[Path, Path]:
    """Write curves.csv and curves.png in a run folder, and return their paths.

    Raises:
        FileNotFoundError: the run has written nothing for TensorBoard.
    """
    curves = read_curves(run_dir / "tensorboard")
    table, picture = run_dir / "curves.csv", run_dir / "curves.png"
    with files.replacing(table) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([STEP, *curves])
        # Tags are written at different intervals: a step has what there is of it, and empty cells.
        for step in sorted({step for values in curves.values() for step in values}):
            writer.writerow(
                [step, *(format(values[step], ".6g") if step in values else "" for values in curves.values())]
            )
    write_figure(picture, curves_figure(curves))
    return table, picture


def read_curves(folder: Path) -> dict[str, dict[int, float]]:
    """Return value by step by tag; of a step that was written twice, after a resumption, the later value."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    if not folder.is_dir():
        raise FileNotFoundError(f"A run must have written scalars for TensorBoard. Received: no {folder}")
    # 0 for all of them; by default a sample is read.
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 1})
    events.Reload()
    tags = [
        tag
        for tag in sorted(events.Tags()["tensors"])
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    ]
    if not tags:
        raise FileNotFoundError(f"A run must have written scalars for TensorBoard. Received: {folder}")
    return {tag: {event.step: float(make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)} for tag in tags}


def curves_figure(curves: dict[str, dict[int, float]]) -> Figure:
    """Draw the panels whose tags there are: errors of judged sheets first, then losses and sheets."""
    errors = {tag: {step: 1 - value for step, value in curves[tag].items()} for tag in curves if tag.endswith(R2)}
    drawn = {
        "judged sheets: 1 - R² of obtained against requested": errors,
        "judged sheets: Kolmogorov-Smirnov D": {tag: curves[tag] for tag in curves if tag.endswith(KS)},
        **{title: {tag: curves[tag] for tag in tags if tag in curves} for title, tags in PANELS.items()},
    }
    panels = {title: lines for title, lines in drawn.items() if lines}
    num_rows = -(-len(panels) // 2)
    figure = new_figure(11, 3.5 * num_rows)
    axes_grid = figure.subplots(num_rows, 2, squeeze=False, sharex=True)
    for axes, (title, lines) in zip(axes_grid.flat, panels.items(), strict=False):
        for colour, (tag, values) in zip(itertools.cycle(CURVES), lines.items(), strict=False):
            axes.plot(*zip(*sorted(values.items()), strict=True), color=colour, label=in_words(tag), linewidth=1.5)
        if lines is errors:
            axes.set_yscale("log")  # from a tenth to a thousandth in one training
        axes.set_title(title, fontsize=LABEL)
        axes.set_xlabel("generator updates")
        axes.xaxis.set_tick_params(labelbottom=True)  # where the panel below is left out, too
        axes.grid(alpha=0.3)
        axes.legend(fontsize=LEGEND)
    for axes in axes_grid.flat[len(panels) :]:
        axes.set_visible(False)
    return figure


def in_words(tag: str) -> str:
    """Return a tag of TensorBoard as a legend says it; what is judged is told by the title of its panel.

    >>> in_words("energy_1x1/r2"), in_words("critic/gradient_penalty")
    ('energy 1x1', 'critic: gradient penalty')
    """
    return tag.removesuffix(R2).removesuffix(KS).replace("/", ": ").replace("_", " ")
