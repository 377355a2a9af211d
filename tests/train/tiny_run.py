"""A data set of a few small sheets, and the command line of a training of real networks that takes seconds.

As a script: the same training, killed while it writes the second checkpoint: tiny_run.py DATA RUN_DIR.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.formats.data_set import DataSet, write_data_set
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions
from rugan_tf.train.__main__ import main

SETTINGS = {
    "num-updates": 4,
    "interval": 2,
    "batch-size": 2,
    "critic-steps": 2,
    "width": 4,
    "critic-width": 4,
    "critic-blocks": 1,  # one of each kind of block: what takes time is to trace them
    "refinements": 1,
    "head-layers": 1,
    "latent-channels": 3,
    "learning-rate": 1e-3,
    "dropout": 0.25,
    "average-decay": 0.9,
    "seed": 5,
    "consistency-weight": 1.5,
    "map-weight": 0,  # maps need more sheets than these: labels are learnt from a critic that predicts them
    "regression-weight": 1.0,
}


def read_checkpoint(run_dir, num_updates):
    """Return the arrays of a checkpoint by their names."""
    path = run_dir / "checkpoints" / f"checkpoint-{num_updates:08d}.npz"
    with np.load(path, allow_pickle=False) as archive:
        return dict(archive)


def write_sheets(path: Path, rows: int = 4, shift: float = 0.0) -> Path:
    """Write eight sheets with energies that fall with their number of atoms."""
    system = system_named("porous_graphene")
    states = draw_sheets(system, 8, rows, 4, seed=0, options=PoreOptions(max_radius=2.0))
    energy_per_area = -0.1 * system.num_atoms(states) - 1e-3 * np.arange(8) + shift
    metadata = {"system": system.name, "energy": "made-up"}
    write_data_set(path, DataSet(states, energy_per_area, metadata), overwrite=True)
    return path


def arguments(data: Path, run_dir: Path, *others: str) -> list[str]:
    """Return the command line of the tiny training."""
    settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", str(value))]
    switches = ["--decay-learning-rate", "--projection", "--no-xla"]
    return ["quick", "--data", str(data), "--run-dir", str(run_dir), *settings, *switches, *others]


def train_until_killed(data: Path, run_dir: Path) -> None:
    """Train, and be killed with half of the second checkpoint written."""
    savez = np.savez

    def write(target: Path, num_updates: np.ndarray, **arrays: np.ndarray) -> None:
        savez(target, num_updates=num_updates, **arrays)
        if num_updates == 4:
            target.write_bytes(target.read_bytes()[:1000])
            os.kill(os.getpid(), signal.SIGKILL)

    np.savez = write
    main(arguments(data, run_dir))


if __name__ == "__main__":
    train_until_killed(*map(Path, sys.argv[1:]))
