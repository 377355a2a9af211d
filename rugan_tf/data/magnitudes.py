"""Whether imported energies can be what they are said to be: compared with a reference, whatever its zero.

What has the energy 0 differs from program to program by hundreds of eV an atom. What edges cost does not: what is left
of energies after a fit to the numbers of atoms. Of eight methods, from tight binding to density functionals, it differs
by less than a fifth; Hartree make it 27 times as small, a division by the number of atoms some hundred times.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from rugan_tf.data.structure_energies import UNITS, Zero
from rugan_tf.energies.function import SheetsFailedError, Work
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.systems.system import LatticeSystem

FEWEST, COMPARED = 6, 8  # sheets that are compared with the reference
MOST_SITES = 1200  # of a sheet; the time of a reference grows with the third power
USUAL = (0.25, 4.0)  # of the reference
NEAR = 1.6  # a factor: units that would bring the energies so near to the reference are named
ALIKE = 0.5  # correlation from which energies are taken for the same thing in another unit
SURE = 0.9  # from which they are; those of other structures have it once in 500 times, 0.5 once in 9 times (measured)
EVEN = 0.25  # spread of energies an atom, as a share of their mean: totals differ by more
SMALL = 0.3  # eV an atom, less than any matter is bound by
LARGE = 500.0  # eV an atom, more than valence electrons of light elements have: all electrons were counted
NOTHING = 1e-6  # eV, the norm of what is left where nothing but rounding is


def doubt(
    system: LatticeSystem,
    states: NDArray[np.uint8],
    energy: NDArray[np.float64],
    *,
    has_zero: bool = False,
    has_unit: bool = False,
) -> str:
    """Return why energies cannot be totals in eV; empty if they may be.

    Where the reference cannot be computed here, that is warned of, and their size alone is looked at. Energies that
    may be what they are said to be, and do not follow the reference or are those of all electrons, are warned of.

    Args:
        system: the material, whose reference is computed for a few of the sheets.
        states: uint8 (n, rows, cols).
        energy: float64 (n,), eV.
        has_zero: whether the energies of single atoms were taken off: the size of what is left tells nothing.
        has_unit: whether somebody said the unit, and is believed: no doubt, but all that is warned of.
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
        if not (has_unit or (correlation >= ALIKE and USUAL[0] <= slope <= USUAL[1])):
            told, sure = comparison(left_over(energy[chosen] * num_atoms[chosen], counts), beyond)
            is_per_atom = sure >= SURE and 1 / NEAR <= told <= NEAR
            if is_per_atom and correlation < SURE:
                return "times the number of atoms they are what the material's reference says: are they per atom?"
            if correlation >= ALIKE:
                # Sheets of nearly as many atoms are alike in both ways.
                factor = told / slope if is_per_atom else float(num_atoms[chosen].mean())
                return explained(slope, factor, correlation)
        # What the composition alone tells leaves nothing that others could be unlike.
        correlation = None if np.linalg.norm(beyond) < NOTHING else correlation
    is_alike = correlation is not None and correlation >= ALIKE
    # Uneven ones that were compared are no energies an atom, but of other structures: that is warned of below.
    may_be_small = has_unit or has_zero or is_alike or (correlation is not None and not is_even(energy))
    if not may_be_small and np.median(np.abs(energy) / np.maximum(1, num_atoms)) < SMALL:
        return f"they are {abs(per_atom):.2g} eV an atom, less than any matter is bound by: are they per atom?"
    if system.reference_energies and not can_compare:
        warn_unchecked(system, len(states), states.shape[1:])
    # Not before: in kJ/mol energies are as large, and that was asked about.
    if per_atom < -LARGE and not has_zero:
        warn_of_all_electrons(per_atom)
    if correlation is not None and not is_alike:
        warn_unlike(system, correlation, len(chosen))
    return ""


def is_even(energy: NDArray[np.float64]) -> bool:
    """Tell whether energies (n,) are nearly the same, as those an atom are."""
    return bool(np.std(energy) <= EVEN * abs(np.mean(energy)))


def warn_of_zero(system: LatticeSystem, states: NDArray[np.uint8], energy: NDArray[np.float64], zero: Zero) -> None:
    """Warn of energies of single atoms that seem to have the wrong sign.

    They are taken off so that what binds is left, which is less than there was.

    Args:
        system: the material.
        states: uint8 (n, rows, cols).
        energy: float64 (n,), eV, without the energies of single atoms.
        zero: the energies that were taken off.
    """
    counts = composition(system, states)
    of_element = np.array([dict(zero.by_element).get(name, zero.of_all) for name in elements_of(system)])
    atoms = np.maximum(1, counts.sum(axis=1))
    off, left = float(np.median(counts @ of_element / atoms)), float(np.median(energy / atoms))
    before = left + off
    # Much smaller ones of another sign are possible: zeros are a matter of convention.
    if off * before < 0 and abs(off) > abs(before) / 2:
        warnings.warn(
            f"the energies are {before:.4g} eV an atom, and {off:.4g} eV were taken off, which leaves {left:.4g} eV: "
            "has --zero-per-atom the right sign?",
            InputWarning,
            stacklevel=2,
        )


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
    order = "are they energies of these structures, in this order?"
    question = "have they the right sign?" if correlation <= -SURE else order
    warnings.warn(
        f"the energies do not follow those of {system.reference_name}, the reference of {system.name}: the correlation "
        f"of what the numbers of atoms leave open is {correlation:.2f}, in {num_sheets} sheets; {question}",
        InputWarning,
        stacklevel=3,
    )


def warn_unchecked(system: LatticeSystem, num_sheets: int, size: tuple[int, ...]) -> None:
    """Warn of sheets that are too few or too large to be compared with the reference."""
    few = f"that takes {FEWEST} sheets, and there {'is' if num_sheets == 1 else 'are'} {num_sheets}"
    large = f"that takes sheets of at most {MOST_SITES} sites, and {size[0]}x{size[1]} cells have more"
    warnings.warn(
        f"the energies were not checked by {system.reference_name}, the reference of {system.name}: "
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
        f"the energies were not checked by {name}, the reference of {system.name}, which cannot be computed here "
        f"({reason})",
        InputWarning,
        stacklevel=2,
    )
    return None


def composition(system: LatticeSystem, states: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the numbers of atoms of each element (n, elements)."""
    names = elements_of(system)
    of_state = np.array([[sites.count(name) for name in names] for sites in system.species], np.float64)
    return np.asarray(of_state[states].sum(axis=(1, 2)))


def elements_of(system: LatticeSystem) -> list[str]:
    """Return the elements of a material, in the order of `composition`."""
    return sorted({symbol for sites in system.species for symbol in sites if symbol is not None})


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


def explained(slope: float, num_atoms: float, correlation: float = 1.0) -> str:
    """Return what may be the matter with energies that are `slope` times as large as they should be.

    Those that follow the reference loosely may be of other structures, too.
    """
    readings = {f"in {unit}": factor for unit, factor in UNITS.items() if unit != "eV"} | {"per atom": num_atoms}
    likely = [name for name, factor in readings.items() if 1 / NEAR <= slope * factor <= NEAR]
    told = f"what edges cost is {slope:.2g} times what the material's reference says"
    if correlation < SURE:
        told += f", with a correlation of no more than {correlation:.2f}"
        likely.append("of other structures")
    return f"{told}: are they {' or '.join(likely)}?" if likely else told
