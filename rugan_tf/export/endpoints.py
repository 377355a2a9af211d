"""The signatures of the SavedModel, as plain TensorFlow functions that check what they are given."""

from typing import Any

import keras
import tensorflow as tf

from rugan_tf.export.calibration import calibrated
from rugan_tf.generate.latent import draw_latent
from rugan_tf.saved.calibration import Calibration
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.system import LatticeSystem


class Endpoints(tf.Module):
    """A generator with what it takes to ask it in physical units.

    Args:
        generator: built.
        system: the material, whose rule repairs sheets.
        scale: of the labels the generator was trained on.
        max_cells: largest batch * rows * cols of one request.
        ednn: a loaded SavedModel with the signature `energy`, which tells the energy obtained.
        calibration: of the energies requested of `generate`.
    """

    def __init__(
        self,
        generator: keras.Model,
        system: LatticeSystem,
        scale: LabelScale,
        max_cells: int,
        ednn: Any = None,
        calibration: Calibration | None = None,
    ) -> None:
        super().__init__()
        self.ednn, self.calibration = ednn, calibration
        self.generator, self.system, self.scale, self.max_cells = generator, system, scale, max_cells
        # TensorFlow's variables behind Keras': a SavedModel holds those that a tf.Module has among its attributes.
        self.tracked = list(generator.weights and [weight.value for weight in generator.weights])
        channels = generator.latent_channels
        # Plain functions: a server has XLA switched off, and what is compiled by it fails there. No size is fixed but
        # the channels: a convolution takes a multiple of those as groups, without an error.
        self.generate = tf.function(
            self.compute_states,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None], tf.float32, "energy_per_area"),
                tf.TensorSpec([], tf.int32, "rows"),
                tf.TensorSpec([], tf.int32, "cols"),
                tf.TensorSpec([], tf.int64, "seed"),
            ],
        )
        self.calibrate = tf.function(
            self.compute_calibrated,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None], tf.float32, "energy_per_area"),
                tf.TensorSpec([], tf.int32, "rows"),
                tf.TensorSpec([], tf.int32, "cols"),
            ],
        )
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
            *self.check_energies(energy_per_area),
            *self.check_cells(batch, rows, cols),
        ]
        # What follows waits for the checks: nothing large is made for a request that is refused.
        with tf.control_dependencies(checks):
            rows, cols = tf.identity(rows), tf.identity(cols)
        latent = draw_latent(seed, batch, rows // 2, cols // 2, self.generator.latent_channels)
        given = self.calibrated(energy_per_area, rows, cols)
        field = tf.ones(tf.shape(latent)[:3]) * given[:, None, None]
        states = tf.argmax(self.probabilities(latent, field), axis=-1, output_type=tf.int32)
        states = tf.cast(self.repair(states), tf.uint8)
        if self.ednn is None:
            return {"states": states}
        return {"states": states, "energy_per_area": self.compute_energy(states)["energy_per_area"]}

    def compute_calibrated(self, energy_per_area: Any, rows: Any, cols: Any) -> dict[str, Any]:
        """Return the energies per area that `generate` gives to the generator for those requested, (batch,).

        And the reach of the generator, int32 (2,), latent rows and columns: with both, a client makes a sheet in tiles.
        """
        with tf.control_dependencies([*self.check_size(rows, cols), *self.check_energies(energy_per_area)]):
            energy_per_area = tf.identity(energy_per_area)
        given = self.calibrated(energy_per_area, rows, cols)
        return {"energy_per_area": given, "reach": tf.constant(self.generator.halo, tf.int32)}

    def calibrated(self, energy_per_area: Any, rows: Any, cols: Any) -> Any:
        """Apply the calibration, if there is one."""
        return (
            energy_per_area if self.calibration is None else calibrated(self.calibration, energy_per_area, rows, cols)
        )

    def compute_energy(self, states: Any) -> dict[str, Any]:
        """Return energy (batch,) and energy per area (batch,), as the EDNN sees states."""
        return self.ednn.signatures["energy"](states=states)

    def signatures(self) -> dict[str, Any]:
        """Return the functions by the names that clients call them by."""
        named = {
            "serving_default": self.generate,
            "generate": self.generate,
            "generate_from_latent": self.generate_from_latent,
            "calibrate": self.calibrate,
        }
        if self.ednn is not None:
            states = tf.TensorSpec([None, None, None], tf.uint8, "states")
            named["energy"] = tf.function(self.compute_energy, autograph=False, input_signature=[states])
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

    def check_cells(self, batch: Any, rows: Any, cols: Any) -> list[Any]:
        """Return assertions that a request is within the limit; in float64, where products do not overflow."""
        # The server checks names and dtypes, not sizes: three integers could ask for all of its memory.
        cells = tf.cast(batch, tf.float64) * tf.cast(rows, tf.float64) * tf.cast(cols, tf.float64)
        message = (
            f"batch * rows * cols must be at most {self.max_cells}: ask for fewer sheets at once, or make a larger "
            "sheet in tiles, as `rugan generate` and `rugan_tf.serve.client generate --tile` do"
        )
        return [tf.debugging.assert_less_equal(cells, tf.constant(self.max_cells, tf.float64), message)]
