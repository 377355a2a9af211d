"""Sheets drawn to scale: atoms, and bonds that are cut at the border of the periodic cell."""

import itertools
import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.figures.states import COLOURS as STATE_COLOURS
from rugan_tf.figures.states import draw_states
from rugan_tf.figures.style import BLUE, GREEN, LABEL, ORANGE, VERMILION, new_figure
from rugan_tf.figures.titles import energy_titles
from rugan_tf.systems.system import LatticeSystem

BOND_TOLERANCE = 1.15  # atoms closer than this times the sum of their covalent radii are drawn bonded
ATOM_DIAMETER, BOND_WIDTH = 0.7, 0.3  # Å
COLOURS = ("#333333", VERMILION, BLUE, GREEN, ORANGE)  # of the elements of a material, as its states name them
MOST_SHOWN = 9
MOST_MARKS = 9  # as many as there are colours of states


def draw_sheet(axes: Axes, system: LatticeSystem, states: NDArray[np.uint8]) -> None:
    """Draw one sheet, its atoms or else its states, into `axes`, whose limits become its periodic cell, to one scale.

    Bonds are drawn between atoms that are close, whatever the lattice. The width of a bond follows from the
    size that the axes have now: place them first.

    Args:
        axes: where to draw.
        system: the material; its cells are rectangular in the plane.
        states: uint8 (rows, cols).
    """
    lengths = system.lattice.cell_lengths(*states.shape)
    axes.set(xlim=(0, lengths[0]), ylim=(0, lengths[1]), aspect="equal")
    axes.set_xlabel(f"x ({system.length_unit})")
    axes.set_ylabel(f"y ({system.length_unit})")
    if system.atoms is None:
        draw_states(axes, system, states)
        return
    structure = system.structure(states)
    if not len(structure):
        return

    from ase.data import covalent_radii

    radii = covalent_radii[structure.numbers] * BOND_TOLERANCE
    positions, origin = with_images(structure.positions[:, :2] % lengths, lengths, 2 * radii.max())
    pairs = bonded_pairs(positions, radii[origin])
    cell = Rectangle((0, 0), *lengths, transform=axes.transData)
    width = max(0.2, BOND_WIDTH * points_per_length(axes, lengths))
    bonds = LineCollection(list(positions[pairs]), colors="#888888", linewidths=width, zorder=2)
    bonds.set_clip_path(cell)
    axes.add_collection(bonds, autolim=False)
    for symbol, colour in zip(elements_of(system), itertools.cycle(COLOURS), strict=False):
        chosen = positions[structure.symbols[origin] == symbol]
        size = np.full(len(chosen), ATOM_DIAMETER)
        atoms = EllipseCollection(
            size, size, np.zeros(len(chosen)), units="xy", offsets=chosen, offset_transform=axes.transData,
            facecolors=colour, linewidths=0, zorder=3,
        )  # fmt: skip
        atoms.set_clip_path(cell)
        axes.add_collection(atoms, autolim=False)


def elements_of(system: LatticeSystem) -> list[str]:
    """Return the elements of a material in the order in which its states name them.

    Colours follow from it, so that an element has the same in every sheet, whatever else is there.
    """
    return list(dict.fromkeys(symbol for state in system.species for symbol in state if symbol is not None))


def marks_of(system: LatticeSystem) -> list[Line2D]:
    """Return a mark for each element of a material, or else for each state, with its colour and its name."""
    is_of_atoms = system.atoms is not None
    states = [" ".join(name or "-" for name in state) for state in system.species]
    names, marker = (elements_of(system), "o") if is_of_atoms else (states, "s")
    colours = itertools.cycle(COLOURS if is_of_atoms else STATE_COLOURS)
    return [
        Line2D([], [], color=colour, linestyle="", marker=marker, label=name)
        for name, colour in zip(names, colours, strict=False)
    ]


def name_marks(
    figure: Figure,
    system: LatticeSystem,
    place: Literal["outside lower center", "lower right"] = "outside lower center",
) -> None:
    """Write at the border of a figure of sheets which colour is what, where a material has several."""
    marks = marks_of(system)
    if 1 < len(marks) <= MOST_MARKS:
        figure.legend(handles=marks, loc=place, ncols=len(marks), frameon=False)


def with_images(
    positions: NDArray[np.float64], lengths: NDArray[np.float64], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return positions and then their periodic images within `reach` of the cell, and whose images they are.

    Args:
        positions: (n, 2), within the cell, Å.
        lengths: periods (2,), Å.
        reach: at most the shorter period, Å.

    Returns:
        Positions (m, 2) in Å and indices (m,) of the atoms, both with m >= n.
    """
    placed, origin = [positions], [np.arange(len(positions))]
    for shift in ((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0)):
        images = positions + np.array(shift) * lengths
        is_near = ((images >= -reach) & (images <= lengths + reach)).all(axis=1)
        placed.append(images[is_near])
        origin.append(np.flatnonzero(is_near))
    return np.concatenate(placed), np.concatenate(origin)


def bonded_pairs(positions: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the pairs (p, 2) of atoms that are closer than the sum of their radii."""
    from scipy.spatial import cKDTree

    # Within the largest sum of radii first: a tree knows one distance for all.
    pairs = cKDTree(positions).query_pairs(2 * radii.max(), output_type="ndarray")
    first, second = pairs.T
    distance = np.linalg.norm(positions[first] - positions[second], axis=1)
    return pairs[distance <= radii[first] + radii[second]]


def points_per_length(axes: Axes, lengths: NDArray[np.float64]) -> float:
    """Return how many points one Å takes in axes of their present place."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise InputError("axes must belong to a figure. Received: axes without one")
    box = axes.get_position(original=True)
    inches = np.array([box.width, box.height]) * figure.get_size_inches()
    return float((72 * inches / lengths).min())


def sheets_figure(
    system: LatticeSystem,
    states: NDArray[np.uint8],
    energy_per_area_requested: NDArray[np.floating],
    energy_per_area_obtained: NDArray[np.floating] | None = None,
) -> Figure:
    """Draw up to nine sheets in a grid, titled by their energies; a note says if there are more.

    Args:
        system: the material.
        states: uint8 (n, rows, cols).
        energy_per_area_requested: (n,), in the unit of the system.
        energy_per_area_obtained: (n,), in the unit of the system, where it is known.
    """
    titles = energy_titles(system, energy_per_area_requested, energy_per_area_obtained)
    return titled_figure(system, states, titles)


def titled_figure(system: LatticeSystem, states: NDArray[np.uint8], titles: list[str]) -> Figure:
    """Draw up to nine of the sheets (n, rows, cols) in a grid, each below its title; a note says if there are more."""
    shown = min(len(states), MOST_SHOWN)
    num_cols = math.ceil(math.sqrt(shown))
    num_rows = math.ceil(shown / num_cols)
    lengths = system.lattice.cell_lengths(*states.shape[1:])
    longest = max(3.2 if shown > 1 else 4.0, min(0.09 * lengths.max(), 12.0 / num_cols))  # inches of a sheet
    width, height = longest * lengths / lengths.max()
    figure = new_figure(num_cols * (max(width, 2.4) + 0.9), num_rows * (height + 1.1) + 0.4)
    for index in range(shown):
        axes = figure.add_subplot(num_rows, num_cols, index + 1)
        draw_sheet(axes, system, states[index])
        axes.set_title(titles[index], fontsize=LABEL)
    name_marks(figure, system)
    if shown < len(states):
        figure.suptitle(f"the first {shown} of {len(states)} sheets", fontsize=12)
    return figure
