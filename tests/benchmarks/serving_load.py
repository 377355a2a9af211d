"""Throughput and latency of the embedded server, beside calling the SavedModel in this process with as many threads.

    python tests/benchmarks/serving_load.py saved_models/porous_graphene [--sizes 14x16 28x32 224x256] [--seconds 60]

For each size of sheet 64 clients ask for one sheet after another, then 64 threads call the signature directly, in
alternating rounds of one run. Then single requests, one at a time, for the overhead of gRPC, and requests above the
limit. With RUGAN_TF_SERVING_ADDRESS set, the server there is measured instead.
"""

import argparse
import concurrent.futures
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.append(str(Path(__file__).parents[1] / "serve"))
from running_server import RunningServer

from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.client import Client, Connection

NAME, CLIENTS, ROUNDS = "porous_graphene", 64, 2
SIZES = ("14x16", "28x32", "224x256")


def hammer(ask, seconds):
    """Call `ask` from all threads for some time; return latencies (s) and failures."""
    end = time.perf_counter() + seconds

    def work(number):
        latencies, failures, seed = [], 0, 1000 * number
        while (start := time.perf_counter()) < end:
            try:
                ask(number, seed)
            except (ValueError, ConnectionError, tf.errors.OpError):
                failures += 1
            latencies.append(time.perf_counter() - start)
            seed += 1
        return latencies, failures

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(work, range(CLIENTS)))
    return np.concatenate([one for one, _ in results]), sum(failures for _, failures in results)


def options():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sizes", nargs="*", default=SIZES)
    parser.add_argument("--seconds", type=float, default=60.0, help="of load from gRPC, and as long in process")
    return parser.parse_args()


def main(model, sizes, seconds):
    """Measure and print."""
    folder = version_folder(model)
    sizes = [tuple(map(int, size.split("x"))) for size in sizes]
    loaded = tf.saved_model.load(str(folder))
    running = None
    address = os.environ.get("RUGAN_TF_SERVING_ADDRESS")
    if address is None:
        running = RunningServer("--port", 0, "--model_name", NAME, "--model_base_path", folder.parent)
        address = running.address
    clients = [Client(Connection(address, NAME, timeout=300)) for _ in range(CLIENTS)]

    def over_grpc(rows, cols):
        return lambda number, seed: clients[number].generate([-2.6], rows, cols, seed)

    def in_process(rows, cols):
        size = {"rows": tf.constant(rows), "cols": tf.constant(cols)}

        def ask(number, seed):
            energy = tf.constant([-2.6], tf.float32)
            answer = loaded.signatures["generate"](energy_per_area=energy, **size, seed=tf.constant(seed, tf.int64))
            return {name: value.numpy() for name, value in answer.items()}

        return ask

    try:
        for rows, cols in sizes if seconds else ():
            rates, all_latencies, failed = {"gRPC": [], "in process": []}, [], 0
            for ask in (over_grpc(rows, cols), in_process(rows, cols)):
                ask(0, 0)
            for _ in range(ROUNDS):
                for name, ask in (("gRPC", over_grpc(rows, cols)), ("in process", in_process(rows, cols))):
                    start = time.perf_counter()
                    latencies, failures = hammer(ask, seconds / ROUNDS)
                    rates[name].append(len(latencies) / (time.perf_counter() - start))
                    if name == "gRPC":
                        all_latencies.append(latencies)
                        failed += failures
            shown = " ".join(f"p{q} {np.percentile(np.concatenate(all_latencies), q):.3f} s" for q in (50, 95, 99))
            grpc_rate, direct_rate = (statistics.mean(rates[name]) for name in ("gRPC", "in process"))
            print(
                f"{rows}x{cols}, {CLIENTS} clients, {seconds:g} s: {grpc_rate:.1f} requests/s, "
                f"{grpc_rate / direct_rate:.0%} of the {direct_rate:.1f}/s in process; {failed} failed; {shown}",
                flush=True,
            )
        for rows, cols in sizes:
            single = {"gRPC": [], "in process": []}
            for seed in range(20):
                for name, ask in (("gRPC", over_grpc(rows, cols)), ("in process", in_process(rows, cols))):
                    start = time.perf_counter()
                    ask(0, seed)
                    single[name].append(time.perf_counter() - start)
            medians = {name: statistics.median(times) for name, times in single.items()}
            overhead = medians["gRPC"] / medians["in process"] - 1
            print(
                f"{rows}x{cols}, one at a time: {1000 * medians['gRPC']:.1f} ms, overhead of gRPC {overhead:+.0%}",
                flush=True,
            )
        refused = []
        for _ in range(20):
            start = time.perf_counter()
            try:
                clients[0].generate([-2.6], 2**30, 2**30)
            except ValueError:
                refused.append(time.perf_counter() - start)
        print(f"above the limit: {len(refused)} of 20 refused, {1000 * statistics.median(refused):.1f} ms each")
    finally:
        for client in clients:
            client.channel.close()
        if running is not None:
            running.end()


if __name__ == "__main__":
    main(**vars(options()))
