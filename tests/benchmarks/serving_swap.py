"""Versions replaced under load, a damaged one among them, then kill -9 and a new process: does any request fail?

python tests/benchmarks/serving_swap.py saved_models/porous_graphene [--clients 16] [--swaps 20]
"""

import argparse
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "serve"))
from running_server import RunningServer, wait_until

from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.client import Client, Connection

ALIVE = ("LOADING", "AVAILABLE", "UNLOADING")
NAME, BETWEEN, OUTAGE = "porous_graphene", 2.0, 2.0  # s between versions, and between kill -9 and the new process


class Load:
    """Clients that ask without a pause; answers and failures are counted, and the longest wait since `restart`."""

    def __init__(self, address, number):
        self.ended, self.lock = threading.Event(), threading.Lock()
        self.num_answers, self.failures, self.longest, self.sheets = 0, [], 0.0, set()
        self.threads = [threading.Thread(target=self.ask, args=(address,)) for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def ask(self, address):
        with Client(Connection(address, NAME, timeout=60)) as client:
            while not self.ended.is_set():
                start = time.perf_counter()
                try:
                    sheet = client.generate([-2.6], 28, 32, seed=1)[0].tobytes()
                except (ValueError, ConnectionError) as error:
                    with self.lock:
                        self.failures.append(error)
                    continue
                with self.lock:
                    self.num_answers += 1
                    self.sheets.add(sheet)
                    self.longest = max(self.longest, time.perf_counter() - start)

    def restart(self):
        """Return answers, failures and longest wait (s) since the last time, and count anew."""
        with self.lock:
            told = self.num_answers, len(self.failures), self.longest
            self.num_answers, self.failures, self.longest = 0, [], 0.0
        return told

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def add_version(source, base, number, damaged):
    """Write a version aside and rename it into place."""
    aside = base / f".{number}.tmp"
    shutil.copytree(source, aside)
    if damaged:
        variables = next((aside / "variables").glob("*.data-*"))
        variables.write_bytes(variables.read_bytes()[:-1000])
    aside.rename(base / str(number))


def resident_mib(pid):
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1024


def alive(client):
    """Return the versions that take memory."""
    return [number for number, told in client.status().items() if told.startswith(ALIVE)]


def main(model, clients, swaps, *, warmup):
    """Measure and print."""
    source = version_folder(model)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder, NAME)
        add_version(source, base, 1, damaged=False)
        words = ["--model_name", NAME, "--model_base_path", base, "--file_system_poll_wait_seconds", 1]
        words.append(f"--enable_model_warmup={'true' if warmup else 'false'}")
        running = RunningServer("--port", 0, *words)
        load = Load(running.address, clients)
        try:
            with Client(Connection(running.address, NAME, timeout=60)) as client:
                damaged, memory, start = 1 + swaps // 2, [], time.monotonic()
                for number in range(2, swaps + 2):
                    time.sleep(BETWEEN)
                    add_version(source, base, number, damaged == number)
                    if not wait_until(
                        lambda n=number: client.status().get(n, "").startswith(("AVAILABLE", "END")), 600
                    ):
                        raise RuntimeError(f"Version {number} is neither served nor refused: {client.status()}")
                    served = max(known for known, told in client.status().items() if told.startswith("AVAILABLE"))
                    if not wait_until(lambda n=served: alive(client) == [n], 600):
                        raise RuntimeError(f"The version before {number} is not unloaded: {client.status()}")
                    memory.append(resident_mib(running.process.pid))
                    told = f"version {number}: {memory[-1]} MiB, {load.num_answers} answers"
                    print(told, file=sys.stderr, flush=True)
                answers, failed, longest = load.restart()
                took = time.monotonic() - start
                print(
                    f"{swaps} versions in {took:.0f} s, {clients} clients: {answers} answers, {failed} failed, "
                    f"longest wait {longest:.2f} s, {len(load.sheets)} different answer(s)"
                )
                ratios = f"last / first {memory[-1] / memory[0]:.3f}, most / first {max(memory) / memory[0]:.3f}"
                print(f"memory after each version: {', '.join(map(str, memory))} MiB; {ratios}")
                print(f"damaged version {damaged}: {client.status()[damaged]}")
            port = int(running.address.rpartition(":")[2])
            running.kill()
            time.sleep(OUTAGE)
            start = time.perf_counter()
            running = RunningServer("--port", port, *words)
            ready = time.perf_counter() - start + OUTAGE
            wait_until(lambda: load.num_answers > 10 * clients)
            answers, failed, longest = load.restart()
            print(
                f"kill -9, ready again after {ready:.1f} s: {answers} answers, {failed} failed, "
                f"longest wait {longest:.1f} s"
            )
        finally:
            load.end()
            running.end()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--no-warmup", dest="warmup", action="store_false", help="versions load faster")
    main(**vars(parser.parse_args()))
