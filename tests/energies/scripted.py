"""Energies that do what a test says: minus the number of atoms, calls written down, failing on demand."""

import dataclasses
import json
import math
import os
from pathlib import Path

import numpy as np

from rugan_tf.systems.porous_graphene.sites import num_atoms


def numbered_sheets(num_sheets):
    """Sheets (num_sheets, 4, 4) of which sheet k has k + 1 atoms."""
    sites = np.arange(32) <= np.arange(num_sheets)[:, None]
    return (sites[:, 0::2] + 2 * sites[:, 1::2]).astype(np.uint8).reshape(-1, 4, 4)


def script(folder, **deeds):
    """Say what happens at which sheet, as in `sheet_3="nan"`; nothing unusual at all others."""
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
    deed = json.loads(path.read_text()).get(str(index)) if path.exists() else None
    if deed == "raise":
        raise RuntimeError("no convergence")
    if deed == "interrupt":
        raise KeyboardInterrupt
    if deed == "die":
        os._exit(9)
    return math.nan if deed == "nan" else -(index + 1.0)


@dataclasses.dataclass(frozen=True)
class ScriptedEnergy:
    folder: Path
    description: str = "scripted"

    def __call__(self, states):
        return scripted_energy(self.folder, int(num_atoms(states[None])[0]) - 1)


class ScriptedCalculator:
    """The same as an ASE calculator: --energy ase:scripted:ScriptedCalculator:{"folder": ...}."""

    def __init__(self, folder):
        self.folder = folder

    def get_potential_energy(self, atoms):
        return scripted_energy(self.folder, len(atoms) - 1)
