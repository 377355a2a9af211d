"""Large answers are written piece by piece: rightly across the pieces, and so that other threads run in between."""

import json
import sys
import time

import numpy as np
import pytest
from tensorflow.core.framework import tensor_pb2

from rugan_tf.serve.json_tensors import to_json
from rugan_tf.serve.tensors import PIECE, fill_proto, from_proto

SHAPES = [(3 * PIECE + 1,), (2, PIECE + 5), (2, 3, PIECE), (1, 150, 150), (PIECE,)]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_has_many_pieces_is_read_as_it_was(shape, dtype):
    values = np.random.default_rng(0).integers(0, 2 if dtype == np.bool_ else 200, shape).astype(dtype)
    assert to_json("x", values) == json.dumps(values.tolist(), separators=(",", ":"))
    proto = tensor_pb2.TensorProto()
    fill_proto(proto, values)
    np.testing.assert_array_equal(from_proto("x", proto), values)


def longest_call(work):
    """Return the result, and the longest time (s, of the processor) that a call of C kept the interpreter's lock.

    Those that call Python back give it to others meanwhile, and are not counted.
    """
    started, longest = [], 0.0

    def look(_, event, called):
        nonlocal longest
        if event == "c_call":
            started.append(time.thread_time())
        elif event in ("c_return", "c_exception") and started:
            taken, start = time.thread_time(), started.pop()
            longest = max(longest, taken - start)
        elif event == "call":
            started[:] = [time.thread_time()] * len(started)

    sys.setprofile(look)
    try:
        result = work()
    finally:
        sys.setprofile(None)
    return result, longest


@pytest.mark.parametrize(
    "write", [lambda values: fill_proto(tensor_pb2.TensorProto(), values), lambda v: to_json("x", v)]
)
def test_others_run_while_a_large_answer_is_written(write):
    values, start = np.random.default_rng(0).integers(0, 4, (1, 2048, 1024)).astype(np.uint8), time.thread_time()
    _, longest = longest_call(lambda: write(values))
    assert longest < 0.4 * (time.thread_time() - start)  # one call for all of it takes most of the time
