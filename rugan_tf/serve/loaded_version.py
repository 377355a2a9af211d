"""One version of a model in memory: loaded, warmed up, called."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rugan_tf.serve.errors import Code, ServingError, error_of_model

WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
DEFAULT_SIGNATURE = "serving_default"


class LoadedVersion:
    """A SavedModel that answers requests.

    Args:
        folder: version folder.

    Raises:
        OSError: it is no SavedModel.
        tf.errors.OpError: it is damaged.
        ServingError: a warm-up request fails.
    """

    def __init__(self, folder: Path) -> None:
        self.model = tf.saved_model.load(str(folder))
        self.signatures: dict[str, Any] = dict(self.model.signatures)
        self.idle = threading.Condition()
        self.num_requests = 0
        self.warm_up(folder / WARMUP)

    def warm_up(self, path: Path) -> None:
        """Replay the requests that were exported with the model."""
        if not path.is_file():
            return
        from tensorflow_serving.apis import prediction_log_pb2

        from rugan_tf.serve.tensors import from_proto

        for record in tf.data.TFRecordDataset(str(path)):
            request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
            inputs = {name: from_proto(name, tensor) for name, tensor in request.inputs.items()}
            self.predict(request.model_spec.signature_name or DEFAULT_SIGNATURE, inputs)

    def signature(self, name: str) -> Any:
        """Return a signature.

        Raises:
            ServingError: FAILED_PRECONDITION, there is none of the name.
        """
        if name not in self.signatures:
            raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def specification(self, name: str) -> dict[str, tf.TensorSpec]:
        """Return the inputs of a signature by name."""
        return dict(self.signature(name).structured_input_signature[1])

    def predict(
        self, name: str, inputs: dict[str, NDArray[Any]], output_filter: tuple[str, ...] = ()
    ) -> dict[str, NDArray[Any]]:
        """Call a signature.

        Args:
            name: of the signature.
            inputs: by name, of exactly the dtypes of the signature.
            output_filter: names of the outputs wanted; all if empty.

        Raises:
            ServingError: INVALID_ARGUMENT for wrong names, dtypes, shapes or filters, or what the model raises.
        """
        function, specification = self.signature(name), self.specification(name)
        check_names(inputs, specification)
        unknown = sorted({*output_filter} - {*function.structured_outputs})
        if unknown:
            raise ServingError(Code.INVALID_ARGUMENT, f"output tensor alias not found in signature: {unknown[0]}")
        if len(set(output_filter)) < len(output_filter):
            raise ServingError(Code.INVALID_ARGUMENT, f"duplicate output tensor alias: {output_filter}")
        for key, spec in specification.items():
            check_input(key, inputs[key], spec)
        try:
            outputs = function(**{key: tf.constant(value) for key, value in inputs.items()})
            chosen = output_filter or tuple(outputs)
            return {key: np.asarray(outputs[key]) for key in chosen}
        except tf.errors.OpError as error:
            raise error_of_model(error) from error
        except MemoryError as error:
            raise ServingError(Code.RESOURCE_EXHAUSTED, "The request needs more memory than there is") from error

    @contextlib.contextmanager
    def in_use(self) -> Iterator["LoadedVersion"]:
        """Keep the version from being unloaded while a request runs."""
        with self.idle:
            self.num_requests += 1
        try:
            yield self
        finally:
            with self.idle:
                self.num_requests -= 1
                self.idle.notify_all()

    def wait_until_idle(self, timeout: float) -> bool:
        """Wait for the requests that are running; return whether all have ended in time (s)."""
        with self.idle:
            return self.idle.wait_for(lambda: self.num_requests == 0, timeout)


def check_names(inputs: dict[str, Any], specification: dict[str, tf.TensorSpec]) -> None:
    """Raise ServingError unless the inputs are those of the signature."""
    missing, extra = sorted({*specification} - {*inputs}), sorted({*inputs} - {*specification})
    if missing or extra:
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"inputs do not match the signature. Sent extra: {extra}. Missing but required: {missing}.",
        )


def check_input(name: str, value: NDArray[Any], spec: tf.TensorSpec) -> None:
    """Raise ServingError unless an input has the dtype and a shape of the signature."""
    if tf.as_dtype(value.dtype) != spec.dtype:
        raise ServingError(
            Code.INVALID_ARGUMENT, f"Expects input {name} to be of {spec.dtype.name}. Received: {value.dtype.name}"
        )
    if not spec.shape.is_compatible_with(value.shape):
        raise ServingError(
            Code.INVALID_ARGUMENT, f"Expects input {name} to have the shape {spec.shape}. Received: {value.shape}"
        )
