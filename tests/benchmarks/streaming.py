"""Streaming sheets to Zarr, measured: python tests/benchmarks/streaming.py [cost | kills] [--cells N ...].

`cost` streams square sheets of growing size, each in a process of its own, and prints CPU seconds, cells per CPU second
and the largest memory of each. CPU seconds say more than the clock where other programs run. `kills` ends one stream
twenty times by SIGKILL and compares it with an uninterrupted one.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rugan_tf.formats.zarr_store import open_store

KILLS = 20


def command(out: Path, side: int, seed: int = 0) -> list[str]:
    """Return the command that streams a sheet of about `side` x `side` cells."""
    asked = ["--energy-per-area", "-2.6", "--rows", str(side), "--cols", str(side), "--seed", str(seed)]
    return [sys.executable, "-m", "rugan_tf.generate", *asked, "--out", str(out)]


def measure_cost(cells: list[float], folder: Path) -> None:
    """Print what sheets of so many cells cost; the rate is that beyond a sheet of one chunk, so without the start."""
    start = None
    print(f"{'cells':>12} {'clock s':>9} {'CPU s':>9} {'cells/CPU s':>12} {'memory GB':>10}")
    for number in [512**2, *cells]:
        side, before = 2 * round(number**0.5 / 2), time.monotonic()
        process = subprocess.Popen(command(folder / f"{side}.zarr", side), stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"the command failed: {status}")
        clock, cpu = time.monotonic() - before, used.ru_utime + used.ru_stime
        start = (cpu, side**2) if start is None else start
        rate = (side**2 - start[1]) / (cpu - start[0]) if side**2 > start[1] else float("nan")
        print(f"{side**2:>12,} {clock:>9.1f} {cpu:>9.1f} {rate:>12,.0f} {used.ru_maxrss / 1e6:>10.2f}", flush=True)


def measure_kills(side: int, folder: Path) -> None:
    """Kill a stream whenever it has finished more chunks, and print what was lost."""
    whole, broken = folder / "whole.zarr", folder / "broken.zarr"
    subprocess.run(command(whole, side), stdout=subprocess.DEVNULL, check=True)
    total = open_store(whole).group["chunk_filling"].size
    lost, kills = 0, 0
    finished: dict[Path, int] = {}
    for kill in range(KILLS):
        process = subprocess.Popen(command(broken, side), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = 1 + kill * (total - 2) // KILLS
        while len(marks(broken)) < wanted and process.poll() is None:
            time.sleep(0.02)
        time.sleep(0.05 * (kill % 7))  # at all moments between two chunks
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        now = marks(broken)
        lost += sum(now.get(file) != written for file, written in finished.items())
        finished = now
    subprocess.run(command(broken, side), stdout=subprocess.DEVNULL, check=True)
    lost += sum(marks(broken).get(file) != written for file, written in finished.items())
    same = all(
        np.array_equal(open_store(whole).group[name][:], open_store(broken).group[name][:])
        for name in ("states", "chunk_energy", "chunk_filling", "filling/0")
    )
    print(f"{kills} of {KILLS} kills, {total} chunks: {lost} finished chunks lost or made twice; result equal: {same}")


def marks(path: Path) -> dict[Path, int]:
    """Return the marks of finished chunks, each with when it was written."""
    found = [file for file in (path / "chunk_filling" / "c").rglob("*") if file.is_file()]
    return {file: file.stat().st_mtime_ns for file in found if file.suffix != ".partial"}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("cost", "kills"), default="cost")
    parser.add_argument("--cells", type=float, nargs="+", default=[1e6, 1e7])
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "cost":
            measure_cost(options.cells, Path(folder))
        else:
            measure_kills(2 * round(options.cells[0] ** 0.5 / 2), Path(folder))


if __name__ == "__main__":
    main()
