"""Throughput and latency of the embedded server, beside calling the SavedModel in this process with as many threads.

    python tests/benchmarks/serving_load.py saved_models/porous_graphene [--sizes 14x16 28x32] [--clients 1 64]

For each size of sheet and number of clients, these ask for one sheet after another, then as many threads call the
signature directly, in alternating rounds of one run, so that a machine that others use too treats both alike. Then
requests above the limit. With RUGAN_TF_SERVING_ADDRESS set, the server there is measured instead.
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
from serving_memory import processor_seconds, resident_mib

from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.client import Client, Connection

NAME, ROUNDS = "porous_graphene", 4
CLIENTS = (1, 8, 64)
SIZES = ("14x16", "28x32", "224x256")


def hammer(ask, seconds, clients):
    """Call `ask` from so many threads for some time; return latencies (s) and failures."""
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

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        results = list(pool.map(work, range(clients)))
    return np.concatenate([one for one, _ in results]), sum(failures for _, failures in results)


def options():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--sizes", nargs="*", default=SIZES)
    parser.add_argument("--clients", nargs="*", type=int, default=CLIENTS)
    parser.add_argument("--seconds", type=float, default=60.0, help="of load from gRPC, and as long in process")
    return parser.parse_args()


class Target:
    """A server, the clients that ask it, and the same model in this process."""

    def __init__(self, folder, num_clients):
        self.loaded = tf.saved_model.load(str(folder))
        address = os.environ.get("RUGAN_TF_SERVING_ADDRESS")
        words = ("--port", 0, "--model_name", NAME, "--model_base_path", folder.parent)
        self.running = RunningServer(*words) if address is None else None
        self.clients = [
            Client(Connection(address or self.running.address, NAME, timeout=300)) for _ in range(num_clients)
        ]

    def over_grpc(self, rows, cols):
        return lambda number, seed: self.clients[number].generate([-2.6], rows, cols, seed)

    def in_process(self, rows, cols):
        size = {"rows": tf.constant(rows), "cols": tf.constant(cols)}

        def ask(_, seed):
            energy = tf.constant([-2.6], tf.float32)
            answer = self.loaded.signatures["generate"](
                energy_per_area=energy, **size, seed=tf.constant(seed, tf.int64)
            )
            return {name: value.numpy() for name, value in answer.items()}

        return ask

    def used(self):
        """Return the processor seconds of the server so far, and its memory, MiB."""
        if self.running is None:
            return float("nan"), float("nan")
        pid = self.running.process.pid
        return processor_seconds(pid), resident_mib(pid, "VmRSS")

    def end(self):
        for client in self.clients:
            client.channel.close()
        if self.running is not None:
            self.running.end()


def measure(target, size, clients, seconds):
    """Load the server and this process in turns, and say what came."""
    rows, cols = size
    rates, latencies, failed, processor = {"gRPC": [], "in process": []}, [], 0, 0.0
    ways = {"gRPC": target.over_grpc(rows, cols), "in process": target.in_process(rows, cols)}
    for ask in ways.values():
        ask(0, 0)
    for _ in range(ROUNDS):
        for name, ask in ways.items():
            start, before = time.perf_counter(), target.used()[0]
            taken, failures = hammer(ask, seconds / ROUNDS, clients)
            rates[name].append(len(taken) / (time.perf_counter() - start))
            if name == "gRPC":
                processor += (target.used()[0] - before) / (time.perf_counter() - start) / ROUNDS
                latencies.append(taken)
                failed += failures
    over, direct = (statistics.mean(rates[name]) for name in ways)
    shown = " | ".join(f"{1000 * np.percentile(np.concatenate(latencies), q):.3g}" for q in (50, 95, 99))
    cells = f"| {rows}x{cols} | {clients} | {over:.3g} | {over / direct:.0%} | {failed} | {shown}"
    print(f"{cells} | {processor:.1f} | {target.used()[1]:.0f} |", flush=True)


def main(model, sizes, clients, seconds):
    """Measure and print."""
    target = Target(version_folder(model), max(clients))
    print(
        "| sheet | clients | requests/s | share of the rate in process | failed "
        "| p50 (ms) | p95 (ms) | p99 (ms) | cores used | resident memory (MiB) |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    try:
        for size in sizes:
            for number in clients:
                measure(target, tuple(map(int, size.split("x"))), number, seconds)
        refused = []
        for _ in range(20):
            start = time.perf_counter()
            try:
                target.clients[0].generate([-2.6], 2**30, 2**30)
            except ValueError:
                refused.append(time.perf_counter() - start)
        print(f"above the limit: {len(refused)} of 20 refused, {1000 * statistics.median(refused):.1f} ms each")
    finally:
        target.end()


if __name__ == "__main__":
    main(**vars(options()))
