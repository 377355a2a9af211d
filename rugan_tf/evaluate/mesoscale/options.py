"""What a comparison of large sheets is told."""

import dataclasses
import math
from pathlib import Path

from rugan_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class MesoscaleOptions:
    """Compare large generated sheets with real ones of the same energy, and with what small sheets foretell."""

    model: Path
    """Exported model: a version folder, or a folder of numeric versions."""
    data: Path
    """Data set: its small sheets foretell, and its metadata tell how real sheets are drawn, .npz."""
    out: Path
    """Folder for mesoscale.json and the figures; new or empty."""
    scales: tuple[int, ...] = (2, 4)
    """Sizes of the sheets, in multiples of the training size."""
    energies: tuple[float, ...] = ()
    """Energies per area; the quantiles 0.2, 0.5 and 0.8 of the data unless said otherwise."""
    num_sheets: tuple[int, ...] = (64,)
    """Sheets of every energy and scale, or one number for each scale."""
    tolerance: float = 0.1
    """Furthest that a real sheet's energy may be from the one wanted, in standard deviations of the data."""
    real: Path | None = None
    """File that keeps the real sheets: read if it exists, and written with those that it lacks, .npz."""
    energy: str = "ednn"
    """What judges: ednn, the shipped EDNN; ednn:FOLDER; one that the material knows; or ase:package.module:Class."""
    seed: int = 0
    """Seed of the generator."""
    overwrite: bool = False
    """Replace the content of a folder that has some."""

    def __post_init__(self) -> None:
        """Refuse what cannot be compared."""
        if not self.scales or min(self.scales) < 1 or len(set(self.scales)) < len(self.scales):
            raise InputError(f"scales must be different, and at least 1. Received: scales={self.scales}")
        if len(self.num_sheets) not in (1, len(self.scales)) or min(self.num_sheets) < 2:
            raise InputError(
                f"num_sheets must be at least 2: one number, or one for each of {len(self.scales)} scales. "
                f"Received: num_sheets={self.num_sheets}"
            )
        if not all(map(math.isfinite, self.energies)) or len(set(self.energies)) < len(self.energies):
            raise InputError(f"energies must be finite and different. Received: energies={self.energies}")
        if not (math.isfinite(self.tolerance) and self.tolerance > 0):
            raise InputError(f"tolerance must be positive. Received: tolerance={self.tolerance}")
        if self.real is not None and self.real.suffix != ".npz":
            raise InputError(f"real must be an .npz file. Received: real={self.real}")
        if self.seed < 0:
            raise InputError(f"seed must not be negative. Received: seed={self.seed}")

    @property
    def sheets_by_scale(self) -> dict[int, int]:
        """The number of sheets of each scale."""
        counts = self.num_sheets * len(self.scales) if len(self.num_sheets) == 1 else self.num_sheets
        return dict(zip(self.scales, counts, strict=True))
