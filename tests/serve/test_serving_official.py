"""Case by case what TensorFlow Serving's own test of its server asks, as its documentation and source describe it.

A model of two numbers, half of x plus two, served by the embedded server: Predict over gRPC, REST and a UNIX socket,
metadata, status, labels, reload, settings of gRPC, monitoring. Classify, Regress and MultiInference are not offered.
Beyond that test: what its source says of shapes, dtypes, JSON and errors.
"""

import base64
import json
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from running_server import RunningServer, rest_request, wait_until
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

VERSION = 123
JSON_TYPES = (tf.float64, tf.int8, tf.int16, tf.int64, tf.uint8, tf.uint32, tf.uint64, tf.bool, tf.string)
NO_JSON = (tf.half, tf.uint16)


class Half(tf.Module):
    """x / 2 plus a number, of any shape; and signatures that give back what they get, one for each dtype."""

    def __init__(self, plus):
        super().__init__()
        self.plus = tf.Variable(plus)
        self.named = {"serving_default": self.function(tf.float32, lambda x: {"y": x / 2.0 + self.plus})}
        for dtype in (*JSON_TYPES, *NO_JSON):
            self.named[f"same_{dtype.name}"] = self.function(dtype, lambda x: {"y": tf.identity(x)})
        self.named["as_bytes"] = self.function(tf.string, lambda x: {"y_bytes": tf.identity(x)})
        self.named["two"] = self.function(tf.float32, lambda x: {"half": x / 2.0, "scalar": tf.reduce_sum(x)})
        self.named["rows"] = self.function(tf.float32, lambda x: {"half": x / 2.0, "twice": 2.0 * x})
        self.named["fails"] = self.function(
            tf.float32, lambda x: {"y": tf.debugging.check_numerics(x, "x" * 2000 + " must be finite")}
        )

    @staticmethod
    def function(dtype, body):
        return tf.function(body, autograph=False, input_signature=[tf.TensorSpec(None, dtype, "x")])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("official")
    for name, plus in (("half_plus_two", 2.0), ("half_plus_three", 3.0)):
        module = Half(plus)
        tf.saved_model.save(module, str(folder / name / f"{VERSION:08d}"), signatures=module.named)
    return folder


def config(folder, base, more="", name="default"):
    entry = f'name: "{name}" base_path: "{folder / base}" model_platform: "tensorflow" {more}'
    return f"model_config_list {{ config {{ {entry} }} }}"


@pytest.fixture(scope="module")
def running(models, tmp_path_factory):
    folder = tmp_path_factory.mktemp("running")
    (folder / "models.config").write_text(
        config(models, "half_plus_two", 'version_labels { key: "stable" value: 123 }')
    )
    (folder / "monitoring.config").write_text("prometheus_config { enable: true }")
    words = ["--port=0", "--rest_api_port=0", f"--model_config_file={folder / 'models.config'}"]
    words += ["--model_config_file_poll_wait_seconds=1", f"--monitoring_config_file={folder / 'monitoring.config'}"]
    words += [f"--grpc_socket_path={folder / 'grpc.sock'}", "--rest_api_enable_cors_support=true"]
    words += ["--grpc_channel_arguments=grpc.max_connection_age_ms=2000,grpc.lb_policy_name=grpclb"]
    words += ["--allow_version_labels_for_unavailable_models=true", "--enable_grpc_healthcheck_service=true"]
    words += ["--tensorflow_intra_op_parallelism=1", "--tensorflow_inter_op_parallelism=1", "--enable_profiler=false"]
    server = RunningServer(*words)
    server.folder = folder
    yield server
    assert server.end() == 0
    assert not (folder / "grpc.sock").exists()


@pytest.fixture(scope="module")
def channel(running):
    with grpc.insecure_channel(running.address) as opened:
        yield opened


def predict(channel, value, signature="", model="default", **options):
    request = predict_pb2.PredictRequest(output_filter=options.get("output_filter", ()))
    request.model_spec.name, request.model_spec.signature_name = model, signature
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(value, options.get("dtype")))
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=30)


def y_of(response, name="y"):
    return tf.make_ndarray(response.outputs[name])


def rest(running, content, place="", data=None):
    status, body = rest_request(f"{running.rest}/v1/models/default{place}:predict", content, data)
    return status, body if status != 200 else json.loads(body)


def test_get_model_status(channel):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "default"
    [entry] = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=30).model_version_status
    assert (entry.version, entry.state, entry.status.error_code) == (VERSION, 30, 0)
    request.model_spec.version_label = "nobody"  # a label is not looked at
    [again] = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=30).model_version_status
    assert again == entry


def file_signatures(models):
    path = models / "half_plus_two" / f"{VERSION:08d}" / "saved_model.pb"
    return saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs[0].signature_def


def test_get_model_metadata_is_what_stands_in_the_file(channel, models, running):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "default"
    answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).GetModelMetadata(request, timeout=30)
    assert (answer.model_spec.name, answer.model_spec.version.value) == ("default", VERSION)
    described = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(described)
    expected = file_signatures(models)
    assert dict(described.signature_def) == dict(expected)
    told = json.loads(rest_request(f"{running.rest}/v1/models/default/metadata")[1])
    assert told["model_spec"] == {"name": "default", "signature_name": "", "version": str(VERSION)}
    signatures = told["metadata"]["signature_def"]["signature_def"]
    assert set(signatures) == set(expected)
    default = signatures["serving_default"]
    assert default["method_name"] == "tensorflow/serving/predict"
    assert default["inputs"]["x"]["name"] == expected["serving_default"].inputs["x"].name
    assert default["inputs"]["x"]["tensor_shape"] == {"dim": [], "unknown_rank": True}


@pytest.mark.parametrize("filtered", [(), ("y",)])
def test_predict(channel, filtered):
    response = predict(channel, [2.0, 3.0], output_filter=filtered)
    np.testing.assert_array_equal(y_of(response), [3.0, 3.5])
    assert (response.model_spec.name, response.model_spec.signature_name) == ("default", "serving_default")
    assert response.model_spec.version.value == VERSION


@pytest.mark.parametrize("shape", [(), (3,), (2, 1), (1, 2, 3, 4)])
def test_shapes_are_not_compared_with_the_signature(channel, running, shape):
    value = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(y_of(predict(channel, value)), value / 2 + 2)
    assert rest(running, {"inputs": value.tolist()})[1] == {"outputs": (value / 2 + 2).tolist()}


def test_predict_over_a_unix_socket(running):
    with grpc.insecure_channel(f"unix:{running.folder / 'grpc.sock'}") as local:
        np.testing.assert_array_equal(y_of(predict(local, 2.0)), 3.0)


def test_rest_in_rows_and_in_columns(running):
    assert rest(running, {"instances": [2.0, 3.0, 4.0]})[1] == {"predictions": [3.0, 3.5, 4.0]}
    assert rest(running, {"instances": [{"x": 2.0}]})[1] == {"predictions": [3.0]}
    assert rest(running, {"inputs": [2.0, 3.0, 4.0]})[1] == {"outputs": [3.0, 3.5, 4.0]}
    assert rest(running, {"inputs": {"x": [2.0], "more": "ignored"}})[1] == {"outputs": [3.0]}
    assert rest(running, {"instances": [{"x": 2.0, "more": 1}]})[0] == 400
    assert rest(running, {"signature_name": "rows", "instances": [2, 4]})[1] == {
        "predictions": [{"half": 1.0, "twice": 4.0}, {"half": 2.0, "twice": 8.0}]
    }
    assert rest(running, {"signature_name": "two", "inputs": [2, 4]})[1] == {
        "outputs": {"half": [1.0, 2.0], "scalar": 6.0}
    }
    assert rest(running, {"signature_name": "two", "instances": [2, 4]})[0] == 400  # a scalar has no batch


@pytest.mark.parametrize("place", ["/versions/123", "/labels/stable", "/LABELS/stable"])
def test_versions_and_labels_over_rest(running, place):
    assert rest(running, {"inputs": 2.0}, place)[1] == {"outputs": 3.0}


def test_status_over_rest(running):
    status = {"error_code": "OK", "error_message": ""}
    expected = {"model_version_status": [{"version": "123", "state": "AVAILABLE", "status": status}]}
    for path in ("", "/versions/123", "/labels/stable", "/labels/nobody"):
        assert json.loads(rest_request(f"{running.rest}/v1/models/default{path}")[1]) == expected
    status, body = rest_request(f"{running.rest}/v1/models/default/versions/7")
    assert (status, json.loads(body)) == (404, {"error": "Could not find version 7 of model default"})


def test_monitoring(running):
    status, text = rest_request(f"{running.rest}/monitoring/prometheus/metrics")
    assert status == 200
    assert "# TYPE" in text
    assert 'request_latency_count{API="predict",entrypoint="REST",model_name="default"}' in text
    assert 'request_latency_count{API="Predict",entrypoint="GRPC",model_name="default"}' in text
    assert f'load_attempt_count{{model_path="{running.folder.parent}' in text


@pytest.mark.parametrize("dtype", [*JSON_TYPES, *NO_JSON], ids=lambda dtype: dtype.name)
def test_dtypes_over_grpc(channel, dtype):
    values = [True, False] if dtype == tf.bool else [b"\x00\xff", b"y"] if dtype == tf.string else [1, 100]
    answer = y_of(predict(channel, values, f"same_{dtype.name}", dtype=dtype))
    assert answer.tolist() == values
    assert dtype == tf.string or answer.dtype == dtype.as_numpy_dtype


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        (tf.float64, [0.1, 2], ["1", True, None]),
        (tf.int8, [-128, 127], [1.0, 2.5, True, "1"]),
        (tf.uint8, [0, 255], [-1, 1.0]),
        (tf.int64, [2**62], [2**63]),
        (tf.uint64, [2**63], [2**64, -1]),
        (tf.bool, [True, False], [1, 0, "true"]),
        (tf.string, ["text", "ü"], [1, None, {"b64": "%"}]),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_dtypes_over_rest(running, dtype, good, bad):
    signature = {"signature_name": f"same_{dtype.name}"}
    assert rest(running, signature | {"inputs": good})[1] == {"outputs": good}
    for value in bad:
        assert rest(running, signature | {"inputs": [value]})[0] == 400, value


@pytest.mark.parametrize("dtype", NO_JSON, ids=lambda dtype: dtype.name)
def test_dtypes_that_have_no_json_are_unimplemented(running, dtype):
    assert rest(running, {"signature_name": f"same_{dtype.name}", "inputs": [1]})[0] == 501


def test_bytes_over_rest(running):
    coded = {"b64": base64.b64encode(b"\x00\xff").decode()}
    assert rest(running, {"signature_name": "as_bytes", "inputs": [coded]})[1] == {"outputs": [coded]}
    assert rest(running, {"signature_name": "as_bytes", "inputs": coded})[1] == {"outputs": coded}
    assert rest(running, {"signature_name": "as_bytes", "instances": [coded]})[1] == {"predictions": [coded]}
    assert rest(running, {"signature_name": "same_string", "inputs": [{"b64": "YQ=="}]})[1] == {"outputs": ["a"]}


def test_numbers_in_answers_are_as_short_as_they_can_be(running):
    values = np.float32([0.1, 1 / 3, 9e6, 3e-5, 2.0, -0.0, 16777216.0, np.inf, -np.inf, np.nan])
    given = json.dumps({"inputs": ((values.astype(np.float64) - 2) * 2).tolist()})
    status, body = rest_request(f"{running.rest}/v1/models/default:predict", data=given.encode())
    assert status == 200
    words = body.partition("[")[2].partition("]")[0].split(",")
    answered = np.array([float(word) for word in words], np.float32)
    np.testing.assert_array_equal(answered[:5], np.float32((values[:5].astype(np.float64) - 2) * 2) / 2 + 2)
    assert words[3:5] == ["3.00407410e-05", "2.0"] or words[4] == "2.0"
    assert words[-3:] == ["Infinity", "-Infinity", "NaN"]
    assert all(len(word.strip("-")) <= 14 for word in words[:7])


def test_json_is_read_as_the_official_server_reads_it(running):
    assert rest(running, None, data=b' {"inputs": [2.0]} and what follows')[0] == 200
    assert rest(running, None, data=b'{"inputs": [NaN]}')[0] == 200
    for data in (b"", b"[1]", b'{"inputs": [2.0}', b'"inputs"', b'{"inputs": 1, "signature_name": 3}', b"\xff{}"):
        assert rest(running, None, data=data)[0] == 400, data
    assert rest(running, {"instances": []})[0] == 400
    assert rest(running, {"instances": [[1.0], [1.0, 2.0]]})[0] == 400


def test_unknown_model_signature_and_label(channel, running):
    for arguments, code in (({"model": "nobody"}, "NOT_FOUND"), ({"signature": "dream"}, "FAILED_PRECONDITION")):
        with pytest.raises(grpc.RpcError) as raised:
            predict(channel, 2.0, **arguments)
        assert raised.value.code().name == code
    assert rest(running, {"inputs": 2.0, "signature_name": "dream"})[0] == 400
    assert rest(running, {"inputs": 2.0}, "/labels/nobody")[0] == 400
    assert rest_request(f"{running.rest}/v1/models/nobody:predict", {"inputs": 2.0})[0] == 404


def test_long_errors_are_cut_over_grpc(channel):
    with pytest.raises(grpc.RpcError) as raised:
        predict(channel, np.nan, "fails")
    assert raised.value.details().endswith("...TRUNCATED")
    assert len(raised.value.details()) == 1024 + len("...TRUNCATED")


def test_what_is_not_offered_is_unimplemented(channel, running):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "default"
    with pytest.raises(grpc.RpcError) as raised:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Classify(request, timeout=30)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
    for method in ("classify", "regress"):
        assert rest_request(f"{running.rest}/v1/models/default:{method}", {"examples": [{}]})[0] == 501


def test_pages_of_other_origins_may_ask_if_told_so(running):
    def asked(method, headers):
        request = urllib.request.Request(f"{running.rest}/v1/models/default", method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers["Access-Control-Allow-Origin"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["Access-Control-Allow-Origin"]

    assert asked("GET", {}) == (200, "*")
    assert asked("OPTIONS", {"Origin": "https://elsewhere"}) == (200, "*")
    assert asked("OPTIONS", {}) == (400, "*")


def test_health_is_watched(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    for service, expected in (("PredictionService", 1), ("default", 3)):
        stream = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=30)
        assert next(iter(stream)).status == expected
        stream.cancel()


def test_flags_without_meaning_are_told(running):
    assert "--enable_profiler changes nothing here" in running.output


def test_configuration_is_read_again_and_a_wrong_one_changes_nothing(running, channel, models):
    path = running.folder / "models.config"
    for text, told in (
        ("model_config_list { config { nam: 1 } }", "must be a ModelServerConfig"),
        (config(models, "nowhere"), "must hold numeric version folders"),
        (config(models, "half_plus_two").replace(str(models), "relative"), "must be absolute"),
        (config(models, "half_plus_two", 'version_labels { key: "stable" value: 124 }'), "assign label to version 124"),
    ):
        path.write_text(text)
        assert wait_until(lambda told=told: told in running.output), told
        assert y_of(predict(channel, 2.0)) == 3.0
        assert rest(running, {"inputs": 2.0}, "/labels/stable")[0] == 200
    path.write_text(config(models, "half_plus_three", name="three"))
    assert wait_until(lambda: rest_request(f"{running.rest}/v1/models/default:predict", {"inputs": 2.0})[0] == 404)
    assert y_of(predict(channel, 2.0, model="three")) == 4.0
    stub, request = model_service_pb2_grpc.ModelServiceStub(channel), model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.config.add(name="default", base_path="relative")
    with pytest.raises(grpc.RpcError, match="must be absolute") as raised:
        stub.HandleReloadConfigRequest(request, timeout=30)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert y_of(predict(channel, 2.0, model="three")) == 4.0
