"""What chains are to visit, and how often: sheets near an energy, or sheets at temperatures."""

import dataclasses
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.systems.quantity import LabelQuantity

Floats = NDArray[np.float64]

FURTHEST = (
    3.0  # widths by which a mean is taken to be off when the tilt is adapted: far from the window it says nothing
)

OUTSIDE = 4.0  # widths from the request where the window ends


class Ensemble(Protocol):
    """The distribution that replicas are drawn from, as a function of energies, float64 (replicas, chains).

    The logarithm of the probability is inverse_temperature * tempered + untempered.
    """

    @property
    def inverse_temperatures(self) -> Floats:
        """One for each replica, the coldest first."""

    @property
    def num_recorded(self) -> int:
        """Replicas whose sheets are what was asked for, from the first; the others only help these to move."""

    @property
    def measure(self) -> str:
        """What is sampled, in words."""

    def name(self, replica: int, quantity: LabelQuantity) -> str:
        """Return a recorded replica in words."""

    def target(self, replica: int) -> float | None:
        """Return the energy per area that a recorded replica was asked for; None where no single one was."""

    def content(self, replica: int, trace: Floats, variance: float, num_sites: int) -> dict[str, float]:
        """Return what a report says of a recorded replica besides what it says of all.

        Args:
            replica: its number.
            trace: energies per area (steps, chains).
            variance: of the totals that the probability is a function of.
            num_sites: of a sheet.
        """

    def tempered(self, energy: Any, tilt: Any) -> Any:
        """Return the part that replicas differ in."""

    def untempered(self, energy: Any, tilt: Any) -> Any:
        """Return the part that they share."""

    def adapted(self, tilt: Floats, energy: Floats) -> Floats:
        """Return a better tilt (chains,) after energies (steps, replicas, chains) of the burn-in."""

    def require_found(self, energy: Floats) -> None:
        """Raise InputError if energies (steps, replicas, chains) at the end of the burn-in are none that were asked."""


@dataclasses.dataclass(frozen=True)
class EnergyWindow:
    """Sheets near an energy per area: a Gaussian around it, wider for each further replica.

    There are more sheets of high energy than of low energy, so a Gaussian alone would find its sheets above its centre.
    A factor exp(-tilt * energy per area), the same for all replicas, takes that back. Sheets of equal energy are
    equally likely with it as without.

    Attributes:
        requested: energies per area (chains,).
        width: standard deviation of the first replica, as energies per area.
        widest: of the last replica.
        num_replicas: at least 2.
        extent: what energies are divided by.
    """

    requested: Floats
    width: float
    widest: float
    num_replicas: int
    extent: float

    @property
    def inverse_temperatures(self) -> Floats:
        """Widths are a geometric series, and these the inverse of their squares."""
        return np.geomspace(1.0, (self.width / self.widest) ** 2, self.num_replicas)

    @property
    def num_recorded(self) -> int:
        """The first replica is what was asked for."""
        return 1

    @property
    def measure(self) -> str:
        """What is sampled, in words."""
        return (
            "all sheets that obey the rule of the material, those of equal energy equally likely, energies per area "
            f"within a standard deviation of {self.width:g} of what was requested: the microcanonical measure, which "
            "is not that of sheets drawn at random by the material"
        )

    def name(self, replica: int, quantity: LabelQuantity) -> str:  # noqa: ARG002 - as the other ensemble
        """Return what was requested."""
        return f"{self.requested.mean():g} {quantity.unit}"

    def target(self, replica: int) -> float | None:  # noqa: ARG002 - as the other ensemble
        """Return the mean of what was requested."""
        return float(self.requested.mean())

    def content(self, replica: int, trace: Floats, variance: float, num_sites: int) -> dict[str, float]:  # noqa: ARG002
        """Return how far energies are from what was requested."""
        error = trace - self.requested
        return {
            "requested": float(self.requested.mean()),
            "energy_error_mean": float(error.mean()),
            "energy_error_mae": float(np.abs(error).mean()),
        }

    def tempered(self, energy: Any, tilt: Any) -> Any:  # noqa: ARG002 - as the other ensemble
        """Return the logarithm of the Gaussian."""
        distance = (energy / self.extent - self.requested) / self.width
        return -0.5 * distance * distance

    def untempered(self, energy: Any, tilt: Any) -> Any:
        """Return the tilt, around the request so that numbers stay small."""
        return -tilt * (energy / self.extent - self.requested)

    def adapted(self, tilt: Floats, energy: Floats) -> Floats:
        """Return the tilt with which the mean is the request, to first order; chains of one request share it.

        A Gaussian of standard deviation s times exp(b x) has its mean s^2 b further up.
        """
        # The later half: the earlier one still tells where chains began.
        late = energy[len(energy) // 2 :, 0] / self.extent - self.requested
        found = tilt.copy()
        for value in np.unique(self.requested):
            same = self.requested == value
            off = np.clip(late[:, same].mean(), -FURTHEST * self.width, FURTHEST * self.width)
            found[same] += off / self.width**2
        return found

    def require_found(self, energy: Floats) -> None:
        """Raise InputError if no chain came near to its request."""
        off = np.abs(energy[len(energy) // 2 :, 0] / self.extent - self.requested).min(axis=0)
        for value in np.unique(self.requested):
            same = self.requested == value
            # One chain that came near is enough: the others need more time, but the window holds sheets.
            if off[same].min() > OUTSIDE * self.width:
                raise InputError(
                    f"A window must hold sheets that chains find. Received: energy_per_area={value:g}, width="
                    f"{self.width:g}; the nearest sheet that {same.sum()} chains found is {off[same].min():.3g} off"
                )


@dataclasses.dataclass(frozen=True)
class Canonical:
    """Sheets with the probability exp(-E / T) of Boltzmann, one replica for each temperature, all recorded.

    Attributes:
        temperatures: k T (replicas,), in the unit of the energy, ascending.
    """

    temperatures: Floats

    @property
    def inverse_temperatures(self) -> Floats:
        """1 / (k T)."""
        return 1 / self.temperatures

    @property
    def num_recorded(self) -> int:
        """Every temperature was asked for."""
        return len(self.temperatures)

    @property
    def measure(self) -> str:
        """What is sampled, in words."""
        return (
            "all sheets that obey the rule of the material, with the probability exp(-E / kT) of Boltzmann at given "
            "chemical potentials; the composition is free"
        )

    def name(self, replica: int, quantity: LabelQuantity) -> str:
        """Return the temperature."""
        return f"kT = {self.temperatures[replica]:g} {quantity.total_unit}"

    def target(self, replica: int) -> float | None:  # noqa: ARG002 - as the other ensemble
        """Return None: a temperature asks for no energy."""
        return None

    def content(self, replica: int, trace: Floats, variance: float, num_sites: int) -> dict[str, float]:  # noqa: ARG002
        """Return the temperature, and the heat capacity in units of k that fluctuations tell."""
        temperature = float(self.temperatures[replica])
        return {"temperature": temperature, "heat_capacity_per_site": variance / temperature**2 / num_sites}

    def tempered(self, energy: Any, tilt: Any) -> Any:  # noqa: ARG002 - as the other ensemble
        """Return -E."""
        return -energy

    def untempered(self, energy: Any, tilt: Any) -> Any:
        """Return nothing."""
        # In the shape and the type of both: replica exchange adds it up.
        return 0.0 * energy * tilt

    def adapted(self, tilt: Floats, energy: Floats) -> Floats:  # noqa: ARG002 - as the other ensemble
        """Return the tilt as it is: none."""
        return tilt

    def require_found(self, energy: Floats) -> None:
        """Return: every sheet is one of a temperature."""
