"""Energies by density functional theory: the functional PBE in GPAW, which the extra dft installs.

Enkovaara et al., J. Phys.: Condens. Matter 22, 253202 (2010). The settings were checked on small sheets against more
k-points, finer grids, more vacuum and plane waves; docs/dft.md has the numbers.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rugan_tf.extras import require_extra
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.porous_graphene.atoms import sheet_structure

PBE = "gpaw-pbe"
BASIS, SPACING, VACUUM, SMEARING = "dzp", 0.2, 10.0, 0.1  # basis, Å, Å, eV
# At least this length of a repeated cell for every k-point; a sheet of 6x8 cells has 2x2 of them.
REACH = 25.0  # Å
LOG = "gpaw.txt"
# The dangling bonds of edges make charge slosh: with the defaults such sheets do not converge.
MIXER = {"backend": "pulay", "beta": 0.05, "nmaxold": 5, "weight": 100}
# Of the density, per electron. A tenth of it takes half as many steps again, and moves energies by 1 meV a sheet.
CONVERGENCE = {"density": 1e-3}


@dataclass(frozen=True)
class DensityFunctionalEnergy:
    """Energies of PBE, spins paired, positions of the perfect lattice."""

    extra = "dft"  # asked for before any work

    @property
    def origin(self) -> EnergyOrigin:
        """The functional and its settings; free atoms of GPAW's data sets, spins paired, have the energy zero."""
        zero = "spin-paired PBE atoms"
        description = (
            f"{PBE}: PBE in GPAW, atomic orbitals {BASIS}, grid {SPACING} Å, k-points every {REACH:g} Å, Fermi "
            f"smearing {SMEARING} eV extrapolated to none, cells {VACUUM:g} Å high, spins paired, in "
            f"eV relative to {zero}"
        )
        return EnergyOrigin(PBE, zero, description)

    def __call__(self, states: ArrayLike) -> float:
        """Return the total energy of one sheet, uint8 (rows, cols), in eV; 0 for an empty one.

        GPAW writes what it does to gpaw.txt in the working folder. What it raises, of a calculation that does not
        converge for one, is passed on.

        Raises:
            InputError: the extra dft is not installed.
        """
        require_extra(self.extra)
        structure = sheet_structure(np.asarray(states), VACUUM)
        if not len(structure):
            return 0.0
        structure.calc = calculator(structure.cell.lengths()[:2])
        return float(structure.get_potential_energy())


def calculator(lengths: ArrayLike) -> Any:
    """Return a new calculator for a sheet with these periods (2,), Å: one that was used keeps the density before."""
    # Sheets are one for each core here; threads inside would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from gpaw import GPAW

    return GPAW(
        mode={"name": "lcao"},
        basis=BASIS,
        h=SPACING,
        xc="PBE",
        kpts={"size": k_points(lengths), "gamma": True},
        occupations={"name": "fermi-dirac", "width": SMEARING},
        mixer=MIXER,
        convergence=CONVERGENCE,
        maxiter=200,
        txt=LOG,
    )


def k_points(lengths: ArrayLike) -> tuple[int, int, int]:
    """Return the numbers of k-points along x and y, so many that each stands for `REACH` of a repeated cell; 1 along z.

    >>> k_points((14.76, 17.04))
    (2, 2, 1)
    """
    along = np.ceil(REACH / np.asarray(lengths, dtype=np.float64)).astype(int)
    return int(along[0]), int(along[1]), 1
