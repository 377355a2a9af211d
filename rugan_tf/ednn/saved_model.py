"""The EDNN as a SavedModel, for data, training, evaluation and serving: total energies, and those of every tile."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from rugan_tf import files
from rugan_tf.networks.ednn import EDNN
from rugan_tf.saved.ednn_card import EdnnCard, write_ednn_card
from rugan_tf.saved.versions import next_version
from rugan_tf.systems.system import LatticeSystem

MAX_CELLS = 2**24


class EnergyEndpoint(tf.Module):
    """The function behind the signature `energy`, plain TensorFlow that checks what it is given."""

    def __init__(self, model: EDNN, system: LatticeSystem, max_cells: int = MAX_CELLS) -> None:
        super().__init__()
        self.model, self.system, self.max_cells = model, system, max_cells
        self.tracked = [weight.value for weight in model.weights]
        states = [tf.TensorSpec([None, None, None], tf.uint8, "states")]
        self.energy = tf.function(self.compute_energy, autograph=False, input_signature=states)
        self.halo_energy = tf.function(self.compute_halo_energy, autograph=False, input_signature=states)
        encoding = [tf.TensorSpec([None, None, None, system.num_states], tf.float32, "encoding")]
        self.local_energy = tf.function(self.compute_local_energy, autograph=False, input_signature=encoding)

    def compute_energy(self, states: Any) -> dict[str, Any]:
        """Return energy (batch,) and energy per area (batch,), of states (batch, rows, cols)."""
        shape = tf.shape(states)
        rows, cols = self.system.row_period, self.system.col_period
        checks = [
            tf.debugging.assert_greater(shape, 0, "states must not be empty"),
            tf.debugging.assert_equal(shape[1] % rows, 0, f"rows must be a multiple of {rows}"),
            tf.debugging.assert_equal(shape[2] % cols, 0, f"cols must be a multiple of {cols}"),
            tf.debugging.assert_less(
                tf.cast(states, tf.int32), self.system.num_states, f"states must lie in 0..{self.system.num_states - 1}"
            ),
            tf.debugging.assert_less_equal(
                tf.reduce_prod(tf.cast(shape, tf.float64)),  # where products of sizes do not overflow
                tf.constant(self.max_cells, tf.float64),
                f"batch * rows * cols must be at most {self.max_cells}: ask for fewer sheets at once, or keep a larger "
                "sheet as a Zarr array, which `rugan data label` sums up in chunks",
            ),
        ]
        with tf.control_dependencies(checks):
            energy = self.model(tf.identity(states))
        cells = tf.cast(shape[1] * shape[2], tf.float32)
        # By the extent of one period: how many a sheet has is known only when it is asked about.
        return {"energy": energy, "energy_per_area": energy / (cells * self.system.extent(rows, cols) / (rows * cols))}

    def signatures(self) -> dict[str, Any]:
        """Return the functions by the names that programs call them by."""
        return {"energy": self.energy, "halo_energy": self.halo_energy, "local_energy": self.local_energy}

    def compute_halo_energy(self, states: Any) -> dict[str, Any]:
        """Return the energy (batch,), eV, float64, of the tiles inside of a chunk with its halo (batch, rows, cols)."""
        rows, cols = self.model.halo
        shape = tf.shape(states)
        checks = [
            tf.debugging.assert_greater(shape[1], 2 * rows, f"rows must exceed the halo, 2 x {rows}"),
            tf.debugging.assert_greater(shape[2], 2 * cols, f"cols must exceed the halo, 2 x {cols}"),
        ]
        with tf.control_dependencies(checks):
            tiles = self.model.tile_energies(tf.identity(states), periodic=False)
        # In double precision: whoever asks adds up the chunks of a sheet of any size.
        return {"energy": tf.reduce_sum(tf.cast(tiles, tf.float64), axis=(1, 2))}

    def compute_local_energy(self, encoding: Any) -> dict[str, Any]:
        """Return the energy of every tile, eV, float32 (batch, rows/period, cols/period), of periodic one-hot sheets.

        A training goes back through it, from the energy of a place to the states around that place.
        """
        return {"energy": self.model.encoded_tile_energies(encoding)}


def write_saved_model(model: EDNN, system: LatticeSystem, out: Path, card: EdnnCard) -> Path:
    """Write the next version below `out`, and return its folder; `card` tells of the model."""
    endpoint = EnergyEndpoint(model, system, card.max_cells)
    version = next_version(out)
    with files.replacing(version) as temporary:
        tf.saved_model.save(endpoint, str(temporary), signatures=endpoint.signatures())
        write_ednn_card(temporary, card)
    return version
