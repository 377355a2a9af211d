"""How many independent sheets correlated ones are worth: integrated autocorrelation times of several observables.

The time of the energy alone would flatter chains that are held at an energy. The time of what stands at a place is that
of the sheet itself, that of the longest waves the slowest where composition diffuses. The largest counts.
"""

import contextlib
import dataclasses
import logging
import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import NDArray
from scipy.stats import t as student

from rugan_tf.lattice.spectrum import smallest_wave_number, structure_factors, wave_vectors
from rugan_tf.systems.system import LatticeSystem

Floats = NDArray[np.float64]
States = NDArray[np.uint8]

MOST_PLACES = 64  # of a sheet that are looked at, evenly over it
FEWEST_TIMES = 20  # times that a chain must be longer than the autocorrelation time for a number to be believed
MOST_GROUPS = 8  # of chains, between which the scatter of the time is looked at
FEWEST_GROUPS = 3


@dataclasses.dataclass(frozen=True)
class Independence:
    """What chains of sheets are worth.

    Attributes:
        times: integrated autocorrelation time 1 + 2 sum of the correlations, in steps, by observable; None where the
            observable never changes.
        num_samples: correlated sheets, steps times chains.
        time: the largest time; None where chains are too short to tell, or nothing ever changes.
        time_error: half of its 95 % interval, by the scatter between groups of chains; None for few chains.
        reason: why there is no time; empty if there is one.
    """

    times: dict[str, float | None]
    num_samples: int
    time: float | None
    time_error: float | None
    reason: str

    @property
    def num_independent(self) -> float | None:
        """Independent sheets that the correlated ones are worth."""
        return None if self.time is None else self.num_samples / self.time

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of `num_independent`."""
        if self.time is None or self.time_error is None:
            return None
        shortest = max(1.0, self.time - self.time_error)
        return self.num_samples / (self.time + self.time_error), self.num_samples / shortest


def independence(system: LatticeSystem, states: States, energy: Floats) -> Independence:
    """Return what chains of sheets are worth.

    Args:
        system: the material.
        states: uint8 (steps, chains, rows, cols).
        energy: float64 (steps, chains).
    """
    steps, chains = energy.shape
    seen = observables(system, states, energy)
    times = {name: autocorrelation_time(values) for name, values in seen.items()}
    known = {name: time for name, time in times.items() if time is not None}
    if not known:
        return Independence(times, steps * chains, None, None, "the sheets never change")
    slowest = max(known, key=lambda name: known[name])
    time = known[slowest]
    # A short chain sees a part of its correlations alone: its time comes out too small, and its worth too large.
    if steps < FEWEST_TIMES * time:
        reason = (
            f"chains must be {FEWEST_TIMES} times as long as the autocorrelation time. Received: {steps} steps, and a "
            f"time of {time:.3g} or more"
        )
        return Independence(times, steps * chains, None, None, reason)
    return Independence(times, steps * chains, time, time_error(seen[slowest]), "")


def observables(system: LatticeSystem, states: States, energy: Floats) -> dict[str, Floats]:
    """Return what is followed, float64 (steps, chains, values) by name."""
    steps, chains, rows, cols = states.shape
    sheets = states.reshape(-1, rows, cols)
    kinds = system.images.kinds[sheets]  # (n, rows, cols, sites)
    present = range(int(kinds.max()) + 1)
    # Places are alike by symmetry, and the correlations of every site of a large sheet would fill the memory.
    every = math.ceil(kinds[0].size / MOST_PLACES)
    places = kinds.reshape(len(sheets), -1)[:, ::every]
    vectors = wave_vectors(system.lattice, rows, cols, smallest_wave_number(system.lattice, rows, cols))
    waves = [structure_factors(system.lattice, kinds == kind, vectors) for kind in present]
    found = {
        "energy": energy[..., None],
        "composition": np.stack([(kinds == kind).mean(axis=(1, 2, 3)) for kind in present], axis=-1),
        "places": np.concatenate([places == kind for kind in present], axis=-1).astype(np.float64),
        "longest_waves": np.concatenate(waves, axis=-1),
    }
    return {name: values.reshape(steps, chains, -1) for name, values in found.items()}


def autocorrelation_time(values: Floats) -> float | None:
    """Return the integrated autocorrelation time, in steps, of an observable (steps, chains, values).

    Of several values the mean number of independent ones counts: places are alike by the symmetry of the lattice. None
    where none ever changes. Geyer's sum of positive pairs, over all chains (Stat. Sci. 7, 473 (1992)).
    """
    changing = values[..., np.ptp(values, axis=(0, 1)) > 0]
    if not changing.shape[-1] or len(values) < 2:
        return None
    # In units of its spread: the variance of energies of a thousand eV is no small difference of squares then.
    changing = (changing - changing.mean(axis=(0, 1))) / changing.std(axis=(0, 1))
    # TensorFlow Probability raises where it is to compare chains and there is one.
    one_chain = changing.shape[1] == 1
    with without_warnings():
        worth = tfp.mcmc.effective_sample_size(
            changing[:, 0] if one_chain else changing,
            filter_beyond_positive_pairs=True,
            cross_chain_dims=None if one_chain else 1,
        ).numpy()
    # At least 1: by chance a few sheets may look as if they were worth more than they are many.
    return max(1.0, float(np.prod(values.shape[:2]) / worth.mean()))


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Keep TensorFlow's logger still: the transform of a correlation is cast to its real part on purpose."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def time_error(values: Floats) -> float | None:
    """Return half of the 95 % interval of an autocorrelation time, by the scatter between groups of chains."""
    # At least two chains in a group, so that it compares chains as all of them together are compared.
    number = min(MOST_GROUPS, values.shape[1] // 2)
    if number < FEWEST_GROUPS:
        return None
    times = [autocorrelation_time(group) for group in np.array_split(values, number, axis=1)]
    known = np.array([time for time in times if time is not None])
    if len(known) < FEWEST_GROUPS:
        return None
    return float(student.ppf(0.975, len(known) - 1) * known.std(ddof=1) / math.sqrt(len(known)))
