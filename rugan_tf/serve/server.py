"""The server as a whole: configuration files, ports, TLS, polling, an orderly end."""

import logging
import signal
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import grpc
import uvicorn

from rugan_tf.errors import InputError
from rugan_tf.serve.errors import ServingError
from rugan_tf.serve.grpc_server import build_server
from rugan_tf.serve.model_config import ModelConfig, read_model_config, read_small_config
from rugan_tf.serve.model_manager import ModelManager, versions_on_disk
from rugan_tf.serve.monitoring import RequestMetrics
from rugan_tf.serve.options import ServeOptions
from rugan_tf.serve.rest import build_app

LOGGER = logging.getLogger(__name__)
GRACE = 30.0  # s, for requests that run when the server is told to end


def serve(options: ServeOptions) -> None:
    """Load the models, serve until SIGTERM or Ctrl-C, end when the requests that run have their answers.

    Raises:
        InputError: a configuration file with errors, a folder without versions, certificates that do not match.
        OSError: a port that is in use, a file that is missing.
    """
    manager = ModelManager(read_models(options))
    metrics = RequestMetrics(lambda name: name in manager.models)
    credentials = None if options.ssl_config_file is None else server_credentials(options.ssl_config_file)
    path = metrics_path(options)
    server, port = build_server(
        manager,
        metrics,
        f"{options.host}:{options.port}",
        num_threads=options.grpc_max_threads,
        as_content=options.enable_serialization_as_tensor_content,
        has_health=options.enable_grpc_healthcheck_service,
        credentials=credentials,
    )
    listener = None if options.rest_api_port is None else rest_socket(options.host, options.rest_api_port)
    manager.poll()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    rest = None if listener is None else start_rest(build_app(manager, metrics, path), listener)
    threading.Thread(target=manager.watch, args=(options.file_system_poll_wait_seconds,), daemon=True).start()
    if options.model_config_file and options.model_config_file_poll_wait_seconds:
        threading.Thread(target=watch_config, args=(manager, options, ended), daemon=True).start()
    announce(options, manager, port, listener)
    ended.wait()
    manager.stop()
    if rest is not None:
        rest.should_exit = True
    server.stop(GRACE).wait()
    print("ended; no request was cut off", flush=True)


def read_models(options: ServeOptions) -> dict[str, ModelConfig]:
    """Return the models that the flags or the configuration file name.

    Raises:
        InputError: a base path has no version folders.
    """
    if options.model_config_file is not None:
        models = read_model_config(options.model_config_file)
    else:
        models = {options.model_name: ModelConfig(options.model_name, Path(str(options.model_base_path)))}
    for model in models.values():
        if not versions_on_disk(model.base_path):
            raise InputError(f"A base path must hold numeric version folders. Received: {model.base_path}")
    return models


def watch_config(manager: ModelManager, options: ServeOptions, ended: threading.Event) -> None:
    """Read the configuration file again and again; what is wrong with it is logged and changes nothing."""
    while not ended.wait(options.model_config_file_poll_wait_seconds):
        try:
            models = read_models(options)
        except (ValueError, OSError) as error:
            LOGGER.error("the model configuration is left as it was: %s", error)
            continue
        if models != manager.models:
            try:
                manager.configure(models)
            except ServingError as error:
                LOGGER.error("the new model configuration is in force: %s", error)


def metrics_path(options: ServeOptions) -> str | None:
    """Return the path at which Prometheus reads, None if monitoring is off."""
    if options.monitoring_config_file is None:
        return None
    config = read_small_config(options.monitoring_config_file, "MonitoringConfig").prometheus_config
    path = config.path or "/monitoring/prometheus/metrics"
    if not path.startswith("/"):
        raise InputError(f"The path of Prometheus must begin with a slash. Received: {path}")
    return path if config.enable else None


def server_credentials(path: Path) -> grpc.ServerCredentials:
    """Return credentials from an SSLConfig.

    Raises:
        InputError: key and certificate do not match, or clients are to be verified without a CA.
    """
    import tempfile

    config = read_small_config(path, "SSLConfig")
    if not config.server_key or not config.server_cert:
        raise InputError(f"An SSLConfig must hold server_key and server_cert. Received: {path}")
    if config.client_verify and not config.custom_ca:
        raise InputError(f"Clients can be verified with a custom_ca only. Received: {path} without one")
    with tempfile.TemporaryDirectory() as folder:
        key, cert = Path(folder, "key"), Path(folder, "cert")
        key.touch(mode=0o600)
        key.write_text(config.server_key)
        cert.write_text(config.server_cert)
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            if config.custom_ca:
                context.load_verify_locations(cadata=config.custom_ca)
        except ssl.SSLError as error:
            raise InputError(f"Key and certificates must be PEM and match. Received: {path} ({error})") from None
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )


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


def start_rest(app: Any, listener: socket.socket) -> uvicorn.Server:
    """Serve an application on a socket in a thread of its own."""
    rest = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=int(GRACE)))
    threading.Thread(target=rest.run, args=([listener],), daemon=True).start()
    return rest


def announce(options: ServeOptions, manager: ModelManager, port: int, listener: socket.socket | None) -> None:
    """Say what is served where, and what to try."""
    for name in manager.models:
        for number, version in manager.status(name).items():
            print(f"{name} version {number}: {version.state} {version.message}".rstrip(), flush=True)
    address = f"{options.host}:{port}"
    rest = f", REST on http://{options.host}:{listener.getsockname()[1]}" if listener else ""
    print(f"gRPC on {address}{rest}", flush=True)
    print(
        f"next: python -m rugan_tf.serve.client status --server {address} --model-name {next(iter(manager.models))}",
        flush=True,
    )
