"""Tensors between the wire and NumPy: protobuf with typed fields as TensorFlow Serving sends them.

No TensorFlow here: the numbers of the dtypes stand in its public types.proto, and the messages come from the caller.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.serve.errors import Code, ServingError

STRING = 7
DTYPES: dict[int, tuple[np.dtype[Any], str]] = {  # number: dtype, field of TensorProto
    1: (np.dtype("<f4"), "float_val"),
    2: (np.dtype("<f8"), "double_val"),
    3: (np.dtype("<i4"), "int_val"),
    4: (np.dtype("u1"), "int_val"),
    5: (np.dtype("<i2"), "int_val"),
    6: (np.dtype("i1"), "int_val"),
    STRING: (np.dtype("O"), "string_val"),  # of bytes
    9: (np.dtype("<i8"), "int64_val"),
    10: (np.dtype("?"), "bool_val"),
    17: (np.dtype("<u2"), "int_val"),
    19: (np.dtype("<f2"), "half_val"),  # bits, as integers
    22: (np.dtype("<u4"), "uint32_val"),
    23: (np.dtype("<u8"), "uint64_val"),
}
ENUMS = {dtype: enum for enum, (dtype, _) in DTYPES.items()}
MAX_ELEMENTS = 2**31
PIECE = 2**14  # values that are turned into Python's at once: other threads, health among them, run between pieces
MAX_REPEATED = 2**22  # of a tensor whose last value stands for the rest


def from_proto(name: str, proto: Any) -> NDArray[Any]:
    """Return the array of a TensorProto; strings as objects of bytes.

    Raises:
        ServingError: INVALID_ARGUMENT for a dtype that is not served, or content that does not fit the shape.
    """
    if proto.dtype not in DTYPES:
        raise invalid(f"Input {name} has a dtype that is not served: {proto.dtype}")
    dtype, field = DTYPES[proto.dtype]
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape) or math.prod(shape) >= MAX_ELEMENTS:
        raise invalid(f"Input {name} must have a known shape of less than 2^31 elements. Received: {shape}")
    if proto.tensor_content and proto.dtype != STRING:
        count = math.prod(shape)
        if len(proto.tensor_content) != count * dtype.itemsize:
            raise invalid(f"Input {name} must hold {count} elements. Received: {len(proto.tensor_content)} bytes")
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    return from_values(name, getattr(proto, field), dtype, shape)


def from_values(name: str, given: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array of a typed field, whose last value stands for all that are missing, as TensorFlow reads it."""
    count = math.prod(shape)
    # A request of a few bytes must not become an array of gigabytes.
    if len(given) > count or (len(given) < count and count > MAX_REPEATED):
        raise invalid(f"Input {name} must hold {count} elements. Received: {len(given)}")
    if dtype.kind == "O":
        values = np.empty(len(given), dtype)
        values[:] = list(given)
    else:
        values = np.array(given)
        if dtype.kind == "f" and dtype.itemsize == 2:
            values = within(name, values, np.dtype("<u2")).view("<f2")
        values = within(name, values, dtype)
    if len(values) < count:
        empty = b"" if dtype.kind == "O" else dtype.type(0)
        values = np.pad(values, (0, count - len(values)), constant_values=values[-1] if len(values) else empty)
    return values.reshape(shape)


def within(name: str, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values as a dtype; integers beyond its range raise ServingError."""
    if dtype.kind in "iu" and len(values):
        limits = np.iinfo(dtype)
        if values.min() < limits.min or values.max() > limits.max:
            raise invalid(
                f"Input {name} must lie in the range of {dtype.name}. Received: {values.min()}, {values.max()}"
            )
    return values.astype(dtype)


def fill_proto(proto: Any, values: NDArray[Any], *, as_content: bool = False) -> None:
    """Write an array into an empty TensorProto, in its typed field, or as raw content; strings are always typed.

    Raises:
        InputError: a dtype that is not served.
    """
    values = values.astype("O") if values.dtype.kind in "SU" else values
    if values.dtype not in ENUMS:
        raise InputError(f"The dtype must be one of {', '.join(map(str, ENUMS))}. Received: {values.dtype}")
    proto.dtype = ENUMS[values.dtype]
    for size in values.shape:
        proto.tensor_shape.dim.add(size=size)
    field = DTYPES[proto.dtype][1]
    if proto.dtype == STRING:
        proto.string_val.extend(one.encode() if isinstance(one, str) else one for one in values.ravel())
    elif as_content:
        proto.tensor_content = values.tobytes()
    else:
        flat = values.ravel().view("<u2") if field == "half_val" else values.ravel()
        repeated = getattr(proto, field)
        for start in range(0, flat.size, PIECE):
            repeated.extend(flat[start : start + PIECE].tolist())


def invalid(message: str) -> ServingError:
    """Return an INVALID_ARGUMENT."""
    return ServingError(Code.INVALID_ARGUMENT, message)
