"""What an evaluation is told."""

import dataclasses
from pathlib import Path

from rugan_tf.config import OptionGroup, require_positive
from rugan_tf.errors import InputError

# What asks for a part of the evaluation that models of one kind alone have.
OF_ENERGY = (
    "num_structures", "num_nearest", "num_direct", "judge", "num_monte_carlo", "monte_carlo_steps", "matched",
    "matched_energies", "real",
)  # fmt: skip
OF_CONDITIONS = ("judges",)


@dataclasses.dataclass(frozen=True)
class MainOptions(OptionGroup):
    """What is evaluated, and where the report goes."""

    model: Path
    """Exported model: a version folder, or a folder of numeric versions."""
    data: Path
    """Data set whose energies per area are requested, .npz."""
    out: Path
    """Folder for metrics.json, the sheets and the figures; new or empty."""
    num_samples: tuple[int, ...] = (10000,)
    """Sheets of every scale, or one number for each; at least 2. A reference calculation may take seconds for each."""
    scales: tuple[int, ...] = (1, 2)
    """Sizes of the sheets, in multiples of the training size; at least 1, no two the same."""
    seed: int = 0
    """Seed of the energies drawn and of the generator, 0 or more."""
    strict: bool = False
    """Refuse data with energies outside of what the model was trained on, instead of a warning."""
    processes: int | None = None
    """Worker processes, at least 1; one per core unless said otherwise."""
    overwrite: bool = False
    """Replace the content of a folder that has some."""


@dataclasses.dataclass(frozen=True)
class JudgeOptions(OptionGroup):
    """What tells the energies, and other numbers, of generated sheets."""

    energy: str = "ednn"
    """What judges: ednn, the shipped EDNN; ednn:FOLDER; one that the material knows; or ase:package.module:Class."""
    judges: tuple[str, ...] = ()
    """What judges numbers of the data alone: NAME=FOLDER of an EDNN that `rugan ednn train --property NAME` made."""
    num_direct: tuple[int, ...] = (0,)
    """Sheets of every scale, or one number for each, that --judge judges again; 0 for none."""
    judge: str | None = None
    """Independent judge of these, any name as for --energy; the material's reference unless said otherwise."""


@dataclasses.dataclass(frozen=True)
class StructureOptions(OptionGroup):
    """Whether structure and patterns are those of real sheets."""

    num_structures: tuple[int, ...] = (1000,)
    """Sheets of every scale, or one number for each, that are compared with real ones of that size; 0 for none.
    Beyond the training size 16 real sheets are drawn and judged for each; of the data at most 1 in 16 is taken."""
    num_nearest: int = 64
    """Sheets at the training size whose nearest sheet in the data is looked for, a second each; 0 for none."""


@dataclasses.dataclass(frozen=True)
class FluctuationOptions(OptionGroup):
    """Whether sheets of one energy vary over long distances as real ones do."""

    matched: int = 64
    """Sheets at each of a few energies whose fluctuations are compared with real sheets of that energy; 0 for none, or
    at least 2."""
    matched_energies: tuple[float, ...] = ()
    """These energies per area, in the unit of the material; the quantiles 0.2, 0.5 and 0.8 of the data unless said
    otherwise."""
    real: Path | None = None
    """File that keeps the real sheets of these energies for the next evaluation, .npz."""


@dataclasses.dataclass(frozen=True)
class MonteCarloOptions(OptionGroup):
    """The same requests, answered without learning."""

    num_monte_carlo: tuple[int, ...] = (0,)
    """Requests of every scale, or one number for each, that Monte Carlo answers as well (`rugan sample`); 0 for
    none."""
    monte_carlo_steps: int = 64
    """Steps of its chains, one for each request, at least 1; in each a flip is tried for every cell."""


@dataclasses.dataclass(frozen=True)
class EvaluateOptions(MonteCarloOptions, FluctuationOptions, StructureOptions, JudgeOptions, MainOptions):
    """Judge generated sheets: the energy per area that they have against what was requested."""

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        if not self.scales or min(self.scales) < 1 or len(set(self.scales)) < len(self.scales):
            raise InputError(f"scales must be different, and at least 1. Received: scales={self.scales}")
        for name in ("num_samples", "num_structures", "num_direct", "num_monte_carlo"):
            value = getattr(self, name)
            if len(value) not in (1, len(self.scales)):
                raise InputError(
                    f"{name} must be one number, or one for each of {len(self.scales)} scales. Received: {name}={value}"
                )
        for name, value in (
            ("num_structures", min(self.num_structures)),
            ("num_nearest", self.num_nearest),
            ("num_direct", min(self.num_direct)),
            ("num_monte_carlo", min(self.num_monte_carlo)),
            ("matched", self.matched),
        ):
            if value < 0:
                raise InputError(f"{name} must not be negative. Received: {name}={value}")
        require_positive(self, "monte_carlo_steps")
        if self.matched == 1:
            raise InputError("matched must be 0, or at least 2 for a scatter between sheets. Received: matched=1")
        if self.judge is not None and not any(self.num_direct):
            raise InputError("An independent judge needs sheets, --num-direct. Received: --judge without")
        if min(self.num_samples) < 2:
            raise InputError(f"num_samples must be at least 2. Received: num_samples={self.num_samples}")
        if self.seed < 0:
            raise InputError(f"seed must not be negative. Received: seed={self.seed}")
        if self.processes is not None and self.processes < 1:
            raise InputError(f"processes must be at least 1. Received: processes={self.processes}")

    @property
    def samples_by_scale(self) -> dict[int, int]:
        """The number of sheets of each scale, in the order of the scales."""
        return self.by_scale(self.num_samples)

    @property
    def direct_by_scale(self) -> dict[int, int]:
        """The number of sheets of each scale that are judged again."""
        return self.by_scale(self.num_direct)

    @property
    def monte_carlo_by_scale(self) -> dict[int, int]:
        """The number of requests of each scale that Monte Carlo answers."""
        return self.by_scale(self.num_monte_carlo)

    @property
    def structures_by_scale(self) -> dict[int, int]:
        """The number of sheets of each scale that are compared with real ones."""
        return self.by_scale(self.num_structures)

    def require_meaning(self, *, has_conditions: bool) -> None:
        """Raise InputError for options that ask for what the evaluation of such a model does not have.

        Args:
            has_conditions: whether the model is asked for other conditions than the energy alone.
        """
        names, kind = (OF_ENERGY, "the energy alone") if has_conditions else (OF_CONDITIONS, "other conditions")
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        values = {name: getattr(self, name) for name in names}
        # A 0 asks for nothing, so it is no contradiction.
        is_asked = {name: any(value) if isinstance(value, tuple) else bool(value) for name, value in values.items()}
        asked = [f"--{name.replace('_', '-')}" for name in names if is_asked[name] and values[name] != defaults[name]]
        if asked:
            raise InputError(
                f"Options for models that are asked for {kind} must be left out. Received: {', '.join(asked)}"
            )

    def by_scale(self, counts: tuple[int, ...]) -> dict[int, int]:
        """Return one number for each scale."""
        return dict(zip(self.scales, counts * len(self.scales) if len(counts) == 1 else counts, strict=True))
