"""Whether imported energies can be what they are said to be: compared with a reference, whatever its zero.

What has the energy 0 differs from program to program by hundreds of eV an atom. What edges cost does not: what is left
of energies after a fit to the numbers of atoms. Of eight methods, from tight binding to density functionals, it differs
by less than a fifth; Hartree make it 27 times as small, a division by the number of atoms some hundred times.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.structure_energies import UNITS
from rugan_tf.energies.function import SheetsFailedError, Work
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.systems.system import LatticeSystem

FEWEST, COMPARED = 6, 8  # sheets that are compared with the reference
MOST_SITES = 1200  # of a sheet; the time of a reference grows with the third power
USUAL = (0.25, 4.0)  # of the reference
NEAR = 1.6  # a factor: units that would bring the energies so near to the reference are named
ALIKE = 0.5  # correlation from which energies are taken for the same thing in another unit
SMALL = 0.3  # eV an atom, less than any matter is bound by
LARGE = 500.0  # eV an atom, more than valence electrons of light elements have: all electrons were counted
NOTHING = 1e-6  # eV, the norm of what is left where nothing but rounding is


def doubt(
    system: LatticeSystem, states: NDArray[np.uint8], energy: NDArray[np.float64], *, has_zero: bool = False
) -> str:
    """Return why energies cannot be totals in eV; empty if they may be.

    Where the reference cannot be computed here, that is warned of, and their size alone is looked at. Energies that
    may be what they are said to be, and do not follow the reference or are those of all electrons, are warned of.

    Args:
        system: the material, whose reference is computed for a few of the sheets.
        states: uint8 (n, rows, cols).
        energy: float64 (n,), eV.
        has_zero: whether the energies of single atoms were taken off: the size of what is left tells nothing.
    """
    # A sheet without atoms counts as one of one atom. The median: a few sheets may hold hardly any.
    num_atoms = system.num_atoms(states)
    per_atom = float(np.median(energy / np.maximum(1, num_atoms)))
    # Not the first ones: frames of one trajectory are alike.
    chosen = np.random.default_rng(0).permutation(len(states))[:COMPARED]
    can_compare = len(chosen) >= FEWEST and system.num_sites(*states.shape[1:]) <= MOST_SITES
    reference = reference_of(system, states[chosen]) if can_compare and system.reference_energies else None
    correlation = None
    if reference is not None:
        counts = composition(system, states[chosen])
        beyond = left_over(reference, counts)
        slope, correlation = comparison(left_over(energy[chosen], counts), beyond)
        if correlation >= ALIKE and not USUAL[0] <= slope <= USUAL[1]:
            return explained(slope, float(num_atoms[chosen].mean()))
        # What the composition alone tells leaves nothing that others could be unlike.
        correlation = None if np.linalg.norm(beyond) < NOTHING else correlation
    is_alike = correlation is not None and correlation >= ALIKE
    if not (has_zero or is_alike) and np.median(np.abs(energy) / np.maximum(1, num_atoms)) < SMALL:
        return f"they are {abs(per_atom):.2g} eV an atom, less than any matter is bound by: are they per atom?"
    if system.reference_energies and not can_compare:
        warn_unchecked(system, len(states), states.shape[1:])
    # Not before: in kJ/mol energies are as large, and that was asked about.
    if per_atom < -LARGE and not has_zero:
        warn_of_all_electrons(per_atom)
    if correlation is not None and not is_alike:
        warn_unlike(system, correlation, len(chosen))
    return ""


def warn_of_all_electrons(per_atom: float) -> None:
    """Warn of energies whose zero is so far away, eV an atom, that beside it others are hardly seen."""
    warnings.warn(
        f"the energies are {per_atom:.4g} eV an atom, as if all electrons were counted: they tell little but the "
        "number of atoms; --zero-per-atom or --zero-from take off the energies of single atoms",
        InputWarning,
        stacklevel=3,
    )


def warn_unlike(system: LatticeSystem, correlation: float, num_sheets: int) -> None:
    """Warn of energies that do not go up and down with the reference where sheets have as many atoms."""
    warnings.warn(
        f"the energies do not follow those of {system.reference_name}, the reference of {system.name}: the correlation "
        f"of what the numbers of atoms leave open is {correlation:.2f}, in {num_sheets} sheets; are they energies of "
        "these structures, in this order?",
        InputWarning,
        stacklevel=3,
    )


def warn_unchecked(system: LatticeSystem, num_sheets: int, size: tuple[int, ...]) -> None:
    """Warn of sheets that are too few or too large to be compared with the reference."""
    few = f"that takes {FEWEST} sheets, and there {'is' if num_sheets == 1 else 'are'} {num_sheets}"
    large = f"that takes sheets of at most {MOST_SITES} sites, and {size[0]}x{size[1]} cells have more"
    warnings.warn(
        f"the unit of the energies was not checked by {system.reference_name}, the reference of {system.name}: "
        f"{few if num_sheets < FEWEST else large}",
        InputWarning,
        stacklevel=3,
    )


def reference_of(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Return the reference energies (n,) of sheets; None, with a warning, where they cannot be computed here.

    Whoever imports energies has them already: the reference may need packages that he does without.
    """
    name = system.reference_name
    work = Work(f"a check by {name}", processes=1)  # a few sheets: processes would take longer to start
    try:
        return energy_named(system, name).energies(states, work)
    except SheetsFailedError as error:
        reason = next(iter(error.failures.values())).removeprefix("InputError: ")
    except InputError as error:
        reason = str(error)
    warnings.warn(
        f"the unit of the energies was not checked by {name}, the reference of {system.name}, which cannot be computed "
        f"here ({reason})",
        InputWarning,
        stacklevel=2,
    )
    return None


def composition(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the numbers of atoms of each element (n, elements)."""
    names = sorted({symbol for sites in system.species for symbol in sites if symbol is not None})
    of_state = np.array([[sites.count(name) for name in names] for sites in system.species], np.float64)
    return np.asarray(of_state[states].sum(axis=(1, 2)))


def left_over(values: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is left of values (n,) after the best fit by a constant and the counts (n, m)."""
    basis = np.column_stack([np.ones(len(values)), counts])
    return np.asarray(values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0])


def comparison(given: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, float]:
    """Return how many times as large as the reference values (n,) are, and the correlation; 0 without any spread."""
    norms = float(np.linalg.norm(given)), float(np.linalg.norm(reference))
    # Energies that follow from the composition alone leave nothing that could be compared.
    if min(norms) < NOTHING:
        return 0.0, 0.0
    product = float(given @ reference)
    return product / norms[1] ** 2, product / (norms[0] * norms[1])


def explained(slope: float, num_atoms: float) -> str:
    """Return what may be the matter with energies that are `slope` times as large as they should be."""
    readings = {f"in {unit}": factor for unit, factor in UNITS.items() if unit != "eV"} | {"per atom": num_atoms}
    likely = [name for name, factor in readings.items() if 1 / NEAR <= slope * factor <= NEAR]
    question = f": are they {' or '.join(likely)}?" if likely else ""
    return f"what edges cost is {slope:.2g} times what the material's reference says{question}"
