"""The card of an EDNN: what it was trained on, and what those who sum its tiles need."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rugan_tf import files
from rugan_tf.saved.card_file import read_content, values_of

VERSION = 1
EDNN_FILE = Path("assets.extra", "ednn.json")  # in a version folder
REQUIRED = ("system", "data.energy", "data.sha256", "max_cells", "halo", "period")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EdnnCard:
    """What a training leaves beside its EDNN.

    Attributes:
        system: the material.
        reference: where the energies that it was trained on come from, in words.
        data_sha256: checksum of the data set that it was trained on.
        max_cells: most lattice cells (sheets * rows * cols) of one call of the SavedModel.
        halo: rows and columns of context around each tile, lattice cells.
        period: rows and columns of a tile's focus, lattice cells.
        training: JSON content that is told and not read: options, split, path of the data, version of the package.
    """

    system: str
    reference: str | None
    data_sha256: str
    max_cells: int
    halo: tuple[int, int]
    period: tuple[int, int]
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return the card as JSON content."""
        data = {**self.training.get("data", {}), "sha256": self.data_sha256, "energy": self.reference}
        return {
            "version": VERSION,
            **self.training,
            "data": data,
            "system": self.system,
            "max_cells": self.max_cells,
            "halo": list(self.halo),
            "period": list(self.period),
        }


def write_ednn_card(folder: Path, card: EdnnCard) -> None:
    """Write the card of a version folder."""
    files.write_json(folder / EDNN_FILE, card.content())


def read_ednn_card(folder: Path) -> EdnnCard:
    """Read the card of a version folder.

    Raises:
        FileNotFoundError: there is none.
        InputError: the card is damaged, of another form, or lacks a key.
    """
    path = folder / EDNN_FILE
    content = read_content(path, VERSION, REQUIRED, "`rugan ednn train` writes it; train the EDNN anew")
    known = ("version", "system", "max_cells", "halo", "period")
    with values_of(path):
        (halo_rows, halo_cols), (period_rows, period_cols) = content["halo"], content["period"]
        return EdnnCard(
            system=str(content["system"]),
            reference=content["data"]["energy"],
            data_sha256=str(content["data"]["sha256"]),
            max_cells=int(content["max_cells"]),
            halo=(int(halo_rows), int(halo_cols)),
            period=(int(period_rows), int(period_cols)),
            training={key: value for key, value in content.items() if key not in known},
        )
