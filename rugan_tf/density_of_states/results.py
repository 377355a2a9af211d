"""Densities of states of many sheets as one compressed .npz."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.formats.npz import read_arrays

Floats = NDArray[np.float64]
NOT_COUNTED = -1  # of integers that were not or cannot be computed


@dataclasses.dataclass(frozen=True)
class LocalDensities:
    """Local densities of states of many sheets, states per eV and atom of the class, both spins.

    Attributes:
        density: float32; by distance (n, num_distances, m), by site (atoms of all sheets, m).
        distance: float64 (num_distances,), Å from the nearest edge, upper ends of the classes; the last is inf. Of
            sites (atoms of all sheets,): the distance of each.
        num_atoms: int64; by distance (n, num_distances), by site (n,): the atoms behind each density.
    """

    density: NDArray[np.float32]
    distance: Floats
    num_atoms: NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class DensityResults:
    """What is known of n sheets at m energies.

    Attributes:
        energy: float64 (m,), eV relative to the Fermi level of each sheet.
        density: float64 (n, m), states per eV and atom, both spins.
        density_sigma: the same of the sigma block; zero where the model has none.
        density_pi: the same of the pi block.
        density_error: float64 (n, m), standard error of `density`; zero of exact levels, NaN of one random vector.
        fermi_level: float64 (n,), eV.
        gap: float64 (n,), eV, between the highest filled and the lowest empty level; NaN where levels are not known.
        resolution: float64 (n, 2), standard deviation of a level of the sigma and of the pi block, eV.
        num_atoms: int64 (n,).
        num_zero_modes: int64 (n,), levels within 1e-6 eV of zero of the nearest-neighbour pi model; -1: not counted.
        sublattice_imbalance: int64 (n,), |N_A - N_B|, which the zero modes are at least; -1 for rings of odd length.
        unmatched_atoms: int64 (n,), atoms that no pairing of neighbours pairs: a lower bound, too, and a better one.
        state_energy: float64 (n, s), eV relative to the Fermi level, of pi states next to it, at Gamma.
        participation: float64 (n, s), over how many atoms each of these states spreads.
        local_density: local densities, or None.
        metadata: JSON content.
    """

    energy: Floats
    density: Floats
    density_sigma: Floats
    density_pi: Floats
    density_error: Floats
    fermi_level: Floats
    gap: Floats
    resolution: Floats
    num_atoms: NDArray[np.int64]
    num_zero_modes: NDArray[np.int64]
    sublattice_imbalance: NDArray[np.int64]
    unmatched_atoms: NDArray[np.int64]
    state_energy: Floats
    participation: Floats
    local_density: LocalDensities | None
    metadata: dict[str, Any]


LOCAL_NAMES = {field.name: f"local_{field.name}" for field in dataclasses.fields(LocalDensities)}
ARRAYS = tuple(
    field.name for field in dataclasses.fields(DensityResults) if field.name not in ("local_density", "metadata")
)


def write_results(path: Path, results: DensityResults) -> None:
    """Write all arrays by their names, local ones as local_density, local_distance, local_num_atoms; compressed."""
    arrays = {name: getattr(results, name) for name in ARRAYS}
    if results.local_density is not None:
        arrays |= {key: getattr(results.local_density, name) for name, key in LOCAL_NAMES.items()}
    with files.replacing(path) as temporary:
        np.savez_compressed(temporary, **arrays, metadata=np.array(json.dumps(results.metadata)))


def read_results(path: Path | str) -> DensityResults:
    """Read densities of states.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is damaged or lacks an array.
    """
    arrays = read_arrays(path, (*ARRAYS, "metadata"))
    metadata = json.loads(str(arrays.pop("metadata")))
    local = None
    if metadata["options"]["local"] != "none":
        kept = read_arrays(path, tuple(LOCAL_NAMES.values()))
        local = LocalDensities(**{name: kept[key] for name, key in LOCAL_NAMES.items()})
    return DensityResults(**arrays, local_density=local, metadata=metadata)
