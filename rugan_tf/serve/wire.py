"""The messages that a client needs, declared here so that it starts without TensorFlow.

The package tensorflow-serving-api has them too, and imports TensorFlow for the tensors among them: three seconds, for a
client that may live on a machine without it. Names and numbers of the fields are those of the public protocol; on the
wire an enumeration is an int32. A test compares each of them with the official messages.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "rugan_tf.serve.wire"
# name: field: (number, type, "" for one, "repeated", or "map" from strings)
FIELDS: dict[str, dict[str, tuple[int, str, str]]] = {
    "Int64Value": {"value": (1, "int64", "")},
    "Any": {"type_url": (1, "string", ""), "value": (2, "bytes", "")},
    "Dim": {"size": (1, "int64", ""), "name": (2, "string", "")},
    "TensorShapeProto": {"dim": (2, "Dim", "repeated"), "unknown_rank": (3, "bool", "")},
    "TensorProto": {
        "dtype": (1, "int32", ""),
        "tensor_shape": (2, "TensorShapeProto", ""),
        "tensor_content": (4, "bytes", ""),
        "float_val": (5, "float", "repeated"),
        "double_val": (6, "double", "repeated"),
        "int_val": (7, "int32", "repeated"),
        "string_val": (8, "bytes", "repeated"),
        "int64_val": (10, "int64", "repeated"),
        "bool_val": (11, "bool", "repeated"),
        "half_val": (13, "int32", "repeated"),
        "uint32_val": (16, "uint32", "repeated"),
        "uint64_val": (17, "uint64", "repeated"),
    },
    "ModelSpec": {
        "name": (1, "string", ""),
        "version": (2, "Int64Value", ""),
        "signature_name": (3, "string", ""),
        "version_label": (4, "string", ""),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec", ""),
        "inputs": (2, "TensorProto", "map"),
        "output_filter": (3, "string", "repeated"),
    },
    "PredictResponse": {"outputs": (1, "TensorProto", "map"), "model_spec": (2, "ModelSpec", "")},
    "GetModelStatusRequest": {"model_spec": (1, "ModelSpec", "")},
    "StatusProto": {"error_code": (1, "int32", ""), "error_message": (2, "string", "")},
    "ModelVersionStatus": {
        "version": (1, "int64", ""),
        "state": (2, "int32", ""),
        "status": (3, "StatusProto", ""),
    },
    "GetModelStatusResponse": {"model_version_status": (1, "ModelVersionStatus", "repeated")},
    "GetModelMetadataRequest": {
        "model_spec": (1, "ModelSpec", ""),
        "metadata_field": (2, "string", "repeated"),
    },
    "GetModelMetadataResponse": {"model_spec": (1, "ModelSpec", ""), "metadata": (2, "Any", "map")},
    "TensorInfo": {
        "name": (1, "string", ""),
        "dtype": (2, "int32", ""),
        "tensor_shape": (3, "TensorShapeProto", ""),
    },
    "SignatureDef": {
        "inputs": (1, "TensorInfo", "map"),
        "outputs": (2, "TensorInfo", "map"),
        "method_name": (3, "string", ""),
    },
    "SignatureDefMap": {"signature_def": (1, "SignatureDef", "map")},
}
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
PREDICT = "/tensorflow.serving.PredictionService/Predict"
GET_MODEL_METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
GET_MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"


def message(name: str) -> Any:
    """Return the class of a message."""
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def pool() -> descriptor_pool.DescriptorPool:
    """Return a pool of the messages alone, which do not meet the official ones of the same process."""
    file = descriptor_pb2.FileDescriptorProto(name="rugan_tf/serve/wire.proto", package=PACKAGE, syntax="proto3")
    for name, fields in FIELDS.items():
        described = file.message_type.add(name=name)
        for field, (number, kind, form) in fields.items():
            if form == "map":
                add_map(described, field, number, kind)
            else:
                add_field(described, field, number, kind, is_repeated=form == "repeated")
    made = descriptor_pool.DescriptorPool()
    made.Add(file)
    return made


def add_field(described: Any, name: str, number: int, kind: str, *, is_repeated: bool = False) -> None:
    """Declare a field of a message."""
    proto = descriptor_pb2.FieldDescriptorProto
    label = proto.LABEL_REPEATED if is_repeated else proto.LABEL_OPTIONAL
    field = described.field.add(name=name, number=number, label=label)
    if kind in FIELDS:
        field.type, field.type_name = proto.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = proto.Type.Value(f"TYPE_{kind.upper()}")


def add_map(described: Any, name: str, number: int, kind: str) -> None:
    """Declare a map from strings: a repeated message of key and value, called as protobuf wants it."""
    proto = descriptor_pb2.FieldDescriptorProto
    entry = described.nested_type.add(name="".join(word.capitalize() for word in name.split("_")) + "Entry")
    entry.options.map_entry = True
    add_field(entry, "key", 1, "string")
    add_field(entry, "value", 2, kind)
    type_name = f".{PACKAGE}.{described.name}.{entry.name}"
    described.field.add(
        name=name, number=number, label=proto.LABEL_REPEATED, type=proto.TYPE_MESSAGE, type_name=type_name
    )
