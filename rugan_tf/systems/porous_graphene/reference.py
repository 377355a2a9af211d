"""The reference energy of porous graphene: the built-in tight binding of carbon."""

import functools
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from rugan_tf.physics.tight_binding import SMEARING, tight_binding_energy
from rugan_tf.systems import seven_net
from rugan_tf.systems.energy import EnergyOrigin, Estimate
from rugan_tf.systems.porous_graphene.atoms import sheet_positions, sheet_structure
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.geometry import LATTICE, SPECIES

if TYPE_CHECKING:
    from rugan_tf.physics.total_energy import EnergyEstimate

TIGHT_BINDING, LINEAR_SCALING, SEVEN_NET = "tight-binding", "linear-scaling", "7net-0"


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


@functools.cache
def pristine_energy_per_atom(rows: int, cols: int) -> float:
    """Return the tight-binding energy of an atom in the pristine sheet of a size, in eV.

    At the Gamma point it differs by a few meV between sizes, so that of the sheets in question is taken.
    """
    pristine = np.full((rows, cols), len(SPECIES) - 1, np.uint8)
    return sheet_energy(pristine) / (rows * cols * LATTICE.num_sites)


@dataclass(frozen=True)
class LinearScalingEnergy:
    """The same model in a time linear in the atoms, with an error bar: for sheets too large for all their levels."""

    @property
    def origin(self) -> EnergyOrigin:
        """The model and its zero, which are those of the exact energies."""
        exact = TightBindingEnergy().origin
        description = exact.description.replace(
            f"{TIGHT_BINDING}: ", f"{TIGHT_BINDING}: by kernel polynomials and random vectors, standard error of 1 "
            "meV/atom at 1,000 atoms, of the "
        )  # fmt: skip
        return EnergyOrigin(exact.method, exact.zero, description)

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols), in eV; 0 for an empty one."""
        return self.with_error(states).energy

    def with_error(self, states: ArrayLike) -> Estimate:
        """Return the total energy of one sheet, uint8 (rows, cols), and its standard error, in eV."""
        estimate = self.estimate(states)
        return Estimate(0.0, 0.0) if estimate is None else Estimate(estimate.energy, estimate.standard_error)

    def estimate(self, states: ArrayLike) -> "EnergyEstimate | None":
        """Return the energy of one sheet with its error bar; None for an empty one."""
        # Here, since every command knows this material, and few ask for this energy: its imports take half a second.
        from rugan_tf.physics.hamiltonian import PlanarAtoms
        from rugan_tf.physics.total_energy import linear_scaling_energy

        positions, lengths = sheet_positions(states)
        if not len(positions):
            return None
        # One seed for all sheets would give them errors that go together, which no mean over sheets would take away.
        seed = zlib.crc32(np.ascontiguousarray(states, dtype=np.uint8).tobytes())
        # One thread: where there are many sheets, every core has a worker with a sheet of its own.
        return linear_scaling_energy(PlanarAtoms(positions, np.diag(lengths), CARBON), threads=1, seed=seed)


@dataclass(frozen=True)
class SevenNetEnergy:
    """Energies of a network that was trained on PBE, the extra mlip; much faster than PBE, and some way from it."""

    extra = "mlip"  # asked for before any work

    @property
    def origin(self) -> EnergyOrigin:
        """The network, and the zero of what it was trained on."""
        zero = "what its training on PBE calls 0"
        return EnergyOrigin(SEVEN_NET, zero, f"{SEVEN_NET}: SevenNet-0, trained on PBE, in eV relative to {zero}")

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols), in eV; 0 for an empty one.

        Raises:
            InputError: the extra mlip is not installed.
        """
        structure = sheet_structure(np.asarray(states))
        return seven_net.structure_energy(structure) if len(structure) else 0.0
