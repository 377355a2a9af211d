"""Ten thousand malformed requests against the embedded server: does it crash, hang, grow, or answer others wrongly?

    python tests/benchmarks/serving_fuzz.py saved_models/porous_graphene [NUMBER]

Random protobuf bytes, wrong dtypes, ranks, names, sizes, NaN, huge rows, JSON of all kinds and sizes, cut connections,
and greetings of TLS that end half-way, at a server with TLS and at one without. Memory is the resident size of the
processes after a tenth of the requests and at the end.
"""

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

sys.path.append(str(Path(__file__).parents[1] / "serve"))
from running_server import RunningServer, rest_request

from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.client import Client, Connection

NAME = "porous_graphene"
GOOD = {"energy_per_area": np.array([-2.5], np.float32), "rows": np.int32(6), "cols": np.int32(8), "seed": np.int64(1)}
DTYPES = [np.float32, np.float64, np.int32, np.int64, np.uint8, np.int8, np.complex64, np.bool_, np.str_]
PREDICT = "/tensorflow.serving.PredictionService/Predict"
MODEL_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"
METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"


def request_with(rng):
    """Return a Predict request with one or more things wrong."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = rng.choice([NAME] * 8 + ["nobody", ""])
    request.model_spec.signature_name = rng.choice(["generate"] * 6 + ["", "energy", "generate_from_latent", "no such"])
    inputs = dict(GOOD)
    for _ in range(rng.integers(1, 4)):
        name = str(rng.choice([*GOOD, "latent", "states", "x" * 100]))
        kind = rng.integers(6)
        if kind == 0:
            inputs.pop(name, None)
        elif kind == 1:
            inputs[name] = np.zeros(rng.integers(0, 4, rng.integers(0, 5)), rng.choice(DTYPES))
        elif kind == 2:
            inputs[name] = np.int32(rng.integers(-(2**31), 2**31))
        elif kind == 3:
            inputs[name] = np.float32(rng.choice([np.nan, np.inf, -np.inf, 1e38])) * np.ones(
                rng.integers(0, 3), np.float32
            )
        elif kind == 4:
            inputs["rows"], inputs["cols"] = np.int32(2 * rng.integers(2**20, 2**29)), np.int32(2**30)
        else:
            inputs["seed"] = np.int64(-rng.integers(1, 2**62))
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        if rng.random() < 0.1:
            request.inputs[name].tensor_shape.dim.add(size=int(rng.integers(-5, 2**40)))
    if rng.random() < 0.1:
        request.output_filter.append("no such output")
    content = bytearray(request.SerializeToString())
    for _ in range(rng.integers(0, 3) if rng.random() < 0.3 else 0):
        content[rng.integers(len(content))] = rng.integers(256)
    return bytes(content)


def over_grpc(rng, channel):
    """Send bytes to one of the methods; any status will do."""
    method = str(rng.choice([PREDICT] * 6 + [MODEL_STATUS, METADATA, "/nobody/Nothing"]))
    content = request_with(rng) if rng.random() < 0.8 else rng.bytes(rng.integers(0, 2000))
    try:
        channel.unary_unary(method)(content, timeout=20)
        return "OK"
    except grpc.RpcError as error:
        code = error.code()
        return f"INTERNAL ({error.details()[:60]})" if code == grpc.StatusCode.INTERNAL else code.name


def over_rest(rng, url):
    """Send JSON, or what is none."""
    nested = json.dumps({"inputs": 1})
    body = [
        rng.bytes(rng.integers(0, 500)),
        b"[" * int(rng.integers(1, 50_000)),
        json.dumps({"inputs": {"energy_per_area": [None], "rows": 6.5, "cols": "8", "seed": {}}}).encode(),
        json.dumps({"instances": [{"energy_per_area": 1e999}] * int(rng.integers(0, 50))}).encode(),
        json.dumps(
            {"inputs": {"energy_per_area": [-2.5] * int(rng.integers(0, 2000)), "rows": 2**31, "cols": 2, "seed": 0}}
        ).encode(),
        (nested * int(rng.integers(1, 1000))).encode(),
    ][rng.integers(6)]
    path = rng.choice(
        [f"/v1/models/{NAME}:predict"] * 4 + ["/v1/models/nobody:predict", "/v1/models/%00:predict", "/x"]
    )
    return str(rest_request(url + path, data=body)[0])


def over_rest_too_large(rng, url):
    """Send more JSON than a request may have, announced or in chunks."""
    chunk, number = b'{"inputs": [' + b"1, " * 2**18, 2**26 // (3 * 2**18) + 2
    host = url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=20)) as connection:
        body, headers = (chunk for _ in range(number)), {"transfer-encoding": "chunked"}
        if rng.random() < 0.5:
            headers = {"content-length": str(len(chunk) * number)}
        path = f"/v1/models/{NAME}:predict"
        try:
            connection.request("POST", path, body, headers, encode_chunked="transfer-encoding" in headers)
            return str(connection.getresponse().status)
        except OSError:  # the server has hung up, having answered
            return "closed"


def over_socket(rng, address, tls):
    """Open a connection, send rubbish or half a TLS greeting, hang up."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        if tls:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            greeting = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with contextlib.suppress(ssl.SSLWantReadError):
                greeting.do_handshake()
            content = outgoing.read()
            connection.sendall(content[: rng.integers(1, len(content))])
        else:
            connection.sendall(rng.bytes(rng.integers(1, 500)))
    return "closed"


def resident_kib(pid):
    """Return the resident memory of a process, KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def main(model, number="10000"):
    """Send, watch, print."""
    base, number, rng = version_folder(Path(model)).parent, int(number), np.random.default_rng(0)
    codes, slowest, memory, checked = {}, 0.0, [], 0
    words = ["--port", 0, "--model_name", NAME, "--model_base_path", base]
    folder = tempfile.TemporaryDirectory()
    tls = Path(folder.name, "tls")
    script = Path(__file__).parents[2] / "serving" / "make_test_ca.sh"
    subprocess.run([str(script), str(tls)], check=True, capture_output=True)
    running, secure = RunningServer(*words, "--rest_api_port", 0), None
    try:
        secure = RunningServer(*words, "--ssl_config_file", tls / "ssl.config")
        pems = {"ca_file": tls / "ca.pem", "cert_file": tls / "client.pem", "key_file": tls / "client.key"}
        secure_address = "localhost:" + secure.address.rpartition(":")[2]
        with (
            Client(Connection(running.address, NAME)) as client,
            Client(Connection(secure_address, NAME, **pems)) as secure_client,
            grpc.insecure_channel(running.address) as channel,
        ):
            expected = client.generate([-2.5, -1.5], 28, 32, seed=3)[0]
            for index in range(number):
                start, kind = time.perf_counter(), rng.random()
                if kind < 0.7:
                    code = over_grpc(rng, channel)
                elif kind < 0.948:
                    code = over_rest(rng, running.rest)
                elif kind < 0.95:
                    code = over_rest_too_large(rng, running.rest)
                else:
                    address = (running.address, running.rest, secure.address)[rng.integers(3)]
                    code = over_socket(rng, address, rng.random() < 0.5)
                slowest = max(slowest, time.perf_counter() - start)
                codes[code] = codes.get(code, 0) + 1
                if index % 100 == 0:
                    for asked in (client, secure_client):
                        np.testing.assert_array_equal(asked.generate([-2.5, -1.5], 28, 32, seed=3)[0], expected)
                        checked += 1
                if index in (number // 10, number - 1):
                    memory.append([resident_kib(one.process.pid) for one in (running, secure)])
        growth = [after / before - 1 for before, after in zip(*memory, strict=True)]
        alive = running.process.poll() is None and secure.process.poll() is None
        print(f"{number} malformed requests: servers alive: {alive}; {checked} correct answers in between")
        print(
            "replies:", ", ".join(f"{code} {count}" for code, count in sorted(codes.items(), key=lambda item: -item[1]))
        )
        for name, before, more in zip(("without TLS", "with TLS"), memory[0], growth, strict=True):
            print(f"memory of the server {name} {before // 1024} MiB, at the end {more:+.1%}")
        print(f"slowest reply {slowest:.2f} s")
    finally:
        running.end()
        if secure is not None:
            secure.end()
        folder.cleanup()


if __name__ == "__main__":
    main(*sys.argv[1:])
