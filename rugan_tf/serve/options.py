"""The flags of the server, with the names that TensorFlow Serving has for them."""

import dataclasses
import os
from pathlib import Path

from rugan_tf.errors import InputError

DEFAULT_NAME = "default"


@dataclasses.dataclass(frozen=True)
class ServeOptions:
    """Serve SavedModels by the protocol of TensorFlow Serving, for development, tests and laptops."""

    port: int = 8500
    """Port of gRPC; 0 for any that is free."""
    rest_api_port: int | None = None
    """Port of REST; 0 for any that is free. No REST unless given."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all. TensorFlow Serving always listens on all."""
    model_name: str = DEFAULT_NAME
    """Name that clients call the model by."""
    model_base_path: Path | None = None
    """Folder of numeric version folders."""
    model_config_file: Path | None = None
    """ModelServerConfig in text format, for several models, version policies and labels; instead of the two above."""
    model_config_file_poll_wait_seconds: float = 0
    """Read the configuration file again so often, s; 0 for never."""
    file_system_poll_wait_seconds: float = 1
    """Look for new versions so often, s."""
    monitoring_config_file: Path | None = None
    """MonitoringConfig in text format: the path at which Prometheus reads from the REST port."""
    ssl_config_file: Path | None = None
    """SSLConfig in text format, with keys and certificates in place: TLS on the gRPC port."""
    enable_grpc_healthcheck_service: bool = False
    """Serve grpc.health.v1."""
    grpc_max_threads: int = 2 * (os.cpu_count() or 1)
    """Requests that gRPC handles at once, the others wait; two for each core, the fastest measured, unless given."""
    enable_serialization_as_tensor_content: bool = False
    """Answer with raw bytes instead of typed fields."""

    def __post_init__(self) -> None:
        """Refuse flags that contradict each other."""
        if (self.model_base_path is None) == (self.model_config_file is None):
            raise InputError(
                "Exactly one of model_base_path and model_config_file must be given. "
                f"Received: {self.model_base_path} and {self.model_config_file}"
            )
        for name in ("port", "rest_api_port"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 2**16:
                raise InputError(f"{name} must lie in 0..65535. Received: {name}={value}")
        if self.grpc_max_threads < 1:
            raise InputError(f"grpc_max_threads must be at least 1. Received: {self.grpc_max_threads}")
        if self.file_system_poll_wait_seconds <= 0 or self.model_config_file_poll_wait_seconds < 0:
            raise InputError(
                "Waiting times must be positive, that of the configuration file at least 0. Received: "
                f"{self.file_system_poll_wait_seconds} and {self.model_config_file_poll_wait_seconds}"
            )
        if self.monitoring_config_file and self.rest_api_port is None:
            raise InputError("Monitoring is read from the REST port. Received: no rest_api_port")
