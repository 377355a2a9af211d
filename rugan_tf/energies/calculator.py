"""The EDNN as an ASE calculator: energies of structures whose atoms are on the sites of a material's lattice."""

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes

from rugan_tf.energies.ednn import EdnnEnergy, ednn_in, shipped_ednn
from rugan_tf.errors import InputError
from rugan_tf.systems import DEFAULT_SYSTEM
from rugan_tf.systems.named import system_named
from rugan_tf.systems.structure_match import MatchLimits, match_structure
from rugan_tf.systems.system import LatticeSystem


class Calculator(AseCalculator):
    """Total energies of lattice structures by an EDNN.

    The energy is that of the sheet that a structure is matched to, so it is constant while atoms move about their
    sites: there are no forces and no stress. What fits no sheet has no energy.

    Args:
        ednn: folder of an EDNN; the one that comes with the package unless given.
        system: the material, a name or the system.
        limits: how far a structure may be from a perfect sheet.
        **options: of any calculator of ASE.

    Raises:
        InputError: no such EDNN or system, or a system without atoms.
    """

    implemented_properties = ("energy", "free_energy")

    def __init__(
        self,
        ednn: Path | str | None = None,
        system: LatticeSystem | str = DEFAULT_SYSTEM,
        limits: MatchLimits = MatchLimits(),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.system = system_named(system) if isinstance(system, str) else system
        if self.system.atoms is None:
            raise InputError(f"Sheets must have atoms to be structures. Received: {self.system.name}, which has none")
        self.limits = limits
        self.function: EdnnEnergy = ednn_in(shipped_ednn(self.system) if ednn is None else Path(ednn), self.system)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Compute the energy of a structure, eV.

        Raises:
            InputError: the structure is no sheet of the material, or of a size that the EDNN does not take.
        """
        super().calculate(atoms, properties or ["energy"], system_changes)
        if self.system.atoms is None or self.atoms is None:
            raise InputError("A calculator must be given atoms. Received: none")
        match = match_structure(self.system.atoms, self.atoms, self.limits)
        energy = float(self.function.energies(np.asarray(match.states)[None])[0]) / match.num_copies
        self.results = {"energy": energy, "free_energy": energy}
