"""The gRPC interface: PredictionService, ModelService and grpc.health.v1 over a ModelManager."""

from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from rugan_tf.serve.errors import Code, ServingError
from rugan_tf.serve.loaded_version import DEFAULT_SIGNATURE
from rugan_tf.serve.metadata import signature_map
from rugan_tf.serve.model_config import models_of
from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.monitoring import RequestMetrics
from rugan_tf.serve.tensors import from_proto, to_proto

OPTIONS = [
    ("grpc.so_reuseport", 0),  # a port that is in use is refused instead of shared
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
METADATA_FIELD = "signature_def"


def chosen_version(spec: Any) -> dict[str, Any]:
    """Return version or label of a ModelSpec as arguments of `ModelManager.request`."""
    choice = spec.WhichOneof("version_choice")
    return {
        "version": spec.version.value if choice == "version" else None,
        "label": spec.version_label if choice == "version_label" else None,
    }


def answering(api: str) -> Callable[[Any], Any]:
    """Make a method that raises ServingError one that gRPC can call, and count its requests."""

    def wrap(method: Callable[[Any, Any], Message]) -> Callable[[Any, Any, grpc.ServicerContext], Message | None]:
        def answer(service: Any, request: Any, context: grpc.ServicerContext) -> Message | None:
            spec = getattr(request, "model_spec", None)
            try:
                with service.metrics.measured(spec.name if spec else "", api, "GRPC"):
                    return method(service, request)
            except ServingError as error:
                context.abort(grpc.StatusCode[error.code.name], error.message)
            return None

        return answer

    return wrap


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata.

    Classify, Regress, MultiInference and SessionRun, which take tf.Example or a session, are UNIMPLEMENTED.
    """

    def __init__(self, manager: ModelManager, metrics: RequestMetrics, as_content: bool) -> None:
        self.manager, self.metrics, self.as_content = manager, metrics, as_content

    @answering("Predict")
    def Predict(self, request: Any) -> Message:  # noqa: N802
        """Call a signature."""
        spec = request.model_spec
        signature = spec.signature_name or DEFAULT_SIGNATURE
        with self.manager.request(spec.name, **chosen_version(spec)) as (number, version):
            version.signature(signature)
            inputs = {name: from_proto(name, tensor) for name, tensor in request.inputs.items()}
            outputs = version.predict(signature, inputs, tuple(request.output_filter))
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = spec.name, signature
        response.model_spec.version.value = number
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(to_proto(value, self.as_content))
        return response

    @answering("GetModelMetadata")
    def GetModelMetadata(self, request: Any) -> Message:  # noqa: N802
        """Return the signatures."""
        if not request.metadata_field:
            message = "GetModelMetadataRequest must specify at least one metadata_field"
            raise ServingError(Code.INVALID_ARGUMENT, message)
        for field in request.metadata_field:
            if field != METADATA_FIELD:
                raise ServingError(Code.INVALID_ARGUMENT, f"Metadata field {field} is not supported")
        spec = request.model_spec
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self.manager.request(spec.name, **chosen_version(spec)) as (number, version):
            response.metadata[METADATA_FIELD].Pack(signature_map(version))
        response.model_spec.name = spec.name
        response.model_spec.version.value = number
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest."""

    def __init__(self, manager: ModelManager, metrics: RequestMetrics) -> None:
        self.manager, self.metrics = manager, metrics

    @answering("GetModelStatus")
    def GetModelStatus(self, request: Any) -> Message:  # noqa: N802
        """Return the states of the versions of a model."""
        spec = request.model_spec
        if not spec.name:
            raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
        choice = chosen_version(spec)
        number = choice["version"] if choice["label"] is None else self.manager.labelled(spec.name, choice["label"])
        response = get_model_status_pb2.GetModelStatusResponse()
        for known, version in self.manager.status(spec.name, number).items():
            status = response.model_version_status.add(version=known)
            status.state = get_model_status_pb2.ModelVersionStatus.State.Value(version.state)
            status.status.error_code, status.status.error_message = int(version.code), version.message
        return response

    @answering("HandleReloadConfigRequest")
    def HandleReloadConfigRequest(self, request: Any) -> Message:  # noqa: N802
        """Serve other models from now on."""
        try:
            models = models_of(request.config, "the request")
        except ValueError as error:
            raise ServingError(Code.INVALID_ARGUMENT, str(error)) from None
        self.manager.configure(models)
        return model_management_pb2.ReloadConfigResponse()


class HealthService(health_pb2_grpc.HealthServicer):
    """grpc.health.v1: the server as a whole, and each model by its name."""

    def __init__(self, manager: ModelManager) -> None:
        self.manager = manager

    def Check(self, request: Any, context: grpc.ServicerContext) -> Message | None:  # noqa: N802
        """Return whether the server is ready, or one model."""
        if request.service and request.service not in self.manager.models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {request.service}")
        ready = self.manager.is_ready() if not request.service else self.manager.is_served(request.service)
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=status)

    def Watch(self, request: Any, context: grpc.ServicerContext) -> Iterator[Message]:  # noqa: N802
        """Return UNIMPLEMENTED: clients fall back to Check."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Watch is not served; use Check")
        yield health_pb2.HealthCheckResponse()


class Parsing(grpc.ServerInterceptor):
    """Parses requests where they are answered, and refuses what is no message.

    Left to itself grpcio logs a traceback for each of them and keeps some memory.
    """

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Return the handler of a call with one answer, which now gets bytes; others stay as they are."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler

        def answer(content: bytes, context: grpc.ServicerContext) -> Any:
            try:
                request = handler.request_deserializer(content)
            except DecodeError:
                context.abort(grpc.StatusCode.INTERNAL, "The request cannot be parsed")
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(answer, response_serializer=handler.response_serializer)


def build_server(
    manager: ModelManager,
    metrics: RequestMetrics,
    address: str,
    *,
    num_threads: int,
    as_content: bool = False,
    has_health: bool = False,
    credentials: grpc.ServerCredentials | None = None,
) -> tuple[grpc.Server, int]:
    """Build a gRPC server, and return it with the port that it listens on once it is started.

    Raises:
        OSError: the address cannot be had.
    """
    pool = futures.ThreadPoolExecutor(num_threads, "grpc")
    server = grpc.server(pool, interceptors=[Parsing()], options=OPTIONS)
    prediction = PredictionService(manager, metrics, as_content)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(prediction, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(manager, metrics), server)
    if has_health:
        health_pb2_grpc.add_HealthServicer_to_server(HealthService(manager), server)
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise OSError(f"The gRPC port must be free. Received: {address} ({error})") from None
    if port == 0:
        raise OSError(f"The gRPC port must be free. Received: {address}")
    return server, port
