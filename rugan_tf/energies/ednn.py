"""Energies by an EDNN's SavedModel."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

import rugan_tf
from rugan_tf.energies.function import Work
from rugan_tf.energies.origin import origin_of
from rugan_tf.errors import InputError
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.system import LatticeSystem

EDNN = "ednn"
SAVED_MODELS = Path(rugan_tf.__file__).parents[1] / "saved_models"
CELLS_PER_CALL = 2**17


@dataclass(frozen=True)
class EdnnEnergy:
    """Energies by an EDNN, many sheets at once.

    Args:
        folder: version folder of a SavedModel with the signature `energy`.
    """

    folder: Path

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """What the training wrote about the EDNN."""
        return json.loads((self.folder / "assets.extra" / "ednn.json").read_text(encoding="utf-8"))

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns of context around each tile, lattice cells."""
        rows, cols = self.facts["halo"]
        return rows, cols

    @property
    def period(self) -> tuple[int, int]:
        """Rows and columns of a tile's focus, lattice cells."""
        rows, cols = self.facts["period"]
        return rows, cols

    @property
    def origin(self) -> EnergyOrigin:
        """Those of the energies that it was trained on; the description also says by which EDNN."""
        data = self.facts["data"]
        return origin_of(f"{EDNN}: trained on {data['energy']} (data {data['sha256'][:12]})")

    is_fast = True

    @property
    def by_halo(self) -> "EdnnEnergy":
        """The energies of sheets that come in chunks."""
        return self

    def energies(self, states: NDArray[np.uint8], work: Work = Work()) -> NDArray[np.float64]:
        """Return the energies (n,) of sheets (n, rows, cols), eV; so fast that nothing is kept on the way.

        Raises:
            InputError: the EDNN refuses the sheets, or an energy is not finite.
        """
        size = max(1, CELLS_PER_CALL // max(1, int(np.prod(states.shape[1:]))))
        parts = []
        with tqdm(total=len(states), desc=work.description, unit="sheet", disable=len(states) <= size) as bar:
            for start in range(0, len(states), size):
                part = states[start : start + size]
                parts.append(np.asarray(call_signature(self.folder, "energy", part), dtype=np.float64))
                bar.update(len(part))
        energies = np.concatenate(parts) if parts else np.empty(0)
        if not np.isfinite(energies).all():
            index = int(np.flatnonzero(~np.isfinite(energies))[0])
            raise InputError(f"Energies must be finite. Received: {energies[index]} for sheet {index}")
        return energies

    def halo_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the energies (n,), eV, of the tiles inside of chunks with their halo (n, rows, cols)."""
        return np.asarray(call_signature(self.folder, "halo_energy", states))


@functools.cache
def load_saved_model(folder: Path) -> Any:
    """Load a SavedModel once."""
    import tensorflow as tf

    return tf.saved_model.load(str(folder))


def call_signature(folder: Path, name: str, states: NDArray[np.uint8]) -> Any:
    """Return what a signature of a SavedModel gives as energy.

    Raises:
        InputError: the SavedModel has none, or refuses the states.
    """
    import tensorflow as tf

    signatures = load_saved_model(folder).signatures
    if name not in signatures:
        raise InputError(f"An EDNN must have the signature {name}. Received: {folder}")
    try:
        return signatures[name](states=tf.constant(states))["energy"]
    except tf.errors.InvalidArgumentError as error:
        rule = next((line for line in error.message.splitlines() if "assertion failed" in line), error.message)
        raise InputError(f"The EDNN refuses the sheets: {rule}. Received: shape={states.shape}") from None


def shipped_ednn(system: LatticeSystem) -> Path:
    """Return the folder of the EDNN of a material that comes with the project."""
    return SAVED_MODELS / f"{system.name}_{EDNN}"


def ednn_in(base: Path) -> EdnnEnergy:
    """Return the EDNN of a version folder, or of the newest version in a folder.

    Raises:
        InputError: there is none.
    """
    versions = [path for path in base.glob("*") if path.name.isdecimal() and (path / "saved_model.pb").is_file()]
    folder = max(versions, key=lambda path: int(path.name), default=base)
    if not (folder / "assets.extra" / "ednn.json").is_file():
        raise InputError(f"An EDNN must be a SavedModel of `rugan ednn train`; say ednn:FOLDER. Received: {base}")
    return EdnnEnergy(folder)
