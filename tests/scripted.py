"""Energies that do what a test says: minus the number of atoms, calls written down, failing on demand."""

import dataclasses
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from ase.calculators.calculator import FileIOCalculator

from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.porous_graphene.sites import num_atoms


def numbered_sheets(num_sheets):
    """Sheets (num_sheets, 4, 4) of which sheet k has k + 1 atoms; larger ones for more than 32."""
    cols = 4 if num_sheets <= 32 else 8
    sites = np.arange(8 * cols) <= np.arange(num_sheets)[:, None]
    return (sites[:, 0::2] + 2 * sites[:, 1::2]).astype(np.uint8).reshape(-1, 4, cols)


def script(folder, **deeds):
    """Say what happens at which sheet, as in `sheet_3="nan"`; `every="slow"` at all others."""
    content = {name.removeprefix("sheet_"): deed for name, deed in deeds.items()}
    (Path(folder) / "script.json").write_text(json.dumps(content))


def calls(folder):
    """Sheets calculated so far, in order."""
    path = Path(folder) / "calls"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def scripted_energy(folder, index):
    """Energy of sheet `index`, -(index + 1) eV, unless the script says otherwise."""
    with open(Path(folder) / "calls", "a") as file:
        file.write(f"{index}\n")
    path = Path(folder) / "script.json"
    deeds = json.loads(path.read_text()) if path.exists() else {}
    deed = deeds.get(str(index), deeds.get("every"))
    if deed == "raise":
        Path("trace.out").write_text(f"step 1 of sheet {index}")
        raise RuntimeError("no convergence")
    if deed == "interrupt":
        raise KeyboardInterrupt
    if deed == "die":
        os._exit(9)
    if deed == "hang":  # in a program that it started, as calculators do
        subprocess.run([sys.executable, "-c", f"import time; time.sleep(60)  # of {folder}"], check=True)
    if deed == "slow":
        time.sleep(0.1)
    return math.nan if deed == "nan" else -(index + 1.0)


@dataclasses.dataclass(frozen=True)
class ScriptedEnergy:
    folder: Path
    method: str = "scripted"

    @property
    def origin(self):
        return EnergyOrigin(self.method, "nothing", self.method)

    def __call__(self, states):
        return scripted_energy(self.folder, int(num_atoms(states[None])[0]) - 1)


class ScriptedCalculator:
    """The same as an ASE calculator: --energy ase:scripted:ScriptedCalculator:{"folder": ...}."""

    def __init__(self, folder):
        self.folder = folder

    def get_potential_energy(self, atoms):
        return scripted_energy(self.folder, len(atoms) - 1)


class CountingProgram(FileIOCalculator):
    """A calculator that writes a file, runs a program that reads it slowly, and reads what that wrote."""

    implemented_properties = ("energy",)
    program = (
        "import time; atoms = open('atoms.in').read(); time.sleep(0.01); "
        "open('energy.out', 'w').write(str(-1.5 * float(atoms)))"
    )

    def __init__(self, directory="."):
        super().__init__(directory=directory, command=f'{sys.executable} -c "{self.program}"')

    def write_input(self, atoms, properties=None, system_changes=None):
        super().write_input(atoms, properties, system_changes)
        Path(self.directory, "atoms.in").write_text(str(len(atoms)))

    def read_results(self):
        self.results["energy"] = float(Path(self.directory, "energy.out").read_text())
