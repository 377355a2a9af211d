"""Energies by SevenNet-0 (Park, Kim, Hwang, Han, 2024), trained on energies of the functional PBE (Materials Project).

Its weights come with its package, the extra mlip. Its ASE calculator computes forces with every energy, which takes
three times as long: here the network is asked for energies alone.
"""

import functools
import warnings
from typing import Any

from rugan_tf.extras import require_extra

MODEL = "7net-0"


def structure_energy(structure: Any) -> float:
    """Return the total energy of an `ase.Atoms`, eV, relative to what PBE calls 0.

    Raises:
        InputError: the extra mlip is not installed.
    """
    require_extra("mlip")
    import torch
    from sevenn import _keys
    from sevenn.atom_graph_data import AtomGraphData
    from sevenn.train.dataload import unlabeled_atoms_to_graph

    calculator = network()
    graph = AtomGraphData.from_numpy_dict(unlabeled_atoms_to_graph(structure, calculator.cutoff, with_shift=False))
    with torch.no_grad():
        return float(calculator.model(graph)[_keys.PRED_TOTAL_ENERGY].item())


@functools.cache
def network() -> Any:
    """Load the network once in a process, without the part that computes forces."""
    from sevenn.calculator import SevenNetCalculator

    with warnings.catch_warnings():  # of the accelerators that it does without
        warnings.simplefilter("ignore")
        calculator = SevenNetCalculator(MODEL, device="cpu")
    calculator.model.delete_module_by_key("force_output")
    return calculator
