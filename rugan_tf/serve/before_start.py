"""What can be told of a server before TensorFlow starts, which takes seconds: models, configurations, addresses."""

import errno
import socket
import stat
from pathlib import Path

from rugan_tf.errors import InputError
from rugan_tf.saved.shipped import shipped_folder, shipped_names, what_there_is
from rugan_tf.saved.versions import GRAPH_FILE
from rugan_tf.serve.model_config import ModelConfig, read_model_config, read_small_config, versions_on_disk
from rugan_tf.serve.options import DEFAULT_NAME, ServeOptions


def require_startable(options: ServeOptions) -> None:
    """Refuse what no server can be started with; it looks again when it starts, as all may change until then.

    Raises:
        InputError: a configuration file with errors, a folder without versions, certificates that do not match.
        OSError: a port or a socket path that is in use, a file that is missing.
    """
    if is_read_twice(options.model_config_file):
        read_models(options)
    if is_read_twice(options.monitoring_config_file):
        metrics_path(options)
    if options.ssl_config_file is not None and is_read_twice(options.ssl_config_file):
        from rugan_tf.serve.tls import read_ssl_config

        read_ssl_config(options.ssl_config_file)
    if options.grpc_socket_path is not None:
        require_free_path(options.grpc_socket_path)
    # Two sockets that do not listen may share a port, so that binding both would not tell.
    if options.port == options.rest_api_port != 0:
        raise InputError(f"gRPC and REST must have a port each. Received: {options.port} for both")
    # Whoever sets it may share the port with another server.
    if "grpc.so_reuseport" not in options.grpc_channel_arguments:
        require_free_port(options.host, options.port, "gRPC")
    if options.rest_api_port is not None:
        require_free_port(options.host, options.rest_api_port, "REST")


def is_read_twice(path: Path | None) -> bool:
    """Tell whether a file can be read now and again when the server starts: a pipe gives what it has once."""
    return path is None or path.is_file() or not path.exists()


def require_free_port(host: str, port: int, what: str) -> None:
    """Refuse a port that is in use; without listening at it, so that nobody takes this for the server.

    Raises:
        OSError: the port is in use. What else is wrong with an address is told by what listens there.
    """
    with socket.socket(socket.AF_INET) as probe:
        # As servers do: connections of one that has just ended do not hold a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, TypeError, UnicodeError) as error:  # the latter for names that no host can have
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise OSError(f"The {what} port must be free. Received: {host}:{port} ({error})") from None


def require_free_path(path: Path) -> None:
    """Refuse the path of a UNIX socket where somebody listens, or another kind of file is.

    Raises:
        OSError: it is in use.
    """
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise OSError(f"The gRPC socket path must be free. Received: {path}, which is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise OSError(f"The gRPC socket path must be free. Received: {path}, where somebody listens")


def read_models(options: ServeOptions) -> dict[str, ModelConfig]:
    """Return the models that the flags or the configuration file name.

    Raises:
        InputError: a base path has no version folders.
    """
    if options.model_config_file is not None:
        models = read_model_config(options.model_config_file)
    else:
        one = one_model(options.model_name, Path(str(options.model_base_path)))
        models = {one.name: one}
    for model in models.values():
        if not versions_on_disk(model.base_path):
            raise InputError(
                f"A base path must hold numeric version folders, or be {what_there_is()}. "
                f"Received: {model.base_path}, {what_is_there(model.base_path)}"
            )
    return models


def what_is_there(path: Path) -> str:
    """Say why a path is no base path of a model."""
    if not path.exists():
        return "which does not exist"
    if path.is_file():
        return "which is a file"
    return f"a version itself: give {path.parent}" if (path / GRAPH_FILE).exists() else "which holds none"


def one_model(name: str | None, base_path: Path) -> ModelConfig:
    """Return the model of the flags; where there is no such folder, the one that comes with the package."""
    shipped = str(base_path)
    if base_path.exists() or shipped not in shipped_names():
        return ModelConfig(DEFAULT_NAME if name is None else name, base_path)
    return ModelConfig(shipped if name is None else name, shipped_folder() / shipped)


def metrics_path(options: ServeOptions) -> str | None:
    """Return the path at which Prometheus reads, None if monitoring is off."""
    if options.monitoring_config_file is None:
        return None
    config = read_small_config(options.monitoring_config_file, "MonitoringConfig").prometheus_config
    path = config.path or "/monitoring/prometheus/metrics"
    if not path.startswith("/"):
        raise InputError(f"The path of Prometheus must begin with a slash. Received: {path}")
    return path if config.enable else None
