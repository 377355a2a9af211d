"""Reference energies for the EDNN: the fixed split, the constant of each state, batches of symmetric images."""

import dataclasses
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError
from rugan_tf.formats.data_set import FEWEST_REFERENCE, DataSet
from rugan_tf.systems.system import LatticeSystem

SPLIT_SEED = 20190  # of the split, whatever the seed of a training: all trainings share the test part
HELD_OUT = 0.1  # share of the validation part, and of the test part


@dataclasses.dataclass(frozen=True)
class Split:
    """Indices of the sheets of each part."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_reference(num_sheets: int, num_reference: int | None = None) -> Split:
    """Split sheets into train, validation and test, the same for every training on the same data set.

    Raises:
        InputError: too few sheets, or fewer in the training part than asked for.
    """
    if num_sheets < FEWEST_REFERENCE:
        raise InputError(f"There must be at least {FEWEST_REFERENCE} reference sheets to split. Received: {num_sheets}")
    # The test part comes first: it does not move when fewer or more sheets are trained on.
    order = np.random.default_rng(SPLIT_SEED).permutation(num_sheets)
    held_out = round(HELD_OUT * num_sheets)
    test, validation, train = np.split(order, [held_out, 2 * held_out])
    if num_reference is not None and not 1 <= num_reference <= len(train):
        raise InputError(
            f"num_reference must lie in 1..{len(train)}, the training part. Received: num_reference={num_reference}"
        )
    return Split(train[:num_reference], validation, test)


def total_energy(data_set: DataSet) -> NDArray[np.float64]:
    """Return the total energies (n,)."""
    return data_set.energy_per_area * data_set.system.extent(*data_set.states.shape[1:])


def fit_state_energies(
    states: NDArray[np.uint8], energy: NDArray[np.float64], num_states: int
) -> tuple[tuple[float, ...], float]:
    """Return the constant of each state, per cell, that fits energies best, and the rest per cell, rms.

    Raises:
        InputError: the energies are all equal.
    """
    if np.ptp(energy) == 0:
        raise InputError(f"Reference energies must differ. Received: {len(energy)} times {energy[0]}")
    # By least squares, which give a state that no sheet has the constant 0.
    counts = np.stack([(states == state).sum(axis=(1, 2)) for state in range(num_states)], axis=1)
    constants, *_ = np.linalg.lstsq(counts.astype(np.float64), energy, rcond=None)
    rest = (energy - counts @ constants) / states[0].size
    # Errors are divided by the rest, which is nothing where the constants explain all.
    return tuple(float(value) for value in constants), max(float(np.sqrt(np.mean(rest**2))), 1e-6)


class SymmetricBatches(keras.utils.PyDataset):
    """Batches of random symmetric images; each epoch and each batch has a random stream of its own."""

    def __init__(
        self,
        system: LatticeSystem,
        states: NDArray[np.uint8],
        energy: NDArray[np.float64],
        batch_size: int,
        seed: int,
        first_epoch: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Convolutions know of shifts, not of mirrors: that these do not change the energy is taught by images.
        self.system, self.states, self.energy = system, states, energy.astype(np.float32)
        # Fewer sheets than a batch make a batch of their own, else an epoch would have none.
        self.batch_size, self.seed, self.epoch = min(batch_size, len(states)), seed, first_epoch

    def __len__(self) -> int:
        """Return the number of whole batches of an epoch."""
        return len(self.states) // self.batch_size

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return states and energies of one batch."""
        # Drawn again for each batch, so that a resumed training gets the batches that it would have got.
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.states))
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        rng = np.random.default_rng([self.seed, self.epoch, index])
        return self.system.draw_symmetric_images(rng, self.states[chosen]), self.energy[chosen]

    def on_epoch_end(self) -> None:
        """Go to the next epoch's order and images."""
        self.epoch += 1
