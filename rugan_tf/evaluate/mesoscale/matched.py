"""Real sheets of one energy, in two sets: at the training size from the data, at others drawn as the data was."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.data.synthesis import MOST_CELLS, MOST_SHEETS, draw_sheets
from rugan_tf.energies.function import EnergyFunction, Work
from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import DataSet, decode_metadata
from rugan_tf.formats.npz import read_arrays, write_npz

SEED = 2**61 + 2**20  # of sheets drawn here, one seed a round: apart from those of data sets and other comparisons
DRAWS_EACH = 200  # sheets drawn at most for each that is wanted of one energy
CELLS_AT_ONCE = 2**17  # that are judged together
FEWEST = 2  # of a set, for a scatter between sheets

States = NDArray[np.uint8]


class MatchedSheets(NamedTuple):
    """Two sets of real sheets of one energy, independent of each other; uint8 (n, rows, cols) each."""

    first: States
    second: States


@dataclasses.dataclass(frozen=True)
class MatchedSource:
    """Where real sheets of given energies come from.

    Attributes:
        data_set: the data.
        energy_function: what gives the energies of drawn sheets.
        tolerance: furthest that an energy may be from the one wanted, in the unit of the system.
        cache: file that keeps what was found; None keeps nothing.
        processes: of the judge's workers, where it is slow; one a core unless said otherwise.
    """

    data_set: DataSet
    energy_function: EnergyFunction
    tolerance: float
    cache: Path | None = None
    processes: int | None = None

    def find(self, energies: Sequence[float], num_sheets: int, rows: int, cols: int) -> list[MatchedSheets | None]:
        """Return two sets of up to `num_sheets` real sheets for each energy.

        None where no real sheets of that size can be had: the data does not tell how it was drawn, hardly any sheet
        has that energy, or the judge is too slow to be asked for sheets that are mostly thrown away.
        """
        kept = self.read()
        keys = [f"{rows}x{cols}_{energy:.8g}" for energy in energies]
        lacking = [
            energy for energy, key in zip(energies, keys, strict=True) if len(kept.get(f"{key}_1", ())) < num_sheets
        ]
        if lacking:
            found = self.search(lacking, 2 * num_sheets, rows, cols)
            for energy, states in zip(lacking, found, strict=True):
                key, half = keys[list(energies).index(energy)], len(states) // 2
                # Two halves of one size: what scatters more by its size alone would be no yardstick.
                kept[f"{key}_1"], kept[f"{key}_2"] = states[:half], states[half : 2 * half]
            self.write(kept)
        sets = [MatchedSheets(kept[f"{key}_1"][:num_sheets], kept[f"{key}_2"][:num_sheets]) for key in keys]
        return [one if len(one.first) >= FEWEST else None for one in sets]

    def search(self, energies: Sequence[float], number: int, rows: int, cols: int) -> list[States]:
        """Return up to `number` real sheets of each energy; none of them twice."""
        system = self.data_set.system
        none = np.empty((0, rows, cols), np.uint8)
        if self.data_set.states.shape[1:] == (rows, cols):
            return [
                self.data_set.states[self.is_near(self.data_set.energy_per_area, energy)][:number]
                for energy in energies
            ]
        options = system.drawing_options(self.data_set.metadata)
        found = [none for _ in energies]
        if options is None or not self.energy_function.is_fast:
            return found
        size = min(MOST_SHEETS, max(1, MOST_CELLS // (rows * cols)))
        rounds = -(-DRAWS_EACH * number // size)
        with tqdm(total=number * len(energies), desc=f"real {rows}x{cols}", unit="sheet") as bar:
            for draw in range(rounds):
                states = draw_sheets(system, size, rows, cols, SEED + draw, options)
                known = self.judged(states)
                for index, wanted in enumerate(energies):
                    near = states[self.is_near(known, wanted)][: number - len(found[index])]
                    found[index] = np.concatenate([found[index], near])
                    bar.update(len(near))
                if all(len(states) == number for states in found):
                    break
        return found

    def judged(self, states: States) -> NDArray[np.float64]:
        """Return the energies per area (n,) of sheets; a fast judge shows no progress bar of its own."""
        size = max(1, CELLS_AT_ONCE // states[0].size) if self.energy_function.is_fast else len(states)
        work = Work("energies", self.processes)
        parts = (states[start : start + size] for start in range(0, len(states), size))
        energy = np.concatenate([self.energy_function.energies(part, work) for part in parts])
        return self.data_set.system.energy_per_area(energy, *states.shape[1:])

    def is_near(self, known: NDArray[np.float64], wanted: float) -> NDArray[np.bool_]:
        """Return bool (n,): which energies are within the tolerance."""
        return np.asarray(np.abs(known - wanted) <= self.tolerance)

    @property
    def description(self) -> dict[str, Any]:
        """What the sheets in the cache depend on, as JSON content."""
        return {
            "system": self.data_set.system.spec,
            "data_sha256": self.data_set.checksum,
            "judge": self.energy_function.origin.description,
            "tolerance": self.tolerance,
        }

    def read(self) -> dict[str, States]:
        """Return the sheets that the cache has, by size, energy and set.

        Raises:
            InputError: the file is damaged, or of other data, another judge or another tolerance.
        """
        if self.cache is None or not self.cache.exists():
            return {}
        arrays = read_arrays(self.cache, ("metadata", "keys"))
        told = decode_metadata(self.cache, arrays["metadata"])
        # Through JSON, as what was kept: it makes lists of tuples.
        if told != json.loads(json.dumps(self.description)):
            differing = [key for key, value in self.description.items() if told.get(key) != value]
            raise InputError(
                f"Kept real sheets must be of the same data, judge and tolerance. Received: {self.cache}, with another "
                f"{' and '.join(differing)}"
            )
        keys = tuple(arrays["keys"].tolist())
        return dict(read_arrays(self.cache, keys)) if keys else {}

    def write(self, kept: dict[str, States]) -> None:
        """Write the sheets into the cache."""
        if self.cache is not None:
            # The type is said, since NumPy makes numbers of an empty list.
            keys = np.array(sorted(kept), dtype=np.str_)
            write_npz(self.cache, {**kept, "keys": keys}, self.description)
