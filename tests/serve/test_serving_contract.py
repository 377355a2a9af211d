"""Answers and status codes over gRPC and REST: the embedded server, or the one that RUGAN_TF_SERVING_ADDRESS names.

A real TensorFlow Serving must serve the model of these tests, on this machine or another:

    python tests/serve/steady_model.py /tmp/contract /models
    docker run -d -p 127.0.0.1:8500:8500 -p 127.0.0.1:8501:8501 -v /tmp/contract:/models:ro tensorflow/serving:2.20.0 \\
        --model_config_file=/models/models.config --allow_version_labels_for_unavailable_models=true
    RUGAN_TF_SERVING_ADDRESS=localhost:8500 RUGAN_TF_SERVING_REST=http://localhost:8501 \\
        RUGAN_TF_SERVING_MODEL=/tmp/contract/steady/1 python -m pytest tests/serve/test_serving_contract.py
"""

import json
import os
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from running_server import rest_request
from steady_model import MAX_CELLS
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from rugan_tf.formats.zarr_store import open_store
from rugan_tf.generate.finishing import Finishing
from rugan_tf.generate.latent import draw_window
from rugan_tf.generate.maps import UniformMap
from rugan_tf.generate.regions import SheetRequest
from rugan_tf.generate.tiles import generate_in_tiles, generator_reach, requested_map, stream_tiles
from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.client.__main__ import main
from rugan_tf.systems.named import system_named

REQUEST = {"energy_per_area": [-2.5, -1.5], "rows": 6, "cols": 8, "seed": 3}
DTYPES = {"energy_per_area": np.float32, "rows": np.int32, "cols": np.int32, "seed": np.int64}


@pytest.fixture(scope="module")
def grpc_address(request):
    return os.environ.get("RUGAN_TF_SERVING_ADDRESS") or request.getfixturevalue("server").address


@pytest.fixture(scope="module")
def rest_url(request):
    return os.environ.get("RUGAN_TF_SERVING_REST") or request.getfixturevalue("server").rest


@pytest.fixture(scope="module")
def loaded(request):
    folder = os.environ.get("RUGAN_TF_SERVING_MODEL") or request.getfixturevalue("version_folder")
    return tf.saved_model.load(str(Path(folder)))


@pytest.fixture(scope="module")
def channel(grpc_address):
    with grpc.insecure_channel(grpc_address) as opened:
        yield opened


def arrays(**changes):
    return {name: np.asarray(value, DTYPES.get(name)) for name, value in (REQUEST | changes).items()}


def predict_request(inputs=None, model="steady", signature="generate", output_filter=(), **version):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if "label" in version:
        request.model_spec.version_label = version["label"]
    if "number" in version:
        request.model_spec.version.value = version["number"]
    for name, value in (arrays() if inputs is None else inputs).items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    request.output_filter.extend(output_filter)
    return request


def predict(channel, request):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)


def code_of(channel, request):
    with pytest.raises(grpc.RpcError) as raised:
        predict(channel, request)
    return raised.value.code().name


@pytest.fixture(scope="module")
def expected(loaded):
    answer = loaded.signatures["generate"](**{name: tf.constant(value) for name, value in arrays().items()})
    return {name: value.numpy() for name, value in answer.items()}


@pytest.mark.parametrize("version", [{}, {"number": 1}, {"label": "stable"}])
@pytest.mark.parametrize("signature", ["generate", ""])
def test_answer_is_that_of_the_saved_model(channel, expected, signature, version):
    response = predict(channel, predict_request(signature=signature, **version))
    assert response.model_spec.version.value == 1
    assert response.model_spec.signature_name == (signature or "serving_default")
    answer = {name: tf.make_ndarray(value) for name, value in response.outputs.items()}
    assert {name: value.dtype for name, value in answer.items()} == {"states": np.uint8, "energy_per_area": np.float32}
    for name, value in expected.items():
        np.testing.assert_array_equal(answer[name], value)
    assert len(response.outputs["states"].int_val) == 2 * 6 * 8  # typed fields, as the real server sends them
    assert not response.outputs["states"].tensor_content


def test_output_filter_chooses(channel, expected):
    response = predict(channel, predict_request(output_filter=["energy_per_area"]))
    assert set(response.outputs) == {"energy_per_area"}
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["energy_per_area"]), expected["energy_per_area"])


def test_tensor_content_and_typed_fields_are_both_read(channel, expected):
    request = predict_request()
    assert request.inputs["energy_per_area"].tensor_content
    request.inputs["energy_per_area"].ClearField("tensor_content")
    request.inputs["energy_per_area"].float_val.extend(REQUEST["energy_per_area"])
    response = predict(channel, request)
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["states"]), expected["states"])


REFUSED = {
    "unknown model": (lambda: predict_request(model="nobody"), "NOT_FOUND"),
    "unknown version": (lambda: predict_request(number=7), "NOT_FOUND"),
    "unknown label": (lambda: predict_request(label="canary"), "INVALID_ARGUMENT"),
    "no model name": (lambda: predict_request(model=""), "INVALID_ARGUMENT"),
    "unknown signature": (lambda: predict_request(signature="dream"), "FAILED_PRECONDITION"),
    "missing input": (lambda: predict_request({"rows": np.int32(4)}), "INVALID_ARGUMENT"),
    "unknown input": (lambda: predict_request(arrays() | {"more": np.float32(1)}), "INVALID_ARGUMENT"),
    "wrong dtype": (lambda: predict_request(arrays() | {"rows": np.float32(6)}), "INVALID_ARGUMENT"),
    "wrong rank": (lambda: predict_request(arrays() | {"rows": np.int32([6])}), "INVALID_ARGUMENT"),
    "unknown output": (lambda: predict_request(output_filter=["dreams"]), "INVALID_ARGUMENT"),
    "odd rows": (lambda: predict_request(arrays(rows=5)), "INVALID_ARGUMENT"),
    "negative rows": (lambda: predict_request(arrays(rows=-4)), "INVALID_ARGUMENT"),
    "too many cells": (lambda: predict_request(arrays(rows=46_340, cols=46_340)), "INVALID_ARGUMENT"),
    "one cell too many": (lambda: predict_request(arrays(rows=2, cols=MAX_CELLS // 4 + 2)), "INVALID_ARGUMENT"),
    "NaN energy": (lambda: predict_request(arrays(energy_per_area=[np.nan])), "INVALID_ARGUMENT"),
    "energy of no sheet": (lambda: predict_request(arrays(energy_per_area=[2.6])), "INVALID_ARGUMENT"),
    "no energy": (lambda: predict_request(arrays(energy_per_area=[])), "INVALID_ARGUMENT"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_have_the_codes_of_the_real_server(channel, case):
    build, code = REFUSED[case]
    assert code_of(channel, build()) == code


@pytest.mark.parametrize("content", [b"\xff" * 20, b"\x0a\x05ab"])
def test_bytes_that_are_no_message_are_refused(channel, content):
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary("/tensorflow.serving.PredictionService/Predict")(content, timeout=60)
    assert raised.value.code() == grpc.StatusCode.INTERNAL


def test_metadata_tells_the_signatures(channel, loaded):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "steady"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert stub.GetModelMetadata(request, timeout=60).metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) >= set(loaded.signatures)
    described = signatures.signature_def["generate"]
    assert {name: info.dtype for name, info in described.inputs.items()} == {
        "energy_per_area": tf.float32.as_datatype_enum,
        "rows": tf.int32.as_datatype_enum,
        "cols": tf.int32.as_datatype_enum,
        "seed": tf.int64.as_datatype_enum,
    }
    assert set(described.outputs) == {"states", "energy_per_area"}


@pytest.mark.parametrize(
    ("fields", "name", "code"), [([], "steady", 3), (["weights"], "steady", 3), (["signature_def"], "no", 5)]
)
def test_metadata_that_cannot_be_told_is_refused(channel, fields, name, code):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    with pytest.raises(grpc.RpcError) as raised:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).GetModelMetadata(request, timeout=60)
    assert raised.value.code().value[0] == code


def test_status_of_versions(channel):
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "steady"
    versions = stub.GetModelStatus(request, timeout=60).model_version_status
    assert [(entry.version, entry.state, entry.status.error_code) for entry in versions] == [(1, 30, 0)]
    request.model_spec.name = "nobody"
    with pytest.raises(grpc.RpcError) as raised:
        stub.GetModelStatus(request, timeout=60)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("place", ["", "/versions/1", "/labels/stable"])
def test_rest_answers_in_columns(rest_url, expected, place):
    content = {"signature_name": "generate", "inputs": REQUEST}
    status, body = rest_request(f"{rest_url}/v1/models/steady{place}:predict", content)
    assert status == 200, body
    outputs = json.loads(body)["outputs"]
    np.testing.assert_array_equal(outputs["states"], expected["states"])
    np.testing.assert_allclose(outputs["energy_per_area"], expected["energy_per_area"], rtol=1e-6)


@pytest.mark.parametrize("named", [True, False])
def test_rest_answers_in_rows(rest_url, expected, named):
    sheets = expected["states"].tolist()
    instances = [{"states": sheet} for sheet in sheets] if named else sheets
    status, body = rest_request(
        f"{rest_url}/v1/models/steady:predict", {"signature_name": "energy", "instances": instances}
    )
    assert status == 200, body
    predictions = json.loads(body)["predictions"]
    np.testing.assert_allclose([row["energy_per_area"] for row in predictions], expected["energy_per_area"], rtol=1e-6)


def columns(**changes):
    return {"inputs": REQUEST | changes}


REST_REFUSED = {
    "unknown model": ("/v1/models/nobody:predict", columns(), 404),
    "unknown version": ("/v1/models/steady/versions/7:predict", columns(), 404),
    "version that is no number": ("/v1/models/steady/versions/new:predict", columns(), 400),
    "unknown signature": ("/v1/models/steady:predict", columns() | {"signature_name": "dream"}, 400),
    "missing input": ("/v1/models/steady:predict", {"inputs": {"rows": 4}}, 400),
    "unknown input in rows": ("/v1/models/steady:predict", {"instances": [{"states": [[1]], "more": 1}]}, 400),
    "text for a number": ("/v1/models/steady:predict", columns(rows="six"), 400),
    "fraction for an integer": ("/v1/models/steady:predict", columns(rows=6.5), 400),
    "integer out of range": ("/v1/models/steady:predict", columns(rows=2**40), 400),
    "ragged list": ("/v1/models/steady:predict", columns(energy_per_area=[[-1.0], [-1.0, -2.0]]), 400),
    "odd rows": ("/v1/models/steady:predict", columns(rows=5), 400),
    "scalars in rows": ("/v1/models/steady:predict", {"instances": [REQUEST | {"energy_per_area": -2.0}]}, 400),
    "both forms": ("/v1/models/steady:predict", columns() | {"instances": [1]}, 400),
    "neither form": ("/v1/models/steady:predict", {"signature_name": "generate"}, 400),
    "too many cells": ("/v1/models/steady:predict", columns(rows=2**30, cols=2**30), 400),
    "NaN energy": ("/v1/models/steady:predict", columns(energy_per_area=[float("nan")]), 400),
    "unknown label": ("/v1/models/steady/labels/canary:predict", columns(), 400),
    "no object": ("/v1/models/steady:predict", [1, 2], 400),
    "predict by GET": ("/v1/models/steady:predict", None, 400),
    "status by POST": ("/v1/models/steady", {}, 400),
    "no model": ("/v1/models", None, 400),
    "unknown path below v1": ("/v1/nothing", None, 400),
    "classify": ("/v1/models/steady:classify", {"examples": [{}]}, 501),
    "regress": ("/v1/models/steady:regress", {"examples": [{}]}, 501),
}


@pytest.mark.parametrize("case", REST_REFUSED)
def test_rest_refusals_have_the_codes_of_the_real_server(rest_url, case):
    path, content, code = REST_REFUSED[case]
    status, body = rest_request(rest_url + path, content)
    assert status == code, body
    assert set(json.loads(body)) == {"error"}


def test_paths_elsewhere_are_not_found(rest_url):
    assert rest_request(f"{rest_url}/v2/models", {})[0] == 404
    assert rest_request(f"{rest_url}/nothing")[0] == 404


def test_rest_refuses_what_is_no_json(rest_url):
    status, body = rest_request(f"{rest_url}/v1/models/steady:predict", data=b'{"inputs": [1')
    assert (status, set(json.loads(body))) == (400, {"error"})
    assert rest_request(f"{rest_url}/v1/models/steady:predict", data=b"[" * 100_000)[0] == 400


def test_rest_tells_status_and_metadata(rest_url):
    status, body = rest_request(f"{rest_url}/v1/models/steady")
    entries = json.loads(body)["model_version_status"]
    assert status == 200
    assert [(entry["version"], entry["state"], entry["status"]["error_code"]) for entry in entries] == [
        ("1", "AVAILABLE", "OK")
    ]
    status, body = rest_request(f"{rest_url}/v1/models/steady/metadata")
    signatures = json.loads(body)["metadata"]["signature_def"]["signature_def"]
    assert status == 200
    assert signatures["generate"]["inputs"]["rows"]["dtype"] == "DT_INT32"
    assert rest_request(f"{rest_url}/v1/models/nobody")[0] == 404


def test_client_gives_arrays(grpc_address, expected):
    with Client(Connection(server=grpc_address, model_name="steady")) as client:
        states, obtained = client.generate(REQUEST["energy_per_area"], 6, 8, seed=3)
        np.testing.assert_array_equal(states, expected["states"])
        np.testing.assert_array_equal(obtained, expected["energy_per_area"])
        energy, per_area = client.energy(states)
        np.testing.assert_array_equal(per_area, obtained)
        np.testing.assert_array_equal(energy, -(states % 2 + states // 2).sum(axis=(1, 2), dtype=np.float32))
        assert client.generate_from_latent(np.zeros((1, 3, 4, 63)), np.full((1, 3, 4), -2.0)).shape == (1, 6, 8, 4)
        assert client.status() == {1: "AVAILABLE"}
        with pytest.raises(ValueError, match=r"The server refuses the request\. Received: INVALID_ARGUMENT, .*even"):
            client.generate([-2.0], 5, 8)


def test_client_gives_atoms(grpc_address, expected):
    with Client(Connection(server=grpc_address, model_name="steady")) as client:
        structures = client.structures(REQUEST["energy_per_area"], 6, 8, seed=3)
    graphene = system_named("porous_graphene")
    for index, structure in enumerate(structures):
        np.testing.assert_allclose(structure.positions, graphene.structure(expected["states"][index]).positions)
        assert structure.info["energy_per_area_requested"] == REQUEST["energy_per_area"][index]
        assert structure.info["energy_per_area_obtained"] == expected["energy_per_area"][index]


def test_messages_may_be_larger_than_grpc_allows_by_itself(grpc_address):
    latent, field = np.zeros((1, 264, 264, 63), np.float32), np.full((1, 264, 264), -2.0)
    with Client(Connection(server=grpc_address, model_name="steady")) as client:
        probabilities = client.generate_from_latent(latent, field)
    assert min(latent.nbytes, probabilities.nbytes) > 2**22
    for axis in (1, 2):  # the same latent everywhere gives a sheet that repeats after two cells
        np.testing.assert_allclose(probabilities, np.roll(probabilities, 2, axis), atol=1e-5)


@pytest.mark.parametrize(("rows", "cols", "tile"), [(40, 56, 16), (40, 56, 64), (18, 20, 14), (4, 6, 2)])
def test_sheet_from_tiles_is_the_sheet_made_whole(grpc_address, rows, cols, tile):
    graphene = system_named("porous_graphene")
    with Client(Connection(server=grpc_address, model_name="steady")) as client:
        whole = client.generate([-2.1], rows, cols, seed=11)[0][0]
        asked = requested_map(client, -2.1, rows, cols, seed=11)
        tiled = generate_in_tiles(client, graphene, asked, rows=rows, cols=cols, seed=11, tile=tile)
        assert (tiled != whole).mean() < 0.002
        with pytest.raises(ValueError, match=r"rows, cols and tile must be even. Received: rows=4, cols=4, tile=3"):
            generate_in_tiles(client, graphene, asked, rows=4, cols=4, tile=3)


def test_tiles_see_as_far_as_the_generator_does(grpc_address):
    rows, cols = 40, 56
    with Client(Connection(server=grpc_address, model_name="steady")) as client:
        latent = draw_window(11, np.arange(rows // 2), np.arange(cols // 2), 63)
        whole = client.generate_from_latent(latent, np.full(latent.shape[:3], -2.1))[0]
        reach, asked = generator_reach(client, rows, cols), UniformMap(-2.1)
        request = SheetRequest(condition_map=asked, rows=rows, cols=cols, seed=11, reach=reach)
        bare = Finishing(system=system_named("porous_graphene"), repaired=False)
        for place, states, _ in stream_tiles(client, request, bare, tile=16):
            expected = whole[place.row : place.row + place.rows, place.col : place.col + place.cols]
            highest = np.sort(expected, axis=-1)
            is_clear = highest[..., -1] - highest[..., -2] > 4e-6  # what rounding may not turn
            assert is_clear.mean() > 0.99
            np.testing.assert_array_equal(states[is_clear], expected.argmax(axis=-1)[is_clear])


def test_command_of_the_client_asks_in_tiles(grpc_address, tmp_path, capsys):
    words = ["generate", "--server", grpc_address, "--model-name", "steady", "--energy-per-area", "-2.0"]
    words += ["--rows", "20", "--cols", "24", "--tile", "16", "--seed", "5", "--out"]
    assert main([*words, str(tmp_path / "tiled.npz")]) == 0
    with Client(Connection(server=grpc_address, model_name="steady")) as client:
        expected = client.generate([-2.0], 20, 24, seed=5)[0]
    with np.load(tmp_path / "tiled.npz") as content:
        assert (content["states"] != expected).mean() < 0.002
    assert main([*words, str(tmp_path / "two.npz"), "--num-sheets", "2"]) == 2
    assert "Tiles make one sheet, by its energy. Received: 2 sheets" in capsys.readouterr().err


def test_command_of_the_client_streams_tiles(grpc_address, tmp_path, capsys):
    words = ["generate", "--server", grpc_address, "--model-name", "steady", "--energy-per-area", "-2.0"]
    words += ["--size", "40", "50", "--tile", "10", "--seed", "5", "--out", str(tmp_path / "tiled.zarr")]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "nearest to 40 x 50: 16x24 cells" in printed
    assert "energy per area obtained, as an EDNN sees it: " in printed
    store = open_store(tmp_path / "tiled.zarr")
    with Client(Connection(server=grpc_address, model_name="steady")) as client:
        expected = client.generate([-2.0], 16, 24, seed=5)[0]
    assert (store.states[:] != expected).mean() < 0.002
    assert store.told["request"]["model"] == "steady version 1"
    assert main(words) == 0  # all is there
    assert main([*words, "--seed", "6"]) == 2
    assert "(seed: 5 there, 6 asked)" in capsys.readouterr().err
