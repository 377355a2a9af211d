"""The server as a whole: configuration files, ports, TLS, polling, an orderly end."""

import asyncio
import contextlib
import dataclasses
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from rugan_tf.errors import InputError
from rugan_tf.serve.before_start import metrics_path, read_models, require_free_path
from rugan_tf.serve.errors import ServingError
from rugan_tf.serve.grpc_server import Served, add_address, build_server
from rugan_tf.serve.loaded_version import SessionOptions
from rugan_tf.serve.model_config import ModelConfig
from rugan_tf.serve.model_manager import LoadOptions, ModelManager
from rugan_tf.serve.monitoring import ServerMetrics
from rugan_tf.serve.options import ServeOptions, channel_arguments
from rugan_tf.serve.page_routes import page_routes
from rugan_tf.serve.rest import RestOptions, build_app
from rugan_tf.serve.tls import server_credentials
from rugan_tf.serve.workers import Workers

LOGGER = logging.getLogger(__name__)
TELLING = 2.0  # s, for those that are cut off to be told
MILLISECONDS, MICROSECONDS = 1e3, 1e6  # in a second


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a server is made of."""

    options: ServeOptions
    manager: ModelManager
    metrics: ServerMetrics
    grpc_workers: Workers
    rest_workers: Workers
    ending: threading.Event


def serve(options: ServeOptions) -> None:
    """Load the models, serve until SIGTERM or Ctrl-C, end when the requests that run have their answers.

    Raises:
        InputError: a configuration file with errors, a folder without versions, a version that cannot be loaded,
            certificates that do not match.
        OSError: a port that is in use, a file that is missing.
    """
    parts = build_parts(options)
    # What TensorFlow imported stays. To look through it costs 0.2 s at each collection, in which nothing is answered.
    gc.collect()
    gc.freeze()
    is_idle = asyncio.run(run(parts))
    # os._exit leaves out what was printed and not written yet.
    sys.stdout.flush()
    # A thread is still within an operation that cannot be ended; waiting for it could take minutes. And TensorFlow
    # aborts the process when Python goes away beneath it.
    if not is_idle:
        os._exit(0)


def build_parts(options: ServeOptions) -> Parts:
    """Return the parts, models not loaded yet."""
    models = read_models(options)
    names: dict[str, ModelConfig] = {}
    # Before the manager, which counts its loads in them, and is what knows the names.
    metrics = ServerMetrics(lambda name: name in names)
    try:
        manager = ModelManager(models, load_options(options, metrics))
    except ServingError as error:
        raise InputError(error.message) from None
    metrics.is_known = lambda name: name in manager.models
    workers = Workers(options.grpc_max_threads), Workers(options.rest_api_num_threads)
    return Parts(options, manager, metrics, *workers, threading.Event())


def load_options(options: ServeOptions, metrics: ServerMetrics) -> LoadOptions:
    """Return how versions are loaded."""
    both = options.tensorflow_session_parallelism
    session = SessionOptions(
        intra_op=options.tensorflow_intra_op_parallelism or both,
        inter_op=options.tensorflow_inter_op_parallelism or both,
        is_warmed=options.enable_model_warmup,
        num_warmup=max(1, options.num_request_iterations_for_warmup),
    )
    return LoadOptions(
        session,
        options.max_num_load_retries,
        options.load_retry_interval_micros / MICROSECONDS,
        options.allow_version_labels_for_unavailable_models,
        metrics.count_load,
    )


async def run(parts: Parts) -> bool:
    """Serve until told to end; return whether no thread is busy any more."""
    options, manager, ending = parts.options, parts.manager, parts.ending
    credentials = None if options.ssl_config_file is None else server_credentials(options.ssl_config_file)
    path = metrics_path(options)
    served = Served(
        manager, parts.metrics, parts.grpc_workers, options.enable_serialization_as_tensor_content, ending.is_set
    )
    server = build_server(
        served,
        channel_arguments(options.grpc_channel_arguments),
        has_health=options.enable_grpc_healthcheck_service,
    )
    with socket_path(options.grpc_socket_path) as unix:
        # Addresses before models: one that is in use is refused at once, not when all is loaded.
        port = add_address(server, f"{options.host}:{options.port}", credentials)
        if unix is not None:
            add_address(server, unix, credentials)
        listener = None if options.rest_api_port is None else rest_socket(options.host, options.rest_api_port)
        await asyncio.to_thread(manager.poll)
        try:
            manager.require_served(manager.models)
        except ServingError as error:
            raise InputError(error.message) from None
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        await server.start()
        rest = None if listener is None else start_rest(parts, path, listener)
        watch(parts)
        announce(options, manager, port, listener)
        await told.wait()
        return await end(parts, server, rest)


async def end(parts: Parts, server: Any, rest: uvicorn.Server | None) -> bool:
    """Take no more requests, wait for those that run, cut off what is left; return whether nothing is busy."""
    start, grace = time.monotonic(), parts.options.grace
    parts.ending.set()
    parts.manager.stop()
    stopping = asyncio.ensure_future(server.stop(grace + TELLING))
    if rest is not None:
        rest.should_exit = True
    workers, num_cut_off = (parts.grpc_workers, parts.rest_workers), 0
    for one in workers:
        await asyncio.to_thread(one.wait_until_idle, start + grace - time.monotonic())
    for one in workers:
        num_cut_off += one.cut_off()
        one.close()
    await asyncio.wait([stopping], timeout=TELLING)
    if num_cut_off:
        await asyncio.to_thread(parts.manager.close)
    waited = [await asyncio.to_thread(one.wait_until_idle, TELLING / 2 if num_cut_off else 0) for one in workers]
    what = "no request was cut off" if not num_cut_off else f"{num_cut_off} requests were cut off after {grace:g} s"
    print(f"ended; {what.replace('1 requests were', '1 request was')}", flush=True)
    return all(waited) and parts.manager.is_still()


def watch(parts: Parts) -> None:
    """Look for new versions, and for another configuration, in threads of their own."""
    options, manager = parts.options, parts.manager
    # Daemons: to look at folders must not keep the process alive.
    threading.Thread(target=manager.watch, args=(options.file_system_poll_wait_seconds,), daemon=True).start()
    if options.model_config_file and options.model_config_file_poll_wait_seconds:
        threading.Thread(target=watch_config, args=(manager, options, parts.ending), daemon=True).start()


def watch_config(manager: ModelManager, options: ServeOptions, ended: threading.Event) -> None:
    """Read the configuration file again and again; what is wrong with it is logged and changes nothing."""
    while not ended.wait(options.model_config_file_poll_wait_seconds):
        try:
            models = read_models(options)
            if models != manager.models:
                manager.configure(models)
        except (ValueError, OSError) as error:
            LOGGER.error("the model configuration is left as it was: %s", error)
        except ServingError as error:
            LOGGER.error("the model configuration: %s", error)


@contextlib.contextmanager
def socket_path(path: Path | None) -> Iterator[str | None]:
    """Give the address of a UNIX socket, whose file is removed at the end.

    Raises:
        OSError: somebody listens there, or the path is another kind of file.
    """
    if path is None:
        yield None
        return
    require_free_path(path)
    path.unlink(missing_ok=True)  # left behind by a server that was killed
    yield f"unix:{path}"
    path.unlink(missing_ok=True)


def rest_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        OSError: the port cannot be had.
    """
    try:
        listener = socket.create_server((host, port), backlog=256)
    except OSError as error:
        raise OSError(f"The REST port must be free. Received: {host}:{port} ({error})") from None
    listener.set_inheritable(True)
    return listener


def start_rest(parts: Parts, path: str | None, listener: socket.socket) -> uvicorn.Server:
    """Serve REST on a socket in a thread of its own."""
    options = parts.options
    rest_options = RestOptions(
        options.rest_api_timeout_in_ms / MILLISECONDS, path, options.rest_api_enable_cors_support
    )
    more = page_routes(parts.manager) if options.page else []
    app = build_app(parts.manager, parts.metrics, parts.rest_workers, rest_options, more)
    # uvicorn takes whole seconds, and must not be the first to give up.
    wait = int(options.grace + TELLING) + 1
    rest = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=wait))
    threading.Thread(target=rest.run, args=([listener],), daemon=True).start()
    return rest


def announce(options: ServeOptions, manager: ModelManager, port: int, listener: socket.socket | None) -> None:
    """Say what is served where, and what to try."""
    for name in manager.models:
        for number, version in manager.status(name).items():
            print(f"{name} version {number}: {version.state} {version.message}".rstrip(), flush=True)
    address = f"{options.host}:{port}"
    rest = f"http://{options.host}:{listener.getsockname()[1]}" if listener else ""
    print(f"gRPC on {address}{rest and ', REST on '}{rest}", flush=True)
    if rest and options.page:
        print(f"a page to look at: {rest}/", flush=True)
    print(
        f"next: rugan client status --server {address} --model-name {next(iter(manager.models))}",
        flush=True,
    )
