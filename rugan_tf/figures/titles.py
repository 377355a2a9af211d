"""What stands above the sheets of a figure."""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.system import LatticeSystem


def energy_titles(
    system: LatticeSystem, requested: NDArray[np.floating], obtained: NDArray[np.floating] | None
) -> list[str]:
    """Return the energies of every sheet, (n,) each, with their unit; obtained ones where they are known."""
    unit = system.quantity.unit
    titles = [f"{value:.3f} {unit} requested" for value in requested]
    if obtained is None:
        return titles
    return [f"{title},\n{value:.3f} {unit} obtained" for title, value in zip(titles, obtained, strict=True)]
