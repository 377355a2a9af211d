"""Tensors between the wire and NumPy: protobuf with typed fields as TensorFlow Serving sends them, and JSON."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tensorflow.core.framework import tensor_pb2, types_pb2

from rugan_tf.errors import InputError
from rugan_tf.serve.errors import Code, ServingError

DTYPES: dict[int, tuple[np.dtype[Any], str]] = {
    types_pb2.DT_FLOAT: (np.dtype("<f4"), "float_val"),
    types_pb2.DT_DOUBLE: (np.dtype("<f8"), "double_val"),
    types_pb2.DT_INT32: (np.dtype("<i4"), "int_val"),
    types_pb2.DT_INT64: (np.dtype("<i8"), "int64_val"),
    types_pb2.DT_UINT8: (np.dtype("u1"), "int_val"),
    types_pb2.DT_BOOL: (np.dtype("?"), "bool_val"),
}
ENUMS = {dtype: enum for enum, (dtype, _) in DTYPES.items()}
MAX_ELEMENTS = 2**31
MAX_REPEATED = 2**22  # of a tensor whose last value stands for the rest


def from_proto(name: str, proto: tensor_pb2.TensorProto) -> NDArray[Any]:
    """Return the array of a TensorProto.

    Raises:
        ServingError: INVALID_ARGUMENT for a dtype that no model here takes, or content that does not fit the shape.
    """
    if proto.dtype not in DTYPES:
        raise invalid(f"Input {name} has a dtype that is not served: {proto.dtype}")
    dtype, field = DTYPES[proto.dtype]
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape) or math.prod(shape) >= MAX_ELEMENTS:
        raise invalid(f"Input {name} must have a known shape of less than 2^31 elements. Received: {shape}")
    count = math.prod(shape)
    if proto.tensor_content:
        if len(proto.tensor_content) != count * dtype.itemsize:
            raise invalid(f"Input {name} must hold {count} elements. Received: {len(proto.tensor_content)} bytes")
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    values = np.array(getattr(proto, field))
    if len(values) > count or (len(values) < count and count > MAX_REPEATED):
        raise invalid(f"Input {name} must hold {count} elements. Received: {len(values)}")
    if dtype.kind in "iu" and len(values):
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            raise invalid(f"Input {name} must lie in the range of {dtype.name}. Received: {values.min()}")
    values = values.astype(dtype)
    if len(values) < count:  # the last value, or zero, stands for the rest, as TensorFlow reads it
        rest = values[-1] if len(values) else dtype.type(0)
        values = np.pad(values, (0, count - len(values)), constant_values=rest)
    return values.reshape(shape)


def to_proto(values: NDArray[Any], as_content: bool = False) -> tensor_pb2.TensorProto:
    """Return the TensorProto of an array, in its typed field, or as raw content.

    Raises:
        InputError: a dtype that no model here takes.
    """
    if values.dtype not in ENUMS:
        raise InputError(f"The dtype must be one of {', '.join(map(str, ENUMS))}. Received: {values.dtype}")
    enum = ENUMS[values.dtype]
    proto = tensor_pb2.TensorProto(dtype=enum)
    for size in values.shape:
        proto.tensor_shape.dim.add(size=size)
    if as_content:
        proto.tensor_content = values.tobytes()
    else:
        getattr(proto, DTYPES[enum][1]).extend(values.ravel().tolist())
    return proto


def from_json(name: str, content: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the array of nested JSON lists of numbers.

    Raises:
        ServingError: INVALID_ARGUMENT for ragged lists, or values that are not of the dtype.
    """
    try:
        values = np.array(content)
    except ValueError:
        raise invalid(f"Input {name} must be a rectangular list") from None
    if not values.size:
        return values.astype(dtype)
    if values.dtype.kind not in ("iuf" if dtype.kind == "f" else "iu"):
        raise invalid(f"Input {name} must hold values of {dtype.name}. Received: values of {values.dtype.name}")
    if dtype.kind in "iu" and (values.min() < np.iinfo(dtype).min or values.max() > np.iinfo(dtype).max):
        raise invalid(f"Input {name} must lie in the range of {dtype.name}. Received: {values.min()}, {values.max()}")
    with np.errstate(over="ignore"):  # beyond float32 lies infinity, which the model refuses
        return values.astype(dtype)


def invalid(message: str) -> ServingError:
    """Return an INVALID_ARGUMENT."""
    return ServingError(Code.INVALID_ARGUMENT, message)
