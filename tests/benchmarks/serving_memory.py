"""What one request takes: peak memory, seconds and processor time of the embedded server, by size and batch.

    python tests/benchmarks/serving_memory.py saved_models/porous_graphene

Peak memory is the resident size at its highest during the first request to a new server, beyond what it was at rest
(Linux); the times are those of a second request of the same size. Then come requests above the limit of the model.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "serve"))
from running_server import RunningServer

from rugan_tf.saved.versions import version_folder
from rugan_tf.serve.client import Client, Connection

NAME = "porous_graphene"
REQUESTS = [  # sheets, rows, cols
    (1, 14, 16),
    (1, 28, 32),
    (256, 14, 16),
    (1, 224, 256),
    (16, 224, 256),
    (1, 896, 1024),
    (1, 2048, 2048),
]


def resident_mib(pid, name):
    """Return VmRSS or VmHWM of a process, MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024


def processor_seconds(pid):
    """Return the processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(model):
    """Measure and print."""
    base = version_folder(Path(model)).parent
    print("| sheets x rows x cols | cells | peak memory (MiB) | KiB a cell | seconds | processor seconds |")
    print("|---|---|---|---|---|---|")
    for sheets, rows, cols in REQUESTS:
        running = RunningServer("--port", 0, "--model_name", NAME, "--model_base_path", base)
        pid = running.process.pid
        try:
            with Client(Connection(running.address, NAME, timeout=600)) as client:
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest size is counted anew
                before = resident_mib(pid, "VmRSS")
                client.generate([-2.6] * sheets, rows, cols)
                peak, used, start = resident_mib(pid, "VmHWM") - before, processor_seconds(pid), time.perf_counter()
                client.generate([-2.6] * sheets, rows, cols, seed=1)
                seconds, used = time.perf_counter() - start, processor_seconds(pid) - used
        finally:
            running.end()
        cells = sheets * rows * cols
        size = f"| {sheets} x {rows} x {cols} | {cells:,} | {peak:.0f} | {1024 * peak / cells:.2f} |"
        print(f"{size} {seconds:.3g} | {used:.3g} |", flush=True)
    running = RunningServer("--port", 0, "--model_name", NAME, "--model_base_path", base)
    try:
        with Client(Connection(running.address, NAME)) as client:
            client.generate([-2.6], 14, 16)
            pid = running.process.pid
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            rest, slowest = resident_mib(pid, "VmRSS"), 0.0
            for _ in range(20):
                start = time.perf_counter()
                with contextlib.suppress(ValueError):
                    client.generate([-2.6], 2**15, 2**15)
                    raise RuntimeError("A sheet of 2^30 cells must be refused")
                slowest = max(slowest, time.perf_counter() - start)
            more = resident_mib(pid, "VmHWM") - rest
    finally:
        running.end()
    print(f"Above the limit: refused within {1000 * slowest:.1f} ms at most, {more:.1f} MiB more memory")
    print(f"The server at rest, with the model: {before:.0f} MiB")


if __name__ == "__main__":
    main(*sys.argv[1:])
