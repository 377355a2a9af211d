"""The folder of a training: what it was told, and what it leaves for the export."""

import dataclasses
import importlib.metadata
import json
import platform
from pathlib import Path

import rugan_tf
from rugan_tf import files
from rugan_tf.data.conditions import Labels
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet
from rugan_tf.networks.generator import Generator
from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.saved.map_statistics import MapStatistics
from rugan_tf.saved.model_card import ENERGY_KEYS, ModelCard, write_run_card
from rugan_tf.systems.conditions import ENERGY_PER_AREA
from rugan_tf.train.options import Change, TrainOptions, changes_of
from rugan_tf.train.rugan import RUGAN

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "rugan-tf")


def open_run_folder(options: TrainOptions, data_set: DataSet, labels: Labels) -> list[Change]:
    """Make the run folder with config.json, or check that a resumed one belongs to these options and data.

    Returns: what a resumed run changes of its options.
    """
    config = options.run_dir / "config.json"
    if options.resume:
        if not config.is_file():
            raise FileNotFoundError(f"A run that is resumed must have a config.json. Received: {options.run_dir}")
        return changes_of(options, config, labels.checksum(data_set.states))
    if config.is_file() and not options.overwrite:
        raise FileExistsError(
            "A run folder must be new; --resume goes on with the run that it holds, --overwrite throws it away. "
            f"Received: {options.run_dir}"
        )
    files.require_fresh_folder(options.run_dir, overwrite=options.overwrite)
    content = {
        "options": options.resolved(),
        "data": {
            "path": str(options.data),
            "sha256": labels.checksum(data_set.states),
            "num_sheets": len(data_set.states),
        },
        # Other versions and machines round otherwise: who compares two runs must be able to see it.
        "environment": {
            "python": platform.python_version(),
            "machine": platform.machine(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "changes": [],
    }
    files.write_json(config, content)
    return []


def record_changes(options: TrainOptions, changes: list[Change], update: int) -> None:
    """Keep in config.json, and say, what changes after so many updates.

    Raises:
        InputError: the run shall end before where it is.
    """
    if options.num_updates < update:
        raise InputError(
            f"num_updates must not be less than the updates that are done, {update}. "
            f"Received: num_updates={options.num_updates}"
        )
    if not changes:
        return
    config = options.run_dir / "config.json"
    content = json.loads(config.read_text(encoding="utf-8"))
    # With the update: the options alone would claim that the whole run had those of its end.
    told = [{"after_update": update, **dataclasses.asdict(change)} for change in changes]
    files.write_json(config, content | {"options": options.resolved(), "changes": content.get("changes", []) + told})
    for change in changes:
        print(f"{options.run_dir}: after update {update} {change.option}={change.after} instead of {change.before}")


def write_model_card(
    options: TrainOptions,
    data_set: DataSet,
    labels: Labels,
    learnt: LearntConditions,
    map_statistics: MapStatistics | None,
) -> None:
    """Write model/model.json: what is needed, beside the generator, to generate and to say where it comes from."""
    energies, checksum = data_set.energy_per_area, labels.checksum(data_set.states)
    card = ModelCard(
        system=data_set.system.spec,
        rows=data_set.states.shape[1],
        cols=data_set.states.shape[2],
        latent_channels=options.latent_channels,
        label_scale=learnt.each[0].scale,
        energy_range=(float(energies.min()), float(energies.max())),
        conditions=None if learnt.names == (ENERGY_PER_AREA,) else learnt,
        # So that everyone after can see whether an EDNN's energies mean the same as these labels.
        energy_metadata={key: data_set.metadata[key] for key in ENERGY_KEYS if key in data_set.metadata},
        training=options.resolved() | {"data_sha256": checksum, "rugan_tf": rugan_tf.__version__},
        map_statistics=map_statistics,
    )
    write_run_card(options.run_dir, card)


def write_generator(model: RUGAN, generator: Generator, run_dir: Path) -> None:
    """Write the averaged generator in Keras format."""
    model.average.copy_to(generator)
    with files.replacing(run_dir / "model" / "generator.keras") as temporary:
        generator.save(temporary)
