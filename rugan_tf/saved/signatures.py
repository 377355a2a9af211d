"""A SavedModel as functions of arrays: one loader, and one way to tell what a model refuses."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.saved.session import open_session, read_meta_graph
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
        """Call a signature with arrays of its dtypes, or numbers that these can hold, and return arrays.

        Raises:
            InputError: there is no such signature, or the model refuses the request; its reason is told.
            TypeError: the inputs are not those of the signature.
        """
        import tensorflow as tf

        if name not in self:
            raise InputError(f"The {self.what} must have the signature {name}. Received: {self.folder}")
        model = self.load(session_once)
        signature = model.signatures[name]
        if inputs.keys() != signature.inputs.keys():
            raise TypeError(f"{name} must get the inputs {sorted(signature.inputs)}. Received: {sorted(inputs)}")
        feed = {info.name: fed(key, inputs[key], info.dtype) for key, info in signature.inputs.items()}
        try:
            return model.session.run({key: info.name for key, info in signature.outputs.items()}, feed)
        except tf.errors.OpError as error:
            raise InputError(f"The {self.what} refuses the request: {refusal(error.message)}") from error

    def __contains__(self, name: str) -> bool:
        """Tell whether the model has a signature."""
        return name in self.load(session_once).signatures

    def loaded(self) -> Any:
        """Return the SavedModel as TensorFlow loads it, whose functions become a part of other graphs.

        Raises:
            InputError: it is damaged.
        """
        return self.load(loaded_once)

    def load(self, once: Any) -> Any:
        """Return what a loader makes of the model as it lies in its folder now.

        Raises:
            InputError: it is damaged.
        """
        import tensorflow as tf

        try:
            return once(self.folder, (self.folder / GRAPH_FILE).stat().st_mtime_ns)
        except (tf.errors.OpError, OSError) as error:
            raise InputError(
                f"The {self.what} must be a whole SavedModel. Received: {error} in {self.folder}"
            ) from error


@dataclass(frozen=True)
class Model:
    """A model that is called with arrays.

    Attributes:
        session: with its graph and variables.
        signatures: SignatureDef by name.
    """

    session: Any
    signatures: dict[str, Any]


@functools.lru_cache(maxsize=LOADED_AT_ONCE)
def session_once(folder: Path, written: int) -> Model:  # noqa: ARG001 - a part of what is remembered
    """Open a SavedModel; `written` is when, so that a folder that was written anew is loaded anew."""
    meta_graph = read_meta_graph(folder)
    session = open_session(meta_graph, folder)
    meta_graph.graph_def.Clear()  # the session has its own copy
    return Model(session, dict(meta_graph.signature_def))


@functools.lru_cache(maxsize=LOADED_AT_ONCE)
def loaded_once(folder: Path, written: int) -> Any:  # noqa: ARG001 - a part of what is remembered
    """Load a SavedModel with its functions, likewise."""
    import tensorflow as tf

    return tf.saved_model.load(str(folder))


def fed(name: str, value: ArrayLike, dtype: int) -> NDArray[Any]:
    """Return an input as an array of the dtype (enum of TensorFlow) of its signature.

    Raises:
        TypeError: the dtype cannot hold it.
    """
    import tensorflow as tf

    wanted, array = np.dtype(tf.as_dtype(dtype).as_numpy_dtype), np.asarray(value)
    is_held = np.can_cast(array.dtype, wanted, "same_kind")
    if is_held and wanted.kind in "iu":  # whole numbers that are too large would become others
        is_held = bool(np.all((array >= np.iinfo(wanted).min) & (array <= np.iinfo(wanted).max)))
    if not is_held:
        raise TypeError(f"{name} must fit into {wanted}. Received: {array.dtype}")
    return array.astype(wanted, copy=False)


def refusal(message: str) -> str:
    r"""Return the line of TensorFlow's message that says what was wrong, without where in the graph.

    >>> refusal("Graph execution error:\n\nDetected at node 7\nassertion failed: [rows must be even]")
    'assertion failed: [rows must be even]'
    """
    lines = [line for line in message.splitlines() if line.strip() and not line.startswith(PLACES)]
    return next((line for line in lines if "assertion failed" in line), lines[0] if lines else message)
