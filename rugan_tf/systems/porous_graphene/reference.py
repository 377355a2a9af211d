"""The reference energy of porous graphene: the built-in tight binding of carbon."""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from rugan_tf.physics.tight_binding import SMEARING, tight_binding_energy
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.porous_graphene.atoms import sheet_positions
from rugan_tf.systems.porous_graphene.carbon import CARBON

TIGHT_BINDING = "tight-binding"


@dataclass(frozen=True)
class TightBindingEnergy:
    """Energies of the built-in tight binding, relative to 2 E_s + 2 E_p per atom."""

    @property
    def origin(self) -> EnergyOrigin:
        """The model, and free atoms in their levels as its zero."""
        zero = "2 E_s + 2 E_p per atom"
        description = (
            f"{TIGHT_BINDING}: orthogonal sp3 model of Xu, Wang, Chan and Ho (1992), Gamma point, band "
            f"energy (Fermi smearing {SMEARING} eV) and repulsion, in eV relative to {zero}"
        )
        return EnergyOrigin(TIGHT_BINDING, zero, description)

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols), in eV."""
        return sheet_energy(states)


def sheet_energy(states: ArrayLike) -> float:
    """Return the tight-binding energy of one sheet, uint8 (rows, cols), in eV; 0 for an empty one."""
    return tight_binding_energy(CARBON, *sheet_positions(states))
