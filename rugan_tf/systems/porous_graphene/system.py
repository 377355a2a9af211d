"""Porous graphene: a honeycomb of carbon with holes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.energy import SheetEnergy
from rugan_tf.systems.passivation import Passivation
from rugan_tf.systems.porous_graphene import geometry, holes, reference, statistics
from rugan_tf.systems.porous_graphene.atoms import ATOMS
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.rule import OnePiece
from rugan_tf.systems.system import LabelQuantity, LatticeSystem, Statistic, VacancyWords
from rugan_tf.units import ENERGY, LENGTH


class PorousGraphene(LatticeSystem):
    """States count the atoms of the two sites of a cell: occupied(A) + 2 occupied(B)."""

    name = "porous_graphene"
    lattice = geometry.LATTICE
    species = geometry.SPECIES
    quantity = LabelQuantity("energy per area", f"{ENERGY}/{LENGTH}²", ENERGY, "area")
    length_unit = LENGTH
    vacancy = VacancyWords("porosity", "pore", "pores")
    drawing = holes.PoreOptions()
    reference_drawing = holes.PoreOptions(min_holes=0, max_hole_density=0.03, max_radius=4.0)
    tight_binding = CARBON
    rule = OnePiece()
    atoms = ATOMS
    passivation = Passivation(ATOMS, {"H": geometry.HYDROGEN_BOND})

    def draw_states(
        self, rng: np.random.Generator, num_sheets: int, rows: int, cols: int, options: holes.PoreOptions
    ) -> NDArray[np.uint8]:
        """Draw porous sheets, uint8 (num_sheets, rows, cols)."""
        return holes.draw_porous_states(rng, num_sheets, rows, cols, options)

    def drawing_options(self, metadata: Mapping[str, Any]) -> Any:
        """Return the options of `draw_states` that metadata tell; earlier data sets have them as `pores`."""
        options = metadata.get("options")
        if isinstance(options, dict) and isinstance(options.get("pores"), dict):
            return holes.PoreOptions(**options["pores"])
        return super().drawing_options(metadata)

    @property
    def reference_energies(self) -> Mapping[str, SheetEnergy]:
        """Tight binding, exact and for large sheets."""
        return {
            reference.TIGHT_BINDING: reference.TightBindingEnergy(),
            reference.LINEAR_SCALING: reference.LinearScalingEnergy(),
        }

    def statistics(self, states: NDArray[np.uint8]) -> dict[str, Statistic]:
        """Return coordination, edges, pores and the two-point correlation of vacant sites."""
        return statistics.sheet_statistics(states)
