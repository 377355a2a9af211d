"""The generator: a latent with the label as one more channel becomes a sheet twice as long and wide."""

from typing import Any

import keras
from keras import ops

from rugan_tf.networks.layers import PeriodicConv2D, PeriodicMean2D, add_halos, fold_cells, unfold_cells


@keras.saving.register_keras_serializable("rugan_tf")
class GeneratorBlock(keras.layers.Layer):
    """Residual block of two periodic convolutions, optionally upsampling by nearest neighbour.

    >>> GeneratorBlock(16, upsampling=(2, 2))(keras.ops.ones((2, 7, 8, 8))).shape
    TensorShape([2, 14, 16, 16])

    Args:
        filters: channels of the output.
        upsampling: factors by which rows and columns grow.
        preactivate: begin with a ReLU. Not for the first block, where it would clip negative latents and labels.
        window: rows and columns of the output over which the block averages what its first convolution gives, so that
            every cell knows how much there is around it; None for the paper's block.

    Input shape: (batch, rows, cols, channels).
    Output shape: (batch, upsampling rows, upsampling cols, filters).
    """

    def __init__(
        self,
        filters: int,
        *,
        upsampling: tuple[int, int] = (1, 1),
        preactivate: bool = True,
        window: tuple[int, int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.upsampling, self.preactivate = filters, (upsampling[0], upsampling[1]), preactivate
        self.first = PeriodicConv2D(filters, 3, name="first")
        self.second = PeriodicConv2D(filters, 3, name="second")
        self.shortcut: keras.layers.Layer | None = None
        self.window = None if window is None else (window[0], window[1])
        if window is not None:
            self.mean = PeriodicMean2D(window, name="mean")
            self.mixing = PeriodicConv2D(filters, 1, use_bias=False, name="mixing")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights; the shortcut is a 1x1 convolution where the number of channels changes."""
        hidden = (*input_shape[:-1], self.filters)
        self.first.build(input_shape)
        self.second.build(hidden)
        if self.window is not None:
            self.mixing.build(hidden)
        if input_shape[-1] != self.filters:
            self.shortcut = PeriodicConv2D(self.filters, 1, name="shortcut")
            self.shortcut.build(input_shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Add the two convolutions to the shortcut; nothing follows the addition."""
        hidden = ops.relu(inputs) if self.preactivate else inputs
        # Repeated, then convolved: a transposed convolution treats neighbouring cells unequally, a checkerboard to see.
        hidden = self.first(self.upsample(hidden))
        if self.window is not None:
            # Rectified before the mean: how much of a feature there is, not what is left of its ups and downs.
            hidden = hidden + self.mixing(self.mean(ops.relu(hidden)))
        hidden = self.second(ops.relu(hidden))
        # A 1x1 convolution gives the same before and after repeating; before, it has a quarter of the cells.
        passed = self.shortcut(inputs) if self.shortcut else inputs
        return hidden + self.upsample(passed)

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns of pixels of the output that a pixel sees to each side; the shortcut sees no others."""
        seen = [self.first.halo, self.second.halo]
        return add_halos(*seen) if self.window is None else add_halos(*seen, self.mean.halo)

    def upsample(self, inputs: Any) -> Any:
        """Repeat each row and each column as often as `upsampling` says."""
        for factor, axis in zip(self.upsampling, (1, 2), strict=True):
            inputs = inputs if factor == 1 else ops.repeat(inputs, factor, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the upsampled shape with `filters` channels."""
        batch, rows, cols, _ = input_shape
        return batch, rows and rows * self.upsampling[0], cols and cols * self.upsampling[1], self.filters

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {
            "filters": self.filters,
            "upsampling": list(self.upsampling),
            "preactivate": self.preactivate,
            "window": self.window and list(self.window),
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("rugan_tf")
class RefinementBlock(keras.layers.Layer):
    """Correct the scores of the states of every cell in view of the sheet that they would make.

    Where two cells depend on each other, such as two atoms of which neither may stay alone, each decides by itself from
    the same features, and some pairs disagree. This block draws a draft, the best state of every cell (gradients pass
    as if it were the probabilities: straight-through, Bengio et al., arXiv 1308.3432), and adds to the scores what two
    convolutions make of it. It begins as the identity; what to correct is learnt, no rule of the lattice is built in.

    >>> features, scores = keras.ops.ones((2, 14, 8, 16)), keras.ops.ones((2, 14, 8, 8))
    >>> RefinementBlock(16, num_states=4, period=(1, 2))({"features": features, "scores": scores}).shape
    TensorShape([2, 14, 8, 8])

    Args:
        filters: channels between the two convolutions.
        num_states: states of a cell.
        period: rows and columns of cells of a pixel.

    Input shape: {"features": (batch, rows, cols, channels), "scores": (batch, rows, cols, cells num_states)}.
    Output shape: that of the scores.
    """

    def __init__(self, filters: int, num_states: int, period: tuple[int, int] = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.num_states, self.period = filters, num_states, (period[0], period[1])
        self.num_scores = num_states * period[0] * period[1]
        self.first = PeriodicConv2D(filters, 3, name="first")
        # Zeros: at first the draft is passed on as it is, and every correction is one that lowered the loss.
        self.second = PeriodicConv2D(self.num_scores, 3, kernel_initializer="zeros", name="second")

    def build(self, input_shape: dict[str, Any]) -> None:
        """Create the weights."""
        *space, channels = input_shape["features"]
        self.first.build((*space, channels + self.num_scores))
        self.second.build((*space, self.filters))
        self.built = True

    def call(self, inputs: dict[str, Any]) -> Any:
        """Add the correction to the scores."""
        features, scores = inputs["features"], inputs["scores"]
        probabilities = ops.softmax(unfold_cells(scores, *self.period))
        # The draft is what users would get, not an average of all that the cell may become.
        best = ops.one_hot(ops.argmax(probabilities, axis=-1), self.num_states, dtype=probabilities.dtype)
        draft = fold_cells(probabilities + ops.stop_gradient(best - probabilities), *self.period)
        hidden = self.first(ops.concatenate([features, draft], axis=-1))
        return scores + self.second(ops.relu(hidden))

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns of pixels that a pixel sees to each side."""
        return add_halos(self.first.halo, self.second.halo)

    def compute_output_shape(self, input_shape: dict[str, tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """Return the shape of the scores."""
        return input_shape["scores"]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"filters": self.filters, "num_states": self.num_states, "period": list(self.period)}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("rugan_tf")
class Generator(keras.Model):
    """Map a latent and a label map to the probabilities of the states of every cell.

    Three residual blocks, the second upsampling by two, one batch normalisation, one convolution, softmax
    (Mills, Casert, Tamblyn 2019). Rolling the latent by k cells rolls the result by 2k cells.

    With `period` (1, 2) columns stay folded in pairs until the end, so that a convolution sees the same honeycomb at
    every pixel, and only rows are upsampled; (1, 1) is the paper's network.

    >>> network = Generator(width=8)
    >>> network({"latent": keras.ops.ones((2, 7, 8, 63)), "label": keras.ops.ones((2, 7, 8))}).shape
    TensorShape([2, 14, 16, 4])

    Args:
        width: channels of the hidden layers, 128 in the paper.
        num_states: states of a cell.
        latent_channels: Gaussian channels, 63 in the paper.
        period: rows and columns that the last convolution makes at once; each 1 or 2.
        window: rows and columns of cells, those of a training sheet: every block then knows the means of its channels
            over a window of this size around each pixel, so that the parts of a sheet can agree on one energy. None in
            the paper.
        refinements: blocks at the end that correct the draft of a sheet; none in the paper.
        num_conditions: numbers that a sheet is asked for; of several, labels have one more axis for them.

    Input shape: {"latent": (batch, rows/2, cols/2, latent_channels), "label": (batch, rows/2, cols/2)}; of several
        conditions the label is (batch, rows/2, cols/2, num_conditions).
    Output shape: (batch, rows, cols, num_states), float32 whatever the precision policy.
    """

    def __init__(
        self,
        width: int = 128,
        num_states: int = 4,
        *,
        latent_channels: int = 63,
        period: tuple[int, int] = (1, 1),
        window: tuple[int, int] | None = None,
        refinements: int = 0,
        num_conditions: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not {*period} <= {1, 2}:
            raise ValueError(f"period must be 1 or 2 along rows and columns. Received: period={period}")
        if min(width, num_states, latent_channels, num_conditions) < 1:
            raise ValueError(
                "width, num_states, latent_channels and num_conditions must be positive. Received: width="
                f"{width}, num_states={num_states}, latent_channels={latent_channels}, num_conditions={num_conditions}"
            )
        if window is not None and (min(window) < 2 or any(size % 2 for size in window)):
            raise ValueError(f"window must be even along rows and columns. Received: window={window}")
        if refinements < 0:
            raise ValueError(f"refinements must not be negative. Received: refinements={refinements}")
        self.width, self.num_states, self.latent_channels = width, num_states, latent_channels
        self.num_conditions = num_conditions
        self.period = (period[0], period[1])
        self.window = None if window is None else (window[0], window[1])
        upsampling = (2 // period[0], 2 // period[1])
        coarse = fine = None  # the window in pixels before and after upsampling
        if window is not None:
            coarse, fine = (window[0] // 2, window[1] // 2), (window[0] // period[0], window[1] // period[1])
        self.blocks = [
            # A ReLU at the beginning would clip negative latents, and labels below the mean.
            GeneratorBlock(width, preactivate=False, window=coarse, name="block_1"),
            GeneratorBlock(width, upsampling=upsampling, window=fine, name="block_2"),
            GeneratorBlock(width, window=fine, name="block_3"),
        ]
        # Behind the blocks: on the input it would normalise the label too, and a batch of one label would lose it.
        self.normalization = keras.layers.BatchNormalization(name="normalization")
        self.convolution = PeriodicConv2D(num_states * period[0] * period[1], 3, name="convolution")
        self.refinements = [
            RefinementBlock(width, num_states, self.period, name=f"refinement_{number}")
            for number in range(1, refinements + 1)
        ]
        # In float32 whatever the policy: with the eight bits of bfloat16 probabilities do not sum to 1.
        self.softmax = keras.layers.Softmax(dtype="float32", name="softmax")

    def build(self, input_shape: Any = None) -> None:  # noqa: ARG002 - as Keras calls it
        """Create all weights; no lattice size is needed for that."""
        shape: tuple[int | None, ...] = (None, None, None, self.latent_channels + self.num_conditions)
        for block in self.blocks:
            block.build(shape)
            shape = block.compute_output_shape(shape)
        self.normalization.build(shape)
        self.convolution.build(shape)
        for block in self.refinements:
            block.build({"features": shape, "scores": self.convolution.compute_output_shape(shape)})
        self.built = True

    def call(self, inputs: dict[str, Any], *, training: bool = False) -> Any:
        """Return the probabilities of the states."""
        latent, label = inputs["latent"], inputs["label"]
        label = ops.expand_dims(label, -1) if self.num_conditions == 1 else label
        hidden = ops.concatenate([latent, ops.cast(label, latent.dtype)], axis=-1)
        for block in self.blocks:
            hidden = block(hidden)
        hidden = ops.relu(self.normalization(hidden, training=training))
        scores = self.convolution(hidden)
        for block in self.refinements:
            scores = block({"features": hidden, "scores": scores})
        return self.softmax(ops.cast(unfold_cells(scores, *self.period), "float32"))

    @property
    def halo(self) -> tuple[int, int]:
        """Rows and columns of latent cells to each side that a state may depend on: what a tile needs around it.

        A pixel is a latent cell in the first block. After it a pixel is a whole `period` of cells, of which a latent
        cell has two, and a cell at the end of a pixel may see one cell less than the whole pixels that count here.

        >>> Generator(width=8).halo, Generator(width=8, period=(1, 2)).halo
        ((5, 5), (5, 7))
        """
        first, *others = self.blocks
        seen = [self.convolution.halo, *(block.halo for block in others), *(block.halo for block in self.refinements)]
        fine = add_halos(*seen)
        rows, cols = (-(-pixels * period // 2) for pixels, period in zip(fine, self.period, strict=True))
        return add_halos(first.halo, (rows, cols))

    def compute_output_shape(self, input_shape: dict[str, tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """Return (batch, rows, cols, num_states)."""
        batch, rows, cols, _ = input_shape["latent"]
        return batch, rows and 2 * rows, cols and 2 * cols, self.num_states

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {
            "width": self.width,
            "num_states": self.num_states,
            "latent_channels": self.latent_channels,
            "period": list(self.period),
            "window": self.window and list(self.window),
            "refinements": len(self.refinements),
        }
        # Only where there are several: what knows no conditions still reads networks of one.
        several = {} if self.num_conditions == 1 else {"num_conditions": self.num_conditions}
        return {**super().get_config(), **own, **several}
