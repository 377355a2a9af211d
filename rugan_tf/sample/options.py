"""What `rugan sample` can be asked for."""

import dataclasses
import math
from pathlib import Path

from rugan_tf.config import OptionGroup, require_positive
from rugan_tf.errors import InputError
from rugan_tf.systems.named import DEFAULT_SYSTEM


@dataclasses.dataclass(frozen=True)
class MainOptions(OptionGroup):
    """Which sheets, and where they go."""

    out: Path
    """Data set to write, .npz; a report .json and a figure .png of the same name stand beside it."""
    rows: int = 14
    """Lattice cells along the rows, at least 1."""
    cols: int = 16
    """Lattice cells along the columns, at least 1; even where odd columns are shifted."""
    energy: str | None = None
    """An energy that is a sum over places: ednn, the shipped EDNN; ednn:FOLDER; or one that the material knows.
    Unless said otherwise the reference where it is such a sum or where no EDNN is shipped, else the shipped EDNN."""
    system: str = DEFAULT_SYSTEM
    """Material, by its name or, of your own, FILE.toml or package.module:Class."""
    seed: int = 0
    """Seed of the random numbers, 0 or more."""
    overwrite: bool = False
    """Replace files that exist."""


@dataclasses.dataclass(frozen=True)
class ChainOptions(OptionGroup):
    """How many sheets are recorded, and when."""

    num_chains: int = 32
    """Chains of each replica, side by side, at least 1; fewer take less time and give fewer sheets."""
    num_steps: int = 400
    """Recorded steps of each chain, at least 1. On two slow cores a step of 14x16 cells takes about 2.7 s, so 400, and
    the burn-in, take half an hour; fewer steps or chains take less."""
    num_burn_in: int | None = None
    """Steps before these, at least 1; half as many unless said otherwise."""


@dataclasses.dataclass(frozen=True)
class MoveOptions(OptionGroup):
    """How a sheet changes in one step."""

    flips_per_step: int | None = None
    """Flips that are tried in a sheet in each step, at least 1; one for every cell unless said otherwise."""
    patch: tuple[int, int] | None = None
    """Most rows and columns of cells that a flip redraws; 2 3 for materials with a rule, else 1 1."""
    parallel: bool = True
    """Flip places of a large sheet together where they do not see each other."""


@dataclasses.dataclass(frozen=True)
class EnergyWindowOptions(OptionGroup):
    """Which energies sheets have, and the replicas that exchange sheets on the way there."""

    energy_per_area: float = -2.6
    """Energy per area that sheets are to have, in the unit of the material."""
    width: float = 0.01
    """Standard deviation of their energies per area around it, in the same unit, more than 0."""
    widest: float | None = None
    """The same of the widest replica, more than --width; eight times as wide unless said otherwise."""
    num_replicas: int = 4
    """Replicas, from the width to the widest, that exchange sheets; at least 2."""


@dataclasses.dataclass(frozen=True)
class EnsembleOptions(OptionGroup):
    """Temperatures, and what atoms are worth outside of the sheet."""

    temperatures: tuple[float, ...] = ()
    """k T of each replica, in the unit of the energy, more than 0, ascending; at least two."""
    chemical_potentials: dict[str, float] = dataclasses.field(default_factory=dict)
    """Energy that an atom, or whatever sites hold, is worth outside of the sheet, by name, in the unit of the energy; 0
    for the others."""


@dataclasses.dataclass(frozen=True)
class SampleOptions(MoveOptions, ChainOptions, MainOptions):
    """What both ensembles are told."""

    def __post_init__(self) -> None:
        """Refuse what cannot be sampled."""
        if self.out.suffix != ".npz":
            raise InputError(f"--out must end in .npz. Received: {self.out}")
        require_positive(self, "rows", "cols", "num_chains", "num_steps")
        for name in ("num_burn_in", "flips_per_step"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1. Received: {name}={value}")
        if self.patch is not None and min(self.patch) < 1:
            raise InputError(f"patch must be at least 1 1. Received: {self.patch[0]} {self.patch[1]}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed must not be negative, and must fit into 63 bits. Received: seed={self.seed}")

    @property
    def burn_in(self) -> int:
        """Steps of the burn-in."""
        return max(1, self.num_steps // 2) if self.num_burn_in is None else self.num_burn_in

    @property
    def report(self) -> Path:
        """The report's file."""
        return self.out.with_suffix(".json")

    @property
    def figure(self) -> Path:
        """The figure's file."""
        return self.out.with_suffix(".png")

    @property
    def progress(self) -> Path:
        """The folder of an unfinished run."""
        return self.out.with_suffix(".progress")


@dataclasses.dataclass(frozen=True)
class WindowOptions(EnergyWindowOptions, SampleOptions):
    """Sample sheets near an energy per area."""

    def __post_init__(self) -> None:
        """Refuse what cannot be sampled."""
        super().__post_init__()
        if not math.isfinite(self.energy_per_area):
            raise InputError(f"energy_per_area must be finite. Received: energy_per_area={self.energy_per_area}")
        if not (math.isfinite(self.width) and self.width > 0):
            raise InputError(f"width must be positive. Received: width={self.width}")
        if not (math.isfinite(self.widest_width) and self.widest_width > self.width):
            raise InputError(f"widest must be larger than width={self.width}. Received: widest={self.widest}")
        require_replicas(self.num_replicas)

    @property
    def widest_width(self) -> float:
        """Standard deviation of the widest replica."""
        return 8 * self.width if self.widest is None else self.widest


@dataclasses.dataclass(frozen=True)
class CanonicalOptions(EnsembleOptions, SampleOptions):
    """Sample sheets at temperatures."""

    def __post_init__(self) -> None:
        """Refuse what cannot be sampled."""
        super().__post_init__()
        told = " ".join(f"{temperature:g}" for temperature in self.temperatures)
        if any(not (math.isfinite(temperature) and temperature > 0) for temperature in self.temperatures):
            raise InputError(f"temperatures must be positive. Received: {told}")
        require_replicas(len(self.temperatures))
        if list(self.temperatures) != sorted(set(self.temperatures)):
            raise InputError(f"temperatures must ascend. Received: {told}")
        for name, value in self.chemical_potentials.items():
            if not math.isfinite(value):
                raise InputError(f"A chemical potential must be finite. Received: {name}={value}")


def require_replicas(number: int) -> None:
    """Raise InputError unless there are replicas to exchange."""
    if number < 2:
        raise InputError(f"Replica exchange needs at least 2 replicas. Received: {number}")
