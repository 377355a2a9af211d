"""From a run folder to a version folder that TensorFlow Serving loads."""

import json
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import rugan_tf
from rugan_tf import files
from rugan_tf.data.labels import LabelScale
from rugan_tf.export.endpoints import Endpoints
from rugan_tf.networks.generator import Generator
from rugan_tf.systems.registry import system_named

FACTS = Path("assets.extra") / "rugan.json"


def export_run(run_dir: Path, out: Path, max_cells: int, ednn: Path | None = None) -> Path:
    """Write the averaged generator of a run as the next version below `out`, and return the version folder.

    Args:
        run_dir: run folder of a training.
        out: base folder.
        max_cells: largest batch * rows * cols of one request.
        ednn: version folder of an EDNN that goes into the SavedModel, so that it can tell energies.

    Raises:
        FileNotFoundError: the run has not written a model yet.
        ValueError: its files are damaged.
    """
    if max_cells < 4:
        raise ValueError(f"max_cells must be at least 4. Received: max_cells={max_cells}")
    facts, generator = read_run(run_dir)
    scale = LabelScale(facts["label_mean"], facts["label_standard_deviation"])
    judge = None if ednn is None else tf.saved_model.load(str(ednn))
    endpoints = Endpoints(generator, system_named(facts["system"]), scale, max_cells, judge)
    version = files.next_version(out)
    with files.replacing(version) as temporary:
        tf.saved_model.save(endpoints, str(temporary), signatures=endpoints.signatures())
        files.write_json(temporary / FACTS, facts | {"max_cells": max_cells, "rugan_tf": rugan_tf.__version__})
    return version


def read_run(run_dir: Path) -> tuple[dict[str, Any], Generator]:
    """Read model.json and generator.keras of a run folder."""
    facts_path, network_path = run_dir / "model" / "model.json", run_dir / "model" / "generator.keras"
    for path in (facts_path, network_path):
        if not path.is_file():
            raise FileNotFoundError(f"A run must have written its model to be exported. Received: no {path}")
    try:
        facts = json.loads(facts_path.read_text(encoding="utf-8"))
        generator = keras.saving.load_model(network_path, compile=False, safe_mode=True)
    except (ValueError, OSError) as error:
        raise ValueError(f"The model of a run must be whole. Received: {run_dir / 'model'} ({error})") from None
    return facts, generator
