"""The critic: scores a sheet under its label. No normalisation, no squashing, dropout for the consistency term."""

from typing import Any

import keras
from keras import ops

from rugan_tf.networks.layers import PeriodicConv2D, fold_cells, rectify


@keras.saving.register_keras_serializable("rugan_tf")
class CriticBlock(keras.layers.Layer):
    """Residual block of two periodic convolutions.

    It does not pool: a score that is averaged over blocks of cells changes when a sheet is shifted by less than a
    block, and a sheet has no place where it begins.

    >>> CriticBlock(16)(keras.ops.ones((2, 14, 8, 9))).shape
    TensorShape([2, 14, 8, 16])

    Args:
        filters: channels of the output.
        preactivate: begin with a ReLU. Not for the first block, where it would clip negative labels.

    Input shape: (batch, rows, cols, channels). Output shape: (batch, rows, cols, filters).
    """

    def __init__(self, filters: int, *, preactivate: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.preactivate = filters, preactivate
        self.first = PeriodicConv2D(filters, 3, name="first")
        self.second = PeriodicConv2D(filters, 3, name="second")
        self.shortcut: keras.layers.Layer | None = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights; the shortcut is a 1x1 convolution where the number of channels changes."""
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.filters))
        if input_shape[-1] != self.filters:
            self.shortcut = PeriodicConv2D(self.filters, 1, name="shortcut")
            self.shortcut.build(input_shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Add the two convolutions to the shortcut."""
        hidden = rectify(inputs) if self.preactivate else inputs
        hidden = self.second(rectify(self.first(hidden)))
        passed = self.shortcut(inputs) if self.shortcut else inputs
        return hidden + passed

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape with `filters` channels."""
        return *input_shape[:-1], self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "preactivate": self.preactivate}


@keras.saving.register_keras_serializable("rugan_tf")
class Critic(keras.Model):
    """Score sheets under their labels, and return the features that the score is linear in.

    The period of the lattice is folded into channels first, so that a convolution sees the same lattice at every
    cell: the score does not change when a sheet is shifted by a period. The label is one more constant channel. Where
    `projection` is set, the score gets the inner product of the features with an embedding of the label (Miyato,
    Koyama, arXiv 1802.05637).

    The paper's score is linear in means over the sheet, and a linear function cannot tell by how much an energy misses
    the label. With `head_layers` dense layers come in between; they see the means of every block, taken before dropout
    blurs them, and the label, which the blocks do not get then. So the means can also predict the label of a sheet:
    `regression` returns that too, linear in the means as an energy is in its local parts (an auxiliary task as in
    Odena et al., arXiv 1610.09585).

    >>> network = Critic(width=8)
    >>> score, features = network({"encoding": keras.ops.ones((2, 14, 16, 4)), "label": keras.ops.ones((2,))})
    >>> score.shape, features.shape
    (TensorShape([2]), TensorShape([2, 8]))

    Args:
        width: channels of the hidden layers.
        num_states: states of a cell.
        period: rows and columns after which the lattice repeats.
        dropout: share dropped after each block.
        projection: condition by projection as well.
        head_layers: dense layers between the means over the sheet and the features; none in the paper.
        regression: predict the label from the sheet as well; needs a head.
        num_blocks: residual blocks, each of which sees two periods further.
        maps: labels are maps. They are one more channel of the first block, whether there is a head or not; a head and
            a projection get their means.
        num_conditions: numbers of a label; of several, labels have one more axis for them.

    Input shape: {"encoding": (batch, rows, cols, num_states), "label": (batch,)}; with `maps` labels are
        (batch, rows/2, cols/2), of several conditions (batch, num_conditions).
    Output shape: score (batch,) and features (batch, width), with `regression` the predicted label as well, of the
        shape of the label; float32.
    """

    def __init__(
        self,
        width: int = 128,
        num_states: int = 4,
        *,
        period: tuple[int, int] = (1, 2),
        dropout: float = 0.25,
        projection: bool = False,
        head_layers: int = 0,
        regression: bool = False,
        num_blocks: int = 3,
        maps: bool = False,
        num_conditions: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(width, num_states, num_blocks, num_conditions, *period) < 1:
            raise ValueError(
                f"width, num_states, num_blocks, num_conditions and period must be positive. Received: width={width}, "
                f"num_states={num_states}, num_blocks={num_blocks}, num_conditions={num_conditions}, period={period}"
            )
        if maps and num_conditions > 1:
            raise ValueError(f"Maps are of one condition. Received: maps with num_conditions={num_conditions}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1). Received: dropout={dropout}")
        self.width, self.num_states, self.period = width, num_states, (period[0], period[1])
        if regression and not head_layers:
            raise ValueError("regression needs a head, below which the label is unknown. Received: head_layers=0")
        if regression and maps:
            raise ValueError("A critic whose blocks see a map of the label cannot predict the label from them.")
        if maps and not {*period} <= {1, 2}:
            raise ValueError(f"period must be 1 or 2 for maps, of two rows and columns a cell. Received: {period}")
        if head_layers < 0:
            raise ValueError(f"head_layers must not be negative. Received: head_layers={head_layers}")
        self.dropout_rate, self.projection, self.head_layers = dropout, projection, head_layers
        self.maps, self.num_conditions = maps, num_conditions
        self.sees_label = maps or not head_layers  # whether the blocks do
        self.blocks = [
            CriticBlock(width, preactivate=number > 1, name=f"block_{number}") for number in range(1, num_blocks + 1)
        ]
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.head = [
            keras.layers.Dense(width, dtype="float32", name=f"head_{number}") for number in range(1, head_layers + 1)
        ]
        # In float32 whatever the policy: losses are small differences between means of large scores.
        self.linear = keras.layers.Dense(1, dtype="float32", name="linear")
        self.regression = None
        if regression:
            self.regression = keras.layers.Dense(num_conditions, dtype="float32", name="regression")
        self.embedding = keras.layers.Dense(width, use_bias=False, dtype="float32", name="embedding")

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - as Keras calls it
        """Create all weights; no lattice size is needed for that."""
        channels = self.num_states * self.period[0] * self.period[1]
        channels += self.num_conditions if self.sees_label else 0
        shape: tuple[int | None, ...] = (None, None, None, channels)
        for block in self.blocks:
            block.build(shape)
            shape = block.compute_output_shape(shape)
        size = len(self.blocks) * self.width  # of the means
        if self.regression is not None:
            self.regression.build((None, size))
        size += self.num_conditions
        for layer in self.head:
            layer.build((None, size))
            size = self.width
        self.linear.build((None, self.width))
        if self.projection:
            self.embedding.build((None, self.num_conditions))
        self.built = True

    def call(self, inputs: dict[str, Any], *, training: bool = False) -> tuple[Any, ...]:
        """Return score (batch,), features (batch, width) and, with `regression`, the predicted label."""
        # A period becomes one pixel: the cells in it differ in what lies around them, so each has weights of its own.
        hidden = fold_cells(ops.cast(inputs["encoding"], self.compute_dtype), *self.period)
        label = ops.cast(inputs["label"], "float32")
        if self.sees_label:
            hidden = ops.concatenate([hidden, self.label_channel(ops.cast(label, hidden.dtype), hidden)], axis=-1)
        label = ops.mean(label, axis=(1, 2)) if self.maps else label
        label = label[:, None] if self.num_conditions == 1 else label
        means = []
        for block in self.blocks:
            hidden = block(hidden)
            # Means make one score for sheets of any size, the same for a sheet and its supercell.
            means.append(mean_over_sheet(hidden))
            hidden = self.dropout(hidden, training=training)
        # The label comes in only here: what predicts it below must not have seen it.
        features = ops.concatenate([*means, label], axis=-1) if self.head else mean_over_sheet(hidden)
        for layer in self.head:
            features = rectify(layer(features))
        score = self.linear(features)[:, 0]
        if self.projection:
            score = score + ops.sum(self.embedding(label) * features, axis=-1)
        if self.regression is None:
            return score, features
        predicted = self.regression(ops.concatenate(means, axis=-1))
        return score, features, predicted[:, 0] if self.num_conditions == 1 else predicted

    def label_channel(self, label: Any, hidden: Any) -> Any:
        """Return the label as more channels (batch, rows, cols, num_conditions) of the folded sheets."""
        if not self.maps:
            return ops.ones_like(hidden[..., :1]) * ops.reshape(label, (-1, 1, 1, self.num_conditions))
        for axis, period in zip((1, 2), self.period, strict=True):
            label = ops.repeat(label, 2 // period, axis=axis)  # a cell of the map has two rows and two columns
        return label[..., None]

    def compute_output_shape(self, input_shape: dict[str, tuple[int | None, ...]]) -> tuple[Any, ...]:
        """Return (batch,), (batch, width) and, with `regression`, the shape of the label."""
        batch = input_shape["encoding"][0]
        label = (batch,) if self.num_conditions == 1 else (batch, self.num_conditions)
        shapes = (batch,), (batch, self.width), label
        return shapes if self.regression is not None else shapes[:2]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {
            "width": self.width,
            "num_states": self.num_states,
            "period": list(self.period),
            "dropout": self.dropout_rate,
            "projection": self.projection,
            "head_layers": self.head_layers,
            "regression": self.regression is not None,
            "num_blocks": len(self.blocks),
            "maps": self.maps,
            "num_conditions": self.num_conditions,
        }
        return {**super().get_config(), **own}


def mean_over_sheet(hidden: Any) -> Any:
    """Return the means of the rectified channels over rows and columns, float32 (batch, channels)."""
    return ops.mean(ops.cast(rectify(hidden), "float32"), axis=(1, 2))
