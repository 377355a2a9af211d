"""The signatures of the SavedModel, as plain TensorFlow functions that check what they are given."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from rugan_tf.export.calibration import calibrated
from rugan_tf.export.corrections import Bounds, next_request, no_bounds
from rugan_tf.export.signs import checked_signs
from rugan_tf.generate.latent import draw_latent
from rugan_tf.generate.natural_maps import NaturalMaps
from rugan_tf.networks.layers import fold_cells
from rugan_tf.saved.calibration import Calibration
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.system import LatticeSystem

FEEDBACK_CELLS = 2**14  # of one sheet, up to which requests are met by corrections


class Endpoints(tf.Module):
    """A generator with what it takes to ask it in physical units.

    Args:
        generator: built.
        system: the material, whose rule repairs sheets.
        scale: of the labels the generator was trained on.
        max_cells: largest batch * rows * cols of one request.
        ednn: a loaded SavedModel with the signature `energy`, which tells the energy obtained.
        calibration: of the energies requested of `generate`.
        maps: what the generator learnt its labels from; None if its labels were one for a sheet.
        feedback: how often `generate` corrects what it asks the generator for by the energies that the EDNN sees.
        energy_range: of the training data, whose sign requests must have; None if nothing is known of it.
    """

    def __init__(
        self,
        generator: keras.Model,
        system: LatticeSystem,
        scale: LabelScale,
        max_cells: int,
        ednn: Any = None,
        calibration: Calibration | None = None,
        maps: NaturalMaps | None = None,
        feedback: int = 0,
        energy_range: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.energy_range = energy_range
        self.ednn, self.calibration, self.maps = ednn, calibration, maps
        self.feedback = feedback if ednn is not None else 0
        self.generator, self.system, self.scale, self.max_cells = generator, system, scale, max_cells
        # TensorFlow's variables behind Keras': a SavedModel holds those that a tf.Module has among its attributes.
        self.tracked = list(generator.weights and [weight.value for weight in generator.weights])
        channels = generator.latent_channels
        # Plain functions: a server has XLA switched off, and what is compiled by it fails there. No size is fixed but
        # the channels: a convolution takes a multiple of those as groups, without an error.
        asked = [
            tf.TensorSpec([None], tf.float32, "energy_per_area"),
            tf.TensorSpec([], tf.int32, "rows"),
            tf.TensorSpec([], tf.int32, "cols"),
        ]
        seed = tf.TensorSpec([], tf.int64, "seed")
        window = [tf.TensorSpec([], tf.int64, "first_sheet")]
        window += [tf.TensorSpec([2], tf.int32, name) for name in ("origin", "shape")]
        self.generate = tf.function(self.compute_states, autograph=False, input_signature=[*asked, seed])
        self.calibrate = tf.function(self.compute_calibrated, autograph=False, input_signature=asked)
        self.draw_map = tf.function(self.compute_map, autograph=False, input_signature=[*asked, seed, *window])
        self.generate_from_latent = tf.function(
            self.compute_probabilities,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, None, None, channels], tf.float32, "latent"),
                tf.TensorSpec([None, None, None], tf.float32, "energy_per_area"),
            ],
        )

    def compute_states(self, energy_per_area: Any, rows: Any, cols: Any, seed: Any) -> dict[str, Any]:
        """Return repaired states, uint8 (batch, rows, cols), at energies per area (batch,)."""
        batch = tf.shape(energy_per_area)[0]
        checks = [
            tf.debugging.assert_greater(batch, 0, "energy_per_area must hold at least one value"),
            *self.check_size(rows, cols),
            tf.debugging.assert_non_negative(seed, "seed must not be negative"),
            *self.check_requested(energy_per_area),
            *self.check_cells(batch, rows, cols),
        ]
        # What follows waits for the checks: nothing large is made for a request that is refused.
        with tf.control_dependencies(checks):
            rows, cols = tf.identity(rows), tf.identity(cols)
        latent = draw_latent(seed, batch, rows // 2, cols // 2, self.generator.latent_channels)
        given = self.calibrated(energy_per_area, rows, cols)
        # What varies is kept apart from the mean, which alone is corrected: a new map each round would be another
        # sheet.
        varied = tf.zeros(tf.shape(latent)[:3])
        if self.maps is not None:
            varied = self.maps.draw(given, rows // 2, cols // 2, seed) - given[:, None, None]

        def make(given: Any) -> Any:
            states = tf.argmax(self.probabilities(latent, varied + given[:, None, None]), axis=-1, output_type=tf.int32)
            return tf.cast(self.repair(states), tf.uint8)

        if self.ednn is None:
            return {"states": make(given)}
        return self.corrected(make, energy_per_area, given, self.corrections(rows, cols))

    def corrected(self, make: Callable[[Any], Any], energy_per_area: Any, given: Any, rounds: Any) -> dict[str, Any]:
        """Return sheets and their energies per area, after so many corrections of what the generator is asked for.

        From the same latent and the same map but for its mean, as `next_request` says. Of all rounds each sheet is the
        one nearest to its request.

        Args:
            make: energies per area (batch,) to repaired states (batch, rows, cols).
            energy_per_area: requested, (batch,).
            given: what the generator is asked for at first, (batch,).
            rounds: int32 (), corrections.
        """
        states = make(given)
        obtained = self.compute_energy(states)["energy_per_area"]
        if not self.feedback:
            return {"states": states, "energy_per_area": obtained}

        def correct(number: Any, given: Any, bounds: Bounds, last: Any, states: Any, obtained: Any) -> tuple[Any, ...]:
            # By the last sheet and not the nearest one: what is corrected is what the last was asked for.
            given, bounds = next_request(given, energy_per_area - last, bounds)
            made = make(given)
            now = self.compute_energy(made)["energy_per_area"]
            is_nearer = tf.abs(now - energy_per_area) < tf.abs(obtained - energy_per_area)
            kept = tf.where(is_nearer[:, None, None], made, states)
            return number + 1, given, bounds, now, kept, tf.where(is_nearer, now, obtained)

        begun = (tf.constant(0), given, no_bounds(given), obtained, states, obtained)
        *_, states, obtained = tf.while_loop(lambda number, *_: number < rounds, correct, begun, parallel_iterations=1)
        return {"states": states, "energy_per_area": obtained}

    def compute_map(
        self, energy_per_area: Any, rows: Any, cols: Any, seed: Any, first_sheet: Any, origin: Any, shape: Any
    ) -> dict[str, Any]:
        """Return windows (batch, height, width) of the maps of sheets rows x cols, before their means are exact.

        To the window of a whole sheet, add what its mean lacks of the energy asked for; to several windows of one, what
        the mean over all of them lacks.

        Args:
            energy_per_area: asked of the generator, (batch,): what `calibrate` returns.
            rows: lattice cells of a sheet.
            cols: lattice cells of a sheet.
            seed: of the sheets.
            first_sheet: number of the first sheet, 0 unless only later ones of a request are wanted.
            origin: first row and column of the window, latent cells.
            shape: rows and columns of the window, latent cells.
        """
        checks = [
            *self.check_size(rows, cols),
            *self.check_energies(energy_per_area),
            tf.debugging.assert_non_negative(seed, "seed must not be negative"),
            tf.debugging.assert_non_negative(first_sheet, "first_sheet must not be negative"),
            tf.debugging.assert_non_negative(origin, "origin must not be negative"),
            tf.debugging.assert_greater(shape, 0, "shape must be positive"),
            *self.check_cells(4 * tf.shape(energy_per_area)[0], *tf.unstack(shape)),  # 2 * shape may overflow
        ]
        with tf.control_dependencies(checks):
            energy_per_area, origin, shape = (tf.identity(one) for one in (energy_per_area, origin, shape))
            size = tf.stack([rows, cols]) // 2
        if self.maps is None:
            number = tf.size(energy_per_area)
            return {"energy_per_area": tf.ones(tf.concat([[number], shape], 0)) * energy_per_area[:, None, None]}
        return {"energy_per_area": self.maps.windows(energy_per_area, size, origin, shape, seed, first_sheet)}

    def compute_calibrated(self, energy_per_area: Any, rows: Any, cols: Any) -> dict[str, Any]:
        """Return the energies per area that `generate` gives to the generator for those requested, (batch,).

        And what else a client needs to make the sheet in tiles: the reach of the generator, int32 (2,), latent rows and
        columns; whether it is asked for maps; how many corrections follow.
        """
        with tf.control_dependencies([*self.check_size(rows, cols), *self.check_requested(energy_per_area)]):
            energy_per_area = tf.identity(energy_per_area)
        given = self.calibrated(energy_per_area, rows, cols)
        return {
            "energy_per_area": given,
            "reach": tf.constant(self.generator.halo, tf.int32),
            "has_maps": tf.constant(int(self.maps is not None), tf.int32),
            "corrections": self.corrections(rows, cols),
        }

    def corrections(self, rows: Any, cols: Any) -> Any:
        """Return how many corrections a sheet gets, int32 (): none above FEEDBACK_CELLS, where fluctuations average."""
        cells = tf.cast(rows, tf.int64) * tf.cast(cols, tf.int64)
        return tf.where(cells <= FEEDBACK_CELLS, self.feedback, 0)

    def calibrated(self, energy_per_area: Any, rows: Any, cols: Any) -> Any:
        """Apply the calibration, if there is one."""
        return (
            energy_per_area if self.calibration is None else calibrated(self.calibration, energy_per_area, rows, cols)
        )

    def compute_energy(self, states: Any) -> dict[str, Any]:
        """Return energy (batch,) and energy per area (batch,), as the EDNN sees states."""
        return self.ednn.signatures["energy"](states=states)

    def compute_local_energy(self, states: Any) -> dict[str, Any]:
        """Return the energy per area of every latent cell, float32 (batch, rows/2, cols/2), as the EDNN sees states."""
        rows, cols = self.system.row_period, self.system.col_period
        encoding = tf.one_hot(tf.cast(states, tf.int32), self.system.num_states)
        shape, last = tf.unstack(tf.shape(states)), self.system.num_states - 1
        # A state that there is not would be encoded as zeros, and judged as none.
        is_known = tf.debugging.assert_less_equal(tf.cast(states, tf.int32), last, f"states must lie in 0..{last}")
        with tf.control_dependencies([is_known, *self.check_size(*shape[1:]), *self.check_cells(*shape)]):
            encoding = tf.identity(encoding)
            tiles = self.ednn.signatures["local_energy"](encoding=encoding)["energy"]
        per_area = tiles[..., None] / self.system.extent(rows, cols)
        return {"energy_per_area": keras.ops.mean(fold_cells(per_area, 2 // rows, 2 // cols), axis=-1)}

    @property
    def tells_local_energy(self) -> bool:
        """Whether there is an EDNN that tells the energy of every latent cell."""
        is_whole = max(self.system.row_period, self.system.col_period) <= 2  # tiles in a latent cell
        return self.ednn is not None and is_whole and "local_energy" in self.ednn.signatures

    def signatures(self) -> dict[str, Any]:
        """Return the functions by the names that clients call them by."""
        named = {
            "serving_default": self.generate,
            "generate": self.generate,
            "generate_from_latent": self.generate_from_latent,
            "calibrate": self.calibrate,
            "map": self.draw_map,
        }
        if self.ednn is not None:
            states = tf.TensorSpec([None, None, None], tf.uint8, "states")
            named["energy"] = tf.function(self.compute_energy, autograph=False, input_signature=[states])
            if self.tells_local_energy:
                named["local_energy"] = tf.function(
                    self.compute_local_energy, autograph=False, input_signature=[states]
                )
        return named

    def compute_probabilities(self, latent: Any, energy_per_area: Any) -> dict[str, Any]:
        """Return probabilities (batch, 2h, 2w, states) of latents (batch, h, w, channels) and a map of energies.

        The generator itself: the map is not calibrated, which depends on the size of the whole sheet.
        """
        shape = tf.shape(latent)
        checks = [
            tf.debugging.assert_equal(
                shape[:3], tf.shape(energy_per_area), "energy_per_area must have batch, rows and cols of the latent"
            ),
            tf.debugging.assert_greater(shape[:3], 0, "latent must not be empty"),
            tf.debugging.assert_all_finite(latent, "latent must be finite"),
            *self.check_energies(energy_per_area),
            *self.check_cells(shape[0], 2 * shape[1], 2 * shape[2]),
        ]
        with tf.control_dependencies(checks):
            latent = tf.identity(latent)
        return {"probabilities": self.probabilities(latent, energy_per_area)}

    def probabilities(self, latent: Any, energy_per_area: Any) -> Any:
        """Apply the generator to standardised labels."""
        # Standardised here and nowhere else: users, files and signatures have physical units.
        label = (energy_per_area - self.scale.mean) / self.scale.standard_deviation
        return self.generator({"latent": latent, "label": label}, training=False)

    def repair(self, states: Any) -> Any:
        """Return what the system's rule leaves of sheets, int32 (batch, rows, cols)."""
        return states if self.system.rule is None else self.system.rule.repair(states, keras.ops)

    def check_size(self, rows: Any, cols: Any) -> list[Any]:
        """Return assertions that a sheet has the size of whole periods."""
        return [
            tf.debugging.assert_greater(rows, 1, "rows must be at least 2"),
            tf.debugging.assert_greater(cols, 1, "cols must be at least 2"),
            tf.debugging.assert_equal((rows % 2, cols % 2), 0, "rows and cols must be even"),
        ]

    def check_energies(self, energy_per_area: Any) -> list[Any]:
        """Return the assertion that energies are finite."""
        return [tf.debugging.assert_all_finite(energy_per_area, "energy_per_area must be finite")]

    def check_requested(self, energy_per_area: Any) -> list[Any]:
        """Return assertions that energies (n,) are finite, and have a sign that training sheets have."""
        is_finite = self.check_energies(energy_per_area)
        if self.energy_range is None:
            return is_finite
        with tf.control_dependencies(is_finite):  # first: what is no number has no sign
            return [*is_finite, *checked_signs(self.system, self.energy_range, tf.identity(energy_per_area))]

    def check_cells(self, batch: Any, rows: Any, cols: Any) -> list[Any]:
        """Return assertions that a request is within the limit; in float64, where products do not overflow."""
        # The server checks names and dtypes, not sizes: three integers could ask for all of its memory.
        cells = tf.cast(batch, tf.float64) * tf.cast(rows, tf.float64) * tf.cast(cols, tf.float64)
        message = (
            f"batch * rows * cols must be at most {self.max_cells}: ask for fewer sheets at once, or make a larger "
            "sheet in tiles, as `rugan generate` and `rugan client generate --tile` do"
        )
        return [tf.debugging.assert_less_equal(cells, tf.constant(self.max_cells, tf.float64), message)]
