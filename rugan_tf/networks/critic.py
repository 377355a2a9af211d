"""The critic: scores a sheet under its label. No normalisation, no squashing, dropout for the consistency term."""

from typing import Any

import keras
from keras import ops

from rugan_tf.networks.layers import PeriodicConv2D, fold_cells


@keras.saving.register_keras_serializable("rugan_tf")
class CriticBlock(keras.layers.Layer):
    """Residual block of two periodic convolutions, optional average pooling, then dropout.

    >>> CriticBlock(16, pooling=(2, 1))(keras.ops.ones((2, 14, 8, 9))).shape
    TensorShape([2, 7, 8, 16])

    Args:
        filters: channels of the output.
        pooling: factors by which rows and columns shrink; they must divide the lattice, which has no border.
        dropout: share of the outputs set to zero in training.
        preactivate: begin with a ReLU. Not for the first block, where it would clip negative labels.

    Input shape: (batch, rows, cols, channels). Output shape: (batch, rows/pooling, cols/pooling, filters).
    """

    def __init__(
        self,
        filters: int,
        pooling: tuple[int, int] = (1, 1),
        dropout: float = 0.0,
        preactivate: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.pooling, self.preactivate = filters, (pooling[0], pooling[1]), preactivate
        self.first = PeriodicConv2D(filters, 3, name="first")
        self.second = PeriodicConv2D(filters, 3, name="second")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.shortcut: keras.layers.Layer | None = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights; the shortcut is a 1x1 convolution where the number of channels changes."""
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.filters))
        if input_shape[-1] != self.filters:
            self.shortcut = PeriodicConv2D(self.filters, 1, name="shortcut")
            self.shortcut.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Add the two convolutions to the shortcut, pool, drop."""
        hidden = ops.relu(inputs) if self.preactivate else inputs
        hidden = self.second(ops.relu(self.first(hidden)))
        passed = self.shortcut(inputs) if self.shortcut else inputs
        return self.dropout(self.pool(hidden + passed), training=training)

    def pool(self, inputs: Any) -> Any:
        """Average over blocks of `pooling` cells.

        Raises:
            ValueError: the lattice is no multiple of the pooling.
        """
        if self.pooling == (1, 1):
            return inputs
        for size, factor, axis in zip(inputs.shape[1:3], self.pooling, ("rows", "cols"), strict=True):
            if size is not None and size % factor:
                raise ValueError(f"{axis} must be a multiple of {factor} to be pooled. Received: {axis}={size}")
        return ops.average_pool(inputs, self.pooling, self.pooling, padding="valid")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the pooled shape with `filters` channels."""
        batch, rows, cols, _ = input_shape
        return batch, rows and rows // self.pooling[0], cols and cols // self.pooling[1], self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {
            "filters": self.filters,
            "pooling": list(self.pooling),
            "dropout": self.dropout.rate,
            "preactivate": self.preactivate,
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("rugan_tf")
class Critic(keras.Model):
    """Score sheets under their labels, and return the features that the score is linear in.

    The period of the lattice is folded into channels first, so that a convolution sees the same lattice at every
    cell; the label is one more constant channel. Where `projection` is set, the score gets the inner product of
    the features with an embedding of the label (Miyato, Koyama, arXiv 1802.05637).

    >>> network = Critic(width=8)
    >>> score, features = network({"encoding": keras.ops.ones((2, 14, 16, 4)), "label": keras.ops.ones((2,))})
    >>> score.shape, features.shape
    (TensorShape([2]), TensorShape([2, 8]))

    Args:
        width: channels of the hidden layers.
        num_states: states of a cell.
        period: rows and columns after which the lattice repeats.
        dropout: share dropped after each of the three blocks.
        projection: condition by projection as well.

    Input shape: {"encoding": (batch, rows, cols, num_states), "label": (batch,)}.
    Output shape: score (batch,) and features (batch, width), float32.
    """

    def __init__(
        self,
        width: int = 128,
        num_states: int = 4,
        period: tuple[int, int] = (1, 2),
        dropout: float = 0.25,
        projection: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(width, num_states, *period) < 1:
            raise ValueError(
                f"width, num_states and period must be positive. "
                f"Received: width={width}, num_states={num_states}, period={period}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1). Received: dropout={dropout}")
        self.width, self.num_states, self.period = width, num_states, (period[0], period[1])
        self.dropout_rate, self.projection = dropout, projection
        pooling = (1 if period[0] > 1 else 2, 1 if period[1] > 1 else 2)  # to half of the cells either way
        self.blocks = [
            CriticBlock(width, pooling=pooling, dropout=dropout, preactivate=False, name="block_1"),
            CriticBlock(width, dropout=dropout, name="block_2"),
            CriticBlock(width, dropout=dropout, name="block_3"),
        ]
        self.linear = keras.layers.Dense(1, dtype="float32", name="linear")
        self.embedding = keras.layers.Dense(width, use_bias=False, dtype="float32", name="embedding")

    def build(self, input_shape: Any = None) -> None:
        """Create all weights; no lattice size is needed for that."""
        shape: tuple[int | None, ...] = (None, None, None, self.num_states * self.period[0] * self.period[1] + 1)
        for block in self.blocks:
            block.build(shape)
            shape = block.compute_output_shape(shape)
        self.linear.build((None, self.width))
        if self.projection:
            self.embedding.build((None, 1))
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool = False) -> tuple[Any, Any]:
        """Return score (batch,) and features (batch, width)."""
        folded = fold_cells(ops.cast(inputs["encoding"], self.compute_dtype), *self.period)
        label = ops.reshape(ops.cast(inputs["label"], folded.dtype), (-1, 1, 1, 1))
        hidden = ops.concatenate([folded, ops.ones_like(folded[..., :1]) * label], axis=-1)
        for block in self.blocks:
            hidden = block(hidden, training=training)
        features = ops.mean(ops.cast(ops.relu(hidden), "float32"), axis=(1, 2))
        score = self.linear(features)[:, 0]
        if self.projection:
            embedded = self.embedding(ops.cast(inputs["label"], "float32")[:, None])
            score = score + ops.sum(embedded * features, axis=-1)
        return score, features

    def compute_output_shape(self, input_shape: dict[str, tuple[int | None, ...]]) -> tuple[Any, Any]:
        """Return (batch,) and (batch, width)."""
        batch = input_shape["encoding"][0]
        return (batch,), (batch, self.width)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {
            "width": self.width,
            "num_states": self.num_states,
            "period": list(self.period),
            "dropout": self.dropout_rate,
            "projection": self.projection,
        }
        return {**super().get_config(), **own}
