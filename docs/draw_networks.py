"""Draw docs/networks.png: generator, critic and EDNN, with the sizes that the networks themselves give.

python docs/draw_networks.py
"""

import argparse
from pathlib import Path

from matplotlib.patches import FancyBboxPatch

from rugan_tf.figures.style import BLUE, GREEN, GREY, LABEL, LEGEND, ORANGE, TITLE, VERMILION, new_figure, write_figure
from rugan_tf.networks.critic import Critic
from rugan_tf.networks.ednn import EDNN
from rugan_tf.networks.generator import Generator

ROWS, COLS, STATES = 14, 16, 4
STEP, WIDTH, HEIGHT = 1.75, 1.35, 0.8
COLOURS = {"in": GREY, "block": BLUE, "normal": ORANGE, "out": GREEN, "mean": VERMILION}


def generator_boxes():
    """Return the boxes of the paper's generator: kind, words, shape of what comes out."""
    network = Generator(width=128, num_states=STATES)
    shape = (None, ROWS // 2, COLS // 2, network.latent_channels + 1)
    boxes = [("in", f"{network.latent_channels} Gaussian\n+ 1 label", shape)]
    for number, block in enumerate(network.blocks, 1):
        shape = block.compute_output_shape(shape)
        twice = ",\ntwice as large" if block.upsampling != (1, 1) else ""
        boxes.append(("block", f"residual\nblock {number}{twice}", shape))
    boxes.append(("normal", "batch norm.,\nReLU", shape))
    shape = network.convolution.compute_output_shape(shape)
    return [*boxes, ("block", "periodic\n3x3", shape), ("out", "softmax over\nthe states", shape)]


def critic_boxes():
    """Return the boxes of the paper's critic."""
    network = Critic(width=128, num_states=STATES)
    rows, cols = (size // period for size, period in zip((ROWS, COLS), network.period, strict=True))
    channels = STATES * network.period[0] * network.period[1]
    shape = (None, rows, cols, channels + 1)
    boxes = [
        ("in", "one-hot sheet", (None, ROWS, COLS, STATES)),
        ("in", "periods folded\n+ 1 label", shape),
    ]
    for number, block in enumerate(network.blocks, 1):
        shape = block.compute_output_shape(shape)
        boxes.append(("block", f"residual\nblock {number},\ndropout", shape))
    return [*boxes, ("mean", "mean over\nthe sheet", (None, shape[-1])), ("out", "linear:\nscore", (None, 1))]


def ednn_boxes():
    """Return the boxes of the EDNN."""
    network = EDNN(num_states=STATES, period=(1, 2))
    tiles = network.tile_network
    rows, cols = (size // period for size, period in zip((ROWS, COLS), network.period, strict=True))
    return [
        ("in", "one-hot sheet", (None, ROWS, COLS, STATES)),
        ("in", "periods folded", (None, rows, cols, 2 * STATES)),
        ("block", f"{tiles.context} periodic 3x3\nwith skips", (None, rows, cols, tiles.width)),
        ("block", "1x1, 1x1", (None, rows, cols, 1)),
        ("normal", "+ energy of\neach state", (None, rows, cols, 1)),
        ("out", "sum over\nall tiles", (None, 1)),
    ]


def draw_row(axes, y, title, boxes):
    """Draw one network from left to right."""
    axes.text(0, y + 0.95, title, fontsize=TITLE, weight="bold", va="bottom")
    for index, (kind, words, shape) in enumerate(boxes):
        x = STEP * index
        patch = FancyBboxPatch(
            (x, y), WIDTH, HEIGHT, boxstyle="round,pad=0.04", facecolor="white", edgecolor=COLOURS[kind], linewidth=2
        )
        axes.add_patch(patch)
        axes.text(x + WIDTH / 2, y + HEIGHT / 2, words, ha="center", va="center", fontsize=LEGEND)
        size = " x ".join(str(length) for length in shape[1:])
        axes.text(x + WIDTH / 2, y - 0.12, size, ha="center", va="top", fontsize=LABEL, color=GREY)
        if index:
            axes.annotate(
                "",
                (x - 0.05, y + HEIGHT / 2),
                (x - STEP + WIDTH + 0.05, y + HEIGHT / 2),
                arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 1.5},
            )


def main():
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("networks.png"))
    figure = new_figure(13.5, 7.2)
    axes = figure.subplots()
    axes.set(xlim=(-0.2, 7 * STEP), ylim=(-0.6, 6.0), aspect="equal")
    axes.set_axis_off()
    draw_row(axes, 4.4, "Generator", generator_boxes())
    draw_row(axes, 2.2, "Critic", critic_boxes())
    draw_row(axes, 0.0, "EDNN", ednn_boxes())
    write_figure(parser.parse_args().out, figure)


if __name__ == "__main__":
    main()
