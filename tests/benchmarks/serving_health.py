"""How long the health service takes to answer while every thread predicts, beside an idle server.

    python tests/benchmarks/serving_health.py saved_models/porous_graphene [--sizes 28x32 224x256] [--seconds 15]

For each size of sheet as many clients as the server has threads ask for one sheet after another, over gRPC and over
REST; meanwhile the health service is asked every 20 ms. Last come requests with large bodies: the energy of one sheet
of 2048x2048 cells as JSON, 8 MiB.
"""

import argparse
import json
import sys
import threading
import time
from pathlib import Path

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc

sys.path.append(str(Path(__file__).parents[1] / "serve"))
from running_server import RunningServer, rest_request

from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.client import Client, Connection

NAME, THREADS, PAUSE = "porous_graphene", 4, 0.02


def checks(stub, seconds):
    """Return how long each check took, s."""
    taken, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status == 1
        taken.append(time.perf_counter() - start)
        time.sleep(PAUSE)
    return 1000 * np.array(taken)


def hammering(ask, seconds, measure):
    """Return what `measure` returns while all threads ask, and how many answers there were."""
    end, answers = time.perf_counter() + seconds + 1, []

    def work(number):
        while time.perf_counter() < end:
            ask(number, len(answers))
            answers.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    found = measure()
    for thread in threads:
        thread.join()
    return found, len(answers)


def large_body():
    """Return a request for the energy of a large sheet."""
    states = np.random.default_rng(0).integers(0, 4, (1, 2048, 2048), np.uint8)
    return json.dumps({"signature_name": "energy", "inputs": {"states": states.tolist()}}).encode()


def told(taken):
    """Say percentiles."""
    return " ".join(f"p{q} {np.percentile(taken, q):.1f}" for q in (50, 95, 99)) + f" most {taken.max():.1f} ms"


def main(model, sizes, seconds):
    """Measure and print."""
    words = ["--port", 0, "--rest_api_port", 0, "--model_name", NAME, "--model_base_path", version_folder(model).parent]
    words += ["--enable_grpc_healthcheck_service", "--grpc_max_threads", THREADS, "--rest_api_num_threads", THREADS]
    words += ["--rest_api_timeout_in_ms", 600_000]
    running = RunningServer(*words)
    clients = [Client(Connection(running.address, NAME, timeout=600)) for _ in range(THREADS)]
    url = f"{running.rest}/v1/models/{NAME}:predict"
    try:
        with grpc.insecure_channel(running.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            checks(stub, 1)
            print(f"idle: {told(checks(stub, seconds))}", flush=True)
            for size in sizes:
                rows, cols = map(int, size.split("x"))
                inputs = {"energy_per_area": [-2.6], "rows": rows, "cols": cols}

                def over_grpc(number, seed, rows=rows, cols=cols):
                    clients[number].generate([-2.6], rows, cols, seed)

                def over_rest(_, seed, inputs=inputs):
                    assert rest_request(url, {"inputs": {**inputs, "seed": seed}})[0] == 200

                for way, ask in (("gRPC", over_grpc), ("REST", over_rest)):
                    taken, answers = hammering(ask, seconds, lambda: checks(stub, seconds))
                    print(f"{size} over {way}, {THREADS} clients, {answers} answers: {told(taken)}", flush=True)
            body = large_body()

            def large(*_):
                assert rest_request(url, data=body)[0] == 200

            taken, answers = hammering(large, seconds, lambda: checks(stub, seconds))
            print(f"bodies of {len(body) >> 20} MiB, {THREADS} clients, {answers} answers: {told(taken)}", flush=True)
    finally:
        for client in clients:
            client.channel.close()
        running.end()


def options():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sizes", nargs="*", default=("28x32", "224x256", "2048x2048"))
    parser.add_argument("--seconds", type=float, default=15.0)
    return parser.parse_args()


if __name__ == "__main__":
    given = options()
    main(given.model, given.sizes, given.seconds)
