"""Chains of sheets: burn-in, then recorded steps, in blocks that are kept so that a killed run goes on."""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.formats.pieces import Pieces
from rugan_tf.sample.ensembles import Ensemble
from rugan_tf.sample.flips import FlipKernel
from rugan_tf.sample.moves import Moves

Floats = NDArray[np.float64]
States = NDArray[np.uint8]

BLOCK = 16  # steps that are run, and kept, together
ENERGY, COUNTS, SWAPS, STATES = "energy", "counts", "swaps", "states"
TILT, SECONDS, DRIFT = "tilt", "seconds", "drift"
LAST = "last"  # is kept at the end of a block: a block is there where it is
NAMES = (ENERGY, COUNTS, SWAPS, STATES, TILT, SECONDS, DRIFT, LAST)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long chains are.

    Attributes:
        num_burn_in: steps before anything is recorded.
        num_steps: recorded steps.
        num_rounds: flips of every place in a step.
        seed: not negative.
    """

    num_burn_in: int
    num_steps: int
    num_rounds: int
    seed: int

    def blocks(self) -> list[tuple[int, bool]]:
        """Return the steps of each block, and whether they are recorded."""
        found = []
        for steps, is_recorded in ((self.num_burn_in, False), (self.num_steps, True)):
            found += [(min(BLOCK, steps - start), is_recorded) for start in range(0, steps, BLOCK)]
        return found


@dataclasses.dataclass(frozen=True)
class Trace:
    """What chains went through.

    Attributes:
        states: uint8 (steps, recorded replicas, chains, rows, cols).
        energy: float64 (steps, replicas, chains), totals as flips added them up.
        tilt: float64 (chains,), see `EnergyWindow`.
        kept_rule: share (replicas,) of the flips that kept the rule nearby.
        accepted: share (replicas,) of all flips that were accepted.
        whole: share (replicas,) of the steps after which sheets obeyed the rule as a whole.
        swapped: share (replicas - 1,) of the proposed swaps of neighbours that were accepted.
        seconds: of the recorded steps.
        burn_in_seconds: before them.
        drift: largest difference of an added-up energy from the sheet's own, at the ends of blocks.
    """

    states: States
    energy: Floats
    tilt: Floats
    kept_rule: Floats
    accepted: Floats
    whole: Floats
    swapped: Floats
    seconds: float
    burn_in_seconds: float
    drift: float


@dataclasses.dataclass(frozen=True)
class Chains:
    """Replica exchange over Metropolis flips, many chains at once.

    Swendsen and Wang, Phys. Rev. Lett. 57, 2607 (1986).

    Attributes:
        moves: how sheets change.
        ensemble: what is sampled.
        schedule: how long.
    """

    moves: Moves
    ensemble: Ensemble
    schedule: Schedule

    def run(self, start: States, pieces: Pieces) -> Trace:
        """Run all blocks; those that are kept are read.

        Args:
            start: uint8 (replicas, chains, rows, cols), valid sheets.
            pieces: where blocks are kept.

        Raises:
            InputError: the window holds no sheet that the chains found.
        """
        collected: list[dict[str, NDArray[Any]]] = []
        burn_in_seconds = 0.0
        for is_recorded, block in self.each(start, pieces):
            if is_recorded:
                collected.append(block)
            else:
                burn_in_seconds += float(block[SECONDS])
        return self.joined(collected, burn_in_seconds)

    def each(self, start: States, pieces: Pieces) -> Iterator[tuple[bool, dict[str, NDArray[Any]]]]:
        """Yield the blocks, with whether they are recorded."""
        states, tilt, energy = start, np.zeros(start.shape[1]), np.empty(0)
        step = self.compiled()
        blocks = self.schedule.blocks()
        with tqdm(total=sum(steps for steps, _ in blocks), desc="sampling", unit="step") as bar:
            for number, (steps, is_recorded) in enumerate(blocks):
                # Before the recorded steps: of an empty window none of their sheets would be one that was asked for.
                if is_recorded and number and not blocks[number - 1][1]:
                    self.ensemble.require_found(energy)
                block = self.kept(pieces, number)
                if block is None:
                    block = self.computed(step, states, tilt, steps, number)
                    for name in NAMES:
                        # Of the burn-in nothing but its end is needed to go on, and states take the most room.
                        if is_recorded or name != STATES:
                            pieces.keep(f"{number}-{name}", block[name])
                states, energy = block[LAST], block[ENERGY]
                # Adapted in the burn-in alone: a distribution that changes with the sheets it gives has no samples.
                tilt = block[TILT] if is_recorded else self.ensemble.adapted(block[TILT], energy)
                bar.update(steps)
                yield is_recorded, block

    def kept(self, pieces: Pieces, number: int) -> dict[str, NDArray[Any]] | None:
        """Return a block that was kept, or None."""
        found = {name: pieces.read(f"{number}-{name}") for name in NAMES}
        if found[LAST] is None:
            return None
        return {name: array for name, array in found.items() if array is not None}

    def compiled(self) -> Any:
        """Return the function of one block in TensorFlow's graph."""
        ensemble, moves, rounds = self.ensemble, self.moves, self.schedule.num_rounds
        inverse = tf.constant(ensemble.inverse_temperatures, tf.float64)

        def block(states: Any, tilt: Any, seed: Any, steps: Any) -> Any:
            # Energies are summed anew for every block, so that roundings of many flips do not add up.
            energy = tf.reshape(self.whole_energies(states), states.shape[:2])
            kernel = tfp.mcmc.ReplicaExchangeMC(
                # TensorFlow Probability takes no function of the whole where it is given the two parts.
                target_log_prob_fn=None,
                inverse_temperatures=inverse,
                make_kernel_fn=lambda log_prob: FlipKernel(log_prob, moves, rounds),
                # Otherwise every replica would begin with a copy of one state, and here each has sheets of its own.
                state_includes_replicas=True,
                tempered_log_prob_fn=lambda _, energy: ensemble.tempered(energy, tilt),
                untempered_log_prob_fn=lambda _, energy: ensemble.untempered(energy, tilt),
            )

            def seen(state: Any, results: Any) -> Any:
                flips = results.pre_swap_replica_results
                swaps = results.is_swap_accepted_adjacent, results.is_swap_proposed_adjacent
                # Sheets are the largest array of a block: as bytes, and without replicas that only help, it is small.
                recorded = tf.cast(state[0][: ensemble.num_recorded], tf.uint8)
                return recorded, state[1], (flips.kept_rule, flips.accepted, tf.cast(flips.is_whole, tf.int32)), swaps

            found = tfp.mcmc.sample_chain(
                steps, [states, energy], kernel=kernel, trace_fn=seen, seed=seed, return_final_kernel_results=True
            )
            last, last_energy = found.final_kernel_results.post_swap_replica_states
            drift = tf.reduce_max(tf.abs(tf.reshape(self.whole_energies(last), states.shape[:2]) - last_energy))
            return found.trace, last, drift

        return tf.function(block, autograph=False)

    def whole_energies(self, states: Any) -> Any:
        """Return the energies (replicas * chains,) of sheets (replicas, chains, rows, cols)."""
        return self.moves.energy.whole(tf.reshape(states, [-1, *states.shape[2:]]))

    def computed(self, step: Any, states: States, tilt: Floats, steps: int, number: int) -> dict[str, NDArray[Any]]:
        """Run one block."""
        # By block, so that a run that goes on draws what it would have drawn; TensorFlow takes two signed numbers.
        seed = np.random.SeedSequence([self.schedule.seed, number]).generate_state(2, np.uint32).view(np.int32)
        began = time.perf_counter()
        (recorded, energy, counts, swaps), last, drift = step(
            tf.constant(states, tf.int32), tf.constant(tilt), tf.constant(seed), tf.constant(steps)
        )
        last = last.numpy().astype(np.uint8)
        return {
            LAST: last,
            STATES: recorded.numpy(),
            ENERGY: energy.numpy(),
            COUNTS: np.stack([count.numpy().sum(axis=(0, 2), dtype=np.int64) for count in counts]),
            SWAPS: np.stack([swap.numpy().sum(axis=(0, 2), dtype=np.int64) for swap in swaps]),
            TILT: tilt,
            DRIFT: drift.numpy(),
            SECONDS: np.array(time.perf_counter() - began),
        }

    def joined(self, blocks: list[dict[str, NDArray[Any]]], burn_in_seconds: float) -> Trace:
        """Return what the recorded blocks tell together."""
        states, energy = (np.concatenate([block[name] for block in blocks]) for name in (STATES, ENERGY))
        counts, swaps = (np.sum([block[name] for block in blocks], axis=0) for name in (COUNTS, SWAPS))
        sheets = len(energy) * energy.shape[2]  # of each replica, one after each step
        flips = sheets * self.schedule.num_rounds * self.moves.places.number
        return Trace(
            states=states,
            energy=energy,
            tilt=blocks[0][TILT],
            kept_rule=counts[0] / flips,
            accepted=counts[1] / flips,
            whole=counts[2] / sheets,
            # A step proposes swaps of even or of odd pairs, by chance: after a few steps some pairs have had none.
            swapped=swaps[0] / np.maximum(1, swaps[1]),
            seconds=sum(float(block[SECONDS]) for block in blocks),
            burn_in_seconds=burn_in_seconds,
            drift=max(float(block[DRIFT]) for block in blocks),
        )
