"""Throughput of the EDNN against tight binding, and the energy of a square micrometre, with its peak memory.

.venv/bin/python tests/benchmarks/ednn.py --ednn saved_models/porous_graphene_ednn
"""

import dataclasses
import os
import pathlib
import resource
import tempfile
import time
from pathlib import Path

import tyro

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@dataclasses.dataclass(frozen=True)
class BenchmarkOptions:
    ednn: Path = Path("saved_models/porous_graphene_ednn")
    """Saved EDNN."""
    num_reference: int = 64
    """Sheets of 14x16 that tight binding computes in one round."""
    num_sheets: int = 8192
    """Sheets of 14x16 that the EDNN computes in one round."""
    rounds: int = 3
    """Rounds; each times both, the order swapped from one to the next."""
    side: int = 4064
    """Rows of the large sheet; 4064 rows and 4334 columns have 35.2 million sites, as one square micrometre has."""


def main(options: BenchmarkOptions) -> None:
    import numpy as np
    import zarr

    from rugan_tf.cores import available_cores
    from rugan_tf.energies.chunked import chunked_energies
    from rugan_tf.energies.ednn import ednn_in
    from rugan_tf.energies.function import Work
    from rugan_tf.energies.workers import WorkerPool
    from rugan_tf.formats.zarr_states import open_zarr_states
    from rugan_tf.systems.named import system_named

    system = system_named("porous_graphene")
    network, reference = ednn_in(options.ednn, system), system.reference_energies["tight-binding"]
    from rugan_tf.data.synthesis import draw_sheets
    from rugan_tf.systems.porous_graphene.holes import PoreOptions

    states = draw_sheets(system, options.num_sheets, 14, 16, 99, PoreOptions())
    network.energies(states[:8])  # loads the model
    rates: dict[str, list[float]] = {"ednn": [], "tight binding": []}
    with (
        tempfile.TemporaryDirectory() as base,
        WorkerPool(reference, available_cores(), None, pathlib.Path(base)) as pool,
    ):
        list(pool.outcomes(states, np.arange(4)))  # starts the workers
        for round_ in range(options.rounds):
            for name in list(rates) if round_ % 2 == 0 else list(rates)[::-1]:
                start = time.perf_counter()
                if name == "ednn":
                    number = len(network.energies(states, Work(name)))
                else:
                    number = len(list(pool.outcomes(states, np.arange(options.num_reference))))
                rates[name].append(number / (time.perf_counter() - start))
    for name, values in rates.items():
        print(f"{name}: {np.median(values):.1f} sheets of 14x16 a second (median of {options.rounds})")
    print(f"ratio: {np.median(rates['ednn']) / np.median(rates['tight binding']):.0f}")
    with tempfile.TemporaryDirectory() as folder:
        rows, cols = options.side, options.side * 16 // 15 // 2 * 2
        shape = (1, rows, cols)
        array = zarr.create_array(
            f"{folder}/sheet.zarr",
            shape=shape,
            chunks=(1, 512, 512),
            dtype="uint8",
            config={"write_empty_chunks": True},
        )
        period = np.tile(draw_sheets(system, 1, 128, 128, 99, PoreOptions())[0], (4, 4))
        for row in range(0, rows, 512):
            for col in range(0, cols, 512):
                height, width = min(512, rows - row), min(512, cols - col)
                array[0, row : row + height, col : col + width] = period[:height, :width]
        start = time.perf_counter()
        energy = chunked_energies(open_zarr_states(Path(folder) / "sheet.zarr", system), network)[0]
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{rows}x{cols} cells, {2 * rows * cols / 1e6:.1f} million sites, "
        f"{system.area(rows, cols) / 1e8:.3f} square micrometres: "
        f"{energy:.6e} eV in {seconds:.0f} s, peak memory of the process {peak:.2f} GiB"
    )


if __name__ == "__main__":
    main(tyro.cli(BenchmarkOptions))
