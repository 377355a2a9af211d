<<<<<<< HEAD
"""What is done with a tile while it is hot: it is repaired by the material's rule, and judged by an energy.

Both see beyond the tile, so it is cut out of a window with a halo.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import HaloEnergy
from rugan_tf.generate.regions import Stretch
from rugan_tf.systems.system import LatticeSystem


class Place(NamedTuple):
    """A rectangle of a sheet: first row and column, rows and columns."""

    row: int
    col: int
    rows: int
    cols: int


class Tile(NamedTuple):
    """A finished part of a sheet: where it is, its states uint8 (rows, cols), and its part of the total energy."""

    place: Place
    states: NDArray[np.uint8]
    energy: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finishing:
    """What is done with what the generator made.

    Attributes:
        system: the material, whose rule repairs.
        repaired: whether the rule is applied.
        energy: judges tiles; None for no energies.
        whole_up_to: cells of sheets that are repaired whole, so exactly, and not window by window.
    """

    system: LatticeSystem
    repaired: bool = True
    energy: HaloEnergy | None = None
    whole_up_to: int = 2**18

    @property
    def halos(self) -> tuple[int, int]:
        """Rows and columns that the rule and the energy see beyond a tile."""
        rule = self.system.rule if self.repaired else None
        seen = [(0, 0) if rule is None else rule.halo, (0, 0) if self.energy is None else self.energy.halo]
        return seen[0][0] + seen[1][0], seen[0][1] + seen[1][1]

    def window(self, place: Place, size: tuple[int, int]) -> tuple[Stretch, Stretch]:
        """Return the rows and columns of a sheet that a tile follows from."""
        if size[0] * size[1] <= self.whole_up_to:
            return Stretch(0, size[0], size[0]), Stretch(0, size[1], size[1])
        return (
            Stretch.around(place.row, place.rows, size[0], self.halos[0]),
            Stretch.around(place.col, place.cols, size[1], self.halos[1]),
        )

    def repair(self, states: NDArray[np.uint8], *, is_window: bool) -> NDArray[np.uint8]:
        """Return what the rule leaves of a window, uint8 (rows, cols)."""
        rule = self.system.rule
        if not self.repaired or rule is None:
            return states
        return np.asarray(rule.repair(states[None], is_window=is_window)[0])

    def tile(self, place: Place, repaired: NDArray[np.uint8], rows: Stretch, cols: Stretch) -> Tile:
        """Return the tile at a place of a repaired window, and judge it."""

        def cut(halo: tuple[int, int]) -> NDArray[np.uint8]:
            from_rows = rows.places(place.row - halo[0], place.rows + 2 * halo[0])
            from_cols = cols.places(place.col - halo[1], place.cols + 2 * halo[1])
            return repaired[np.ix_(from_rows, from_cols)]

        energy = None if self.energy is None else float(self.energy.halo_energies(cut(self.energy.halo)[None])[0])
        return Tile(place, cut((0, 0)), energy)


class Repairs:
    """Repairs windows; a window that is the whole sheet only once.

    Args:
        finishing: how.
    """

    def __init__(self, finishing: Finishing) -> None:
        self.finishing = finishing
        self.whole: NDArray[np.uint8] | None = None

    def tile(self, place: Place, states: NDArray[np.uint8], rows: Stretch, cols: Stretch) -> Tile:
        """Return a tile of a window of states as the generator made them."""
        is_window = not (rows.is_whole and cols.is_whole)
        if is_window or self.whole is None:
            repaired = self.finishing.repair(states, is_window=is_window)
            self.whole = None if is_window else repaired
        else:
            repaired = self.whole
        return self.finishing.tile(place, repaired, rows, cols)
=======
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
        from rugan_tf.energies.ase import calculator_named

        calculator_named(options.relax)


def write_finished(
    out: Path,
    system: LatticeSystem,
    states: NDArray[np.uint8],
    requested: NDArray[np.float64],
    obtained: NDArray[np.floating] | None,
    options: AtomOptions,
    metadata: Mapping[str, Any],
) -> list[Path]:
    """Do to the atoms of sheets what is asked for, write them as `write_sheets` does, and return the files.

    Raises:
        InputError: an element that saturates nothing, or no such calculator.
        PartlyDoneError: some sheets did not relax; the others are written.
    """
    from rugan_tf.generate.writers import write_sheets

    if not options.is_any:
        return write_sheets(out, system, states, requested, obtained, metadata)
    done = finish(system, states, requested, obtained, options, out)
    of_kept = None if obtained is None else obtained[done.kept]
    content = states[done.kept], requested[done.kept], of_kept, metadata
    written = write_sheets(out, system, *content, structures=done.structures)
    done.require_whole(len(states))
    return written


def finish(
    system: LatticeSystem,
    states: NDArray[np.uint8],
    requested: NDArray[np.float64],
    obtained: NDArray[np.floating] | None,
    options: AtomOptions,
    out: Path,
) -> Finished:
    """Return sheets as atoms with what the options ask for done to them.

    Args:
        system: the material.
        states: uint8 (n, rows, cols).
        requested: energies per area (n,), in the unit of the system.
        obtained: likewise, where they are known; of the sheets before anything is done to them.
        options: what is done.
        out: file that the sheets will be in, beside which trajectories are.

    Raises:
        InputError: an element that saturates nothing, or no such calculator.
    """
    from rugan_tf.generate.labelled import labelled_structures

    structures = labelled_structures(system, states, requested, obtained, passivate=options.passivate)
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
        except InputError:
            raise
        except Exception as error:  # a calculator may fail in any way
            failures[index] = f"{type(error).__name__}: {error}"
            continue
        outcome.structure.info |= {TOTAL: outcome.energy, "relaxed_by": spec}
        found.append(outcome.structure)
        kept.append(index)
        if not outcome.has_converged:
            reached = f"the largest force is {outcome.largest_force:.3f} eV/Å after {outcome.num_steps} steps"
            print(f"rugan generate: warning: sheet {index} has not come to rest: {reached}", file=sys.stderr)
    if not found:
        raise PartlyDoneError(f"No sheet could be relaxed; the first failed with {failures[0]}")
    return Finished(found, np.array(kept), failures)
>>>>>>> 903857e (Saturate edges and relax generated sheets before they are written)
