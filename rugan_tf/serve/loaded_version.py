"""One version of a model in memory: loaded into a session as TensorFlow Serving makes it, warmed up, called.

A session and not a loaded object, for four reasons. Its inputs and outputs are the tensors that the file names. Closing
it gives back its memory, and ends what still runs. A call can have a deadline. And what `output_filter` leaves out is
not computed.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf import saved_model_pb2

from rugan_tf.errors import InputError
from rugan_tf.serve.errors import Code, ServingError, error_of_model
from rugan_tf.serve.tensors import DTYPES, from_proto

WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
VARIABLES = Path("variables", "variables")
DEFAULT_SIGNATURE = "serving_default"
INIT_OP = "__saved_model_init_op"
SERVE_TAG = "serve"


@dataclasses.dataclass(frozen=True)
class SessionOptions:
    """How versions are loaded.

    Attributes:
        intra_op: threads of one operation, 0 for as many as there are cores.
        inter_op: operations at once, likewise.
        is_warmed: whether warm-up requests are replayed.
        num_warmup: times that each of them is.
    """

    intra_op: int = 0
    inter_op: int = 0
    is_warmed: bool = True
    num_warmup: int = 1


class LoadedVersion:
    """A SavedModel that answers requests.

    Args:
        folder: version folder.
        options: of the session.

    Raises:
        OSError: it is no SavedModel.
        tf.errors.OpError, ValueError: it is damaged.
        ServingError: a warm-up request fails.
    """

    def __init__(self, folder: Path, options: SessionOptions | None = None) -> None:
        options = options or SessionOptions()
        self.folder = folder
        self.meta_graph = read_meta_graph(folder)
        self.signatures: dict[str, Any] = dict(self.meta_graph.signature_def)
        self.idle = threading.Condition()
        self.num_requests = 0
        self.session = open_session(self.meta_graph, folder, options)
        self.meta_graph.graph_def.Clear()  # the session has its own copy
        try:
            if options.is_warmed:
                self.warm_up(folder / WARMUP, options.num_warmup)
        except Exception:
            self.session.close()
            raise

    def warm_up(self, path: Path, times: int) -> None:
        """Replay the requests that were exported with the model."""
        if not path.is_file():
            return
        from tensorflow_serving.apis import prediction_log_pb2

        for record in tf.data.TFRecordDataset(str(path)):
            request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
            inputs = {name: from_proto(name, tensor) for name, tensor in request.inputs.items()}
            for _ in range(times):
                self.predict(request.model_spec.signature_name or DEFAULT_SIGNATURE, inputs)

    def signature(self, name: str) -> Any:
        """Return a SignatureDef.

        Raises:
            ServingError: FAILED_PRECONDITION, there is none of the name.
        """
        if name not in self.signatures:
            raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def predict(
        self,
        name: str,
        inputs: dict[str, NDArray[Any]],
        output_filter: tuple[str, ...] = (),
        timeout: float | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Call a signature.

        Ranks and sizes are not compared with those of the signature, which TensorFlow Serving does not do either: the
        graph says what it cannot take. What it says of a wrong number of axes is no help, so the rule is told with it.

        Args:
            name: of the signature.
            inputs: by name, of exactly the dtypes of the signature.
            output_filter: names of the outputs wanted; all if empty.
            timeout: s, None for none.

        Raises:
            ServingError: INVALID_ARGUMENT for wrong names, dtypes or filters, or what the model raises.
        """
        signature = self.signature(name)
        check_inputs(inputs, signature.inputs)
        wanted = {key: signature.outputs[key].name for key in chosen_outputs(output_filter, signature.outputs)}
        feed = {signature.inputs[key].name: value for key, value in inputs.items()}
        # At least a millisecond: 0 means to TensorFlow that there is no limit.
        limited = None if timeout is None else tf.compat.v1.RunOptions(timeout_in_ms=max(1, int(1000 * timeout)))
        try:
            return {key: array_of(value) for key, value in self.session.run(wanted, feed, limited).items()}
        except tf.errors.OpError as error:
            raise with_wrong_shape(error_of_model(error), inputs, signature.inputs) from error
        except MemoryError as error:
            raise ServingError(Code.RESOURCE_EXHAUSTED, "The request needs more memory than there is") from error
        except RuntimeError as error:  # the session has been closed
            raise ServingError(Code.CANCELLED, "The session is closed") from error

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

    def close(self) -> None:
        """End what runs, and give back the memory."""
        self.session.close()


def array_of(value: Any) -> NDArray[Any]:
    """Return what a session gave as an array; single strings as objects, since others lose their last zeros."""
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)


def read_meta_graph(folder: Path) -> Any:
    """Return the MetaGraphDef that is served, whose inputs take tensors of any shape.

    Raises:
        OSError: there is none.
        InputError: it cannot be read.
    """
    try:
        content = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    except Exception as error:
        if isinstance(error, OSError):
            raise
        raise InputError(f"A version must hold a SavedModel. Received: {folder / 'saved_model.pb'} ({error})") from None
    graphs = [graph for graph in content.meta_graphs if SERVE_TAG in graph.meta_info_def.tags]
    if not graphs:
        raise InputError(f"A SavedModel must have a graph with the tag {SERVE_TAG}. Received: {folder}")
    inputs = {info.name.partition(":")[0] for one in graphs[0].signature_def.values() for info in one.inputs.values()}
    for node in graphs[0].graph_def.node:
        # Python's session, unlike that of the server, compares what is fed with the shape that stands here
        if node.name in inputs and node.op == "Placeholder":
            node.attr["shape"].shape.Clear()
            node.attr["shape"].shape.unknown_rank = True
            node.attr.pop("_output_shapes", None)
    return graphs[0]


def open_session(meta_graph: Any, folder: Path, options: SessionOptions) -> Any:
    """Return a session with the variables of a version."""
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=options.intra_op, inter_op_parallelism_threads=options.inter_op
    )
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph, config=config)
    try:
        with graph.as_default():
            saver = tf.compat.v1.train.import_meta_graph(meta_graph, import_scope="")
            if saver is not None:
                saver.restore(session, str(folder / VARIABLES))
            assets = {one.tensor_info.name: str(folder / "assets" / one.filename) for one in meta_graph.asset_file_def}
            # Tables and the like are no variables: the graph fills them itself.
            init = meta_graph.signature_def[INIT_OP].outputs if INIT_OP in meta_graph.signature_def else {}
            for info in init.values():
                session.run(graph.get_operation_by_name(info.name.partition(":")[0]), assets)
    except Exception:
        session.close()
        raise
    # From now on nothing may be added: a graph that grows with requests would fill the memory.
    graph.finalize()
    return session


def check_inputs(inputs: dict[str, NDArray[Any]], expected: Any) -> None:
    """Raise ServingError unless the inputs have the names and dtypes of a signature."""
    missing, extra = sorted({*expected} - {*inputs}), sorted({*inputs} - {*expected})
    if missing or extra:
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"inputs do not match the signature. Sent extra: {extra}. Missing but required: {missing}.",
        )
    for name, info in expected.items():
        dtype = DTYPES.get(info.dtype, (None,))[0]
        if inputs[name].dtype != dtype:
            wanted = "a dtype that is not served" if dtype is None else dtype.name
            raise ServingError(
                Code.INVALID_ARGUMENT, f"Expects input {name} to be of {wanted}. Received: {inputs[name].dtype.name}"
            )


def with_wrong_shape(error: ServingError, inputs: dict[str, NDArray[Any]], expected: Any) -> ServingError:
    """Return an error that tells the first input whose number of axes or sizes are not those of the signature."""
    for name, info in expected.items():
        sizes, shape = tuple(dim.size for dim in info.tensor_shape.dim), inputs[name].shape
        is_right = len(sizes) == len(shape) and all(told in (-1, size) for told, size in zip(sizes, shape, strict=True))
        if not (is_right or info.tensor_shape.unknown_rank):
            wanted = str(sizes).replace("-1", "any")
            return ServingError(
                error.code, f"Input {name} must have the shape {wanted}. Received: shape={shape} ({error.message})"
            )
    return error


def chosen_outputs(output_filter: tuple[str, ...], outputs: Any) -> tuple[str, ...]:
    """Return the names of the outputs that are wanted, or raise ServingError."""
    unknown = sorted({*output_filter} - {*outputs})
    if unknown:
        raise ServingError(Code.INVALID_ARGUMENT, f"output tensor alias not found in signature: {unknown[0]}")
    if len(set(output_filter)) < len(output_filter):
        raise ServingError(Code.INVALID_ARGUMENT, f"duplicate output tensor alias: {output_filter}")
    return output_filter or tuple(outputs)
