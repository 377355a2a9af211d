"""The flags of the server, with the names that TensorFlow Serving has for them."""

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path

from rugan_tf.config import OptionGroup
from rugan_tf.errors import InputError

DEFAULT_NAME = "default"
WITHOUT_MEANING = {  # flags of TensorFlow Serving that change nothing here: taken, with a warning
    "enable_batching",
    "batching_parameters_file",
    "enable_per_model_batching_parameters",
    "num_load_threads",
    "num_unload_threads",
    "flush_filesystem_caches",
    "tensorflow_session_config_file",
    "per_process_gpu_memory_fraction",
    "remove_unused_fields_from_bundle_metagraph",
    "prefer_tflite_model",
    "num_tflite_pools",
    "num_tflite_interpreters_per_pool",
    "enable_signature_method_name_check",
    "xla_cpu_compilation_enabled",
    "xla_gpu_compilation_enabled",
    "enable_profiler",
    "thread_pool_factory_config_file",
    "mixed_precision",
    "skip_initialize_tpu",
    "force_allow_any_version_labels_for_unavailable_models",
}


@dataclasses.dataclass(frozen=True)
class MainOptions(OptionGroup):
    """What is served, and where."""

    port: int = 8500
    """Port of gRPC, 0 to 65535; 0 for any that is free."""
    rest_api_port: int | None = None
    """Port of REST, 0 to 65535; 0 for any that is free. No REST unless given."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all. TensorFlow Serving always listens on all."""
    model_name: str | None = None
    """Name that clients call the model by. Unless given: default, and for a model of the package its own."""
    model_base_path: Path | None = None
    """Folder of numeric version folders, or the name of a model that comes with the package."""
    model_config_file: Path | None = None
    """ModelServerConfig in text format, for several models, version policies and labels; instead of the two above."""
    page: bool = True
    """Show a page for people at / of the REST port."""
    grace: float = 30.0
    """Time for the requests that run when the server is told to end, s; what is left then is cut off."""


@dataclasses.dataclass(frozen=True)
class GrpcOptions(OptionGroup):
    """Requests over gRPC."""

    grpc_socket_path: Path | None = None
    """Serve gRPC on this UNIX socket too."""
    grpc_channel_arguments: str = ""
    """Settings of gRPC, comma-separated: grpc.max_connection_age_ms=300000."""
    grpc_max_threads: int = 2 * (os.cpu_count() or 1)
    """Requests that gRPC handles at once, at least 1, the others wait; two for each core, the fastest measured, unless
    given."""
    ssl_config_file: Path | None = None
    """SSLConfig in text format, with keys and certificates in place: TLS on the gRPC port."""
    enable_grpc_healthcheck_service: bool = False
    """Serve grpc.health.v1."""
    enable_serialization_as_tensor_content: bool = False
    """Answer with raw bytes instead of typed fields."""


@dataclasses.dataclass(frozen=True)
class RestOptions(OptionGroup):
    """Requests over REST."""

    rest_api_num_threads: int = 2 * (os.cpu_count() or 1)
    """Predictions that REST computes at once, at least 1; the others wait."""
    rest_api_timeout_in_ms: int = 30_000
    """Time for a prediction over REST, ms, at least 1."""
    rest_api_enable_cors_support: bool = False
    """Let pages of other origins ask."""
    monitoring_config_file: Path | None = None
    """MonitoringConfig in text format: the path at which Prometheus reads from the REST port."""


@dataclasses.dataclass(frozen=True)
class VersionOptions(OptionGroup):
    """How versions of models are found, loaded and made ready."""

    model_config_file_poll_wait_seconds: float = 0
    """Read the configuration file again so often, s; 0 for never."""
    allow_version_labels_for_unavailable_models: bool = False
    """Take labels of versions that are not loaded yet."""
    file_system_poll_wait_seconds: float = 1
    """Look for new versions so often, s, more than 0."""
    max_num_load_retries: int = 0
    """Try so often again to load a version that fails, 0 or more. One whose files change is tried again anyway."""
    load_retry_interval_micros: int = 60_000_000
    """Wait so long before each of them, microseconds, 0 or more."""
    enable_model_warmup: bool = True
    """Replay the requests that were exported with a model before it is served."""
    num_request_iterations_for_warmup: int = 1
    """Replay each of them so often, 0 or more."""


@dataclasses.dataclass(frozen=True)
class ThreadOptions(OptionGroup):
    """Threads of TensorFlow."""

    tensorflow_session_parallelism: int = 0
    """Threads for both of the next two; 0 for as many as there are cores."""
    tensorflow_intra_op_parallelism: int = 0
    """Threads of one operation; 0 for as many as there are cores."""
    tensorflow_inter_op_parallelism: int = 0
    """Operations at once; 0 for as many as there are cores."""


@dataclasses.dataclass(frozen=True)
class ServeOptions(ThreadOptions, VersionOptions, RestOptions, GrpcOptions, MainOptions):
    """Serve SavedModels by the protocol of TensorFlow Serving, for development, tests and laptops."""

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
        for name in ("grpc_max_threads", "rest_api_num_threads", "rest_api_timeout_in_ms"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1. Received: {getattr(self, name)}")
        for name in COUNTS:
            if getattr(self, name) < 0:
                raise InputError(f"{name} must not be negative. Received: {getattr(self, name)}")
        if self.tensorflow_session_parallelism and (
            self.tensorflow_intra_op_parallelism or self.tensorflow_inter_op_parallelism
        ):
            raise InputError(
                "tensorflow_session_parallelism must be given alone. "
                f"Received: {self.tensorflow_intra_op_parallelism} and {self.tensorflow_inter_op_parallelism} beside it"
            )
        if self.file_system_poll_wait_seconds <= 0 or self.model_config_file_poll_wait_seconds < 0:
            raise InputError(
                "Waiting times must be positive, that of the configuration file at least 0. Received: "
                f"{self.file_system_poll_wait_seconds} and {self.model_config_file_poll_wait_seconds}"
            )
        if self.monitoring_config_file and self.rest_api_port is None:
            raise InputError("Monitoring is read from the REST port. Received: no rest_api_port")
        channel_arguments(self.grpc_channel_arguments)


COUNTS = (
    "grace",
    "max_num_load_retries",
    "load_retry_interval_micros",
    "num_request_iterations_for_warmup",
    "tensorflow_session_parallelism",
    "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism",
)


def channel_arguments(text: str) -> list[tuple[str, int | str]]:
    """Return the settings of gRPC that a flag names; whole numbers as such.

    >>> channel_arguments("grpc.max_connection_age_ms=2000,grpc.lb_policy_name=grpclb")
    [('grpc.max_connection_age_ms', 2000), ('grpc.lb_policy_name', 'grpclb')]

    Raises:
        InputError: it is no list of name=value.
    """
    found: list[tuple[str, int | str]] = []
    for item in filter(None, text.split(",")):
        name, equals, value = item.partition("=")
        if not name or not equals:
            raise InputError(f"grpc_channel_arguments must be name=value, comma-separated. Received: {item!r}")
        found.append((name, int(value) if re.fullmatch(r"-?\d+", value) else value))
    return found


def without_meaning(args: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return arguments without the flags that have no meaning here, and the names of these.

    TensorFlow Serving writes values behind an equals sign, so a flag is one word.

    >>> without_meaning(["--port=0", "--enable_profiler=false", "--num-load-threads=2"])
    (['--port=0'], ['enable_profiler', 'num_load_threads'])
    """
    kept, dropped = [], []
    for word in args:
        name = word.partition("=")[0].removeprefix("--").replace("-", "_") if word.startswith("--") else ""
        if name in WITHOUT_MEANING:
            dropped.append(name)
        else:
            kept.append(word)
    return kept, dropped
