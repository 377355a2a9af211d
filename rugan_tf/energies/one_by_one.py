"""Energies of many sheets by a slow function of one: on all cores, with progress, resumable, whatever fails."""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.cores import available_cores
from rugan_tf.energies.function import Estimates, SheetsFailedError, Work
from rugan_tf.energies.journal import Journal
from rugan_tf.energies.workers import Outcome, WorkerPool, compute, keep_files
from rugan_tf.errors import InputError
from rugan_tf.lattice.states import require_sheets
from rugan_tf.systems.energy import EnergyOrigin, EstimatedSheetEnergy, SheetEnergy

HOPELESS = 8  # sheets; where the first so many all fail, it is not for the sheets


@dataclass(frozen=True)
class OneByOne:
    """The energies of many sheets by a function of one sheet.

    Args:
        function: can be pickled.
    """

    function: SheetEnergy

    @property
    def origin(self) -> EnergyOrigin:
        """Method and zero of the energies."""
        return self.function.origin

    @property
    def material(self) -> str:
        """What places the atoms, where the function gets them from a material; empty where it is of one alone."""
        system = getattr(self.function, "system", None)
        return "" if system is None else str(system.spec)

    is_fast = False

    @property
    def by_halo(self) -> None:
        """A function of a whole sheet tells nothing of its parts."""
        return None

    def energies(self, states: NDArray[np.uint8], work: Work = Work()) -> NDArray[np.float64]:
        """Return the energies (n,) of sheets (n, rows, cols).

        Raises:
            SheetsFailedError: some sheets have none, after all others were computed; or the first eight all failed.
            InputError: the function cannot be found, the journal belongs to other work, or worker processes cannot be
                started.
        """
        return self.estimates(states, work).energies

    def estimates(self, states: NDArray[np.uint8], work: Work = Work()) -> Estimates:
        """Return the same with standard errors (n,), where the function tells them.

        Raises:
            SheetsFailedError: as `energies`.
            InputError: as `energies`.
        """
        states = require_sheets(states)
        _ = self.origin  # refused here once, and not by the workers for every sheet
        has_errors = isinstance(self.function, EstimatedSheetEnergy)
        found = Estimates(np.full(len(states), np.nan), np.full(len(states), np.nan) if has_errors else None)
        if work.journal is None:
            return self.fill(found, states, work, None)
        with Journal(work.journal, work_key(states, self.origin, self.material)) as journal:
            for index, energy in journal.energies.items():
                found.energies[index] = energy
                if found.standard_errors is not None:
                    found.standard_errors[index] = journal.standard_errors[index]
            return self.fill(found, states, work, journal)

    def fill(self, found: Estimates, states: NDArray[np.uint8], work: Work, journal: Journal | None) -> Estimates:
        """Compute what is missing in `found`."""
        energies, errors = found
        pending = np.flatnonzero(np.isnan(energies))
        failures: dict[int, str] = {}
        done = 0
        with tqdm(total=len(states), initial=len(states) - len(pending), desc=work.description, unit="sheet") as bar:
            for outcome in self.outcomes(states, pending, work):
                if outcome.failure:
                    failures[outcome.index] = outcome.failure
                    bar.set_postfix(failed=len(failures), refresh=False)
                    # A calculator that is not installed, say, fails for every sheet: thousands of tries tell no more.
                    if not done and len(failures) == min(HOPELESS, len(pending)) < len(pending):
                        raise SheetsFailedError(
                            energies, failures, work, "The first of them all failed: no more were tried."
                        )
                    continue
                done += 1
                energies[outcome.index] = outcome.energy
                if errors is not None and outcome.standard_error is not None:
                    errors[outcome.index] = outcome.standard_error
                if journal is not None:
                    journal.add(outcome.index, outcome.energy, outcome.standard_error, outcome.seconds)
                bar.update()
        if failures:
            raise SheetsFailedError(energies, failures, work)
        return found

    def outcomes(self, states: NDArray[np.uint8], pending: NDArray[np.int64], work: Work) -> Iterator[Outcome]:
        """Yield what becomes of the pending sheets."""
        number = min(work.processes or available_cores(), max(1, len(pending)))
        if work.timeout is not None and not work.timeout > 0:
            raise InputError(f"timeout must be positive, in s. Received: timeout={work.timeout}")
        with tempfile.TemporaryDirectory(prefix="rugan-energies-") as name:
            base = Path(name)
            if number == 1 and work.timeout is None:  # nothing of it needs another process, which takes a second
                for index in pending:
                    outcome = compute(self.function, states[index], int(index), base)
                    keep_files(outcome, base, work.failed_folder)
                    yield outcome
                return
            with WorkerPool(self.function, number, work.timeout, base) as pool:
                for outcome in pool.outcomes(states, pending):
                    keep_files(outcome, base, work.failed_folder)
                    yield outcome


def work_key(states: NDArray[np.uint8], origin: EnergyOrigin, material: str = "") -> str:
    """Return what identifies a calculation: sheets, energies, and the material that the sheets are of."""
    digest = hashlib.sha256(states.tobytes())
    # The shape as well: the same bytes may be sheets of other sizes.
    digest.update(f"{states.shape}{origin.description}{material}".encode())
    return digest.hexdigest()
