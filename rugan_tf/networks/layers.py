"""Layers of a periodic lattice: what leaves one side enters at the opposite one."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("rugan_tf")
class PeriodicPadding2D(keras.layers.Layer):
    """Pad rows and columns with what lies across the periodic boundary.

    >>> PeriodicPadding2D(1)(keras.ops.ones((2, 7, 8, 3))).shape
    TensorShape([2, 9, 10, 3])

    Args:
        padding: cells added on each side of rows and of columns.

    Input shape: (batch, rows, cols, channels), any rows and cols.
    Output shape: (batch, rows + 2 padding, cols + 2 padding, channels).
    """

    def __init__(self, padding: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if padding < 0:
            raise ValueError(f"padding must not be negative. Received: padding={padding}")
        self.padding = padding

    def call(self, inputs: Any) -> Any:
        """Pad axis 1, then axis 2."""
        return pad_periodic(pad_periodic(inputs, self.padding, axis=1), self.padding, axis=2)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the padded shape."""
        batch, rows, cols, channels = input_shape
        grow = 2 * self.padding
        return batch, rows and rows + grow, cols and cols + grow, channels

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "padding": self.padding}


def pad_periodic(inputs: Any, padding: int, axis: int) -> Any:
    """Pad one axis periodically.

    Concatenated slices are fast and have a deterministic gradient, but need a lattice at least as long as the
    padding. Where that is not known, a gather wraps around as often as it takes.
    """
    if padding == 0:
        return inputs
    size = inputs.shape[axis]
    if padding == 1 and size is not None and size >= 4:
        return pad_by_one(inputs, axis)
    if padding == 1 or (size is not None and size >= padding):
        lead = (slice(None),) * axis
        # One cell is always there; whether more are is only known where the size is.
        first, last = inputs[(*lead, slice(None, padding))], inputs[(*lead, slice(-padding, None))]
        return ops.concatenate([last, inputs, first], axis=axis)
    # Right for any lattice, but its gradient is a scatter, which is slow and on some devices not deterministic.
    size = ops.shape(inputs)[axis]
    return ops.take(inputs, ops.arange(-padding, size + padding) % size, axis=axis)


def pad_by_one(inputs: Any, axis: int) -> Any:
    """Pad one axis of at least four cells periodically by one.

    The gradient is written out, since that of slices makes a tensor of zeros for each of them.
    """

    @ops.custom_gradient
    def pad(cells: Any) -> tuple[Any, Callable[[Any], Any]]:
        lead = (slice(None),) * axis
        padded = ops.concatenate([cells[(*lead, slice(-1, None))], cells, cells[(*lead, slice(None, 1))]], axis=axis)
        return padded, lambda upstream: add_borders(upstream, axis)

    return pad(inputs)


def add_borders(padded: Any, axis: int) -> Any:
    """Add what lies beyond the periodic boundary to the cells it is an image of: the transpose of `pad_by_one`."""

    @ops.custom_gradient
    def add(cells: Any) -> tuple[Any, Callable[[Any], Any]]:
        size = cells.shape[axis]
        before, first, middle, last, after = ops.split(cells, [1, 2, size - 2, size - 1], axis=axis)
        summed = ops.concatenate([first + after, middle, last + before], axis=axis)
        return summed, lambda upstream: pad_by_one(upstream, axis)

    return add(padded)


def rectify(inputs: Any) -> Any:
    """Return max(0, x), with a gradient whose own gradient does not lead back to x.

    The second derivative of a ReLU is zero, but TensorFlow computes with these zeros: the gradient of the gradient
    penalty would go backwards through all convolutions of a forward pass once more, for nothing.
    """

    @ops.custom_gradient
    def choose(values: Any) -> tuple[Any, Callable[[Any], Any]]:
        rectified = ops.relu(values)
        return rectified, lambda upstream: upstream * ops.cast(rectified > 0, upstream.dtype)

    return choose(inputs)


@keras.saving.register_keras_serializable("rugan_tf")
class PeriodicConv2D(keras.layers.Conv2D):
    """Convolve a periodic lattice without changing its size.

    >>> PeriodicConv2D(8, 3)(keras.ops.ones((2, 7, 8, 3))).shape
    TensorShape([2, 7, 8, 8])

    Args:
        filters: output channels.
        kernel_size: odd, so that a cell has as many neighbours on either side.
        **kwargs: of keras.layers.Conv2D, without strides and padding.

    Attributes:
        halo: rows and columns of cells that a cell sees to each side.

    Input shape: (batch, rows, cols, channels). Output shape: (batch, rows, cols, filters).
    """

    def __init__(self, filters: int, kernel_size: int = 3, **kwargs: Any) -> None:
        width = kernel_size if isinstance(kernel_size, int) else kernel_size[0]
        if width % 2 == 0:
            raise ValueError(f"kernel_size must be odd. Received: kernel_size={kernel_size}")
        kwargs.pop("padding", None)  # get_config of the base class names it
        super().__init__(filters, kernel_size, padding="valid", **kwargs)
        self.halo = (width // 2, width // 2)

    def call(self, inputs: Any) -> Any:
        """Pad periodically by what the kernel sees to each side, then convolve."""
        rows, cols = self.halo
        return super().call(pad_periodic(pad_periodic(inputs, rows, axis=1), cols, axis=2))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape with `filters` channels."""
        return *input_shape[:-1], self.filters


@keras.saving.register_keras_serializable("rugan_tf")
class PeriodicMean2D(keras.layers.Layer):
    """Average each channel over a window around every cell of a periodic lattice.

    On a lattice of the window's size that is the mean over all of it.

    >>> PeriodicMean2D((7, 8))(keras.ops.ones((2, 14, 16, 3))).shape
    TensorShape([2, 14, 16, 3])

    Args:
        window: rows and columns; of an even number one more lies before the cell than after it.

    Attributes:
        halo: rows and columns of cells that a cell sees to the further side.

    Input shape: (batch, rows, cols, channels), any rows and cols. Output shape: the same.
    """

    def __init__(self, window: tuple[int, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if min(window) < 1:
            raise ValueError(f"window must be positive. Received: window={window}")
        self.window = (window[0], window[1])
        self.halo = (window[0] // 2, window[1] // 2)

    def call(self, inputs: Any) -> Any:
        """Average along rows, then along columns."""
        # At the training size every window is the whole sheet: one mean in place of two poolings.
        if tuple(inputs.shape[1:3]) == self.window:
            return ops.broadcast_to(ops.mean(inputs, axis=(1, 2), keepdims=True), ops.shape(inputs))
        # One axis after the other: size + size additions for a cell, not size x size.
        for axis, size in zip((1, 2), self.window, strict=True):
            before = size // 2
            padded = pad_periodic(inputs, before, axis) if before else inputs
            # Of an even window one side is shorter; without this there would be one mean too many.
            if size % 2 == 0:
                padded = padded[(slice(None),) * axis + (slice(None, -1),)]
            pool = (size, 1) if axis == 1 else (1, size)
            inputs = ops.average_pool(padded, pool, 1, padding="valid")
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "window": list(self.window)}


def add_halos(*halos: tuple[int, int]) -> tuple[int, int]:
    """Return what layers one after another see to each side, from what each of them sees.

    >>> add_halos((1, 1), (7, 8))
    (8, 9)
    """
    return sum(rows for rows, _ in halos), sum(cols for _, cols in halos)


def fold_cells(inputs: Any, rows: int, cols: int) -> Any:
    """Fold blocks of rows x cols cells into channels: (batch, R, C, k) to (batch, R/rows, C/cols, rows*cols*k).

    Raises:
        ValueError: the lattice is no multiple of a block.
    """
    if rows == cols == 1:
        return inputs
    _, height, width, channels = inputs.shape
    for name, size, factor in (("rows", height, rows), ("cols", width, cols)):
        if size is not None and size % factor:
            raise ValueError(f"{name} must be a multiple of {factor} to be folded. Received: {name}={size}")
    # Numbers where they are known: XLA compiles for one shape.
    shape = ops.shape(inputs)
    height, width = (height or shape[1]) // rows, (width or shape[2]) // cols
    blocks = ops.reshape(inputs, (-1, height, rows, width, cols, channels))
    blocks = ops.transpose(blocks, (0, 1, 3, 2, 4, 5))  # (batch, R/rows, C/cols, rows, cols, k)
    return ops.reshape(blocks, (-1, height, width, rows * cols * channels))


def unfold_cells(inputs: Any, rows: int, cols: int) -> Any:
    """Undo `fold_cells`: (batch, R, C, rows*cols*k) to (batch, R*rows, C*cols, k)."""
    if rows == cols == 1:
        return inputs
    _, height, width, channels = inputs.shape
    shape = ops.shape(inputs)
    height, width = height or shape[1], width or shape[2]
    blocks = ops.reshape(inputs, (-1, height, width, rows, cols, channels // (rows * cols)))
    blocks = ops.transpose(blocks, (0, 1, 3, 2, 4, 5))  # (batch, R, rows, C, cols, k)
    return ops.reshape(blocks, (-1, height * rows, width * cols, channels // (rows * cols)))
