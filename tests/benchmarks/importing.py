"""Seconds of processor time that importing takes: frames of about 400 atoms, turned, strained, noisy, upright, wrapped.

python tests/benchmarks/importing.py [frames]
"""

import sys
import tempfile
import time
from pathlib import Path

import ase.io
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from disturbed import disturbed

from rugan_tf.data.importing import import_structures
from rugan_tf.systems.named import system_named


def main(num_frames):
    system = system_named("porous_graphene")
    states = system.draw_states(np.random.default_rng(0), 4000, 14, 16, system.drawing)
    states = states[np.abs(system.num_atoms(states) - 400) <= 20]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.extxyz"
        for index in range(num_frames):
            frame = disturbed(system.structure(states[index % len(states)]), "all", index)
            frame.info["REF_energy"] = -1.0
            ase.io.write(path, frame, append=True)
        processor, wall = time.process_time(), time.perf_counter()
        imported = import_structures(system, [path])
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
    atoms = system.num_atoms(imported.states).mean()
    print(f"{len(imported.states)} of {num_frames} frames of {atoms:.0f} atoms")
    print(f"{processor:.1f} s of one core, {wall:.1f} s by the clock")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
