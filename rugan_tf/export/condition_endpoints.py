"""The signatures of a generator that is asked for other conditions than the energy alone: an input for each by name.

Such a generator has one label for a whole sheet: no maps, no calibration by one energy, no tiles.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from rugan_tf.export.corrections import Bounds, next_request, no_bounds, without_stale
from rugan_tf.export.endpoints import Endpoints
from rugan_tf.export.signs import checked_signs
from rugan_tf.generate.latent import draw_latent
from rugan_tf.saved.conditions import LearntConditions
from rugan_tf.systems.conditions import ENERGY_PER_AREA, CellSum
from rugan_tf.systems.system import LatticeSystem


class ConditionEndpoints(Endpoints):
    """A generator with what it takes to ask it for several conditions in their units.

    Args:
        generator: built.
        system: the material, whose rule repairs sheets.
        learnt: the conditions, in the order of the generator's labels.
        max_cells: largest batch * rows * cols of one request.
        ednn: a loaded SavedModel with the signature `energy`, for conditions that hold one.
        feedback: how often `generate` corrects what it asks the generator for by what its sheets have.
    """

    def __init__(
        self,
        generator: keras.Model,
        system: LatticeSystem,
        learnt: LearntConditions,
        max_cells: int,
        ednn: Any = None,
        feedback: int = 0,
    ) -> None:
        super().__init__(generator, system, learnt.each[0].scale, max_cells, ednn)
        self.learnt = learnt
        told = [one.condition.rule for one in learnt.each]
        self.rules = [None if rule is None or (rule.needs_energy and ednn is None) else rule for rule in told]
        # A condition that nothing tells of a sheet cannot be corrected; the others are.
        self.feedback = feedback if any(self.rules) else 0
        asked = [tf.TensorSpec([None], tf.float32, name) for name in learnt.names]
        size = [tf.TensorSpec([], tf.int32, "rows"), tf.TensorSpec([], tf.int32, "cols")]
        seed = tf.TensorSpec([], tf.int64, "seed")
        latent = tf.TensorSpec([None, None, None, generator.latent_channels], tf.float32, "latent")
        maps = [tf.TensorSpec([None, None, None], tf.float32, name) for name in learnt.names]
        self.generate = tf.function(self.compute_sheets, autograph=False, input_signature=[*asked, *size, seed])
        self.generate_from_latent = tf.function(self.compute_from, autograph=False, input_signature=[latent, *maps])

    def compute_sheets(self, *inputs: Any) -> dict[str, Any]:
        """Return repaired states, uint8 (batch, rows, cols), and what they have of each condition that can be told.

        Args:
            *inputs: each condition float32 (batch,), in the order of the conditions; rows, cols, seed.
        """
        *asked, rows, cols, seed = inputs
        batch = tf.shape(asked[0])[0]
        first, *others = self.learnt.names
        is_finite = self.check_finite(asked)
        with tf.control_dependencies(is_finite):  # first: what is no number has no sign
            signs = self.check_signs([tf.identity(values) for values in asked])
        checks = [
            tf.debugging.assert_greater(batch, 0, f"{first} must hold at least one value"),
            *self.check_size(rows, cols),
            tf.debugging.assert_non_negative(seed, "seed must not be negative"),
            *is_finite,
            *signs,
            *self.check_cells(batch, rows, cols),
        ]
        checks += [
            tf.debugging.assert_equal(tf.shape(values)[0], batch, f"{name} must hold as many values as {first}")
            for name, values in zip(others, asked[1:], strict=True)
        ]
        with tf.control_dependencies(checks):
            rows, cols, *asked = (tf.identity(one) for one in (rows, cols, *asked))
        latent = draw_latent(seed, batch, rows // 2, cols // 2, self.generator.latent_channels)
        wanted = self.labels(asked)

        def make(label: Any) -> Any:
            several = tf.ones(tf.shape(latent)[:3])[..., None] * label[:, None, None, :]
            states = tf.argmax(self.of_labels(latent, several), axis=-1, output_type=tf.int32)
            return tf.cast(self.repair(states), tf.uint8)

        states = make(wanted)
        if self.feedback:
            states = self.nearest(make, wanted, states, self.corrections(rows, cols))
        return {"states": states, **self.told(states)}

    def nearest(self, make: Callable[[Any], Any], wanted: Any, states: Any, rounds: Any) -> Any:
        """Return of every sheet the one nearest to its request, after so many corrections of its labels.

        Args:
            make: labels (batch, conditions) to repaired states, from the same latents.
            wanted: standardised, (batch, conditions).
            states: the first sheets, uint8 (batch, rows, cols).
            rounds: int32 (), corrections.
        """

        def error(states: Any) -> Any:
            return tf.stack([wanted[:, index] - value for index, value in self.obtained_labels(states)], axis=1)

        told = [index for index, rule in enumerate(self.rules) if rule is not None]
        spread = tf.one_hot(told, len(self.rules))  # (told, conditions): what cannot be told stays as it was asked for

        def correct(number: Any, given: Any, bounds: Bounds, last: Any, states: Any, missing: Any) -> tuple[Any, ...]:
            # By what the last sheets lack and not the nearest ones: what is corrected is what the last were asked for.
            asked = tf.gather(given, told, axis=1)
            # One alone keeps its bracket: nothing else moved, and at a jump it is right though much is missing.
            valid = without_stale(bounds, last) if len(told) > 1 else bounds
            corrected, bounds = next_request(asked, last, valid)
            given += tf.matmul(corrected - asked, spread)
            made = make(given)
            now = error(made)
            is_nearer = tf.norm(now, axis=1) < tf.norm(missing, axis=1)
            kept = tf.where(is_nearer[:, None, None], made, states)
            return number + 1, given, bounds, now, kept, tf.where(is_nearer[:, None], now, missing)

        missing = error(states)
        begun = (tf.constant(0), wanted, no_bounds(missing), missing, states, missing)
        return tf.while_loop(lambda number, *_: number < rounds, correct, begun, parallel_iterations=1)[4]

    def told(self, states: Any) -> dict[str, Any]:
        """Return what sheets have of each condition that can be told, float32 (batch,), and their energies per area."""
        energy = None if self.ednn is None else self.compute_energy(states)["energy_per_area"]
        named = {} if energy is None else {"energy_per_area": energy}
        for name, rule in zip(self.learnt.names, self.rules, strict=True):
            if rule is not None:
                named[name] = self.value(rule, states, energy)
        return named

    def obtained_labels(self, states: Any) -> list[tuple[int, Any]]:
        """Return the numbers of the conditions that can be told, with the standardised values (batch,) of sheets."""
        energy = None if self.ednn is None else self.compute_energy(states)["energy_per_area"]
        pairs = zip(self.learnt.each, self.rules, strict=True)
        return [
            (index, (self.value(rule, states, energy) - one.scale.mean) / one.scale.standard_deviation)
            for index, (one, rule) in enumerate(pairs)
            if rule is not None
        ]

    def value(self, rule: CellSum, states: Any, energy: Any) -> Any:
        """Return a condition of sheets, float32 (batch,)."""
        encoding = tf.one_hot(tf.cast(states, tf.int32), self.system.num_states)
        return rule.of_encoding(encoding, energy, ops)

    def compute_from(self, latent: Any, *maps: Any) -> dict[str, Any]:
        """Return probabilities (batch, 2h, 2w, states) of latents (batch, h, w, channels) and a map of each."""
        shape = tf.shape(latent)
        checks = [
            tf.debugging.assert_greater(shape[:3], 0, "latent must not be empty"),
            tf.debugging.assert_all_finite(latent, "latent must be finite"),
            *self.check_finite(maps),
            *self.check_cells(shape[0], 2 * shape[1], 2 * shape[2]),
        ]
        checks += [
            tf.debugging.assert_equal(shape[:3], tf.shape(one), f"{name} must have batch, rows and cols of the latent")
            for name, one in zip(self.learnt.names, maps, strict=True)
        ]
        with tf.control_dependencies(checks):
            latent, *checked = (tf.identity(one) for one in (latent, *maps))
        return {"probabilities": self.of_labels(latent, self.labels(checked))}

    def labels(self, values: Any) -> Any:
        """Return standardised labels (..., conditions) of values by condition."""
        scales = [one.scale for one in self.learnt.each]
        pairs = zip(values, scales, strict=True)
        return tf.stack([(value - scale.mean) / scale.standard_deviation for value, scale in pairs], axis=-1)

    def of_labels(self, latent: Any, label: Any) -> Any:
        """Apply the generator to labels (batch, h, w, conditions)."""
        # Networks of one condition have no axis for it: theirs is the form that models of the energy alone have.
        several = label if len(self.learnt.each) > 1 else label[..., 0]
        return self.generator({"latent": latent, "label": several}, training=False)

    def check_finite(self, values: Any) -> list[Any]:
        """Return assertions that every condition is finite."""
        pairs = zip(self.learnt.names, values, strict=True)
        return [tf.debugging.assert_all_finite(value, f"{name} must be finite") for name, value in pairs]

    def check_signs(self, values: Any) -> list[Any]:
        """Return the assertion of the sign of the energy per area, if it is among the conditions."""
        pairs = zip(self.learnt.each, values, strict=True)
        energies = [(one.range, value) for one, value in pairs if one.condition.name == ENERGY_PER_AREA]
        return [check for known, value in energies for check in checked_signs(self.system, known, value)]

    def signatures(self) -> dict[str, Any]:
        """Return the functions by the names that clients call them by."""
        named = super().signatures()
        return {name: function for name, function in named.items() if name not in ("calibrate", "map", "local_energy")}
