"""Short relaxations of structures by an ASE calculator."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.systems.ase_energy import calculator_named

if TYPE_CHECKING:
    import ase


class Relaxed(NamedTuple):
    """What became of a structure.

    Attributes:
        structure: relaxed, with its energy and forces in a calculator that only keeps them.
        energy: eV, as the calculator gives it.
        largest_force: on an atom, eV/Å.
        num_steps: of the relaxation.
        has_converged: whether the largest force is as small as was asked for.
    """

    structure: "ase.Atoms"
    energy: float
    largest_force: float
    num_steps: int
    has_converged: bool


def relax(structure: "ase.Atoms", spec: str, trajectory: Path, *, max_steps: int, largest_force: float) -> Relaxed:
    """Relax the atoms of a structure in its cell.

    Args:
        structure: left as it is.
        spec: the calculator, ase:package.module:Class, or that followed by its arguments as JSON.
        trajectory: file to write, in the format of ASE; it appears whole. None is written of no atoms.
        max_steps: most steps.
        largest_force: to reach, eV/Å.

    Raises:
        InputError: no such calculator, or one without forces. Other exceptions of the calculator are passed on.
    """
    from ase.calculators.calculator import PropertyNotImplementedError
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.optimize import LBFGS

    moving, calculator = structure.copy(), calculator_named(spec)
    if not len(moving):
        return Relaxed(moving, 0.0, 0.0, 0, has_converged=True)
    with tempfile.TemporaryDirectory(prefix="rugan-relax-") as folder, files.replacing(trajectory) as temporary:
        if hasattr(calculator, "reset"):
            calculator.reset()  # what it knows of the sheet before must not change this one
        if hasattr(calculator, "directory"):
            calculator.directory = folder  # of this sheet alone
        moving.calc = calculator
        try:
            with LBFGS(moving, trajectory=str(temporary), logfile=None) as optimiser:
                has_converged = bool(optimiser.run(fmax=largest_force, steps=max_steps))
                num_steps = optimiser.get_number_of_steps()
        except PropertyNotImplementedError as error:
            raise InputError(f"A calculator that relaxes must give forces. Received: {spec} ({error})") from None
        energy, forces = float(moving.get_potential_energy()), moving.get_forces()
    moving.calc = SinglePointCalculator(moving, energy=energy, forces=forces)
    return Relaxed(moving, energy, float(np.linalg.norm(forces, axis=1).max(initial=0)), num_steps, has_converged)
