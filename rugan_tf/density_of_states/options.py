"""What `rugan density_of_states` can be asked for."""

import dataclasses
import math
from pathlib import Path
from typing import Literal

from rugan_tf.config import OptionGroup, require_positive
from rugan_tf.errors import InputError
from rugan_tf.systems import DEFAULT_SYSTEM

Method = Literal["exact", "polynomials"]
Model = Literal["tight-binding", "pi"]
Local = Literal["none", "distance", "sites"]


@dataclasses.dataclass(frozen=True)
class MainOptions(OptionGroup):
    """Which sheets, and where the answer goes."""

    structures: Path
    """Sheets: .extxyz or whatever else ASE reads, .npz or .zarr with `states`."""
    out: Path
    """File to write, .npz; a .png and a .pdf of the same name are drawn beside it."""
    system: str = DEFAULT_SYSTEM
    """Material of `states` that come without metadata."""
    seed: int = 0
    """Seed of the random vectors, 0 or more."""
    threads: int | None = None
    """Cores to use, at least 1; all unless said otherwise."""
    figure: bool = True
    """Draw the .png and the .pdf."""
    overwrite: bool = False
    """Replace files that exist."""


@dataclasses.dataclass(frozen=True)
class HamiltonianOptions(OptionGroup):
    """The electrons of a sheet."""

    model: Model = "tight-binding"
    """The sp3 model of the reference energies (sigma and pi), or pz orbitals with one hopping between neighbours."""
    hopping: float = -2.7
    """Hopping of --model pi, eV, not zero."""
    k_points: tuple[int, int] = (1, 1)
    """Grid of k-points along the two periods, Gamma among them; at least 1 1."""
    smearing: float = 0.1
    """kT of the Fermi function that fills the levels, eV, more than 0."""


@dataclasses.dataclass(frozen=True)
class MethodOptions(OptionGroup):
    """How its levels are found."""

    method: Method | None = None
    """All levels (exact), or kernel polynomials; left out: exact up to 6,000 orbitals of a block."""
    broadening: float = 0.1
    """Standard deviation of a level, eV, more than 0: of its Gaussian, or of the Jackson kernel at the centre of the
    spectrum."""
    num_moments: int | None = None
    """Chebyshev moments of --method polynomials, at least 2; as many as the broadening needs unless said otherwise."""
    num_vectors: int = 8
    """Random vectors of --method polynomials, at least 1; their spread is the error bar."""


@dataclasses.dataclass(frozen=True)
class ResultOptions(OptionGroup):
    """What is written beside the whole density."""

    energy_range: tuple[float, float] | None = None
    """Lowest and highest energy written, eV relative to the Fermi level; the whole spectrum unless said otherwise."""
    local: Local = "none"
    """Local densities as well: by distance from the nearest edge, or by site (exact method alone)."""
    num_states: int = 0
    """States next to the Fermi level (of the pi block, at Gamma) whose energies and participation are written; 0 for
    none."""


@dataclasses.dataclass(frozen=True)
class DensityOptions(ResultOptions, MethodOptions, HamiltonianOptions, MainOptions):
    """Compute densities of states of planar sheets."""

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        if self.out.suffix != ".npz":
            raise InputError(f"--out must end in .npz. Received: {self.out}")
        require_positive(self, "num_vectors")
        for name in ("broadening", "smearing"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"{name} must be positive, in eV. Received: {name}={getattr(self, name)}")
        if not math.isfinite(self.hopping) or not self.hopping:
            raise InputError(f"hopping must not be zero, in eV. Received: hopping={self.hopping}")
        if min(self.k_points) < 1:
            raise InputError(f"k_points must be positive. Received: {self.k_points[0]} {self.k_points[1]}")
        for name, least in (("num_moments", 2), ("threads", 1), ("num_states", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} must be at least {least}. Received: {name}={value}")
        if self.energy_range is not None and not self.energy_range[0] < self.energy_range[1]:
            raise InputError(f"energy_range must be a lower and a higher energy. Received: {self.energy_range}")
        if self.local == "sites" and self.method == "polynomials":
            raise InputError("Densities by site need all states. Received: --local sites --method polynomials")

    @property
    def targets(self) -> list[Path]:
        """The files that will be written."""
        suffixes = (".npz", ".png", ".pdf") if self.figure else (".npz",)
        return [self.out.with_suffix(suffix) for suffix in suffixes]
