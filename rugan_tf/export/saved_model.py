"""From a run folder to a version folder that TensorFlow Serving loads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import rugan_tf
from rugan_tf import files
from rugan_tf.energies.ednn import EdnnEnergy
from rugan_tf.energies.origin import as_metadata
from rugan_tf.errors import InputError
from rugan_tf.export import warmup
from rugan_tf.export.calibration_fit import calibrate
from rugan_tf.export.condition_endpoints import ConditionEndpoints
from rugan_tf.export.endpoints import Endpoints
from rugan_tf.export.from_map import FromMap
from rugan_tf.extras import require_extra
from rugan_tf.generate.natural_maps import NaturalMaps
from rugan_tf.networks.generator import Generator
from rugan_tf.saved.model_card import ModelCard, completed, read_run_card, write_exported_card
from rugan_tf.saved.signatures import Signatures
from rugan_tf.saved.versions import next_version
from rugan_tf.systems.named import system_named


def export_run(
    run_dir: Path,
    out: Path,
    max_cells: int,
    ednn: Path | None = None,
    num_calibration: int = 0,
    *,
    feedback: int = 0,
) -> Path:
    """Write the averaged generator of a run as the next version below `out`, and return the version folder.

    Args:
        run_dir: run folder of a training.
        out: base folder.
        max_cells: largest batch * rows * cols of one request.
        ednn: version folder of an EDNN that goes into the SavedModel, so that it can tell energies; where these come
            from goes into the card.
        num_calibration: sheets of the training size that the requested energy is calibrated on, fewer of the larger
            ones; 0 for none. Needs an EDNN. Only for a generator that is asked for the energy alone.
        feedback: how often `generate` corrects what it asks the generator for by the energies that the EDNN sees.

    Raises:
        FileNotFoundError: the run has not written a model yet.
        InputError: its files are damaged, or what writes warm-up requests is not installed.
    """
    if max_cells < 4:
        raise InputError(f"max_cells must be at least 4. Received: max_cells={max_cells}")
    require_extra("serve")  # for the warm-up requests: said now, not after the minutes of a calibration
    card, generator = read_run(run_dir)
    judge = None if ednn is None else Signatures(ednn, "EDNN").loaded()
    told = None if ednn is None else as_metadata(EdnnEnergy(ednn).origin)
    endpoints = endpoints_of(card, generator, max_cells, judge, num_calibration, feedback)
    return write_version(endpoints, card, out, max_cells, told)


def write_version(
    endpoints: Endpoints, card: ModelCard, out: Path, max_cells: int, ednn_metadata: Mapping[str, Any] | None
) -> Path:
    """Write signatures, card and warm-up requests as the next version below `out`, and return its folder."""
    # Written aside, then renamed: a server that polls the folder never sees half of a version.
    version = next_version(out)
    with files.replacing(version) as temporary:
        signatures = signatures_of(endpoints, card)
        # gradients of saved functions are for training: no signature reaches them
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(weights_of(endpoints), str(temporary), signatures=signatures, options=options)
        complete = completed(
            card,
            max_cells,
            calibration=endpoints.calibration,
            feedback=endpoints.feedback,
            ednn_metadata=ednn_metadata,
            rugan_tf=rugan_tf.__version__,
        )
        write_exported_card(temporary, complete)
        write_requests(temporary, endpoints, card, signatures, max_cells)
    return version


def signatures_of(endpoints: Endpoints, card: ModelCard) -> dict[str, Any]:
    """Return the functions by the names that clients call them by."""
    signatures = endpoints.signatures()
    if isinstance(endpoints, ConditionEndpoints):  # a map is of the energy
        return signatures
    return {**signatures, "generate_from_map": FromMap(endpoints, (card.rows, card.cols)).function}


def endpoints_of(
    card: ModelCard, generator: Generator, max_cells: int, judge: Any, num_calibration: int, feedback: int
) -> Endpoints:
    """Return the signatures of a generator; the energy asked for alone is calibrated if there are sheets for that."""
    system = system_named(card.system)
    if card.conditions is not None:
        return ConditionEndpoints(generator, system, card.conditions, max_cells, judge, feedback)
    maps = None if card.map_statistics is None else NaturalMaps(card.map_statistics)
    # A calibration is of what the generator does when it is asked once: corrections would leave nothing to see of it.
    endpoints = Endpoints(generator, system, card.label_scale, max_cells, judge, maps=maps)
    calibration = calibrate(endpoints, card, num_calibration) if num_calibration else None
    told = calibration, maps, feedback, card.energy_range
    return Endpoints(generator, system, card.label_scale, max_cells, judge, *told)


def weights_of(endpoints: Endpoints) -> tf.Module:
    """Return an object that holds the variables of the signatures, and no functions that a server cannot reach."""
    holder = tf.Module()
    holder.generator = endpoints.tracked
    holder.ednn = [] if endpoints.ednn is None else list(endpoints.ednn.signatures["energy"].variables)
    return holder


def write_requests(
    folder: Path, endpoints: Endpoints, card: ModelCard, signatures: dict[str, Any], max_cells: int
) -> None:
    """Write one warm-up request for each signature, and the answer to that of `generate`.

    A model of fewer cells than a request has gets those that it can answer.
    """
    request = warmup.sample_request(card.learnt(endpoints.system), card.rows, card.cols)
    if request["rows"] * request["cols"] * warmup.SHEETS > max_cells:
        return
    # In the order of the request, which is that of the signature.
    states = endpoints.generate(*(tf.constant(value) for value in request.values()))["states"].numpy()
    inputs = warmup.inputs_of_signatures(request, states, endpoints.generator.latent_channels)
    warmup.write_warmup(folder, endpoints.system.name, {name: inputs[name] for name in signatures})
    warmup.write_golden(folder, request, states)


def read_run(run_dir: Path) -> tuple[ModelCard, Generator]:
    """Read the card and the generator of a run folder.

    Raises:
        FileNotFoundError: the run has not written them yet.
        InputError: they are damaged.
    """
    card, path = read_run_card(run_dir), run_dir / "model" / "generator.keras"
    if not path.is_file():
        raise FileNotFoundError(f"A run must have written its model to be exported. Received: no {path}")
    try:
        # safe_mode: a run folder may come from somebody else, and a Lambda layer in it would be code that runs.
        return card, keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, OSError) as error:
        raise InputError(f"The model of a run must be whole. Received: {path} ({error})") from None
