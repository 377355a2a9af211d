"""The gRPC interface: PredictionService, ModelService and grpc.health.v1 over a ModelManager.

Requests come as bytes and are parsed by the thread that answers them, so that the loop, which health and status are
answered in, never waits for a large message or for a prediction.
"""

import asyncio
import concurrent.futures
import dataclasses
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    predict_pb2,
)

from rugan_tf.serve.errors import Code, ServingError
from rugan_tf.serve.loaded_version import DEFAULT_SIGNATURE
from rugan_tf.serve.metadata import signature_map
from rugan_tf.serve.model_config import models_of
from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.monitoring import ServerMetrics
from rugan_tf.serve.tensors import fill_proto, from_proto
from rugan_tf.serve.workers import Workers

LOGGER = logging.getLogger(__name__)
OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.so_reuseport", 0),  # a port that is in use is refused instead of shared
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
METADATA_FIELD = "signature_def"
HEALTH_SERVICES = ("", "ModelService", "PredictionService")  # that TensorFlow Serving sets; it knows no models
MAX_MESSAGE, TRUNCATED = 1024, "...TRUNCATED"  # of an error, as TensorFlow Serving cuts it
WATCH_INTERVAL = 0.2  # s
Handler = Callable[[bytes, Any], Awaitable[bytes]]


@dataclasses.dataclass(frozen=True)
class Served:
    """What the methods of gRPC need.

    Attributes:
        manager: of the models.
        metrics: where requests are counted.
        workers: that answer Predict.
        as_content: whether answers are raw bytes instead of typed fields.
        is_ending: whether the server has been told to end.
    """

    manager: ModelManager
    metrics: ServerMetrics
    workers: Workers
    as_content: bool = False
    is_ending: Callable[[], bool] = lambda: False


def chosen_version(spec: Any) -> dict[str, Any]:
    """Return version or label of a ModelSpec as arguments of `ModelManager.request`."""
    choice = spec.WhichOneof("version_choice")
    return {
        "version": spec.version.value if choice == "version" else None,
        "label": spec.version_label if choice == "version_label" else None,
    }


def parsed(kind: type[Message], content: bytes) -> Any:
    """Return a message.

    Raises:
        ServingError: INTERNAL, as gRPC says it, the bytes are none.
    """
    try:
        return kind.FromString(content)
    except DecodeError:
        raise ServingError(Code.INTERNAL, "The request cannot be parsed") from None


def predict(served: Served, content: bytes, timeout: float | None) -> bytes:
    """Answer Predict."""
    request = parsed(predict_pb2.PredictRequest, content)
    spec = request.model_spec
    signature = spec.signature_name or DEFAULT_SIGNATURE
    with (
        served.metrics.measured(spec.name, "Predict", "GRPC"),
        served.manager.request(spec.name, **chosen_version(spec)) as (number, version),
    ):
        version.signature(signature)
        inputs = {name: from_proto(name, tensor) for name, tensor in request.inputs.items()}
        outputs = version.predict(signature, inputs, tuple(request.output_filter), timeout)
    response = predict_pb2.PredictResponse()
    response.model_spec.name, response.model_spec.signature_name = spec.name, signature
    response.model_spec.version.value = number
    for name, value in outputs.items():
        fill_proto(response.outputs[name], value, as_content=served.as_content)
    return response.SerializeToString()


def get_model_metadata(served: Served, content: bytes) -> bytes:
    """Answer GetModelMetadata: the signatures."""
    request = parsed(get_model_metadata_pb2.GetModelMetadataRequest, content)
    if not request.HasField("model_spec"):
        raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
    if not request.metadata_field:
        message = "GetModelMetadataRequest must specify at least one metadata_field"
        raise ServingError(Code.INVALID_ARGUMENT, message)
    for field in request.metadata_field:
        if field != METADATA_FIELD:
            raise ServingError(Code.INVALID_ARGUMENT, f"Metadata field {field} is not supported")
    spec = request.model_spec
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    with served.manager.request(spec.name, **chosen_version(spec)) as (number, version):
        response.metadata[METADATA_FIELD].Pack(signature_map(version))
    response.model_spec.name = spec.name
    response.model_spec.version.value = number
    return response.SerializeToString()


def get_model_status(served: Served, content: bytes) -> bytes:
    """Answer GetModelStatus: one version, or all of them, also where a label is given, as TensorFlow Serving does."""
    request = parsed(get_model_status_pb2.GetModelStatusRequest, content)
    if not request.HasField("model_spec"):
        raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
    spec = request.model_spec
    response = get_model_status_pb2.GetModelStatusResponse()
    for known, version in served.manager.status(spec.name, chosen_version(spec)["version"]).items():
        status = response.model_version_status.add(version=known)
        status.state = get_model_status_pb2.ModelVersionStatus.State.Value(version.state)
        status.status.error_code, status.status.error_message = int(version.code), version.message
    return response.SerializeToString()


def handle_reload_config(served: Served, content: bytes) -> bytes:
    """Answer HandleReloadConfigRequest: serve other models from now on."""
    request = parsed(model_management_pb2.ReloadConfigRequest, content)
    try:
        models = models_of(request.config, "the request")
    except ValueError as error:
        raise ServingError(Code.INVALID_ARGUMENT, str(error)) from None
    served.manager.configure(models)
    return model_management_pb2.ReloadConfigResponse().SerializeToString()


async def told(context: Any, answer: Awaitable[bytes]) -> bytes:
    """Wait for an answer; tell the caller the status and the reason of one that is refused."""
    try:
        return await answer
    except ServingError as error:
        text = error.message if len(error.message) <= MAX_MESSAGE else error.message[:MAX_MESSAGE] + TRUNCATED
        await context.abort(grpc.StatusCode[error.code.name], text)
        raise  # abort raises
    except Exception as error:
        LOGGER.exception("a request over gRPC failed")
        await context.abort(grpc.StatusCode.INTERNAL, type(error).__name__)
        raise


def methods(served: Served) -> dict[str, dict[str, Handler]]:
    """Return the methods of each service; those that are not among them are UNIMPLEMENTED."""

    async def answer_predict(content: bytes, context: Any) -> bytes:
        timeout = context.time_remaining()
        work: concurrent.futures.Future[bytes] = served.workers.submit(lambda: predict(served, content, timeout))
        return await told(context, asyncio.wrap_future(work))

    def at_once(function: Callable[[Served, bytes], bytes]) -> Handler:
        async def answer(content: bytes, context: Any) -> bytes:
            async def work() -> bytes:
                return function(served, content)

            return await told(context, work())

        return answer

    async def reload_config(content: bytes, context: Any) -> bytes:
        # In a thread: it waits until the models are loaded.
        return await told(context, asyncio.to_thread(handle_reload_config, served, content))

    return {
        "tensorflow.serving.PredictionService": {
            "Predict": answer_predict,
            "GetModelMetadata": at_once(get_model_metadata),
        },
        "tensorflow.serving.ModelService": {
            "GetModelStatus": at_once(get_model_status),
            "HandleReloadConfigRequest": reload_config,
        },
    }


def health_handler(served: Served) -> Any:
    """Return the service grpc.health.v1."""

    def status() -> bytes:
        kind = health_pb2.HealthCheckResponse
        told = kind.NOT_SERVING if served.is_ending() else kind.SERVING
        return kind(status=told).SerializeToString()

    async def check(content: bytes, context: Any) -> bytes:
        async def work() -> bytes:
            if parsed(health_pb2.HealthCheckRequest, content).service not in HEALTH_SERVICES:
                raise ServingError(Code.NOT_FOUND, "")
            return status()

        return await told(context, work())

    async def watch(content: bytes, _: Any) -> AsyncIterator[bytes]:
        kind = health_pb2.HealthCheckResponse
        is_known, last = parsed(health_pb2.HealthCheckRequest, content).service in HEALTH_SERVICES, None
        while True:
            now = status() if is_known else kind(status=kind.SERVICE_UNKNOWN).SerializeToString()
            if now != last:
                yield now
                last = now
            await asyncio.sleep(WATCH_INTERVAL)

    handlers = {
        "Check": grpc.unary_unary_rpc_method_handler(check),
        "Watch": grpc.unary_stream_rpc_method_handler(watch),
    }
    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers)


def build_server(served: Served, settings: list[tuple[str, int | str]], *, has_health: bool = False) -> Any:
    """Build a server without an address; `settings` are those of gRPC."""
    server = grpc.aio.server(options=[*OPTIONS, *settings])
    handlers = [
        grpc.method_handlers_generic_handler(
            service, {name: grpc.unary_unary_rpc_method_handler(handler) for name, handler in named.items()}
        )
        for service, named in methods(served).items()
    ]
    server.add_generic_rpc_handlers(handlers + ([health_handler(served)] if has_health else []))
    return server


def add_address(server: Any, address: str, credentials: grpc.ServerCredentials | None) -> int:
    """Let a server listen on an address, and return the port.

    Raises:
        OSError: the address cannot be had.
    """
    what = "socket path" if address.startswith("unix:") else "port"
    try:
        port = (
            server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
        )
    except RuntimeError as error:
        raise OSError(f"The gRPC {what} must be free. Received: {address} ({error})") from None
    # How older versions of gRPC tell what newer ones raise.
    if port == 0:
        raise OSError(f"The gRPC {what} must be free. Received: {address}")
    return port
