"""Which models are served from where: the flags for one model, or a ModelServerConfig file, and its neighbours as text.

The formats are those of TensorFlow Serving. Its Python package brings the messages of the model configuration; those of
the TLS and the monitoring configuration are declared here.
"""

import dataclasses
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from rugan_tf.errors import InputError

STRING, BOOL, MESSAGE = (
    descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
)
MESSAGES = {  # name: fields as (name, number, type, type name)
    "SSLConfig": (
        ("server_key", 1, STRING, None),
        ("server_cert", 2, STRING, None),
        ("custom_ca", 3, STRING, None),
        ("client_verify", 4, BOOL, None),
    ),
    "PrometheusConfig": (("enable", 1, BOOL, None), ("path", 2, STRING, None)),
    "MonitoringConfig": (("prometheus_config", 1, MESSAGE, ".rugan_tf.serve.PrometheusConfig"),),
}


@dataclasses.dataclass(frozen=True)
class VersionPolicy:
    """Which of the versions on disk are served: the latest, all, or some by number."""

    num_latest: int | None = 1
    versions: tuple[int, ...] = ()

    def choose(self, on_disk: list[int]) -> list[int]:
        """Return the versions to be served, ascending."""
        present = sorted(on_disk)
        if self.versions:
            # What is not there yet is served as soon as it is.
            return [version for version in present if version in self.versions]
        return present if self.num_latest is None else present[-self.num_latest :]


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """One model.

    Attributes:
        name: that clients call it by.
        base_path: folder of numeric version folders.
        policy: which versions are served.
        labels: versions by label.
    """

    name: str
    base_path: Path
    policy: VersionPolicy = VersionPolicy()
    labels: tuple[tuple[str, int], ...] = ()


def read_model_config(path: Path) -> dict[str, ModelConfig]:
    """Read a ModelServerConfig in text format.

    Raises:
        InputError: it is none; the line is named.
    """
    from tensorflow_serving.config import model_server_config_pb2

    return models_of(parse_text(path, model_server_config_pb2.ModelServerConfig()), str(path))


def models_of(config: Any, source: str) -> dict[str, ModelConfig]:
    """Return the models of a ModelServerConfig message.

    Raises:
        InputError: a model without name or absolute path, twice the same name, or another platform than tensorflow.
    """
    models: dict[str, ModelConfig] = {}
    if config.WhichOneof("config") != "model_config_list":
        raise InputError(f"A model configuration must hold a model_config_list. Received: {source}")
    for entry in config.model_config_list.config:
        if not entry.name or not entry.base_path:
            raise InputError(f"A model must have a name and a base_path. Received: {entry.name!r} in {source}")
        if not Path(entry.base_path).is_absolute():
            raise InputError(f"A base_path must be absolute. Received: {entry.base_path!r} in {source}")
        if entry.name in models:
            raise InputError(f"Models must have different names. Received: twice {entry.name!r} in {source}")
        if entry.model_platform not in ("", "tensorflow"):
            raise InputError(f"model_platform must be tensorflow. Received: {entry.model_platform!r} in {source}")
        labels = tuple(sorted(entry.version_labels.items()))
        models[entry.name] = ModelConfig(
            entry.name, Path(entry.base_path), policy_of(entry.model_version_policy, source), labels
        )
    return models


def policy_of(policy: Any, source: str) -> VersionPolicy:
    """Return the version policy of a message."""
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return VersionPolicy(None)
    if kind == "specific":
        if not policy.specific.versions:
            raise InputError(f"A specific version policy must name versions. Received: none in {source}")
        return VersionPolicy(None, tuple(policy.specific.versions))
    # A message in which nobody said a number holds 0.
    return VersionPolicy(max(1, policy.latest.num_versions))


def versions_on_disk(base_path: Path) -> dict[int, str]:
    """Return the numeric version folders below a path: name by number."""
    if not base_path.is_dir():
        return {}
    names = [
        path.name for path in base_path.iterdir() if path.name.isascii() and path.name.isdecimal() and path.is_dir()
    ]
    return {int(name): name for name in names}


def read_small_config(path: Path, message: str) -> Any:
    """Read an SSLConfig or a MonitoringConfig in text format.

    Raises:
        InputError: it is none; the line is named.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="rugan_tf/serve/small_config.proto", package="rugan_tf.serve", syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        described = file.message_type.add(name=name)
        for field, number, kind, type_name in fields:
            label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
            described.field.add(name=field, number=number, type=kind, type_name=type_name, label=label)
    # Of its own: in the pool of the process names of other packages are declared as well.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"rugan_tf.serve.{message}"))
    return parse_text(path, kind())


def parse_text(path: Path, message: Any) -> Any:
    """Fill a message from a file in text format."""
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), message)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        kind = type(message).DESCRIPTOR.name
        raise InputError(f"{path} must be a {kind} in text format. Received: line {error}") from None
