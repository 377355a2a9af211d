"""Sheets of random shares of the states, in domains of random size: a drawing that needs to know no material."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True)
class RandomDomains:
    """How sheets of random domains are drawn.

    Each sheet has its own shares of the states, and its own size of domains: a Gaussian random field for each state,
    smooth over that length, decides together with the shares which state a cell is in.
    """

    concentration: float = 1.0
    """Of the Dirichlet distribution of the shares of the states: 1 for all shares alike, more for nearly equal ones."""
    min_domain: float = 0.0
    """Smallest length that fields are smoothed over, in the unit of the lattice; 0: every cell for itself."""
    max_domain: float = 0.0
    """Largest such length; each sheet has one between the two."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if not (math.isfinite(self.concentration) and self.concentration > 0):
            raise InputError(f"concentration must be positive. Received: concentration={self.concentration}")
        if not 0 <= self.min_domain <= self.max_domain < math.inf:
            raise InputError(
                "domains must satisfy 0 <= min_domain <= max_domain. "
                f"Received: min_domain={self.min_domain}, max_domain={self.max_domain}"
            )

    def draw_states(
        self, system: LatticeSystem, rng: np.random.Generator, num_sheets: int, rows: int, cols: int
    ) -> NDArray[np.uint8]:
        """Draw sheets, uint8 (num_sheets, rows, cols)."""
        shares = rng.dirichlet(np.full(system.num_states, self.concentration), num_sheets)
        lengths = rng.uniform(self.min_domain, self.max_domain, num_sheets)
        winner = np.zeros((num_sheets, rows, cols), np.uint8)
        highest = np.full(winner.shape, -np.inf)
        for state in range(system.num_states):
            # The largest of log share + Gumbel noise has the probability of its share, however the noise is smooth.
            with np.errstate(divide="ignore"):  # a share may be 0
                level = np.log(shares[:, state])[:, None, None]
            value = level + gumbel(smooth_fields(rng, system.lattice, lengths, rows, cols))
            winner[value > highest] = state
            highest = np.maximum(highest, value)
        return winner


def gumbel(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return normal numbers as numbers of Gumbel's distribution, of the same order."""
    from scipy.special import log_ndtr

    # log_ndtr, since the distribution function rounds to 1 from eight standard deviations on.
    return np.asarray(-np.log(-log_ndtr(normal)))


def smooth_fields(
    rng: np.random.Generator, lattice: Lattice, lengths: NDArray[np.float64], rows: int, cols: int
) -> NDArray[np.float64]:
    """Return periodic Gaussian random fields (n, rows, cols) of mean 0 and variance 1 on the cells of sheets.

    Args:
        rng: random numbers.
        lattice: whose cells.
        lengths: (n,), standard deviation of the Gaussian that each field is smoothed with, in the unit of the lattice.
        rows: lattice cells.
        cols: lattice cells.
    """
    lattice.validate_size(rows, cols)
    spectrum = np.fft.fft2(rng.standard_normal((len(lengths), rows, cols)))
    along_rows = 2 * np.pi * np.fft.fftfreq(rows, lattice.row_pitch)
    along_cols = 2 * np.pi * np.fft.fftfreq(cols, lattice.col_pitch)
    squared = along_rows[:, None] ** 2 + along_cols**2
    passed = np.exp(-squared * np.square(lengths)[:, None, None] / 2)
    spectrum *= passed / np.sqrt(np.square(passed).mean(axis=(1, 2), keepdims=True))
    columns = np.fft.ifft(spectrum, axis=2)
    # The cells of odd columns lie between those of even ones. The fastest wave along the rows has no value there: kept.
    shift = np.where(2 * np.arange(rows) == rows, 0.0, along_rows * lattice.row_pitch * lattice.col_shift)
    columns[:, :, 1::2] *= np.exp(1j * shift)[:, None]
    return np.asarray(np.fft.ifft(columns, axis=1).real)
