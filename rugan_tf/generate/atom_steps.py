"""What is done to generated sheets as atoms before they are written: edges saturated, atoms relaxed."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError, PartlyDoneError
from rugan_tf.systems.system import LatticeSystem

if TYPE_CHECKING:
    import ase


@dataclasses.dataclass(frozen=True)
class AtomOptions:
    """What is done to the atoms of sheets."""

    passivate: str | None = None
    """Element that saturates edges, such as H: an atom for each missing neighbour, 1.5 Å at least from any other."""
    relax: str | None = None
    """ASE calculator that relaxes the atoms, ase:package.module:Class; the way there is kept as NAME.traj."""
    relax_steps: int = 100
    """Most steps of a relaxation."""
    relax_force: float = 0.05
    """Largest force on an atom, eV/Å, at which a relaxation ends."""

    def __post_init__(self) -> None:
        """Refuse what relaxes nothing."""
        if self.relax_steps < 1:
            raise InputError(f"relax_steps must be at least 1. Received: relax_steps={self.relax_steps}")
        if not self.relax_force > 0:
            raise InputError(f"relax_force must be positive, in eV/Å. Received: relax_force={self.relax_force}")

    @property
    def is_any(self) -> bool:
        """Whether anything is done."""
        return self.passivate is not None or self.relax is not None


class Finished(NamedTuple):
    """Sheets as they are written.

    Attributes:
        structures: (m,).
        kept: int64 (m,), which sheets they are; those that failed are missing.
        failures: reason by number of the sheet.
    """

    structures: list["ase.Atoms"]
    kept: NDArray[np.int64]
    failures: dict[int, str]

    def require_whole(self, num_sheets: int) -> None:
        """Raise PartlyDoneError if sheets failed; call it when the others are written."""
        if self.failures:
            listed = "\n".join(f"  sheet {index}: {reason}" for index, reason in self.failures.items())
            raise PartlyDoneError(
                f"{len(self.failures)} of {num_sheets} sheets did not relax; the others are written\n{listed}"
            )


def trajectory_paths(out: Path, options: AtomOptions, num_sheets: int) -> list[Path]:
    """Return where the ways of relaxations are written; none without."""
    if options.relax is None:
        return []
    if num_sheets == 1:
        return [out.with_name(f"{out.stem}.traj")]
    return [out.with_name(f"{out.stem}-{index:04d}.traj") for index in range(num_sheets)]


def check_atoms(options: AtomOptions, out: Path) -> None:
    """Refuse, before minutes of work, a format that does not hold what is made, or an unknown calculator."""
    from rugan_tf.generate.writers import require_structure_format

    if options.is_any:
        require_structure_format(out)
    if options.relax is not None:
        from rugan_tf.systems.ase_energy import calculator_named

        calculator_named(options.relax)


def check_element(options: AtomOptions, system: LatticeSystem) -> None:
    """Refuse, before sheets are made, an element that saturates no edge of the material."""
    if options.passivate is not None:
        system.passivation_by(options.passivate)


def write_finished(
    out: Path,
    system: LatticeSystem,
    states: NDArray[np.uint8],
    requested: NDArray[np.float64] | None,
    obtained: NDArray[np.floating] | None,
    options: AtomOptions,
    metadata: Mapping[str, Any],
    numbers: Mapping[str, NDArray[np.floating]] | None = None,
) -> list[Path]:
    """Do to the atoms of sheets what is asked for, write them as `write_sheets` does, and return the files.

    Raises:
        InputError: an element that saturates nothing, or no such calculator.
        PartlyDoneError: some sheets did not relax; the others are written.
    """
    from rugan_tf.generate.writers import write_sheets

    told = numbers or {}
    if not options.is_any:
        # The command looked at what it may replace before the first sheet was made.
        return write_sheets(out, system, states, requested, obtained, metadata, numbers=told, overwrite=True)
    done = finish(system, states, requested, obtained, options, out, told)
    # Of those that are written: a sheet that did not relax would shift the numbers of all after it.
    asked, of_kept = (None if values is None else values[done.kept] for values in (requested, obtained))
    others = {name: values[done.kept] for name, values in told.items()}
    # The files that the command looked at, and that trajectories have the numbers of: were those counted that are
    # written, another sheet would be called by the name of one that failed, and a last one by no number.
    named = done.kept.tolist() if len(states) > 1 else None
    written = write_sheets(
        out, system, states[done.kept], asked, of_kept, metadata, structures=done.structures, numbers=others,
        sheet_numbers=named, overwrite=True,
    )  # fmt: skip
    done.require_whole(len(states))
    return written


def finish(
    system: LatticeSystem,
    states: NDArray[np.uint8],
    requested: NDArray[np.float64] | None,
    obtained: NDArray[np.floating] | None,
    options: AtomOptions,
    out: Path,
    numbers: Mapping[str, NDArray[np.floating]],
) -> Finished:
    """Return sheets as atoms with what the options ask for done to them.

    Args:
        system: the material.
        states: uint8 (n, rows, cols).
        requested: energies per area (n,), in the unit of the system.
        obtained: likewise, where they are known; of the sheets before anything is done to them.
        options: what is done.
        out: file that the sheets will be in, beside which trajectories are.
        numbers: other numbers (n,) that go with the sheets, by name.

    Raises:
        InputError: an element that saturates nothing, or no such calculator.
    """
    from rugan_tf.generate.labelled import labelled_structures

    structures = labelled_structures(system, states, requested, obtained, passivate=options.passivate, numbers=numbers)
    if options.relax is None:
        return Finished(structures, np.arange(len(states)), {})
    return relaxed(structures, options.relax, options, trajectory_paths(out, options, len(states)))


def relaxed(structures: list["ase.Atoms"], spec: str, options: AtomOptions, paths: list[Path]) -> Finished:
    """Return what becomes of structures; one that fails does not end the others."""
    from rugan_tf.energies.relaxation import relax
    from rugan_tf.generate.labelled import TOTAL

    found: list[ase.Atoms] = []
    kept: list[int] = []
    failures: dict[int, str] = {}
    bar = tqdm(zip(structures, paths, strict=True), total=len(paths), desc="relaxing", unit="sheet")
    for index, (structure, path) in enumerate(bar):
        try:
            outcome = relax(structure, spec, path, max_steps=options.relax_steps, largest_force=options.relax_force)
        # A calculator without forces fails for every sheet: said at once, and no failure of this one.
        except InputError:
            raise
        except Exception as error:  # a calculator may fail in any way
            failures[index] = f"{type(error).__name__}: {error}"
            continue
        # In place of the energy of the sheet as it was made, which is that of other positions.
        outcome.structure.info |= {TOTAL: outcome.energy, "relaxed_by": spec}
        found.append(outcome.structure)
        kept.append(index)
        if not outcome.has_converged:
            reached = f"the largest force is {outcome.largest_force:.3f} eV/Å after {outcome.num_steps} steps"
            print(f"rugan generate: warning: sheet {index} has not come to rest: {reached}", file=sys.stderr)
    if not found:
        raise PartlyDoneError(f"No sheet could be relaxed; the first failed with {failures[0]}")
    return Finished(found, np.array(kept), failures)
