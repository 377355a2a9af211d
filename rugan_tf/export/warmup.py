"""What lies beside the graph for a server: warm-up requests, and answers that a copy of the model must give again."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.saved.conditions import LearntConditions

EXTRA = Path("assets.extra")
WARMUP, GOLDEN = EXTRA / "tf_serving_warmup_requests", EXTRA / "golden.npz"
SEED, SHEETS = 2019, 4
Request = dict[str, Any]  # arrays and NumPy scalars by the names of the inputs


def sample_request(learnt: LearntConditions, rows: int, cols: int) -> Request:
    """Return the inputs of `generate` for a few sheets that the training data could have."""
    if learnt.cover is None:
        # From the middle half of the range: its ends are where the data have few sheets.
        (low, high), name = learnt.each[0].range, learnt.names[0]
        values = {name: np.linspace(0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high, SHEETS, dtype=np.float32)}
    else:
        # The points nearest to the mean; those of a cover of fewer points come again.
        points = np.resize(
            np.array(sorted(learnt.cover.points, key=np.linalg.norm)[:SHEETS]), (SHEETS, len(learnt.each))
        )
        pairs = zip(learnt.each, points.T, strict=True)
        values = {
            one.condition.name: (one.scale.mean + one.scale.standard_deviation * column).astype(np.float32)
            for one, column in pairs
        }
    return {**values, "rows": np.int32(rows), "cols": np.int32(cols), "seed": np.int64(SEED)}


def inputs_of_signatures(request: Request, states: NDArray[np.uint8], latent_channels: int) -> dict[str, Request]:
    """Return inputs for every signature that a model may have, from those of `generate` and the states it gave."""
    shape = (len(states), states.shape[1] // 2, states.shape[2] // 2)
    latent = np.random.default_rng(SEED).normal(size=(*shape, latent_channels)).astype(np.float32)
    asked = {name: values for name, values in request.items() if name not in ("rows", "cols", "seed")}
    fields = {name: np.broadcast_to(values[:, None, None], shape) for name, values in asked.items()}
    size = {name: request[name] for name in ("rows", "cols")}
    return {
        "serving_default": request,
        "generate": request,
        "generate_from_latent": {"latent": latent, **fields},
        "generate_from_map": {**request, **{name: field[:1] for name, field in fields.items()}},
        "calibrate": {**asked, **size},
        "map": {
            **request,
            "first_sheet": np.int64(0),
            "origin": np.zeros(2, np.int32),
            "shape": np.array(shape[1:], np.int32),
        },
        "energy": {"states": states},
        "local_energy": {"states": states},
    }


def write_warmup(folder: Path, model_name: str, requests: dict[str, Request]) -> None:
    """Write requests, by signature, as the TFRecord that TensorFlow Serving replays when it loads the version.

    A server prepares each signature when it is first called, which takes up to two seconds: so every one of them has
    a record, `serving_default` as well as the same function under its own name. A session is prepared for names of
    tensors and not for sizes, so one size is enough. The server refuses a version whose warm-up fails.
    """
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    with tf.io.TFRecordWriter(str(folder / WARMUP)) as writer:
        for signature, inputs in requests.items():
            request = predict_pb2.PredictRequest(
                model_spec=model_pb2.ModelSpec(name=model_name, signature_name=signature),
                inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()},
            )
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def write_golden(folder: Path, request: Request, states: NDArray[np.uint8]) -> None:
    """Write the inputs of one request and the states (n, rows, cols) that it gave."""
    with files.replacing(folder / GOLDEN) as temporary:
        np.savez_compressed(temporary, **request, states=states)
