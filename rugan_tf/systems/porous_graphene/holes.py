"""Porous sheets drawn at random: holes of random number, radius and place in a periodic honeycomb."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.states import States
from rugan_tf.systems.porous_graphene.geometry import BOND_LENGTH, cell_lengths, site_positions
from rugan_tf.systems.porous_graphene.rule import prune
from rugan_tf.systems.porous_graphene.sites import from_occupancies, keep_largest_piece


@dataclasses.dataclass(frozen=True)
class PoreOptions:
    """How holes are drawn. The number of holes is uniform from `min_holes` to density times area, rounded.

    A hole of at least one bond length reaches an atom wherever its centre lies, so with min_holes >= 1 no
    drawn sheet is pristine.
    """

    min_holes: int = 1
    """Smallest number of holes of a sheet."""
    max_hole_density: float = 0.01
    """Largest number of holes per area, 1/Å² (0.01 is 12 holes on 14x16 cells)."""
    min_radius: float = 1.5
    """Smallest radius of a hole, Å."""
    max_radius: float = 6.0
    """Largest radius of a hole, Å."""
    keep_dangling: bool = False
    """Keep atoms with fewer than two neighbours, and what is cut off, instead of removing them."""

    def __post_init__(self) -> None:
        """Refuse options that contradict each other."""
        if self.min_holes < 0:
            raise InputError(f"min_holes must not be negative. Received: min_holes={self.min_holes}")
        if not (math.isfinite(self.max_hole_density) and self.max_hole_density > 0):
            raise InputError(f"max_hole_density must be positive. Received: max_hole_density={self.max_hole_density}")
        if not BOND_LENGTH <= self.min_radius <= self.max_radius < math.inf:
            raise InputError(
                f"radii must satisfy {BOND_LENGTH:.3f} <= min_radius <= max_radius. "
                f"Received: min_radius={self.min_radius}, max_radius={self.max_radius}"
            )

    def hole_range(self, rows: int, cols: int) -> tuple[int, int]:
        """Return the smallest and the largest number of holes of a sheet of this size."""
        area = float(np.prod(cell_lengths(rows, cols)))
        return self.min_holes, max(self.min_holes, 1, round(self.max_hole_density * area))


def draw_porous_states(
    rng: np.random.Generator, num_sheets: int, rows: int, cols: int, options: PoreOptions | None = None
) -> States:
    """Draw porous sheets, uint8 (num_sheets, rows, cols), each of one piece without dangling atoms."""
    options = options or PoreOptions()
    fewest, most = options.hole_range(rows, cols)
    num_holes = rng.integers(fewest, most, size=num_sheets, endpoint=True)
    # For each sheet as many as the most holes: what is drawn by one call does not depend on their numbers.
    centres = rng.uniform(size=(num_sheets, most, 2)) * cell_lengths(rows, cols)
    radii = rng.uniform(options.min_radius, options.max_radius, size=(num_sheets, most))
    radii[np.arange(most) >= num_holes[:, None]] = -1.0  # holes that this sheet does not have
    sites = ~inside_holes(site_positions(rows, cols), cell_lengths(rows, cols), centres, radii)
    states = from_occupancies(sites)
    return states if options.keep_dangling else keep_largest_piece(prune(states))


def inside_holes(
    positions: NDArray[np.float64],
    lengths: NDArray[np.float64],
    centres: NDArray[np.float64],
    radii: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return bool (num_sheets, rows, cols, 2): sites within any hole, by the nearest periodic image.

    A negative radius is no hole. Hole by hole, so memory grows with the sheets only.

    Args:
        positions: sites (rows, cols, 2, 2), Å.
        lengths: periods (2,), Å.
        centres: hole centres (num_sheets, num_holes, 2), Å.
        radii: hole radii (num_sheets, num_holes), Å.
    """
    flat = positions.reshape(-1, 2)
    inside = np.zeros((len(centres), len(flat)), dtype=bool)
    for centre, radius in zip(centres.swapaxes(0, 1), radii.T, strict=True):
        has_hole = np.flatnonzero(radius >= 0)
        # In single precision: distances of all sites of all sheets take most of the memory of a draw.
        squared = np.zeros((len(has_hole), len(flat)), dtype=np.float32)
        for axis in range(2):
            offset = np.subtract.outer(centre[has_hole, axis], flat[:, axis]).astype(np.float32)
            offset -= lengths[axis] * np.rint(offset / lengths[axis]).astype(np.float32)
            squared += offset * offset
        inside[has_hole] |= squared <= radius[has_hole, None] ** 2
    return inside.reshape(len(centres), *positions.shape[:3])
