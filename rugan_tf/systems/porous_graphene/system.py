"""Porous graphene: a honeycomb of carbon with holes."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.systems.conditions import Condition, beyond_reservoir, vacant_share
from rugan_tf.systems.energy import EnergyOrigin, SheetEnergy
from rugan_tf.systems.passivation import Passivation
from rugan_tf.systems.porous_graphene import dft, geometry, holes, reference, statistics
from rugan_tf.systems.porous_graphene.atoms import ATOMS
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.known_sheets import known_sheets
from rugan_tf.systems.porous_graphene.rule import OnePiece
from rugan_tf.systems.quantity import LabelQuantity, VacancyWords
from rugan_tf.systems.system import LatticeSystem, Statistic
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
    known_sheets = staticmethod(known_sheets)

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

    def environments(self, states: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
        """Return the atoms of sheets (n, rows, cols), and those of them on zigzag and on armchair edges."""
        zigzag, armchair = statistics.edge_counts(states).T
        return {"atom": self.num_atoms(states), "zigzag edge atom": zigzag, "armchair edge atom": armchair}

    @property
    def reference_energies(self) -> Mapping[str, SheetEnergy]:
        """Tight binding, exact and for large sheets, density functional theory, and a network near it."""
        return {
            reference.TIGHT_BINDING: reference.TightBindingEnergy(),
            reference.LINEAR_SCALING: reference.LinearScalingEnergy(),
            dft.PBE: dft.DensityFunctionalEnergy(),
            reference.SEVEN_NET: reference.SevenNetEnergy(),
        }

    def properties(self, origin: EnergyOrigin, rows: int, cols: int) -> Mapping[str, Callable[[], Condition]]:
        """Return the porosity and, for energies of the built-in tight binding, the formation energy per area.

        The atoms of a formation energy come from the pristine sheet, of which only that method's energy is known here:
        what is left is what edges and holes cost.
        """
        known = {"porosity": lambda: Condition("porosity", "porosity", "", vacant_share(self.species))}
        tight_binding = reference.TightBindingEnergy().origin
        if (origin.method, origin.zero) == (tight_binding.method, tight_binding.zero):
            known["formation_energy_per_area"] = functools.partial(self.formation_energy, rows, cols)
        return known

    def formation_energy(self, rows: int, cols: int) -> Condition:
        """Return (E - N mu) / A, where mu is the energy of an atom in the pristine sheet of this size."""
        return Condition(
            "formation_energy_per_area",
            "formation energy per area",
            self.quantity.unit,
            beyond_reservoir(
                self.species,
                reference.pristine_energy_per_atom(rows, cols),
                self.num_sites(rows, cols) / self.extent(rows, cols),
            ),
        )

    def statistics(self, states: NDArray[np.uint8]) -> dict[str, Statistic]:
        """Return coordination, edges, pores and the two-point correlation of vacant sites."""
        return statistics.sheet_statistics(states)
