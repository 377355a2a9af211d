"""A SavedModel as functions of arrays: one loader, and one way to tell what a model refuses."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.saved.versions import GRAPH_FILE

LOADED_AT_ONCE = 8  # models that stay in memory; a process that tries many versions drops the oldest

PLACES = ("Graph execution error", "Detected at", "<stack traces")  # how lines begin that tell where in the graph


@dataclass(frozen=True)
class Signatures:
    """The signatures of a SavedModel, which TensorFlow loads when the first is asked for.

    Args:
        folder: version folder.
        what: what the model is, for messages.
    """

    folder: Path
    what: str = "model"

    def call(self, name: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays of its dtypes, and return arrays.

        Raises:
            InputError: there is no such signature, or the model refuses the request; its reason is told.
        """
        import tensorflow as tf

        if name not in self:
            raise InputError(f"The {self.what} must have the signature {name}. Received: {self.folder}")
        tensors = {key: tf.convert_to_tensor(value) for key, value in inputs.items()}
        try:
            outputs = self.loaded().signatures[name](**tensors)
        except tf.errors.OpError as error:
            raise InputError(f"The {self.what} refuses the request: {refusal(error.message)}") from error
        return {key: value.numpy() for key, value in outputs.items()}

    def __contains__(self, name: str) -> bool:
        """Tell whether the model has a signature."""
        return name in self.loaded().signatures

    def loaded(self) -> Any:
        """Return the SavedModel as TensorFlow loads it.

        Raises:
            InputError: it is damaged.
        """
        import tensorflow as tf

        try:
            return load_once(self.folder, (self.folder / GRAPH_FILE).stat().st_mtime_ns)
        except tf.errors.OpError as error:
            raise InputError(
                f"The {self.what} must be a whole SavedModel. Received: {error} in {self.folder}"
            ) from error


@functools.lru_cache(maxsize=LOADED_AT_ONCE)
def load_once(folder: Path, written: int) -> Any:  # noqa: ARG001 - a part of what is remembered
    """Load a SavedModel; `written` is when, so that a folder that was written anew is loaded anew."""
    import tensorflow as tf

    return tf.saved_model.load(str(folder))


def refusal(message: str) -> str:
    r"""Return the line of TensorFlow's message that says what was wrong, without where in the graph.

    >>> refusal("Graph execution error:\n\nDetected at node 7\nassertion failed: [rows must be even]")
    'assertion failed: [rows must be even]'
    """
    lines = [line for line in message.splitlines() if line.strip() and not line.startswith(PLACES)]
    return next((line for line in lines if "assertion failed" in line), lines[0] if lines else message)
