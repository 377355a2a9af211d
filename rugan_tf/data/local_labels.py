"""Where in sheets their energy is, as an EDNN sees it."""

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.energies.ednn import EdnnEnergy
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.system import LatticeSystem

CELLS_PER_CALL = 2**18


def local_labels(
    states: NDArray[np.uint8], system: LatticeSystem, ednn: EdnnEnergy, scale: LabelScale
) -> NDArray[np.float32]:
    """Return the standardised label of every tile, float32 (n, rows/period, cols/period), as an EDNN sees sheets.

    Args:
        states: uint8 (n, rows, cols).
        system: the material.
        ednn: with the signature `local_energy`.
        scale: of the labels.

    Raises:
        InputError: an EDNN that was exported before it could tell local energies.
    """
    size = max(1, CELLS_PER_CALL // states[0].size)
    parts = []
    for start in tqdm(range(0, len(states), size), desc="local energies", unit="call", disable=len(states) <= size):
        encoding = np.eye(system.num_states, dtype=np.float32)[states[start : start + size]]
        parts.append(ednn.local_energies(encoding))
    # A tile of an EDNN is a period of the lattice.
    per_area = np.concatenate(parts) / system.extent(system.row_period, system.col_period)
    return np.asarray(scale.label(per_area), dtype=np.float32)
