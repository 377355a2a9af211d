"""Large requests are read piece by piece: to the same values and refusals, and so that other threads run in between."""

import functools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rugan_tf.serve import json_pieces, rest_predict
from rugan_tf.serve.errors import ServingError
from rugan_tf.serve.json_lists import LongList
from rugan_tf.serve.json_pieces import LARGE, PiecewiseDecoder
from rugan_tf.serve.json_tensors import from_json
from rugan_tf.serve.rest_predict import columns, parse_body, rows

U1, F4, I8 = np.dtype("u1"), np.dtype("<f4"), np.dtype("<i8")
RAGGED = "must be a rectangular list. Received: lists of several lengths or depths"
LEAVES = st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(alphabet='ab"\\[]{},: é\n')
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner), max_leaves=40)
SPOILING = '[]{},:"\\ 1a-'


@pytest.fixture
def tiny_pieces(monkeypatch):
    """Let pieces be so small that short texts have many."""
    monkeypatch.setattr(json_pieces, "SIZES", (2, 8))
    monkeypatch.setattr(rest_predict, "LARGE", 0)


def plain(value):
    """Return a value with lists in place of long ones, None for what is ragged."""
    if isinstance(value, LongList):
        values = iter([one for piece in value.pieces for one in (piece if isinstance(piece, list) else piece.tolist())])
        return None if value.shape is None else nested(values, value.shape)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def nested(values, shape):
    return [nested(values, shape[1:]) for _ in range(shape[0])] if shape else plain(next(values))


def outcome(decoder, text):
    """Return what a decoder makes of a text, or how it refuses it."""
    try:
        value, end = decoder.raw_decode(text)
    except json.JSONDecodeError as error:
        return error.msg, error.pos
    return value, end


def without_ragged(whole, pieces):
    """Return the whole where pieces tell that it is ragged, so that the rest can be compared."""
    if pieces is None:
        return None
    if isinstance(pieces, dict):
        return {key: without_ragged(whole[key], one) for key, one in pieces.items()}
    if isinstance(pieces, list) and isinstance(whole, list) and len(pieces) == len(whole):
        return [without_ragged(one, other) for one, other in zip(whole, pieces, strict=True)]
    return whole


@settings(max_examples=150, deadline=None)
@given(TREES, st.sampled_from([None, 0, 1]))
def test_pieces_hold_what_the_whole_holds(tree, indent):
    text = json.dumps({"inputs": tree}, indent=indent)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_pieces, "SIZES", (2, 8))
        value, end = outcome(PiecewiseDecoder(), text)
    whole, pieces = json.loads(text), plain(value)
    assert end == len(text)
    assert repr(pieces) == repr(without_ragged(whole, pieces))


@settings(max_examples=150, deadline=None)
@given(TREES, st.integers(0, 200), st.sampled_from(["", *SPOILING]), st.booleans())
def test_what_is_no_json_is_refused_as_it_was(tree, place, mark, is_replaced):
    text = json.dumps({"inputs": tree})
    place %= len(text)
    spoilt = text[:place] + mark + text[place + is_replaced :]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_pieces, "SIZES", (2, 8))
        found = outcome(PiecewiseDecoder(), spoilt)
    expected = outcome(json.JSONDecoder(), spoilt)
    assert found[1] == expected[1]
    if isinstance(expected[0], str):
        assert found[0] == expected[0]


@pytest.mark.parametrize(
    ("given", "dtype", "refused"),
    [
        ([[1, 2, 3, 4], [5, 6, 7, 255]] * 5, U1, None),
        ([[[0.5, 2], [-1, 1e300]]] * 9, F4, None),
        ([2**40, -(2**62)] * 9, I8, None),
        ([2**64 - 1, 0] * 9, np.dtype("<u8"), None),
        ([True, False] * 9, np.dtype("?"), None),
        (["a", {"b64": "YWI="}] * 9, np.dtype("O"), None),
        ([[]] * 9, U1, None),
        ([1] * 9 + [256], U1, "must lie in the range of uint8. Received: 1, 256"),
        ([1] * 9 + [2**70], U1, f"must lie in the range of uint8. Received: 1, {2**70}"),
        ([1.5] * 9 + [10**400], F4, f"must lie in the range of float32. Received: {str(10**400)[:256]}"),
        ([1] * 9 + [1.0], U1, "must hold values of uint8. Received: 1.0"),
        ([1] * 9 + [True, None], U1, "must hold values of uint8. Received: true"),
        ([1] * 9 + [{"a": 1}], U1, 'must hold values of uint8. Received: {"a": 1}'),
        ([1] * 9 + [{"a": [1] * 9}], U1, 'must hold values of uint8. Received: {"a": [1, 1, 1, 1, 1, 1, 1, 1, 1]}'),
        (["a"] * 9 + [{"b64": "%"}], np.dtype("O"), 'must hold base64 in its b64 objects. Received: "%"'),
        ([[1, 2]] * 9 + [[1]], U1, RAGGED),
        ([[1]] * 9 + [2], U1, RAGGED),
        ([1] * 9 + [[2]], U1, RAGGED),
    ],
)
def test_long_lists_become_arrays_by_the_same_rules(tiny_pieces, given, dtype, refused):
    for form, read in (("inputs", columns), ("instances", rows)):
        content = parse_body(json.dumps({form: given}).encode())
        assert isinstance(content[form], LongList)
        if refused:
            with pytest.raises(ServingError) as raised:
                read(content[form], {"x": dtype})
            if form == "inputs" or '{"a"' not in refused:
                assert raised.value.message == f"Input x {refused}"
            else:
                assert "Failed to process element: 0 of 'instances' list. JSON object: 1 keys" in raised.value.message
        else:
            found, expected = read(content[form], {"x": dtype})["x"], from_json("x", given, dtype)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


def test_rows_of_objects_are_read_and_a_wrong_one_is_named(tiny_pieces):
    instances = [{"x": [index, index + 1], "y": index / 2} for index in range(20)]
    content = parse_body(json.dumps({"instances": instances}).encode())
    found = rows(content["instances"], {"x": U1, "y": F4})
    np.testing.assert_array_equal(found["x"], [one["x"] for one in instances])
    np.testing.assert_array_equal(found["y"], np.float32([one["y"] for one in instances]))
    instances[7] = {"x": [1] * 30}
    content = parse_body(json.dumps({"instances": instances}).encode())
    with pytest.raises(ServingError) as raised:
        rows(content["instances"], {"x": U1, "y": F4})
    assert "element: 7 of 'instances' list. JSON object: {\"x\": [1, 1" in raised.value.message


def test_message_shows_the_beginning_of_a_long_list():
    numbers = list(range(50_000))
    text = json.dumps({"inputs": {"x": numbers}, "instances": 1})
    assert len(text) > LARGE
    with pytest.raises(ServingError) as raised:
        parse_body(text.encode())
    assert f"JSON Value: {text[:256]} must have only one of" in raised.value.message


class Recorded(json.JSONDecoder):
    """Writes down how long the texts are that it reads in one call."""

    lengths = ()

    def raw_decode(self, text, idx=0):
        self.lengths = (*self.lengths, len(text))
        return super().raw_decode(text, idx)


def test_no_call_of_the_decoder_reads_more_than_a_piece(monkeypatch):
    """So others run in between: in one call the lock is held. Times would tell of the load of the machine."""
    recorded = Recorded()
    monkeypatch.setattr(json_pieces, "WHOLE", recorded)
    expected = np.arange(2**20).astype(U1).reshape(1, 1024, 1024)
    body = json.dumps({"inputs": {"states": expected.tolist()}}).encode()
    found = columns(parse_body(body)["inputs"], {"states": U1})["states"]
    np.testing.assert_array_equal(found, expected)
    assert sum(recorded.lengths) > len(body) / 2  # it was read by this decoder
    assert max(recorded.lengths) <= LARGE + len(json_pieces.BEFORE + json_pieces.AFTER)


def test_strings_of_escaped_quotes_are_read_as_fast_as_others():
    text = json.dumps({"inputs": {"text": ['"' * 2**17, "b"], "x": [1]}})
    start = time.perf_counter()
    content = parse_body(text.encode())
    assert time.perf_counter() - start < 1  # one string took 9 s when each of its quotes was tried as a beginning
    assert plain(content["inputs"]["text"]) == ['"' * 2**17, "b"]


def test_lists_nested_deeper_than_arrays_can_be_are_refused():
    deep = functools.reduce(lambda inner, _: [inner], range(65), 1)
    with pytest.raises(ServingError, match=r"Input x must have at most 64 axes\. Received: 65"):
        columns({"x": deep}, {"x": U1})
