"""The REST interface: predict in row and in columnar form, status and metadata, and the numbers for Prometheus."""

import asyncio
import dataclasses
import json
import logging
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from google.protobuf import json_format
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rugan_tf.serve.errors import HTTP_STATUS, Code, ServingError
from rugan_tf.serve.metadata import signature_map
from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.monitoring import ServerMetrics
from rugan_tf.serve.rest_predict import answer_predict
from rugan_tf.serve.workers import Workers

LOGGER = logging.getLogger(__name__)
MAX_BODY = 2**26  # bytes of a request; larger ones go over gRPC
TOO_LARGE = f"A request must have at most {MAX_BODY} bytes; use gRPC"
VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
CALL = re.compile(rf"/v1/models/(?P<name>[^/:]+){VERSION}:(?P<api>classify|regress|predict)", re.IGNORECASE)
READ = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{VERSION}(?:/(?P<what>metadata))?", re.IGNORECASE)
MAX_VERSION = 2**63 - 1
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


@dataclasses.dataclass(frozen=True)
class RestOptions:
    """How REST answers.

    Attributes:
        timeout: of a prediction, s.
        metrics_path: where Prometheus reads, if anywhere.
        has_cors: whether pages of other origins may ask.
    """

    timeout: float = 30.0
    metrics_path: str | None = None
    has_cors: bool = False


@dataclasses.dataclass(frozen=True)
class Target:
    """What a path names: a model, and a version by number, by label, or the latest."""

    name: str
    version: int | None
    label: str | None


def build_app(
    manager: ModelManager,
    metrics: ServerMetrics,
    workers: Workers,
    options: RestOptions,
    more: Sequence[BaseRoute] = (),
) -> Starlette:
    """Build the application; `more` are routes beside those of the interface."""

    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            response = preflight(request)
        else:
            try:
                text = await content_of(request, manager, metrics, workers, options.timeout)
                response = Response(text, media_type="application/json")
            except ServingError as error:
                response = refused(error)
            except Exception as error:
                LOGGER.exception("a request over REST failed")
                response = refused(ServingError(Code.INTERNAL, type(error).__name__))
        if options.has_cors:
            response.headers.update(CORS)
        return response

    def numbers(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    routes: list[BaseRoute] = [Route(options.metrics_path, numbers)] if options.metrics_path else []
    routes += [Route(f"/{prefix}/{{rest:path}}", answer, methods=METHODS) for prefix in ("v1", "V1")]
    handlers: dict[Any, Callable[..., Any]] = {HTTPException: elsewhere}
    return Starlette(routes=[*routes, *more], exception_handlers=handlers)


async def content_of(
    request: Request, manager: ModelManager, metrics: ServerMetrics, workers: Workers, timeout: float
) -> str:
    """Return the JSON that answers a request below /v1.

    Raises:
        ServingError: the request is refused.
    """
    # As it came: a slash that a client escaped belongs to a name.
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
    pattern = {"POST": CALL, "GET": READ}.get(request.method)
    found = None if pattern is None else pattern.fullmatch(path)
    name = urllib.parse.unquote(found["name"] or "") if found else ""
    api = found["api"].lower() if found and pattern is CALL else ""
    body = await read_body(request) if request.method == "POST" else b""

    def work() -> str:
        with metrics.measured(name, api, "REST"):
            if found is None:
                raise ServingError(Code.INVALID_ARGUMENT, f"Malformed request: {request.method} {path[:256]}")
            target = target_of(name, found["version"], found["label"])
            if api == "predict":
                return answer_predict(manager, target.name, target.version, target.label, body, timeout)
            if api:
                raise ServingError(Code.UNIMPLEMENTED, f"{api} is not served here; TensorFlow Serving has it")
            return metadata(manager, target) if found["what"] else status(manager, target)

    # Only predictions wait for a thread: status and metadata are told however busy the models are.
    waiting: Awaitable[str] = asyncio.wrap_future(workers.submit(work)) if api == "predict" else finished(work)
    return await waiting


async def finished(work: Callable[[], str]) -> str:
    """Return the result of what takes no time."""
    return work()


def target_of(name: str, version: str | None, label: str | None) -> Target:
    """Return what a path names.

    Raises:
        ServingError: INVALID_ARGUMENT, no name, or a version that no number of 64 bits is.
    """
    if not name:
        raise ServingError(Code.INVALID_ARGUMENT, "Missing model name in request.")
    # Twenty digits tell that it is too large; thousands Python refuses to read.
    if version is not None and int(version[:20]) > MAX_VERSION:
        raise ServingError(Code.INVALID_ARGUMENT, f"Failed to convert version: {version[:40]} to numeric.")
    return Target(
        name, None if version is None else int(version), None if label is None else urllib.parse.unquote(label)
    )


def status(manager: ModelManager, target: Target) -> str:
    """Return the states of a version, or of all; a label is not looked at, as TensorFlow Serving does it."""
    versions = [
        {
            "version": str(known),
            "state": entry.state,
            "status": {"error_code": entry.code.name, "error_message": entry.message},
        }
        for known, entry in manager.status(target.name, target.version).items()
    ]
    return json.dumps({"model_version_status": versions}, indent=1)


def metadata(manager: ModelManager, target: Target) -> str:
    """Return the signatures."""
    with manager.request(target.name, target.version, target.label) as (number, loaded):
        described = json_format.MessageToDict(
            signature_map(loaded), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
    spec = {"name": target.name, "signature_name": "", "version": str(number)}
    return json.dumps({"model_spec": spec, "metadata": {"signature_def": described}}, indent=1)


def preflight(request: Request) -> Response:
    """Answer OPTIONS."""
    if re.search("https?://", request.headers.get("origin", "")):
        return Response(status_code=200)
    return refused(ServingError(Code.FAILED_PRECONDITION, "Origin header is missing in CORS preflight"))


def refused(error: ServingError) -> Response:
    """Answer what is refused."""
    text = json.dumps({"error": error.message})
    return Response(text, HTTP_STATUS.get(error.code, 500), media_type="application/json")


def elsewhere(_: Request, error: Exception) -> Response:
    """Answer a path that there is not."""
    return Response(status_code=error.status_code if isinstance(error, HTTPException) else 500)


async def read_body(request: Request) -> bytes | bytearray:
    """Return the body.

    Raises:
        ServingError: INVALID_ARGUMENT, it is too large.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > MAX_BODY:
        raise ServingError(Code.INVALID_ARGUMENT, f"{TOO_LARGE}. Received: {announced[:20]} bytes")
    body = bytearray()
    # Counted as it comes: a length that is announced may be missing, or wrong.
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ServingError(Code.INVALID_ARGUMENT, f"{TOO_LARGE}. Received: more")
    return body
