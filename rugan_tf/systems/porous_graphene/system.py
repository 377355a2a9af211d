"""Porous graphene: a honeycomb of carbon with holes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.lattice import honeycomb, statistics, symmetry
from rugan_tf.lattice import states as honeycomb_states
from rugan_tf.systems.energy import SheetEnergy
from rugan_tf.systems.porous_graphene import holes, reference
from rugan_tf.systems.system import LatticeSystem, Statistic
from rugan_tf.units import LENGTH

if TYPE_CHECKING:
    import ase


FURTHEST = 30.0  # Å, of the two-point correlation


class PorousGraphene(LatticeSystem):
    """States count the atoms of the two sites of a cell: occupied(A) + 2 occupied(B)."""

    name = "porous_graphene"
    num_states = honeycomb_states.NUM_STATES
    row_period = 1
    col_period = 2

    def validate_size(self, rows: int, cols: int) -> None:
        """Raise ValueError for fewer than one row, or an odd number of columns."""
        honeycomb.validate_size(rows, cols)

    def validate_states(self, states: ArrayLike) -> NDArray[np.uint8]:
        """Return states as uint8 (batch, rows, cols), values 0 to 3."""
        return honeycomb_states.validate_states(states)

    def area(self, rows: int, cols: int) -> float:
        """Return the area of a sheet, Å²."""
        return float(np.prod(honeycomb.cell_lengths(rows, cols)))

    def draw_states(
        self, rng: np.random.Generator, num_sheets: int, rows: int, cols: int, options: holes.PoreOptions
    ) -> NDArray[np.uint8]:
        """Draw porous sheets, uint8 (num_sheets, rows, cols)."""
        return holes.draw_porous_states(rng, num_sheets, rows, cols, options)

    @property
    def reference_energies(self) -> Mapping[str, SheetEnergy]:
        """Tight binding."""
        return {reference.TIGHT_BINDING: reference.TightBindingEnergy()}

    def repair_step(self, states: Any, xp: Any) -> Any:
        """Remove atoms with fewer than two neighbours, once."""
        site_a, site_b = honeycomb_states.remove_dangling(states % 2, states // 2, xp)
        return site_a + 2 * site_b

    def repair(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Remove atoms with fewer than two neighbours until none is left."""
        return honeycomb_states.prune(states)

    def draw_symmetric_images(self, rng: np.random.Generator, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return random translations and reflections of sheets."""
        return symmetry.draw_symmetric_images(rng, states)

    def point_images(self, states: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Return the images under the reflections, each with and without the shift by one column and half a row."""
        return symmetry.point_images(states)

    def statistics(self, states: NDArray[np.uint8]) -> dict[str, Statistic]:
        """Return coordination, edges, pores and the two-point correlation of vacant sites."""
        coordination = statistics.coordination_counts(states).sum(axis=0)
        edges = statistics.edge_counts(states).sum(axis=0)
        sizes, numbers = statistics.pore_sizes(states)
        distance, correlation = statistics.two_point_correlation(states, FURTHEST)
        return {
            "coordination": Statistic(
                "shares", coordination / max(1, coordination.sum()), "share of atoms", classes=("0", "1", "2", "3")
            ),
            "edges": Statistic(
                "shares", edges / max(1, edges.sum()), "share of edge atoms", classes=("zigzag", "armchair")
            ),
            "pore_size": Statistic("samples", sizes.astype(np.float64), "vacant sites of a pore"),
            "pore_density": Statistic(
                "samples", numbers / self.area(*states.shape[1:]), f"pores per area (1/{LENGTH}²)"
            ),
            "two_point_correlation": Statistic(
                "curve", correlation, "pairs of sites both vacant (share)", distance, f"distance ({LENGTH})"
            ),
        }

    def drawing_options(self, metadata: Mapping[str, Any]) -> holes.PoreOptions | None:
        """Return how `data build` drew the holes of a data set; None if it did not draw them."""
        options = metadata.get("options")
        drawn = options.get("pores") if isinstance(options, dict) else None
        return holes.PoreOptions(**drawn) if isinstance(drawn, dict) else None

    def num_atoms(self, states: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the number of carbon atoms (batch,)."""
        return honeycomb_states.num_atoms(states)

    def structure(self, states: NDArray[np.uint8]) -> "ase.Atoms":
        """Return one sheet (rows, cols) as carbon atoms."""
        from rugan_tf.systems.porous_graphene.atoms import sheet_structure

        return sheet_structure(states)
