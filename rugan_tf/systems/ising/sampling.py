"""Spins of the canonical ensemble by cluster updates of many sheets at once (Swendsen and Wang, 1987)."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True)
class Temperatures:
    """How sheets of spins are drawn: each in equilibrium at a temperature of its own.

    The ensemble is canonical, and the temperatures are uniform between the two. Every sheet is a Markov chain of its
    own, which begins with random spins: sheets are independent.
    """

    min_temperature: float = 1.8
    """Lowest temperature, J/k_B; the transition of the infinite lattice is at 2.269."""
    max_temperature: float = 4.0
    """Highest temperature, J/k_B."""
    num_sweeps: int = 50
    """Cluster updates of each sheet; near the transition a sheet of 64x64 forgets itself in about ten."""

    def __post_init__(self) -> None:
        """Refuse what is no temperature."""
        if not 0 < self.min_temperature <= self.max_temperature < math.inf:
            raise InputError(
                "temperatures must satisfy 0 < min_temperature <= max_temperature. "
                f"Received: min_temperature={self.min_temperature}, max_temperature={self.max_temperature}"
            )
        if self.num_sweeps < 1:
            raise InputError(f"num_sweeps must be at least 1. Received: num_sweeps={self.num_sweeps}")

    def draw_states(
        self, system: LatticeSystem, rng: np.random.Generator, num_sheets: int, rows: int, cols: int
    ) -> NDArray[np.uint8]:
        """Draw sheets, uint8 (num_sheets, rows, cols)."""
        system.validate_size(rows, cols)
        temperature = rng.uniform(self.min_temperature, self.max_temperature, num_sheets)
        return sample(rng, temperature, rows, cols, self.num_sweeps)


def sample(
    rng: np.random.Generator, temperature: NDArray[np.float64], rows: int, cols: int, num_sweeps: int
) -> NDArray[np.uint8]:
    """Return sheets, uint8 (n, rows, cols), in equilibrium at temperatures (n,), J/k_B."""
    states = rng.integers(0, 2, (len(temperature), rows, cols), dtype=np.uint8)
    for _ in range(num_sweeps):
        states = cluster_update(rng, states, temperature)
    return states


def cluster_update(
    rng: np.random.Generator, states: NDArray[np.uint8], temperature: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Return sheets (n, rows, cols) after one update: equal neighbours are tied at random, and what is tied flips.

    Two equal neighbours are tied with the probability 1 - exp(-2 J / k_B T); each cluster gets a random spin. The
    canonical ensemble stays what it is, and no barrier between mostly up and mostly down hinders it.
    """
    # By expm1: at high temperatures 1 - exp would lose its digits.
    tied = -np.expm1(-2 / temperature)[:, None, None]
    # Over all sheets, so that one search finds the clusters of them all.
    numbers = np.arange(states.size).reshape(states.shape)
    pairs = []
    for axis in (1, 2):
        is_tied = (states == np.roll(states, -1, axis)) & (rng.random(states.shape) < tied)
        pairs.append((numbers[is_tied], np.roll(numbers, -1, axis)[is_tied]))
    first, second = (np.concatenate(ends) for ends in zip(*pairs, strict=True))
    graph = coo_array((np.ones(len(first), np.bool_), (first, second)), shape=(states.size, states.size))
    num_clusters, cluster = connected_components(graph, directed=False)
    return rng.integers(0, 2, num_clusters, dtype=np.uint8)[cluster].reshape(states.shape)
