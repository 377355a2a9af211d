"""Energies by an EDNN's SavedModel."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.energies.function import Work
from rugan_tf.energies.origin import origin_of
from rugan_tf.errors import InputError
from rugan_tf.lattice.states import require_sheets
from rugan_tf.saved.ednn_card import EdnnCard, read_ednn_card
from rugan_tf.saved.shipped import shipped_model, shipped_names
from rugan_tf.saved.signatures import Signatures
from rugan_tf.saved.versions import version_folder
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem

EDNN = "ednn"
# Cells of one call: enough to keep all cores busy, in memory of a few hundred MB.
CELLS_PER_CALL = 2**17


@dataclass(frozen=True)
class EdnnEnergy:
    """Energies by an EDNN, many sheets at once.

    Args:
        folder: version folder of a SavedModel with the signature `energy`.
    """

    folder: Path

    @functools.cached_property
    def card(self) -> EdnnCard:
        """What the training wrote about the EDNN."""
        return read_ednn_card(self.folder)

    @property
    def signatures(self) -> Signatures:
        """The SavedModel's functions, called with arrays."""
        return Signatures(self.folder, "EDNN")

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns of context around each tile, lattice cells."""
        return self.card.halo

    @property
    def period(self) -> tuple[int, int]:
        """Rows and columns of a tile's focus, lattice cells."""
        return self.card.period

    @property
    def origin(self) -> EnergyOrigin:
        """Those of the energies that it was trained on; the description also says by which EDNN."""
        return origin_of(f"{EDNN}: trained on {self.card.reference} (data {self.card.data_sha256[:12]})")

    is_fast = True

    @property
    def by_halo(self) -> "EdnnEnergy":
        """The energies of sheets that come in chunks."""
        return self

    def energies(self, states: NDArray[np.uint8], work: Work = Work()) -> NDArray[np.float64]:
        """Return the energies (n,) of sheets (n, rows, cols), eV; so fast that nothing is kept on the way.

        Raises:
            InputError: states that are no sheets, which the EDNN refuses; or an energy is not finite.
        """
        states = require_sheets(states)
        size = max(1, CELLS_PER_CALL // max(1, int(np.prod(states.shape[1:]))))
        parts = []
        with tqdm(total=len(states), desc=work.description, unit="sheet", disable=len(states) <= size) as bar:
            for start in range(0, len(states), size):
                part = states[start : start + size]
                parts.append(self.signatures.call("energy", states=part)["energy"].astype(np.float64))
                bar.update(len(part))
        energies = np.concatenate(parts) if parts else np.empty(0)
        # Checked although it is a sum of finite numbers: damaged weights give NaN, and a data set must hold none.
        if not np.isfinite(energies).all():
            index = int(np.flatnonzero(~np.isfinite(energies))[0])
            raise InputError(f"Energies must be finite. Received: {energies[index]} for sheet {index}")
        return energies

    def halo_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the energies (n,), eV, of the tiles inside of chunks with their halo (n, rows, cols)."""
        return self.signatures.call("halo_energy", states=states)["energy"]

    def local_energies(self, encoding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the energy of every tile, float32 (n, rows/period, cols/period), eV, of one-hot sheets.

        Args:
            encoding: float32 (n, rows, cols, states).

        Raises:
            InputError: the EDNN was exported before it told local energies.
        """
        return self.signatures.call("local_energy", encoding=encoding)["energy"]


def has_shipped_ednn(system: LatticeSystem) -> bool:
    """Tell whether an EDNN of a material comes with the package."""
    return f"{system.name}_{EDNN}" in shipped_names()


def shipped_ednn(system: LatticeSystem) -> Path:
    """Return the folder of the EDNN of a material that comes with the package.

    Raises:
        InputError: this installation has none.
    """
    if not has_shipped_ednn(system):
        raise InputError(
            "A material without an EDNN of the package needs one of yours, FOLDER of `rugan ednn train`: "
            f"--energy ednn:FOLDER, --map-ednn FOLDER, export --ednn-dir FOLDER. Received: none for {system.name}"
        )
    return shipped_model(f"{system.name}_{EDNN}")


def ednn_in(base: Path, system: LatticeSystem) -> EdnnEnergy:
    """Return the EDNN of a version folder, or of the newest version in a folder.

    Raises:
        InputError: there is no such folder, no EDNN in it, or one of another material.
    """
    if not base.exists():
        raise InputError(
            f"The folder of an EDNN must exist; `rugan ednn train` writes RUN_DIR/saved_model. Received: {base}"
        )
    try:
        folder = version_folder(base)
        trained = system_named(read_ednn_card(folder).system)
    except FileNotFoundError:
        rule = "An EDNN must be a SavedModel of `rugan ednn train`, RUN_DIR/saved_model"
        raise InputError(f"{rule}. Received: {base}") from None
    if trained != system:  # it may have as many states, and would answer
        raise InputError(f"The EDNN must be of {system.short_spec}. Received: one of {trained.short_spec}, {base}")
    return EdnnEnergy(folder)
