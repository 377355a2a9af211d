"""Configuration files, version policies, tensors on the wire: what needs no running server."""

import asyncio
import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import any_pb2, wrappers_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from starlette.requests import Request
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2, predict_pb2

from rugan_tf.config import parse_command
from rugan_tf.saved.shipped import shipped_model
from rugan_tf.serve import __main__ as door
from rugan_tf.serve import before_start, rest, wire
from rugan_tf.serve.__main__ import main
from rugan_tf.serve.before_start import read_models, require_free_port
from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.errors import Code, ServingError, reason_in
from rugan_tf.serve.model_config import ModelConfig, VersionPolicy, read_model_config, read_small_config
from rugan_tf.serve.options import WITHOUT_MEANING, ServeOptions
from rugan_tf.serve.server import rest_socket
from rugan_tf.serve.tensors import DTYPES, fill_proto, from_proto

CONFIG = """
model_config_list {
  config {
    name: "a" base_path: "/models/a" model_platform: "tensorflow"
    model_version_policy { specific { versions: 3 versions: 7 } }
    version_labels { key: "stable" value: 3 }
  }
  config { name: "b" base_path: "/models/b" model_version_policy { latest { num_versions: 2 } } }
  config { name: "c" base_path: "/models/c" model_version_policy { all {} } }
  config { name: "d" base_path: "/models/d" }
}
"""


def write(tmp_path, text):
    path = tmp_path / "some.config"
    path.write_text(text)
    return path


def test_models_policies_and_labels_are_read(tmp_path):
    models = read_model_config(write(tmp_path, CONFIG))
    assert models["a"] == ModelConfig("a", Path("/models/a"), VersionPolicy(None, (3, 7)), (("stable", 3),))
    policies = {name: model.policy for name, model in models.items()}
    on_disk = [10, 3, 7, 1]
    assert {name: policy.choose(on_disk) for name, policy in policies.items()} == {
        "a": [3, 7],
        "b": [7, 10],
        "c": [1, 3, 7, 10],
        "d": [10],
    }
    assert policies["d"].choose([]) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'model_config_list {\n  config {\n    nam: "a"\n  }\n}',
            r"must be a ModelServerConfig in text format.*line 3:",
        ),
        ("", "must hold a model_config_list"),
        (CONFIG.replace("/models/a", "models/a"), "base_path must be absolute. Received: 'models/a'"),
        ('model_config_list { config { name: "a" } }', "must have a name and a base_path. Received: 'a'"),
        (CONFIG.replace('name: "b"', 'name: "a"'), "must have different names. Received: twice 'a'"),
        (CONFIG.replace('"tensorflow"', '"torch"'), "model_platform must be tensorflow. Received: 'torch'"),
        (CONFIG.replace("versions: 3 versions: 7", ""), "specific version policy must name versions"),
    ],
)
def test_model_configuration_with_errors_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_model_config(write(tmp_path, text))


def test_small_configurations_are_read(tmp_path):
    monitoring = read_small_config(write(tmp_path, 'prometheus_config { enable: true path: "/x" }'), "MonitoringConfig")
    assert (monitoring.prometheus_config.enable, monitoring.prometheus_config.path) == (True, "/x")
    tls = read_small_config(write(tmp_path, 'server_key: "k" server_cert: "c" client_verify: true'), "SSLConfig")
    assert (tls.server_key, tls.server_cert, tls.custom_ca, tls.client_verify) == ("k", "c", "", True)
    with pytest.raises(ValueError, match=r"must be a SSLConfig in text format. Received: line 1:1"):
        read_small_config(write(tmp_path, "keys: 1"), "SSLConfig")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model_base_path", "."], "A base path must hold numeric version folders"),
        (["--model_config_file", "missing.config"], "missing.config"),
        (["--model_base_path", ".", "--ssl_config_file", "missing"], "must hold numeric version folders"),
        (["--model_base_path", "ising_ednn", "--ssl_config_file", "missing"], "missing"),
        (["--model_base_path", "ising_ednn", "--grpc_socket_path", "."], "., which is no socket"),
    ],
)
def test_server_that_cannot_start_says_why(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "rugan_tf.serve.server", None)  # with which TensorFlow starts
    assert main(["--port", "0", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--model_base_path", ".", "--model-config-file", "x"],
        ["--model_base_path", ".", "--port", "70000"],
        ["--model_base_path", ".", "--monitoring_config_file", "x"],
        ["--model_base_path", ".", "--grpc_max_threads", "0"],
    ],
)
def test_flags_that_contradict_each_other_are_refused(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "Received" in capsys.readouterr().err


@pytest.mark.parametrize("spell", [str, lambda word: word.replace("_", "-")])
def test_flags_are_taken_in_both_spellings(monkeypatch, spell):
    monkeypatch.setattr(door, "run_command", lambda prog, known, given: parse_command(prog, known, given)[0])
    values = {
        "port": 9500,
        "rest_api_port": 9501,
        "model_config_file": Path("models.config"),
        "model_config_file_poll_wait_seconds": 60,
        "file_system_poll_wait_seconds": 2,
        "monitoring_config_file": Path("monitoring.config"),
        "ssl_config_file": Path("ssl.config"),
        "grpc_max_threads": 4,
    }
    words = [f"--{spell(name)}={value}" for name, value in values.items()]
    switches = {"enable_grpc_healthcheck_service": True, "enable_serialization_as_tensor_content": False}
    words += [f"--{spell(name)}={str(value).lower()}" for name, value in switches.items()]
    options = main(words)
    assert {name: getattr(options, name) for name in values | switches} == values | switches
    one = main([f"--{spell('model_name')}", "m", f"--{spell('model_base_path')}", "/models/m"])
    assert (one.model_name, one.model_base_path) == ("m", Path("/models/m"))


def test_model_of_the_package_is_served_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [model] = read_models(ServeOptions(model_base_path=Path("ising_ednn"))).values()
    assert (model.name, model.base_path) == ("ising_ednn", shipped_model("ising_ednn"))
    [model] = read_models(ServeOptions(model_base_path=Path("ising_ednn"), model_name="spins")).values()
    assert (model.name, model.base_path) == ("spins", shipped_model("ising_ednn"))
    [model] = read_models(ServeOptions(model_base_path=Path("ising_ednn"), model_name="default")).values()
    assert (model.name, model.base_path) == ("default", shipped_model("ising_ednn"))
    Path("ising_ednn", "4").mkdir(parents=True)  # a folder of the user's comes first
    [model] = read_models(ServeOptions(model_base_path=Path("ising_ednn"))).values()
    assert (model.name, model.base_path) == ("default", Path("ising_ednn"))


def test_port_in_use_is_told_before_tensorflow_starts(tmp_path, monkeypatch, capsys):
    (tmp_path / "1").mkdir()
    monkeypatch.setitem(sys.modules, "rugan_tf.serve.server", None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, words = str(taken.getsockname()[1]), ["--model_base_path", str(tmp_path)]
        assert main(["--port", "0", "--rest_api_port", port, *words]) == 2
        assert f"The REST port must be free. Received: 127.0.0.1:{port}" in capsys.readouterr().err
        assert main(["--port", port, *words]) == 2
        assert f"The gRPC port must be free. Received: 127.0.0.1:{port}" in capsys.readouterr().err


def test_one_port_for_both_and_one_that_another_took_meanwhile_are_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rugan_tf.serve.server", None)  # told before TensorFlow starts
    assert main(["--port", "8507", "--rest_api_port", "8507", "--model_base_path", "ising_ednn"]) == 2
    assert "gRPC and REST must have a port each. Received: 8507 for both" in capsys.readouterr().err
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(OSError, match=rf"The REST port must be free. Received: 127.0.0.1:{port}"):
            rest_socket("127.0.0.1", int(port))


def test_files_that_can_be_read_once_are_left_for_the_server():
    reading, writing = os.pipe()
    os.write(writing, CONFIG.encode())
    os.close(writing)
    before_start.require_startable(ServeOptions(port=0, model_config_file=Path(f"/dev/fd/{reading}")))
    assert os.read(reading, 10**5) == CONFIG.encode()
    os.close(reading)


def test_hosts_that_no_name_can_be_are_left_for_the_server():
    require_free_port("ä..b", 0, "gRPC")


@pytest.mark.parametrize(("announced", "told"), [({"content-length": "11"}, "11 bytes"), ({}, "more")])
def test_too_large_body_is_refused_with_what_came(monkeypatch, announced, told):
    monkeypatch.setattr(rest, "MAX_BODY", 10)

    async def receive():
        return {"type": "http.request", "body": b"elevenbytes", "more_body": False}

    headers = [(name.encode(), value.encode()) for name, value in announced.items()]
    request = Request({"type": "http", "headers": headers}, receive)
    with pytest.raises(ServingError, match=rf"at most \d+ bytes; use gRPC. Received: {told}"):
        asyncio.run(rest.read_body(request))


class Refusal(grpc.RpcError):
    """What a stub raises."""

    def __init__(self, code):
        self.status = code

    def code(self):
        return self.status

    def details(self):
        return "made up"


@pytest.mark.parametrize("code", list(grpc.StatusCode), ids=lambda code: code.name)
def test_only_a_server_that_is_unavailable_is_asked_again(code):
    asked = []

    def method(request, timeout, metadata):
        asked.append((request, timeout, metadata))
        if len(asked) < 3:
            raise Refusal(code)
        return "answer"

    with Client(Connection("localhost:1", timeout=20, token="secret", insecure=True)) as client:
        if code == grpc.StatusCode.UNAVAILABLE:
            assert client.call(method, "request") == "answer"
        else:
            error = ConnectionError if code == grpc.StatusCode.DEADLINE_EXCEEDED else ValueError
            with pytest.raises(error, match=f"Received: {code.name}, made up"):
                client.call(method, "request")
    assert len(asked) == (3 if code == grpc.StatusCode.UNAVAILABLE else 1)
    assert {(request, metadata) for request, _, metadata in asked} == {
        ("request", (("authorization", "Bearer secret"),))
    }
    timeouts = [timeout for _, timeout, _ in asked]
    assert timeouts == sorted(timeouts, reverse=True)  # the deadline stays where it was


KINDS = [dtype for dtype, _ in DTYPES.values() if dtype.kind != "O"]
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@settings(deadline=None)
@given(st.sampled_from(KINDS).flatmap(lambda dtype: arrays.arrays(dtype, SHAPES)), st.booleans())
def test_arrays_survive_the_wire_and_tensorflow_reads_them_alike(values, as_content):
    proto = to_proto(values, as_content=as_content)
    np.testing.assert_array_equal(from_proto("x", proto), values)
    np.testing.assert_array_equal(tf.make_ndarray(proto), values)
    np.testing.assert_array_equal(from_proto("x", tf.make_tensor_proto(values)), values)


def to_proto(values, *, as_content=False):
    proto = tensor_pb2.TensorProto()
    fill_proto(proto, values, as_content=as_content)
    return proto


def test_array_of_another_dtype_is_not_sent():
    with pytest.raises(ValueError, match=r"The dtype must be one of float32, .*\. Received: complex64"):
        to_proto(np.zeros(2, np.complex64))


def test_last_value_stands_for_the_rest():
    proto = tf.make_tensor_proto(0.5, tf.float32, (2, 3))
    assert len(proto.float_val) == 1
    np.testing.assert_array_equal(from_proto("x", proto), np.full((2, 3), 0.5, np.float32))


def proto_with(**changes):
    proto = to_proto(np.arange(6, dtype=np.int32).reshape(2, 3))
    for name, value in changes.items():
        if name == "sizes":
            for dim, size in zip(proto.tensor_shape.dim, value, strict=True):
                dim.size = size
        else:
            proto.ClearField("int_val")
            setattr(proto, name, value)
    return proto


@pytest.mark.parametrize(
    "proto",
    [
        proto_with(sizes=(1, 2)),
        proto_with(sizes=(-1, 3)),
        proto_with(sizes=(2**40, 2**40)),
        proto_with(sizes=(2**15, 2**15)),
        proto_with(tensor_content=b"123"),
        proto_with(dtype=8),
        proto_with(dtype=999),
    ],
)
def test_tensor_that_does_not_hold_what_it_says_is_refused(proto):
    with pytest.raises(ServingError) as raised:
        from_proto("x", proto)
    assert raised.value.code == Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cert_file": Path("c.pem")}, r"cert_file and key_file must be given together. Received: cert_file=c.pem"),
        ({"key_file": Path("k.pem"), "ca_file": Path("ca.pem")}, "must be given together"),
        ({"cert_file": Path("c.pem"), "key_file": Path("k.pem")}, "A client certificate needs TLS"),
        ({"token": "secret"}, "A token must not be sent unencrypted"),
        ({"timeout": 0}, "timeout must be positive. Received: timeout=0"),
        ({"wait": -1}, "wait must not be negative. Received: wait=-1"),
    ],
)
def test_connection_that_would_tell_secrets_or_end_the_process_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Connection("localhost:1", **options)
    assert Connection("localhost:1", token="secret", insecure=True).token == "secret"


def test_certificates_that_are_none_are_refused_before_they_end_the_process(tmp_path):
    (tmp_path / "ca.pem").write_text("no PEM")
    with pytest.raises(ValueError, match=r"Certificates and key must be PEM.*ca\.pem"):
        Client(Connection("localhost:1", ca_file=tmp_path / "ca.pem"))
    with pytest.raises(FileNotFoundError):
        Client(Connection("localhost:1", ca_file=tmp_path / "missing.pem"))


def official(name):
    """Return the official message of a name."""
    for module in (predict_pb2, model_pb2, get_model_status_pb2, get_model_metadata_pb2, meta_graph_pb2):
        if hasattr(module, name):
            return getattr(module, name).DESCRIPTOR
    nested = {
        "Dim": tensor_shape_pb2.TensorShapeProto.Dim,
        "StatusProto": type(get_model_status_pb2.ModelVersionStatus().status),
        "Int64Value": wrappers_pb2.Int64Value,
        "Any": any_pb2.Any,
        "TensorProto": tensor_pb2.TensorProto,
        "TensorShapeProto": tensor_shape_pb2.TensorShapeProto,
    }
    return nested[name].DESCRIPTOR


@pytest.mark.parametrize("name", wire.FIELDS)
def test_messages_of_the_client_are_those_of_the_protocol(name):
    fields = {field.name: field for field in official(name).fields}
    for field in wire.message(name).DESCRIPTOR.fields:
        expected = fields[field.name]
        assert (field.number, field.is_repeated) == (expected.number, expected.is_repeated)
        same = {field.TYPE_ENUM: field.TYPE_INT32}.get(expected.type, expected.type)  # alike on the wire
        assert field.type == same, field.name
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            assert field.message_type.name == expected.message_type.name


def test_numbers_of_dtypes_and_states_are_those_of_the_protocol():
    assert all(tf.as_dtype(enum).as_numpy_dtype == dtype for enum, (dtype, _) in DTYPES.items())
    assert dict(get_model_status_pb2.ModelVersionStatus.State.items()) == {name: n for n, name in wire.STATES.items()}


def test_client_starts_without_tensorflow():
    program = "import sys\nfrom rugan_tf.serve.client.__main__ import main\n"
    program += "code = main(['status', '--server', 'localhost:1', '--timeout', '0.2'])\n"
    program += "print(code, sorted({'tensorflow', 'keras', 'ase', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["2 []"]
    assert "localhost:1 must answer within 0.2 s. Received: UNAVAILABLE, " in done.stderr


def test_flags_of_the_official_server_are_taken_or_told_or_refused(monkeypatch, capsys):
    monkeypatch.setattr(door, "run_command", lambda prog, known, given: parse_command(prog, known, given)[0])
    assert not {field.name for field in dataclasses.fields(ServeOptions)} & WITHOUT_MEANING
    options = main(["--model_base_path=/m", "--num_load_threads=2", "--enable-batching=false", "--prefer_tflite_model"])
    assert options.model_base_path == Path("/m")
    told = capsys.readouterr().err
    assert all(f"--{name} changes nothing here" in told for name in ("num_load_threads", "enable_batching"))
    with pytest.raises(SystemExit, match="2"):
        main(["--model_base_path=/m", "--dream=1"])
    with pytest.raises(SystemExit, match="2"):
        main(["--model_base_path=/m", "--grpc_channel_arguments=grpc.max_connection_age_ms"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Graph execution error:\n\nassertion failed: [rows and cols must be even] [Condition x == y did not hold "
            "element-wise:] [x (a:0) = ] [1 0] [y (b:0) = ] [0]\n\t [[{{node A}}]]",
            "rows and cols must be even",
        ),
        (
            "assertion failed: [batch * rows * cols must be at most 4] [Condition x <= y did not hold element-wise:] "
            "[x (a:0) = ] [64] [y (b:0) = ] [4]",
            "batch * rows * cols must be at most 4. Received: 64",
        ),
        (
            "Graph execution error:\n\nlatent must be finite : Tensor had Inf values\n\t [[{{node B}}]]",
            "latent must be finite. Received: Inf values",
        ),
        ("ConcatOp : Ranks must match", "ConcatOp : Ranks must match"),
        ("", ""),
    ],
)
def test_reason_stands_in_what_tensorflow_says(text, told):
    assert reason_in(text) == told
