"""The signature `generate_from_map`: sheets whose energy varies as a map says, made and corrected within the graph.

What `generate.by_map` does with the other signatures, in one request: for clients that are no Python programs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from rugan_tf.export.endpoints import Endpoints
from rugan_tf.generate.by_map import CUTOFF, GAIN, ROUNDS
from rugan_tf.generate.latent import draw_latent
from rugan_tf.lattice.filters import smallest_wave_number


class FromMap:
    """Makes sheets of maps.

    Args:
        endpoints: the generator, and the EDNN that corrects sheets if it tells where energies are.
        training_size: rows and columns of the sheets that the generator was trained on, lattice cells.
    """

    def __init__(self, endpoints: Endpoints, training_size: tuple[int, int]) -> None:
        lattice = endpoints.system.lattice
        self.endpoints = endpoints
        self.cutoff = CUTOFF * smallest_wave_number(lattice.cell_lengths(*training_size))
        self.pitches = [float(length) for length in lattice.cell_lengths(2, 2)]  # of latent cells
        self.function = tf.function(
            self.compute_states,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, None, None], tf.float32, "energy_per_area"),
                tf.TensorSpec([], tf.int32, "rows"),
                tf.TensorSpec([], tf.int32, "cols"),
                tf.TensorSpec([], tf.int64, "seed"),
            ],
        )

    def compute_states(self, energy_per_area: Any, rows: Any, cols: Any, seed: Any) -> dict[str, Any]:
        """Return repaired states, uint8 (batch, rows, cols), and their energies per area (batch,) if an EDNN is inside.

        Args:
            energy_per_area: float32 (batch, n, m), maps of any resolution; every value fills its part evenly.
            rows: lattice cells, even.
            cols: lattice cells, even.
            seed: not negative.
        """
        made_of, shape = self.endpoints, tf.shape(energy_per_area)
        checks = [
            tf.debugging.assert_greater(shape, 0, "energy_per_area must hold at least one map of one value"),
            *made_of.check_size(rows, cols),
            tf.debugging.assert_non_negative(seed, "seed must not be negative"),
            *made_of.check_energies(energy_per_area),
            *made_of.check_requested(tf.reduce_mean(energy_per_area, axis=(1, 2))),
            # A map may be finer than its sheet, so it has a limit of its own.
            *made_of.check_cells(*tf.unstack(shape)),
            *made_of.check_cells(shape[0], rows, cols),
        ]
        with tf.control_dependencies(checks):
            height, width = rows // 2, cols // 2
        asked = resampled(energy_per_area, height, width)
        latent = draw_latent(seed, shape[0], height, width, made_of.generator.latent_channels)

        def make(given: Any) -> Any:
            states = tf.argmax(made_of.probabilities(latent, given), axis=-1, output_type=tf.int32)
            return tf.cast(made_of.repair(states), tf.uint8)

        states = self.corrected(make, asked) if made_of.tells_local_energy else make(asked)
        if made_of.ednn is None:
            return {"states": states}
        return {"states": states, "energy_per_area": made_of.compute_energy(states)["energy_per_area"]}

    def corrected(self, make: Callable[[Any], Any], asked: Any) -> Any:
        """Return the sheets, uint8 (batch, rows, cols), of the round that is nearest to the maps that were asked for.

        Args:
            make: maps float32 (batch, h, w) to repaired states, from the same latents.
            asked: float32 (batch, h, w), in the unit of the system.
        """
        height, width = tf.unstack(tf.shape(asked)[1:])
        kept_waves = tf.cast(passed(height, width, self.pitches, self.cutoff), tf.complex64)

        def correct(number: Any, given: Any, states: Any, error: Any) -> tuple[Any, ...]:
            made = make(given)
            obtained = self.endpoints.compute_local_energy(made)["energy_per_area"]
            spectrum = tf.signal.fft2d(tf.cast(asked - obtained, tf.complex64)) * kept_waves
            missing = tf.math.real(tf.signal.ifft2d(spectrum))
            now = tf.reduce_mean(tf.square(missing), axis=(1, 2))
            is_nearer = now < error
            kept = tf.where(is_nearer[:, None, None], made, states)
            return number + 1, given + GAIN * missing, kept, tf.where(is_nearer, now, error)

        shape = tf.shape(asked) * [1, 2, 2]
        begun = (tf.constant(0), asked, tf.zeros(shape, tf.uint8), tf.fill(shape[:1], np.float32(np.inf)))
        # One round more than corrections: the first makes sheets of the maps as they were asked for.
        ended = tf.while_loop(lambda number, *_: number <= ROUNDS, correct, begun, parallel_iterations=1)
        return ended[2]


def passed(height: Any, width: Any, pitches: Any, cutoff: float) -> Any:
    """Return the part of each wave that is corrected, float32 (height, width), as `lattice.filters` has it."""
    # Here once more and not by NumPy: the size of a sheet is known when it is asked for, not at the export.
    rows, cols = (
        2.0 * np.pi * frequencies(number) / pitch for number, pitch in zip((height, width), pitches, strict=True)
    )
    return tf.exp(-(((rows[:, None] ** 2 + cols[None] ** 2) / cutoff**2) ** 2))


def frequencies(number: Any) -> Any:
    """Return the frequencies of a discrete Fourier transform, float32 (number,), in cycles per sample."""
    index = tf.range(number)
    signed = tf.where(2 * index < number, index, index - number)
    return tf.cast(signed, tf.float32) / tf.cast(number, tf.float32)


def resampled(maps: Any, height: Any, width: Any) -> Any:
    """Return the means of maps (batch, n, m) over equal parts, float32 (batch, height, width).

    By running sums, so that nothing larger is made than the maps: a table of overlaps would have n x height entries.
    """
    values = means_of_parts(tf.cast(maps, tf.float64), height)
    turned = means_of_parts(tf.transpose(values, (0, 2, 1)), width)
    return tf.cast(tf.transpose(turned, (0, 2, 1)), tf.float32)


def means_of_parts(values: Any, number: Any) -> Any:
    """Return the means over equal parts of the second axis of float64 (batch, size, others)."""
    size, number = tf.cast(tf.shape(values)[1], tf.int64), tf.cast(number, tf.int64)
    before = tf.pad(tf.cumsum(values, axis=1), [[0, 0], [1, 0], [0, 0]])
    following = tf.pad(values, [[0, 0], [0, 1], [0, 0]])
    ends = tf.range(number + 1) * size
    whole, rest = ends // number, tf.cast(ends % number, tf.float64) / tf.cast(number, tf.float64)
    up_to = tf.gather(before, whole, axis=1) + rest[:, None] * tf.gather(following, whole, axis=1)
    return (up_to[:, 1:] - up_to[:, :-1]) * tf.cast(number, tf.float64) / tf.cast(size, tf.float64)
