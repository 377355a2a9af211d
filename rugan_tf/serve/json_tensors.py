"""Tensors between JSON and NumPy, by the rules of TensorFlow Serving's REST interface.

A value must be of its dtype: no fraction for an integer, no number for a boolean, no text for a number. Strings are
JSON strings or `{"b64": ...}`. Floating-point numbers are written with six digits where these are read back as the same
number, else with as many as always are. Half precision has no JSON, neither there nor here.
"""

import base64
import binascii
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.serve.errors import Code, ServingError
from rugan_tf.serve.json_lists import RaggedError, Values, is_bytes, rectangular, shown
from rugan_tf.serve.tensors import PIECE, invalid

BYTES_SUFFIX = "_bytes"  # of outputs whose strings are written as b64
NO_JSON = {np.dtype("<f2"), np.dtype("<u2")}
KINDS: dict[str, set[type]] = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}, "O": {str}}
MAX_RANK = 64  # axes of an array of NumPy
DIGITS = {4: 9, 8: 17}  # that always suffice, by bytes


def from_json(name: str, content: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the array of nested JSON lists.

    Raises:
        ServingError: INVALID_ARGUMENT for ragged lists, or values that are not of the dtype; UNIMPLEMENTED for half
            precision.
    """
    if dtype in NO_JSON:
        raise ServingError(Code.UNIMPLEMENTED, f"Conversion of JSON to {dtype.name} is not served; use gRPC")
    try:
        shape, pieces = rectangular(content)
    except RaggedError:
        raise invalid(
            f"Input {name} must be a rectangular list. Received: lists of several lengths or depths"
        ) from None
    if len(shape) > MAX_RANK:
        raise invalid(f"Input {name} must have at most {MAX_RANK} axes. Received: {len(shape)}")
    for piece in pieces:
        require_kind(name, piece, dtype)
    if dtype.kind == "O":
        leaves = [decoded(name, leaf) for piece in pieces for leaf in piece]
        values = np.empty(len(leaves), dtype)
        values[:] = leaves
        return values.reshape(shape)
    if dtype.kind in "iu" and pieces:
        low, high = min(map(min_of, pieces)), max(map(max_of, pieces))
        if low < np.iinfo(dtype).min or high > np.iinfo(dtype).max:
            raise invalid(f"Input {name} must lie in the range of {dtype.name}. Received: {low}, {high}")
    values, end = np.empty(math.prod(shape), dtype), 0
    with np.errstate(over="ignore"):  # beyond float32 lies infinity, which the model refuses
        try:
            for piece in pieces:
                start, end = end, end + len(piece)
                values[start:end] = np.asarray(piece, np.float64 if dtype.kind == "f" else dtype)
        except OverflowError:
            largest = shown(max(piece, key=abs))
            raise invalid(f"Input {name} must lie in the range of {dtype.name}. Received: {largest}") from None
    return values.reshape(shape)


def require_kind(name: str, piece: Values, dtype: np.dtype[Any]) -> None:
    """Raise ServingError for the first value that is not of a dtype."""
    kinds = KINDS[dtype.kind]
    if isinstance(piece, list):
        wrong = [leaf for leaf in piece if type(leaf) not in kinds and not (dtype.kind == "O" and is_bytes(leaf))]
    else:
        wrong = [] if type(piece[0].item()) in kinds else [piece[0].item()]
    if wrong:
        raise invalid(f"Input {name} must hold values of {dtype.name}. Received: {shown(wrong[0])}")


def min_of(piece: Values) -> int:
    """Return the least of integers."""
    return min(piece) if isinstance(piece, list) else int(piece.min())


def max_of(piece: Values) -> int:
    """Return the largest of integers."""
    return max(piece) if isinstance(piece, list) else int(piece.max())


def decoded(name: str, leaf: Any) -> bytes:
    """Return the bytes of a JSON string or of an object of base64."""
    if isinstance(leaf, str):
        # JSON may escape half of a pair of surrogates, which UTF-8 alone refuses.
        return leaf.encode("utf-8", "surrogatepass")
    try:
        # Otherwise Python would pass over what is no base64.
        return base64.b64decode(leaf["b64"], validate=True)
    except (binascii.Error, ValueError):
        told = shown(leaf["b64"])
        raise invalid(f"Input {name} must hold base64 in its b64 objects. Received: {told}") from None


def to_json(name: str, values: NDArray[Any]) -> str:
    """Return the JSON text of an output.

    Raises:
        ServingError: INVALID_ARGUMENT for a dtype that has no JSON.
    """
    if values.dtype in NO_JSON or values.dtype.kind not in KINDS:
        raise invalid(f"Output {name} of {values.dtype.name} cannot be written as JSON; use gRPC")
    if values.dtype.kind == "f":
        return nested(decimals(values), values.shape)
    if values.dtype.kind == "O":
        return nested(texts(values, as_base64=name.endswith(BYTES_SUFFIX)), values.shape)
    return whole_numbers(values)


def whole_numbers(values: NDArray[Any]) -> str:
    """Return integers or booleans as nested JSON lists, piece by piece: other threads run in between."""
    if values.size <= PIECE or values.ndim == 0:
        return json.dumps(values.tolist(), separators=(",", ":"))
    if values.ndim > 1:
        return f"[{','.join(whole_numbers(part) for part in values)}]"
    pieces = (values[start : start + PIECE] for start in range(0, values.size, PIECE))
    return f"[{','.join(whole_numbers(piece)[1:-1] for piece in pieces)}]"


def decimals(values: NDArray[Any]) -> Iterator[str]:
    """Yield the text of one number after another."""
    full = f"%.{DIGITS[values.dtype.itemsize]}g"
    with np.errstate(over="ignore"):
        for value in values.ravel().tolist():
            text = f"{value:.6g}"
            if values.dtype.type(text) != value:
                text = full % value
            if "n" in text:  # nan, inf, -inf
                yield {"nan": "NaN", "inf": "Infinity"}.get(text, "-Infinity")
            else:
                # Without a point readers would take it for an integer.
                yield text if "." in text or "e" in text else f"{text}.0"


def texts(values: NDArray[Any], *, as_base64: bool) -> Iterator[str]:
    """Yield the JSON of one string after another."""
    for value in values.ravel():
        if as_base64:
            yield json.dumps({"b64": base64.b64encode(value).decode()})
        else:
            yield json.dumps(value.decode("utf-8", "replace"), ensure_ascii=False)


def nested(items: Iterator[str], shape: tuple[int, ...]) -> str:
    """Return items as nested JSON lists of a shape."""
    if not shape:
        return next(items)
    if len(shape) == 1:
        return f"[{','.join(next(items) for _ in range(shape[0]))}]"
    return f"[{','.join(nested(items, shape[1:]) for _ in range(shape[0]))}]"
