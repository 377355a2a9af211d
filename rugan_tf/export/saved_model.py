"""From a run folder to a version folder that TensorFlow Serving loads."""

import json
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import rugan_tf
from rugan_tf import files
from rugan_tf.config import to_json
from rugan_tf.errors import InputError
from rugan_tf.export import warmup
from rugan_tf.export.calibration_fit import calibrate
from rugan_tf.export.endpoints import Endpoints
from rugan_tf.networks.generator import Generator
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.named import system_named

FACTS = Path("assets.extra") / "rugan.json"
REQUIRED = {"system", "label_mean", "label_standard_deviation", "energy_range", "rows", "cols"}  # of model.json


def export_run(run_dir: Path, out: Path, max_cells: int, ednn: Path | None = None, num_calibration: int = 0) -> Path:
    """Write the averaged generator of a run as the next version below `out`, and return the version folder.

    Args:
        run_dir: run folder of a training.
        out: base folder.
        max_cells: largest batch * rows * cols of one request.
        ednn: version folder of an EDNN that goes into the SavedModel, so that it can tell energies.
        num_calibration: sheets of the training size that the requested energy is calibrated on, fewer of the larger
            ones; 0 for none. Needs an EDNN.

    Raises:
        FileNotFoundError: the run has not written a model yet.
        InputError: its files are damaged.
    """
    if max_cells < 4:
        raise InputError(f"max_cells must be at least 4. Received: max_cells={max_cells}")
    facts, generator = read_run(run_dir)
    scale = LabelScale(facts["label_mean"], facts["label_standard_deviation"])
    system, judge = system_named(facts["system"]), None if ednn is None else tf.saved_model.load(str(ednn))
    endpoints = Endpoints(generator, system, scale, max_cells, judge)
    if num_calibration:
        calibration = calibrate(endpoints, facts, num_calibration)
        facts = facts | {"calibration": to_json(calibration)}
        endpoints = Endpoints(generator, system, scale, max_cells, judge, calibration)
    version = files.next_version(out)
    with files.replacing(version) as temporary:
        # gradients of saved functions are for training: no signature reaches them
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(weights_of(endpoints), str(temporary), signatures=endpoints.signatures(), options=options)
        files.write_json(temporary / FACTS, facts | {"max_cells": max_cells, "rugan_tf": rugan_tf.__version__})
        write_requests(temporary, endpoints, facts, max_cells)
    return version


def weights_of(endpoints: Endpoints) -> tf.Module:
    """Return an object that holds the variables of the signatures, and no functions that a server cannot reach."""
    holder = tf.Module()
    holder.generator = endpoints.tracked
    holder.ednn = [] if endpoints.ednn is None else list(endpoints.ednn.signatures["energy"].variables)
    return holder


def write_requests(folder: Path, endpoints: Endpoints, facts: dict[str, Any], max_cells: int) -> None:
    """Write one warm-up request for each signature, and the answer to that of `generate`.

    A model of fewer cells than a request has gets those that it can answer.
    """
    (low, high), rows, cols = facts["energy_range"], facts["rows"], facts["cols"]
    request = warmup.sample_request((low, high), rows, cols)
    if request["rows"] * request["cols"] * len(request["energy_per_area"]) > max_cells:
        return
    functions = endpoints.signatures()
    states = endpoints.generate(**{name: tf.constant(value) for name, value in request.items()})["states"].numpy()
    inputs = warmup.inputs_of_signatures(request, states, endpoints.generator.latent_channels)
    warmup.write_warmup(folder, endpoints.system.name, {name: inputs[name] for name in functions})
    warmup.write_golden(folder, request, states)


def read_run(run_dir: Path) -> tuple[dict[str, Any], Generator]:
    """Read model.json and generator.keras of a run folder."""
    facts, path = read_facts(run_dir), existing(run_dir / "model" / "generator.keras")
    try:
        return facts, keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, OSError) as error:
        raise InputError(f"The model of a run must be whole. Received: {path} ({error})") from None


def read_facts(run_dir: Path) -> dict[str, Any]:
    """Read model.json of a run folder."""
    path = existing(run_dir / "model" / "model.json")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or not facts.keys() >= REQUIRED:
            raise InputError(f"without {', '.join(sorted(REQUIRED))}")
        return facts
    except ValueError as error:
        raise InputError(f"The model of a run must be whole. Received: {path} ({error})") from None


def existing(path: Path) -> Path:
    """Return the path of a file that exists, or raise FileNotFoundError."""
    if not path.is_file():
        raise FileNotFoundError(f"A run must have written its model to be exported. Received: no {path}")
    return path
