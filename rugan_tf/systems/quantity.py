"""What the labels of a material mean, and what it calls sites without an atom."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class LabelQuantity:
    """What labels mean: a total, divided by the area of the sheet or by the number of its sites.

    Files, options and signatures call it `energy_per_area`, whatever it is divided by.

    Attributes:
        words: as reports and figures say it, "energy per area".
        unit: of the label.
        total_unit: of the total, as energy functions give it.
        per: what the total is divided by.
    """

    words: str
    unit: str
    total_unit: str
    per: Literal["area", "site"]

    @property
    def label(self) -> str:
        """Words and unit, as axes say them."""
        return f"{self.words} ({self.unit})"


@dataclasses.dataclass(frozen=True)
class VacancyWords:
    """What a material calls sites without an atom.

    Attributes:
        share: of the sites that are vacant.
        region: vacant sites that touch.
        regions: several of those.
    """

    share: str = "share of vacant sites"
    region: str = "vacant region"
    regions: str = "vacant regions"
