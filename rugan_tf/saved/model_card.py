"""The card of a generator: what its training tells, and what the export adds for those who use it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rugan_tf import files
from rugan_tf.config import to_json
from rugan_tf.errors import InputError
from rugan_tf.saved.calibration import Calibration
from rugan_tf.saved.card_file import Content, read_content, values_of
from rugan_tf.saved.conditions import LearntCondition, LearntConditions, conditions_in
from rugan_tf.saved.ednn_card import EDNN_FILE
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.map_statistics import MapStatistics
from rugan_tf.systems.system import LatticeSystem

VERSION = 2
OF_ENERGIES = 1  # the form of cards of generators that are asked for the energy alone
RUN_FILE = Path("model", "model.json")  # in a run folder
MODEL_FILE = Path("assets.extra", "rugan.json")  # in a version folder
TRAINED = ("system", "rows", "cols", "latent_channels", "label_mean", "label_standard_deviation", "energy_range")
EXPORTED = (*TRAINED, "max_cells")
ENERGY_KEYS = ("energy", "energy_origin")  # under which data sets say where their energies come from


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a training leaves beside its generator.

    Attributes:
        system: the material.
        rows: lattice cells along the rows of the training sheets.
        cols: lattice cells along the columns of the training sheets.
        latent_channels: Gaussian channels of the latent.
        label_scale: of the labels that the networks see; of several conditions that of the first.
        energy_range: smallest and largest energy per area of the training data, in the unit of the system.
        energy_metadata: what the training data say about where their energies come from, under their keys.
        training: JSON content: options, data and version of the training.
        map_statistics: of the maps that the generator learnt from; None if its labels were one for a sheet.
        conditions: what it is asked for; None if that is the energy per area alone.
    """

    system: str
    rows: int
    cols: int
    latent_channels: int
    label_scale: LabelScale
    energy_range: tuple[float, float]
    energy_metadata: Mapping[str, Any]
    training: Mapping[str, Any]
    map_statistics: MapStatistics | None = None
    conditions: LearntConditions | None = None

    def learnt(self, system: LatticeSystem) -> LearntConditions:
        """Return what the generator is asked for, the energy per area included."""
        if self.conditions is not None:
            return self.conditions
        return LearntConditions((LearntCondition(system.energy_condition, self.label_scale, self.energy_range),))

    def content(self) -> dict[str, Any]:
        """Return the card as JSON content."""
        maps = {} if self.map_statistics is None else {"map_statistics": to_json(self.map_statistics)}
        told = {} if self.conditions is None else {"conditions": self.conditions.content()}
        return {
            # A package that does not know conditions must not take the card for one of energies.
            "version": OF_ENERGIES if self.conditions is None else VERSION,
            "system": self.system,
            "rows": self.rows,
            "cols": self.cols,
            "latent_channels": self.latent_channels,
            "label_mean": self.label_scale.mean,
            "label_standard_deviation": self.label_scale.standard_deviation,
            "energy_range": list(self.energy_range),
            **self.energy_metadata,
            **maps,
            **told,
            "training": dict(self.training),
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportedCard(ModelCard):
    """A card that the export has completed.

    Attributes:
        max_cells: most lattice cells (sheets * rows * cols) of one call of the SavedModel.
        calibration: of the energies requested of `generate`, if there is one.
        feedback: how often `generate` corrects what it asks the generator for.
        ednn_metadata: what the EDNN inside says about where its energies come from, under the keys of data sets; None
            where there is none inside, or where the card is older than this key.
        rugan_tf: version of the package that exported it.
    """

    max_cells: int
    calibration: Calibration | None = None
    feedback: int = 0
    ednn_metadata: Mapping[str, Any] | None = None
    rugan_tf: str | None = None

    def content(self) -> dict[str, Any]:
        """Return the card as JSON content."""
        calibration = {} if self.calibration is None else {"calibration": to_json(self.calibration)}
        ednn = {} if self.ednn_metadata is None else {"ednn": dict(self.ednn_metadata)}
        added = {"max_cells": self.max_cells, "feedback": self.feedback, "rugan_tf": self.rugan_tf}
        return {**super().content(), **calibration, **ednn, **added}


def completed(
    card: ModelCard,
    max_cells: int,
    *,
    calibration: Calibration | None,
    feedback: int,
    ednn_metadata: Mapping[str, Any] | None,
    rugan_tf: str,
) -> ExportedCard:
    """Return the card of a run with what the export adds."""
    told = {field.name: getattr(card, field.name) for field in dataclasses.fields(ModelCard)}
    return ExportedCard(
        **told,
        max_cells=max_cells,
        calibration=calibration,
        feedback=feedback,
        ednn_metadata=ednn_metadata,
        rugan_tf=rugan_tf,
    )


def write_run_card(run_dir: Path, card: ModelCard) -> None:
    """Write the card of a run folder."""
    files.write_json(run_dir / RUN_FILE, card.content())


def write_exported_card(folder: Path, card: ExportedCard) -> None:
    """Write the card of a version folder."""
    files.write_json(folder / MODEL_FILE, card.content())


def read_run_card(run_dir: Path) -> ModelCard:
    """Read the card of a run folder.

    Raises:
        FileNotFoundError: the run has not written its model yet.
        InputError: the card is damaged, of another form, or lacks a key.
    """
    path = run_dir / RUN_FILE
    if not path.is_file():
        raise FileNotFoundError(f"A run must have written its model to be exported. Received: no {path}")
    remedy = "`rugan train` writes it; train anew, or take the run folder of a finished training"
    content = read_content(path, VERSION, TRAINED, remedy)
    with values_of(path):
        return ModelCard(**trained(content))


def read_exported_card(folder: Path) -> ExportedCard:
    """Read the card of a version folder.

    Raises:
        FileNotFoundError: there is none.
        InputError: the card is damaged, of another form, or lacks a key; or the folder holds an EDNN.
    """
    path = folder / MODEL_FILE
    if not path.is_file() and (folder / EDNN_FILE).is_file():
        raise InputError(f"The model must be a generator, which makes sheets. Received: {folder}, an EDNN")
    content = read_content(path, VERSION, EXPORTED, "`rugan export` writes it; export the run anew")
    known, ednn = content.get("calibration"), content.get("ednn")
    with values_of(path):
        return ExportedCard(
            **trained(content),
            max_cells=int(content["max_cells"]),
            calibration=None if known is None else calibration_of(known),
            # Cards of before there were corrections do not say it.
            feedback=int(content.get("feedback", 0)),
            ednn_metadata=None if ednn is None else energy_metadata_in(ednn),
            rugan_tf=content.get("rugan_tf"),
        )


def trained(content: Content) -> dict[str, Any]:
    """Return the fields of a ModelCard that JSON content holds."""
    low, high = map(float, content["energy_range"])
    return {
        "system": str(content["system"]),
        "rows": int(content["rows"]),
        "cols": int(content["cols"]),
        "latent_channels": int(content["latent_channels"]),
        "label_scale": LabelScale(float(content["label_mean"]), float(content["label_standard_deviation"])),
        "energy_range": (low, high),
        "energy_metadata": energy_metadata_in(content),
        "training": content.get("training", {}),
        "map_statistics": map_statistics_of(content["map_statistics"]) if "map_statistics" in content else None,
        "conditions": conditions_in(content["conditions"]) if "conditions" in content else None,
    }


def map_statistics_of(content: Content) -> MapStatistics:
    """Return the statistics of maps that JSON content holds."""
    pitch, tile = (tuple(map(float, content[name])) for name in ("pitch", "tile"))
    return MapStatistics(
        pitch=(pitch[0], pitch[1]),
        tile=(tile[0], tile[1]),
        cutoff=float(content["cutoff"]),
        noise=float(content["noise"]),
        energies=tuple(map(float, content["energies"])),
        spectrum=tuple((float(a), float(b), float(c)) for a, b, c in content["spectrum"]),
        quantiles=tuple(tuple(map(float, row)) for row in content["quantiles"]),
    )


def energy_metadata_in(content: Content) -> dict[str, Any]:
    """Return what JSON content says about where energies come from."""
    return {key: content[key] for key in ENERGY_KEYS if key in content}


def calibration_of(content: Content) -> Calibration:
    """Return the calibration that JSON content holds."""
    low, high = map(float, content["energy_per_area"])
    return Calibration(
        int(content["rows"]),
        int(content["cols"]),
        tuple(map(float, content["scales"])),
        (low, high),
        tuple(tuple(map(float, row)) for row in content["offset"]),
    )
