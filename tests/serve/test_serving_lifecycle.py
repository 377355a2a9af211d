"""Versions come and go while requests run; the server dies and is started again; health and numbers are told."""

import contextlib
import http.client
import json
import shutil
import socket
import threading
import time
import urllib.parse

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from running_server import RunningServer, rest_request, wait_until
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.client.__main__ import main


def add_version(source, base, number, *, damage=False):
    """Write a version aside, then rename it into place."""
    aside = base / f".{number}.tmp"
    shutil.copytree(source, aside)
    if damage:
        variables = next((aside / "variables").glob("*.data-*"))
        variables.write_bytes(variables.read_bytes()[:-1000])
    aside.rename(base / str(number))


def test_versions_change_under_load_without_a_failed_request(server, version_folder):
    base, ended, errors, answers = server.folder / "moving", threading.Event(), [], []

    def ask():
        with Client(Connection(server=server.address, model_name="moving")) as client:
            while not ended.is_set():
                try:
                    answers.append(client.generate([-2.0], 6, 8, seed=1)[0].tobytes())
                except (ValueError, ConnectionError) as error:
                    errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with Client(Connection(server=server.address, model_name="moving")) as client:
            for number in (2, 10):
                add_version(version_folder, base, number)
                assert wait_until(lambda number=number: client.status().get(number) == "AVAILABLE")
            assert wait_until(lambda: [client.status()[old] for old in (1, 2)] == ["END", "END"])
            served = len(answers)
            add_version(version_folder, base, 11, damage=True)
            # "END" and its reason; while it is tried again, the reason of the first try stands beside "LOADING"
            assert wait_until(lambda: client.status().get(11, "").startswith("END "))
            assert len(client.status()[11]) > 10
            assert client.status()[10] == "AVAILABLE"
            assert wait_until(lambda: len(answers) > served + 10)
            shutil.rmtree(base / "11")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not errors
    assert len(set(answers)) == 1


def test_older_version_comes_back(version_folder, tmp_path):
    """By deleting the newer one, by pinning the older one, and a damaged one by repairing it."""
    base, config = tmp_path / "rolled", tmp_path / "models.config"
    base.mkdir()
    text = f'model_config_list {{ config {{ name: "rolled" base_path: "{base}" POLICY }} }}'
    config.write_text(text.replace("POLICY", ""))
    add_version(version_folder, base, 1)
    words = ["--model_config_file", config, "--model_config_file_poll_wait_seconds", 0.2]
    words += ["--enable_model_warmup=false", "--file_system_poll_wait_seconds", 0.2]
    running = RunningServer("--port", 0, *words)

    def served():
        return {number for number, state in client.status().items() if state == "AVAILABLE"}

    try:
        with Client(Connection(running.address, "rolled")) as client:
            add_version(version_folder, base, 2)
            assert wait_until(lambda: served() == {2})
            shutil.rmtree(base / "2")
            assert wait_until(lambda: served() == {1})
            add_version(version_folder, base, 3)
            assert wait_until(lambda: served() == {3})
            config.write_text(text.replace("POLICY", "model_version_policy { specific { versions: 1 } }"))
            assert wait_until(lambda: served() == {1})
            config.write_text("model_config_list { config { nam: 1 } }")  # changes nothing
            assert wait_until(lambda: "the model configuration is left as it was" in running.output)
            assert served() == {1}
            config.write_text(text.replace("POLICY", ""))
            assert wait_until(lambda: served() == {3})
            add_version(version_folder, base, 4, damage=True)
            assert wait_until(lambda: client.status().get(4, "").startswith("END "))
            assert served() == {3}
            shutil.rmtree(base / "4")
            add_version(version_folder, base, 4)
            assert wait_until(lambda: served() == {4})
            assert client.generate([-2.0], 4, 4)[0].shape == (1, 4, 4)

            base.rename(tmp_path / "gone")  # what is in memory is served, and what comes back is looked at again
            time.sleep(1.0)
            assert served() == {4}
            assert client.generate([-2.0], 4, 4)[0].shape == (1, 4, 4)
            add_version(version_folder, tmp_path / "gone", 5)
            (tmp_path / "gone").rename(base)
            assert wait_until(lambda: served() == {5})
    finally:
        assert running.end() == 0


def test_health_of_the_services_that_the_official_server_knows(server):
    with grpc.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "ModelService", "PredictionService"):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as raised:
            stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=30)
        assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def test_numbers_for_prometheus_count_requests(server):
    def count(status):
        line = f':tensorflow:serving:request_count{{model_name="steady",status="{status}"}} '
        lines = rest_request(f"{server.rest}/metrics")[1].splitlines()
        return sum(float(found.removeprefix(line)) for found in lines if found.startswith(line))

    before = {status: count(status) for status in ("OK", "INVALID_ARGUMENT")}
    with Client(Connection(server=server.address, model_name="steady")) as client:
        client.generate([-2.0], 4, 4)
        with pytest.raises(ValueError, match="INVALID_ARGUMENT"):
            client.generate([-2.0], 4, 5)
    assert {status: count(status) - before[status] for status in before} == {"OK": 1, "INVALID_ARGUMENT": 1}
    text = rest_request(f"{server.rest}/metrics")[1]
    assert (
        ':tensorflow:serving:request_latency_bucket{API="Predict",entrypoint="GRPC",le="+Inf",model_name="steady"}'
        in text
    )


def test_numbers_for_prometheus_do_not_grow_with_names_that_clients_invent(server):
    for path in ("/v1/models/invented_1:predict", "/v1/models/invented_2/labels/x:predict"):
        for data in (b"no JSON", b'{"inputs": {}}'):
            assert server.request(path, data=data)[0] in (400, 404)
    with Client(Connection(server=server.address, model_name="invented_3")) as client:
        with pytest.raises(ValueError, match="NOT_FOUND"):
            client.generate([-2.0], 4, 4)
        with pytest.raises(ValueError, match="NOT_FOUND"):
            client.status()
    assert "invented" not in rest_request(f"{server.rest}/metrics")[1]


def test_wrong_number_of_axes_is_told_as_a_rule(server):
    inputs = {"energy_per_area": -2.0, "rows": 4, "cols": 6, "seed": 0}
    status, text = server.request("/v1/models/steady:predict", {"inputs": inputs})
    assert status == 400
    assert "Input energy_per_area must have the shape (any,). Received: shape=() (" in json.loads(text)["error"]


def test_too_large_a_body_is_refused_before_it_is_sent(server):
    where = urllib.parse.urlsplit(server.rest)
    with contextlib.closing(http.client.HTTPConnection(where.hostname, where.port, timeout=30)) as connection:
        connection.putrequest("POST", "/v1/models/steady:predict")
        connection.putheader("content-length", str(2**40))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, set(json.loads(answer.read()))) == (400, {"error"})


def test_reloaded_configuration_kill_and_restart_and_a_port_in_use(version_folder, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        add_version(version_folder, tmp_path / name, 1)
    first = ["--model_name", "first", "--model_base_path", tmp_path / "first", "--enable_model_warmup=false"]
    running = RunningServer("--port", 0, *first)
    try:
        request = model_management_pb2.ReloadConfigRequest()
        request.config.model_config_list.config.add(name="second", base_path=str(tmp_path / "second"))
        with grpc.insecure_channel(running.address) as channel:
            stub = model_service_pb2_grpc.ModelServiceStub(channel)
            stub.HandleReloadConfigRequest(request, timeout=60)
            with pytest.raises(grpc.RpcError) as raised:
                stub.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest(), timeout=60)
            assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            nowhere = model_management_pb2.ReloadConfigRequest()
            nowhere.config.CopyFrom(request.config)
            nowhere.config.model_config_list.config.add(name="third", base_path=str(tmp_path / "third"))
            with pytest.raises(grpc.RpcError, match="third") as raised:
                stub.HandleReloadConfigRequest(nowhere, timeout=60)
            assert raised.value.code() == grpc.StatusCode.UNKNOWN
        with Client(Connection(server=running.address, model_name="second")) as client:
            assert client.generate([-2.0], 4, 4)[0].shape == (1, 4, 4)
        with (
            Client(Connection(server=running.address, model_name="first")) as client,
            pytest.raises(ValueError, match="NOT_FOUND"),
        ):
            client.generate([-2.0], 4, 4)

        # the same port after kill -9: a client that asks meanwhile gets its answer from the new process
        port = int(running.address.rpartition(":")[2])
        running.kill()
        answers = []
        with Client(Connection(server=running.address, model_name="first", timeout=100, wait=100)) as client:
            waiting = threading.Thread(target=lambda: answers.append(client.generate([-2.0], 4, 4)[0]))
            waiting.start()
            running = RunningServer("--port", port, *first)
            waiting.join(60)
        assert [answer.shape for answer in answers] == [(1, 4, 4)]
        assert main(["status", "--server", running.address, "--model-name", "first"]) == 0
        with pytest.raises(RuntimeError, match=r"The gRPC port must be free\. Received: 127\.0\.0\.1"):
            RunningServer("--port", port, "--model_base_path", tmp_path / "first")
    finally:
        running.end()


def test_server_that_is_not_there_is_told_after_the_timeout():
    connection = Connection(server="localhost:1", timeout=0.5)
    with (
        Client(connection) as client,
        pytest.raises(ConnectionError, match=r"localhost:1 must answer within 0\.5 s\. Received: UNAVAILABLE"),
    ):
        client.generate([-2.0], 4, 4)


@pytest.mark.parametrize(("scheme", "cause"), [("localhost:1", "refused"), ("unix:/nowhere.sock", "No such file")])
def test_nothing_that_listens_is_told_long_before_the_timeout(scheme, cause):
    connection = Connection(server=scheme, timeout=600, wait=0.3)
    begun = time.monotonic()
    with (
        Client(connection) as client,
        pytest.raises(ConnectionError, match=rf"must listen on {scheme}; `wait` \(--wait\) is .*0\.3 s.*{cause}"),
    ):
        client.status()
    assert time.monotonic() - begun < 60


def test_server_that_starts_late_is_waited_for(version_folder, tmp_path):
    add_version(version_folder, tmp_path / "late", 1)
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    answers = []

    def ask():
        with Client(Connection(f"localhost:{port}", "late", wait=100, timeout=100)) as client:
            answers.append(client.status())

    waiting = threading.Thread(target=ask)
    waiting.start()
    time.sleep(1.0)
    running = RunningServer("--port", port, "--model_name", "late", "--model_base_path", tmp_path / "late")
    try:
        waiting.join(60)
        assert answers == [{1: "AVAILABLE"}]
    finally:
        running.end()


def test_command_of_the_client_writes_what_python_gets(server, tmp_path, capsys):
    out = tmp_path / "sheets.npz"
    words = ["generate", "--server", server.address, "--model-name", "steady", "--energy-per-area", "-2.0"]
    words += ["--rows", "6", "--cols", "8", "--num-sheets", "3", "--seed", "5", "--out", str(out)]
    assert main(words) == 0
    assert "3 sheets of 6x8 cells" in capsys.readouterr().out
    with Client(Connection(server=server.address, model_name="steady")) as client, np.load(out) as content:
        np.testing.assert_array_equal(content["states"], client.generate([-2.0] * 3, 6, 8, seed=5)[0])
    assert main(words) == 2
    assert "The file must not exist" in capsys.readouterr().err
