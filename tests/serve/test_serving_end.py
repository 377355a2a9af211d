"""A server that is busy, and one that is told to end: nobody waits for what will not come."""

import concurrent.futures
import json
import re
import shutil
import signal
import socket
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from running_server import RunningServer, rest_request, wait_until
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from rugan_tf.serve.__main__ import main
from rugan_tf.serve.client import Client, Connection
from rugan_tf.serve.errors import ServingError
from rugan_tf.serve.loaded_version import LoadedVersion
from rugan_tf.serve.memory import give_back_memory
from rugan_tf.serve.workers import Workers

GRACE, THREADS = 3.0, 4


class Slow(tf.Module):
    """Multiplies matrices for as many seconds as it is told, and tells how often."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.float64, "seconds")], autograph=False)
    def work(self, seconds):
        end = tf.timestamp() + seconds

        def multiply(number, matrix):
            return number + 1, tf.linalg.matmul(matrix, matrix) / 100.0

        start = (tf.constant(0), tf.ones([100, 100]))
        return {"number": tf.while_loop(lambda *_: tf.timestamp() < end, multiply, start)[0]}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder, module = tmp_path_factory.mktemp("slow"), Slow()
    tf.saved_model.save(module, str(folder / "slow" / "1"), signatures={"serving_default": module.work})
    return folder / "slow"


def ask(channel, seconds, timeout=90.0):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "slow"
    request.inputs["seconds"].CopyFrom(tf.make_tensor_proto(np.float64(seconds)))
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=timeout)


def code_of(channel, seconds, timeout=90.0):
    """Return the code of a request, and the seconds that it took."""
    start = time.monotonic()
    try:
        ask(channel, seconds, timeout)
        code = "OK"
    except grpc.RpcError as error:
        code = error.code().name
    return code, time.monotonic() - start


def test_busy_server_tells_its_health_keeps_deadlines_and_ends_in_time(base):
    words = ["--port", 0, "--rest_api_port", 0, "--model_name", "slow", "--model_base_path", base, "--grace", GRACE]
    words += ["--grpc_max_threads", THREADS, "--rest_api_timeout_in_ms", 60_000, "--enable_grpc_healthcheck_service"]
    words.append("--tensorflow_inter_op_parallelism=16")  # a loop keeps one of them; with few, requests wait within
    running = RunningServer(*words)
    url = f"{running.rest}/v1/models/slow:predict"
    with grpc.insecure_channel(running.address) as channel, concurrent.futures.ThreadPoolExecutor(10) as pool:
        try:
            # its deadline ends a request, and its thread is there for others
            busy = [pool.submit(code_of, channel, 60, 1.0) for _ in range(THREADS)]
            health, taken = health_pb2_grpc.HealthStub(channel), []
            for _ in range(20):
                start = time.perf_counter()
                assert health.Check(health_pb2.HealthCheckRequest(), timeout=30).status == 1
                taken.append(time.perf_counter() - start)
            assert {one.result()[0] for one in busy} == {"DEADLINE_EXCEEDED"}
            assert code_of(channel, 0.0, 5.0)[0] == "OK"
            assert sorted(taken)[len(taken) // 2] < 0.05, taken  # most of them: the machine may be busy with others

            # told to end: what takes longer than the grace is cut off, what does not is answered
            long = [pool.submit(code_of, channel, 60) for _ in range(THREADS - 1)]
            over_rest = pool.submit(rest_request, url, {"inputs": 60})
            short = pool.submit(code_of, channel, 2.5)
            time.sleep(1.0)  # for all of them to have begun
            start = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert wait_until(lambda: code_of(channel, 0.0, 5.0)[0] == "UNAVAILABLE", GRACE)  # no new requests
            assert running.process.wait(30) == 0
            assert time.monotonic() - start < GRACE + 5
            assert {one.result()[0] for one in long} == {"UNAVAILABLE"}
            assert short.result()[0] == "OK"
            status, body = over_rest.result()
            assert (status, set(json.loads(body))) == (503, {"error"})
            running.reader.join(10)
            found = re.search(rf"ended; (\d+) requests were cut off after {GRACE:g} s", running.output)
            assert int(found[1]) - THREADS in (0, 1)  # a request that came just before the signal may wait behind them
        finally:
            running.kill()


@pytest.mark.parametrize("state", ["LOADING", "AVAILABLE"])  # then the one before is unloaded
def test_server_that_is_told_to_end_while_versions_change_ends_in_order(base, tmp_path, state):
    shutil.copytree(base / "1", tmp_path / "slow" / "1")
    words = ["--port", 0, "--model_name", "slow", "--model_base_path", tmp_path / "slow"]
    running = RunningServer(*words, "--file_system_poll_wait_seconds", 0.1)
    shutil.copytree(base / "1", tmp_path / "aside")
    with Client(Connection(running.address, "slow")) as client:
        (tmp_path / "aside").rename(tmp_path / "slow" / "2")
        assert wait_until(lambda: client.status().get(2, "").startswith((state, "AVAILABLE")))
    assert running.end() == 0, running.output
    assert "ended; no request was cut off" in running.output


def test_answer_that_is_cut_off_is_there_at_once_and_nothing_is_taken_any_more():
    workers, ended = Workers(1), []
    answers = [workers.submit(lambda: time.sleep(0.5) or ended.append(1)), workers.submit(lambda: ended.append(2))]
    assert not workers.wait_until_idle(0.05)
    assert workers.cut_off() == 2
    for one in (*answers, workers.submit(lambda: ended.append(3))):
        with pytest.raises(ServingError, match="The server is ending"):
            one.result(timeout=0.1)
    assert workers.wait_until_idle(10)
    workers.close()
    assert ended == [1]  # what had begun ended by itself; what waited never began


def resident_mib():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def test_memory_of_a_version_comes_back(version_folder):
    request = {"energy_per_area": np.float32([-2]), "rows": np.int32(14), "cols": np.int32(16), "seed": np.int64(0)}

    def load():
        version = LoadedVersion(version_folder)
        version.predict("generate", request)
        version.close()
        return version

    def load_and_forget(times):
        for _ in range(times):
            load()
            give_back_memory()  # as the manager does

    load_and_forget(2)
    before = resident_mib()
    load_and_forget(2)
    assert resident_mib() - before < 2 * 10  # kept alive, each would cost more than 20
    closed = load()
    with pytest.raises(ServingError, match="session"):
        closed.predict("generate", request)


def test_socket_path_in_use_is_refused_and_one_left_behind_is_not(base, tmp_path, capsys):
    path, words = tmp_path / "grpc.sock", ["--port", "0", "--model_name", "slow", "--model_base_path", str(base)]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert main([*words, "--grpc_socket_path", str(path)]) == 2
        assert f"The gRPC socket path must be free. Received: {path}, where somebody listens" in capsys.readouterr().err
    path.unlink()
    path.write_text("precious")
    assert main([*words, "--grpc_socket_path", str(path)]) == 2
    assert "which is no socket" in capsys.readouterr().err
    assert path.read_text() == "precious"


def test_version_that_cannot_be_loaded_at_the_start_ends_it_with_the_reason(tmp_path, capsys):
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "saved_model.pb").write_bytes(b"\xff\xff nothing")
    words = ["--port", "0", "--model_base_path", str(tmp_path / "m"), "--max_num_load_retries=1"]
    assert main([*words, "--load_retry_interval_micros=1000"]) == 2
    told = capsys.readouterr().err
    assert "1 model(s) did not become available" in told
    assert "A version must hold a SavedModel" in told
