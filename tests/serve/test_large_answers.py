"""Large answers are written piece by piece: rightly across the pieces, and so that other threads run in between."""

import json
import threading
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


def turns_of_another_thread(work):
    """How often a thread that wants to run every millisecond did while `work` ran."""
    ended, turns = threading.Event(), []

    def tick():
        while not ended.is_set():
            time.sleep(0.001)
            turns.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    work()
    ended.set()
    thread.join()
    return len(turns)


@pytest.mark.parametrize(
    "write", [lambda values: fill_proto(tensor_pb2.TensorProto(), values), lambda v: to_json("x", v)]
)
def test_others_run_while_a_large_answer_is_written(write):
    values = np.random.default_rng(0).integers(0, 4, (1, 2048, 1024)).astype(np.uint8)
    # Written at once, two or three calls of C take the time, and the other thread runs as often.
    assert turns_of_another_thread(lambda: write(values)) > 12
