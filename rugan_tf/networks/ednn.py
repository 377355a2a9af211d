"""The extensive deep neural network: one tile network, its energies summed over all tiles of the periodic lattice."""

from typing import Any

import keras
from keras import ops

from rugan_tf.networks.layers import fold_cells, pad_periodic


def swish(values: Any) -> Any:
    """Return x sigmoid(x).

    TensorFlow's own has a gradient of its own, which a SavedModel keeps as a function: a model that holds an EDNN would
    be loaded with a warning, and a training on maps goes back through it.
    """
    return values * ops.sigmoid(values)


@keras.saving.register_keras_serializable("rugan_tf")
class TileNetwork(keras.layers.Layer):
    """The energy of the focus of a tile, computed for all tiles at once as convolutions.

    A tile is a focus of one period of the lattice (the period is folded into channels) and a context of `context`
    periods on every side, one for each 3x3 convolution.

    >>> TileNetwork(width=8, context=2)(keras.ops.ones((2, 14, 8, 8))).shape
    TensorShape([2, 14, 8])

    Args:
        width: channels.
        context: number of 3x3 convolutions, so the reach of the context in periods.

    Input shape: (batch, R, C, channels), periods of the lattice.
    Output shape: (batch, R, C); (batch, R - 2 context, C - 2 context) where the input is not periodic.
    """

    def __init__(self, width: int = 48, context: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if min(width, context) < 1:
            raise ValueError(f"width and context must be positive. Received: width={width}, context={context}")
        self.width, self.context = width, context
        self.convolutions = [
            keras.layers.Conv2D(width, 3, padding="valid", name=f"convolution_{index}") for index in range(context)
        ]
        self.dense = keras.layers.Dense(width, name="dense")
        # No bias: a constant for every tile is what the energies of the states give already.
        self.energy = keras.layers.Dense(1, use_bias=False, name="energy")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights."""
        shape = (None, None, None, input_shape[-1])
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = (None, None, None, self.width)
        self.dense.build(shape)
        self.energy.build(shape)
        self.built = True

    def call(self, inputs: Any, *, periodic: bool = True) -> Any:
        """Return the network's value of every tile; without `periodic` of the tiles that lie inside of the input."""
        hidden = inputs
        for index, convolution in enumerate(self.convolutions):
            padded = pad_periodic(pad_periodic(hidden, 1, axis=1), 1, axis=2) if periodic else hidden
            update = swish(convolution(padded))
            # Nothing to add in the first layer, which changes the number of channels.
            hidden = padded[:, 1:-1, 1:-1] + update if index else update
        return self.energy(swish(self.dense(hidden)))[..., 0]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the periodic result."""
        return input_shape[:-1]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "width": self.width, "context": self.context}


@keras.saving.register_keras_serializable("rugan_tf")
class EDNN(keras.Model):
    """Extensive deep neural network (Mills et al., Chem. Sci. 10, 4129 (2019)).

    The energy is a sum over tiles: a constant for each state of each cell, and a correction by the tile network in
    units of `energy_scale`. So the energy of an m x n supercell is m n times the energy.

    >>> network = EDNN(width=8, context=2)
    >>> network(keras.ops.zeros((3, 14, 16), dtype="uint8")).shape
    TensorShape([3])

    Args:
        width: channels of the tile network.
        context: reach of the context in periods of the lattice.
        num_states: states of a cell.
        period: rows and columns after which the lattice repeats, which is the focus.
        state_energies: constant of each state, eV per cell.
        energy_scale: of the correction, eV per tile.

    Input shape: states, integers (batch, rows, cols). Output shape: (batch,), eV, float32.
    """

    def __init__(
        self,
        width: int = 48,
        context: int = 4,
        num_states: int = 4,
        period: tuple[int, int] = (1, 2),
        state_energies: tuple[float, ...] | None = None,
        energy_scale: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.period, self.num_states = (period[0], period[1]), num_states
        self.state_energies = tuple(state_energies or (0.0,) * num_states)
        self.energy_scale = energy_scale
        if len(self.state_energies) != num_states:
            raise ValueError(
                f"state_energies must hold one value for each of {num_states} states. Received: {state_energies}"
            )
        self.tile_network = TileNetwork(width, context, name="tile_network")

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - as Keras calls it
        """Create all weights; no lattice size is needed for that."""
        channels = self.num_states * self.period[0] * self.period[1]
        self.tile_network.build((None, None, None, channels))
        self.built = True

    def tile_energies(self, states: Any, *, periodic: bool = True) -> Any:
        """Return the energies of all tiles, eV, float32 (batch, rows/period, cols/period).

        Without `periodic`, `states` holds `halo` more cells on every side than the tiles whose energies are returned.
        """
        encoding = ops.one_hot(ops.cast(states, "int32"), self.num_states, dtype=self.compute_dtype)
        return self.encoded_tile_energies(encoding, periodic=periodic)

    def encoded_tile_energies(self, encoding: Any, *, periodic: bool = True) -> Any:
        """Return `tile_energies` of one-hot sheets, (batch, rows, cols, num_states), differentiable by them."""
        encoding = ops.cast(encoding, self.compute_dtype)
        correction = self.tile_network(fold_cells(encoding, *self.period), periodic=periodic)
        # Most of the energy is so much for each atom: taken out, what is learnt is small, and errors are too.
        # In float32, and as a sum of one number and zeros: exactly the constant of the state.
        energies = ops.convert_to_tensor(self.state_energies, "float32")
        constant = ops.sum(ops.cast(encoding, "float32") * energies, axis=-1)
        if not periodic:
            rows, cols = self.halo
            constant = constant[:, rows:-rows, cols:-cols]
        constant = ops.sum(fold_cells(constant[..., None], *self.period), axis=-1)
        return constant + self.energy_scale * ops.cast(correction, "float32")

    def call(self, states: Any) -> Any:
        """Return the energies of periodic sheets, eV, float32 (batch,); summed in double precision."""
        # In double precision: the roundings of millions of additions would add up.
        total = ops.sum(ops.cast(self.tile_energies(states), "float64"), axis=(1, 2))
        return ops.cast(total, "float32")

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns of context around the focus, lattice cells."""
        context = self.tile_network.context
        return context * self.period[0], context * self.period[1]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch,)."""
        return (input_shape[0],)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {
            "width": self.tile_network.width,
            "context": self.tile_network.context,
            "num_states": self.num_states,
            "period": list(self.period),
            "state_energies": list(self.state_energies),
            "energy_scale": self.energy_scale,
        }
        return {**super().get_config(), **own}
