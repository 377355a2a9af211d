"""The REST interface: predict in row and in columnar form, status and metadata, and the numbers for Prometheus."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from google.protobuf import json_format
from numpy.typing import NDArray
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rugan_tf.serve.errors import HTTP_STATUS, Code, ServingError
from rugan_tf.serve.loaded_version import DEFAULT_SIGNATURE, LoadedVersion
from rugan_tf.serve.metadata import signature_map
from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.monitoring import RequestMetrics
from rugan_tf.serve.tensors import from_json

MAX_BODY = 2**26  # bytes of a request; larger ones go over gRPC
TOO_LARGE = f"A request must have at most {MAX_BODY} bytes; use gRPC"
UNKNOWN_FIELDS = "must hold signature_name, and instances or inputs"


def build_app(manager: ModelManager, metrics: RequestMetrics, metrics_path: str | None) -> Starlette:
    """Build the application; `metrics_path` is where Prometheus reads, if anywhere."""

    async def predict(request: Request) -> Response:
        body = await read_body(request)
        return await run_in_threadpool(answer_predict, manager, metrics, request.path_params, body)

    def status(request: Request) -> Response:
        name, version, label = target(request.path_params)
        number = version if label is None else manager.labelled(name, label)
        versions = [
            {
                "version": str(known),
                "state": entry.state,
                "status": {"error_code": entry.code.name, "error_message": entry.message},
            }
            for known, entry in manager.status(name, number).items()
        ]
        return json_response({"model_version_status": versions})

    def metadata(request: Request) -> Response:
        name, version, label = target(request.path_params)
        with manager.request(name, version, label) as (number, loaded):
            described = json_format.MessageToDict(
                signature_map(loaded), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
        spec = {"name": name, "signature_name": "", "version": str(number)}
        return json_response({"model_spec": spec, "metadata": {"signature_def": described}})

    def numbers(request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    routes = [Route(metrics_path, numbers)] if metrics_path else []
    for place in ("", "/versions/{version}", "/labels/{label}"):
        routes += [
            Route(f"/v1/models/{{name}}{place}:predict", predict, methods=["POST"]),
            Route(f"/v1/models/{{name}}{place}/metadata", metadata),
        ]
    routes += [Route(f"/v1/models/{{name}}{place}", status) for place in ("/versions/{version}", "/labels/{label}", "")]
    handlers: dict[Any, Callable[..., Any]] = {ServingError: refused, HTTPException: malformed}
    return Starlette(routes=routes, exception_handlers=handlers)


def refused(request: Request, error: Exception) -> Response:
    """Answer a ServingError."""
    code, message = (error.code, error.message) if isinstance(error, ServingError) else (Code.INTERNAL, str(error))
    return json_response({"error": message}, HTTP_STATUS.get(code, 500))


def malformed(request: Request, error: Exception) -> Response:
    """Answer a path or a method that there is not, as TensorFlow Serving does."""
    return json_response({"error": f"Malformed request: {request.method} {request.url.path}"}, 400)


def json_response(content: Any, status_code: int = 200) -> Response:
    """Return content as JSON; NaN and Infinity stand bare, as TensorFlow Serving writes them."""
    return Response(json.dumps(content), status_code, media_type="application/json")


async def read_body(request: Request) -> bytes:
    """Return the body.

    Raises:
        ServingError: INVALID_ARGUMENT, it is too large.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_BODY:
        raise ServingError(Code.INVALID_ARGUMENT, TOO_LARGE)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ServingError(Code.INVALID_ARGUMENT, TOO_LARGE)
    return bytes(body)


def target(path_params: dict[str, Any]) -> tuple[str, int | None, str | None]:
    """Return model, version and label of a path."""
    version = path_params.get("version")
    if version is not None and not (version.isascii() and version.isdecimal() and len(version) < 19):
        raise ServingError(Code.INVALID_ARGUMENT, f"Malformed request: version {version[:40]}")
    return path_params["name"], None if version is None else int(version), path_params.get("label")


def answer_predict(
    manager: ModelManager, metrics: RequestMetrics, path_params: dict[str, Any], body: bytes
) -> Response:
    """Answer a predict request."""
    name, number, label = target(path_params)
    with metrics.measured(name, "Predict", "REST"):
        content = parse_body(body)
        signature = content.get("signature_name", DEFAULT_SIGNATURE)
        with manager.request(name, number, label) as (_, version):
            try:
                specification = version.specification(signature)
            except ServingError as error:  # over REST TensorFlow Serving calls this an invalid argument
                raise ServingError(Code.INVALID_ARGUMENT, error.message) from None
            by_row = "instances" in content
            inputs = rows_to_inputs(content["instances"], specification) if by_row else None
            inputs = columns_to_inputs(content["inputs"], specification) if inputs is None else inputs
            outputs = predict(version, signature, inputs)
        return json_response(outputs_by_row(outputs) if by_row else outputs_by_column(outputs))


def predict(version: LoadedVersion, signature: str, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Call a signature with all its outputs."""
    return version.predict(signature, inputs)


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the request's JSON object.

    Raises:
        ServingError: INVALID_ARGUMENT, it is none, or has not exactly one of instances and inputs.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ServingError(Code.INVALID_ARGUMENT, f"JSON Parse error: {error}") from None
    if not isinstance(content, dict):
        raise ServingError(Code.INVALID_ARGUMENT, f"A request must be a JSON object, and {UNKNOWN_FIELDS}")
    if ("instances" in content) == ("inputs" in content):
        raise ServingError(Code.INVALID_ARGUMENT, "A request must have exactly one of the keys instances and inputs")
    if not isinstance(content.get("signature_name", ""), str):
        raise ServingError(Code.INVALID_ARGUMENT, "signature_name must be a string")
    return content


def columns_to_inputs(columns: Any, specification: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return arrays of the columnar form: an object of tensors, or the tensor itself where there is one input."""
    if not isinstance(columns, dict):
        if len(specification) != 1:
            raise ServingError(Code.INVALID_ARGUMENT, f"inputs must be an object with {sorted(specification)}")
        columns = {next(iter(specification)): columns}
    unknown = sorted({*columns} - {*specification})
    if unknown:
        raise ServingError(
            Code.INVALID_ARGUMENT, f"Unknown input {unknown[0]}; the signature has {sorted(specification)}"
        )
    dtypes = {name: spec.dtype.as_numpy_dtype for name, spec in specification.items()}
    return {name: from_json(name, value, np.dtype(dtypes[name])) for name, value in columns.items()}


def rows_to_inputs(instances: Any, specification: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return arrays of the row form: a list of objects with one entry of every input, or of bare entries."""
    if not isinstance(instances, list) or not instances:
        raise ServingError(Code.INVALID_ARGUMENT, "instances must be a list that is not empty")
    if not any(isinstance(instance, dict) for instance in instances):
        return columns_to_inputs(
            {next(iter(specification)): instances} if len(specification) == 1 else 0, specification
        )
    keys = set(instances[0]) if isinstance(instances[0], dict) else set()
    if not all(isinstance(instance, dict) and set(instance) == keys for instance in instances):
        raise ServingError(Code.INVALID_ARGUMENT, "All instances must be objects of the same keys")
    return columns_to_inputs({key: [instance[key] for instance in instances] for key in keys}, specification)


def outputs_by_row(outputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the answer to the row form."""
    sizes = {value.shape[0] if value.ndim else None for value in outputs.values()}
    if len(sizes) != 1 or None in sizes:
        raise ServingError(Code.INVALID_ARGUMENT, "The outputs have no common batch; use the columnar form")
    columns = {name: value.tolist() for name, value in outputs.items()}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}


def outputs_by_column(outputs: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the answer to the columnar form."""
    columns = {name: value.tolist() for name, value in outputs.items()}
    return {"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}
