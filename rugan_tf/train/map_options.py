"""What a training does with maps of the energy, in place of one energy for a whole sheet."""

import dataclasses
from pathlib import Path

from rugan_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class MapOptions:
    """Train on maps: where a sheet has how much of its energy, as an EDNN sees it, filtered and made noisy."""

    map_weight: float = 0.0
    """Weight, in the generator's loss, of the squared error of its map; 0 to train on one label for a sheet, as in the
    paper. With other conditions than the energy alone: of the labels that its sheets have, one of each for a sheet."""
    map_ednn: Path | None = None
    """The EDNN that tells where the energy is; the shipped one of the material unless given."""
    map_cutoff: float = 2.0
    """What the map keeps: up to so many times the smallest wave number of a training sheet."""
    map_noise: float = 0.5
    """Standard deviation of the white noise on the map, in those of the labels: without it a map says nearly every
    cell of a small sheet, and latents mean nothing."""
    uniform_share: float = 0.25
    """Share of the sheets whose map is one number and has no noise: what generators of uniform sheets, and of maps
    that a user draws, learn from."""

    def __post_init__(self) -> None:
        """Refuse what is no map."""
        for name in ("map_weight", "map_noise"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must not be negative. Received: {name}={getattr(self, name)}")
        if not self.map_cutoff > 0:
            raise InputError(f"map_cutoff must be positive. Received: map_cutoff={self.map_cutoff}")
        if not 0 <= self.uniform_share <= 1:
            raise InputError(f"uniform_share must lie in 0..1. Received: uniform_share={self.uniform_share}")
