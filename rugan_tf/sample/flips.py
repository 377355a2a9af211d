"""Metropolis flips as a transition kernel of TensorFlow Probability, which replica exchange goes around.

The energy travels with the sheet as a part of the state, so that nobody computes that of a whole sheet again, and the
probability of a sheet is a function of its energy alone.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from rugan_tf.sample.moves import Moves, replace


class FlipResults(NamedTuple):
    """What one step leaves beside the state, each (replicas, chains).

    Attributes:
        target_log_prob: float64, of the state.
        kept_rule: int32, flips that kept the rule.
        accepted: int32, flips that were accepted.
        is_whole: bool, whether the sheet after all flips obeyed the rule as a whole; if not, the step is undone.
        proposed_results: of no use here; replica exchange writes NaN to it.
        proposed_state: the same.
    """

    target_log_prob: Any
    kept_rule: Any
    accepted: Any
    is_whole: Any
    proposed_results: Any
    proposed_state: Any


class FlipKernel(tfp.mcmc.TransitionKernel):
    """A number of flips of every sheet, then a look at the whole sheet.

    A flip is refused where it breaks the rule nearby. Whether a sheet is still one piece is no matter of what is near,
    so it is asked once after all flips, and all of them are undone if it is not. The flips are drawn in an order that
    is as likely as its reverse, so together they are in detailed balance with the sheets that obey the rule nearby; and
    to refuse all ends outside of a part of these is in detailed balance with that part.

    Args:
        target_log_prob_fn: of states, int32 (replicas, chains, rows, cols), and energies, float64 (replicas, chains).
        moves: how sheets change.
        num_rounds: flips of every place in one step.
    """

    def __init__(self, target_log_prob_fn: Callable[[Any, Any], Any], moves: Moves, num_rounds: int) -> None:
        self.log_prob, self.moves, self.num_rounds = target_log_prob_fn, moves, num_rounds

    @property
    def parameters(self) -> dict[str, Any]:
        """What the kernel was made with."""
        return {"target_log_prob_fn": self.log_prob, "moves": self.moves, "num_rounds": self.num_rounds}

    @property
    def is_calibrated(self) -> bool:
        """True: the states have the target's distribution, and no further test is needed."""
        return True

    def bootstrap_results(self, init_state: Any) -> FlipResults:
        """Return the results of states that nothing has been done to."""
        log_prob = self.log_prob(*init_state)
        none = tf.zeros_like(log_prob, tf.int32)
        nan = tf.constant(float("nan"), log_prob.dtype)
        return FlipResults(log_prob, none, none, tf.ones_like(none, tf.bool), nan, nan)

    def one_step(self, current_state: Any, previous_kernel_results: FlipResults, seed: Any = None) -> Any:
        """Return the state after all flips, and the results."""
        states, energy = current_state
        outer = states.shape[:2]
        first = tf.reshape(states, [-1, *states.shape[2:]]), tf.reshape(energy, [-1])
        # Before the loop: in its body one seed would be split, and every round would draw the same numbers.
        seeds = tfp.random.split_seed(seed, n=self.num_rounds)
        none = tf.zeros_like(first[1], tf.int32)

        def body(index: Any, states: Any, energy: Any, kept: Any, accepted: Any) -> Any:
            states, energy, more_kept, more = self.flip(states, energy, outer, tf.gather(seeds, index))
            return index + 1, states, energy, kept + more_kept, accepted + more

        loop = (tf.constant(0), *first, none, none)
        _, *last, kept, accepted = tf.while_loop(lambda index, *_: index < self.num_rounds, body, loop)
        is_whole = self.moves.is_valid(last[0])
        new_states = tf.where(is_whole[:, None, None], last[0], first[0])
        new_energy = tf.where(is_whole, last[1], first[1])
        state = [tf.reshape(new_states, states.shape), tf.reshape(new_energy, outer)]
        nan = previous_kernel_results.proposed_results
        results = FlipResults(
            target_log_prob=self.log_prob(*state),
            kept_rule=tf.reshape(kept, outer),
            accepted=tf.reshape(accepted, outer),
            is_whole=tf.reshape(is_whole, outer),
            proposed_results=nan,
            proposed_state=nan,
        )
        return state, results

    def flip(self, states: Any, energy: Any, outer: Any, seed: Any) -> Any:
        """Try one flip of every place, and return sheets, energies, and how many kept the rule and were accepted."""
        propose_seed, order_seed, accept_seed = tfp.random.split_seed(seed, n=3)
        proposals = self.moves.propose(states, propose_seed)
        kept = self.moves.keeps_rule(proposals)
        change = self.moves.energy_changes(states, energy, proposals, kept)
        # In double precision: single draws 0 once in eight million times, and its logarithm accepts any change.
        log_uniform = tf.math.log(tf.random.stateless_uniform(tf.shape(change), accept_seed, dtype=tf.float64))
        order = tf.argsort(tf.random.stateless_uniform(tf.shape(change), order_seed), axis=1)
        energy, accepted = self.accept(states, energy, outer, change, tf.where(kept, log_uniform, 0.0), order, kept)
        flat = tf.reshape(states, [tf.shape(states)[0], -1])
        values = tf.gather(tf.reshape(proposals.states, tf.shape(flat)), proposals.indices, batch_dims=1)
        states = tf.reshape(replace(flat, proposals.indices, values, accepted), tf.shape(states))
        return states, energy, *(tf.reduce_sum(tf.cast(which, tf.int32), axis=1) for which in (kept, accepted))

    def accept(
        self, states: Any, energy: Any, outer: Any, change: Any, log_uniform: Any, order: Any, kept: Any
    ) -> tuple[Any, Any]:
        """Accept or refuse the flips of each sheet one after another, as if they had been tried one after another.

        The probability need not be a product over places, but the change of the energy of each place is its own.

        Returns:
            The energies (n,), and which places changed, bool (n, places).
        """
        places = self.moves.places.number
        change, log_uniform, kept = (tf.gather(x, order, batch_dims=1) for x in (change, log_uniform, kept))

        def log_prob(energy: Any) -> Any:
            return tf.reshape(
                self.log_prob(tf.reshape(states, [*outer, *states.shape[1:]]), tf.reshape(energy, outer)), [-1]
            )

        def body(index: Any, energy: Any, now: Any, taken: Any) -> Any:
            new_energy = energy + change[:, index]
            new = log_prob(new_energy)
            is_taken = kept[:, index] & (log_uniform[:, index] < new - now)
            taken = taken.write(index, is_taken)
            return index + 1, tf.where(is_taken, new_energy, energy), tf.where(is_taken, new, now), taken

        taken = tf.TensorArray(tf.bool, size=places, element_shape=[states.shape[0]])
        loop = (tf.constant(0), energy, log_prob(energy), taken)
        _, energy, _, taken = tf.while_loop(lambda index, *_: index < places, body, loop)
        in_order = tf.transpose(taken.stack())
        back = tf.argsort(order, axis=1)
        return energy, tf.ensure_shape(tf.gather(in_order, back, batch_dims=1), [states.shape[0], places])
