"""Predict over REST: JSON in rows or in columns to arrays, and back."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.serve.errors import Code, ServingError
from rugan_tf.serve.json_lists import LongList, is_bytes, is_object, shown
from rugan_tf.serve.json_pieces import LARGE, PiecewiseDecoder
from rugan_tf.serve.json_tensors import from_json, to_json
from rugan_tf.serve.loaded_version import DEFAULT_SIGNATURE
from rugan_tf.serve.model_manager import ModelManager
from rugan_tf.serve.tensors import DTYPES, invalid

FREED = 1000  # objects at once: to free all of them would keep other threads waiting, too
DECODER = json.JSONDecoder()


def answer_predict(
    manager: ModelManager, name: str, number: int | None, label: str | None, body: bytes | bytearray, timeout: float
) -> str:
    """Return the JSON that answers a predict request.

    Raises:
        ServingError: the request is refused.
    """
    content = parse_body(body)
    signature = content.get("signature_name", "") or DEFAULT_SIGNATURE
    with manager.request(name, number, label) as (_, version):
        try:
            dtypes = {key: dtype_of(key, info) for key, info in version.signature(signature).inputs.items()}
        except ServingError as error:  # over REST TensorFlow Serving calls an unknown signature an invalid argument
            if error.code is Code.FAILED_PRECONDITION:
                raise invalid(f'Serving signature name: "{signature}" not found in signature def') from None
            raise
        if not dtypes:
            raise invalid(f"Failed to get input map for signature: {signature}")
        by_row = "instances" in content
        inputs = rows(content["instances"], dtypes) if by_row else columns(content["inputs"], dtypes)
        outputs = version.predict(signature, inputs, timeout=timeout)
    return outputs_by_row(outputs) if by_row else outputs_by_column(outputs)


def dtype_of(name: str, info: Any) -> np.dtype[Any]:
    """Return the dtype of an input of a signature."""
    if info.dtype not in DTYPES:
        raise ServingError(Code.UNIMPLEMENTED, f"Input {name} has a dtype that is not served: {info.dtype}")
    return DTYPES[info.dtype][0]


def parse_body(body: bytes | bytearray) -> dict[str, Any]:
    """Return the request's JSON object; what stands behind it is not looked at.

    Raises:
        ServingError: INVALID_ARGUMENT, it is none, or has not exactly one of instances and inputs.
    """
    try:
        text = body.decode("utf-8").lstrip()
        if not text:
            raise invalid("JSON Parse error: The document is empty")
        # Short text is read at once: faster, and nobody waits for long.
        content, _ = (DECODER if len(text) <= LARGE else PiecewiseDecoder()).raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(content, dict):
        raise invalid(f"JSON Value: {shown(content)} Is not object")
    if not isinstance(content.get("signature_name", ""), str):
        raise invalid(f"JSON Value: {shown(content)} 'signature_name' key must be a string value.")
    if "instances" in content and "inputs" in content:
        raise invalid(f"JSON Value: {shown(content)} must have only one of 'inputs' or 'instances'")
    if not {"instances", "inputs"} & content.keys():
        raise invalid("Missing 'inputs' or 'instances' key")
    return content


def columns(given: Any, dtypes: dict[str, np.dtype[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays of the columnar form: an object of tensors, or the tensor itself where there is one input.

    Other keys are not looked at, as TensorFlow Serving does it.
    """
    if not isinstance(given, dict) or is_bytes(given):
        if len(dtypes) != 1:
            raise invalid(f"inputs is a plain value/list, but expecting an object with {sorted(dtypes)}")
        given = {next(iter(dtypes)): given}
    missing = sorted({*dtypes} - {*given})
    if missing:
        raise invalid(f"Missing named input: {missing[0]} in 'inputs' object.")
    return {name: from_json(name, given[name], dtype) for name, dtype in dtypes.items()}


def rows(instances: Any, dtypes: dict[str, np.dtype[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays of the row form: a list of objects with one entry of every input, or of bare entries."""
    if not isinstance(instances, list | LongList) or not instances:
        raise invalid("Expecting 'instances' to be a list/array with values")
    known: list[Any] = instances.beginning if isinstance(instances, LongList) else instances
    if not (instances.has_objects if isinstance(instances, LongList) else any(map(is_object, known))):
        if len(dtypes) != 1:
            raise invalid(f"instances is a plain list, but expecting list of objects with {sorted(dtypes)}")
        [(name, dtype)] = dtypes.items()
        return {name: from_json(name, instances, dtype)}
    for index, one in enumerate(known):  # a long list does not begin with an object, and is refused at the first
        if not is_object(one) or set(one) != set(dtypes):
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: {shown(one)} "
                f"keys must be equal to: {','.join(sorted(dtypes))}"
            )
    arrays = {name: from_json(name, [one[name] for one in known], dtype) for name, dtype in dtypes.items()}
    while known:
        del known[-FREED:]
    return arrays


def outputs_by_row(outputs: dict[str, NDArray[Any]]) -> str:
    """Return the answer to the row form."""
    sizes = {value.shape[0] if value.ndim else None for value in outputs.values()}
    if len(sizes) != 1 or None in sizes:
        raise invalid("The outputs have no common batch; use the columnar form")
    [size] = sizes
    parts = {name: [to_json(name, value[index, ...]) for index in range(size or 0)] for name, value in outputs.items()}
    if len(parts) == 1:
        return f'{{"predictions": [{",".join(next(iter(parts.values())))}]}}'
    items = (
        ",".join(f"{json.dumps(name)}:{part[index]}" for name, part in parts.items()) for index in range(size or 0)
    )
    return f'{{"predictions": [{",".join(f"{{{item}}}" for item in items)}]}}'


def outputs_by_column(outputs: dict[str, NDArray[Any]]) -> str:
    """Return the answer to the columnar form."""
    if len(outputs) == 1:
        [(name, value)] = outputs.items()
        return f'{{"outputs": {to_json(name, value)}}}'
    items = ",".join(f"{json.dumps(name)}:{to_json(name, value)}" for name, value in outputs.items())
    return f'{{"outputs": {{{items}}}}}'
