"""What sheets can be asked for: a property by its name, with its unit, and how it is told of a sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError

ENERGY_PER_AREA = "energy_per_area"  # the label of every data set, whatever its material divides totals by
# Arrays of every data set, and inputs and outputs of the signatures of every model.
RESERVED = ("states", ENERGY_PER_AREA, "metadata", "rows", "cols", "seed", "latent", "probabilities", "energy")


def require_name(name: str) -> None:
    """Raise InputError unless a property of this name can be an array of a data set and an input of a signature."""
    if not (name.isidentifier() and name.isascii()) or name in RESERVED:
        raise InputError(
            f"A property must be named by letters, digits and _, and not be one of {', '.join(RESERVED)}. "
            f"Received: {name!r}"
        )


@dataclass(frozen=True)
class CellSum:
    """A property that follows from the energy and from how many cells are in each state.

    Attributes:
        energy: what the energy per area is multiplied by; 0 for a property of the states alone.
        by_state: what a cell adds by its state; the mean over the cells of a sheet is taken.
    """

    energy: float
    by_state: tuple[float, ...]

    @property
    def needs_energy(self) -> bool:
        """Whether the energy of a sheet must be known."""
        return self.energy != 0

    def values(self, states: NDArray[np.uint8], energy_per_area: NDArray[np.floating] | None) -> NDArray[np.float64]:
        """Return the property (n,) of sheets (n, rows, cols) whose energies per area (n,) are known if it needs them.

        Raises:
            ValueError: it needs them, and there are none.
        """
        if self.needs_energy and energy_per_area is None:
            raise ValueError("A property that holds the energy needs energies. Received: none")
        counted = np.array(self.by_state)[states].mean(axis=(1, 2))
        return counted if energy_per_area is None else counted + self.energy * np.asarray(energy_per_area, np.float64)

    def of_encoding(self, encoding: Any, energy_per_area: Any, xp: Any) -> Any:
        """Return the same (n,) of one-hot sheets (n, rows, cols, states), with `keras.ops` as `xp`: differentiable."""
        weights = xp.convert_to_tensor(self.by_state, "float32")
        counted = xp.sum(xp.mean(encoding, axis=(1, 2)) * weights, axis=-1)
        return counted + self.energy * energy_per_area if self.needs_energy else counted


@dataclass(frozen=True)
class Condition:
    """A property that sheets are asked for.

    Attributes:
        name: as files, options and signatures have it.
        words: as reports and figures say it.
        unit: of its values; empty for a share, or where nobody said.
        rule: how it is told of a sheet; None where only the data know it.
    """

    name: str
    words: str
    unit: str
    rule: CellSum | None = None

    @property
    def label(self) -> str:
        """Words and unit, as axes and messages say them."""
        return f"{self.words} ({self.unit})" if self.unit else self.words

    def told(self, value: float) -> str:
        """Return a value with name and unit."""
        return f"{self.name} {value:.4g} {self.unit}".rstrip()


def vacant_share(species: Sequence[Sequence[str | None]]) -> CellSum:
    """Return the share of sites that are vacant, for a material whose states put `species` on the sites of a cell.

    >>> vacant_share(((None, None), ("C", None), ("C", "C"))).by_state
    (1.0, 0.5, 0.0)
    """
    return CellSum(0.0, tuple(sum(one is None for one in sites) / len(sites) for sites in species))


def beyond_reservoir(species: Sequence[Sequence[str | None]], per_site: float, sites_per_extent: float) -> CellSum:
    """Return (E - mu N) / A: what a sheet costs when its atoms come from a reservoir.

    Args:
        species: on the sites of a cell, by the state.
        per_site: mu, the energy of an atom in the reservoir.
        sites_per_extent: sites of a sheet over what its total energy is divided by.
    """
    # N / A of a sheet is the mean over its cells of the share of filled sites, times the sites per area.
    filled = (sum(one is not None for one in sites) / len(sites) for sites in species)
    return CellSum(1.0, tuple(-per_site * sites_per_extent * share for share in filled))
