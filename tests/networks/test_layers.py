import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from rugan_tf.networks.layers import PeriodicConv2D, PeriodicMean2D, PeriodicPadding2D, fold_cells, unfold_cells

SIZES = [(1, 1), (1, 5), (2, 3), (4, 4), (7, 8)]


def field(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("padding", [0, 1, 2, 5, 17])
@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_padding_is_that_of_numpy(rows, cols, padding):
    values = field(2, rows, cols, 3)
    expected = np.pad(values, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode="wrap")
    np.testing.assert_array_equal(PeriodicPadding2D(padding)(values), expected)


@pytest.mark.parametrize("padding", [1, 3])
def test_padding_is_that_of_numpy_where_sizes_are_unknown(padding):
    specification = tf.TensorSpec((None, None, None, 3), tf.float32)
    padded = tf.function(PeriodicPadding2D(padding), input_signature=[specification])
    for rows, cols in SIZES:
        values = field(2, rows, cols, 3)
        expected = np.pad(values, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode="wrap")
        np.testing.assert_array_equal(padded(values), expected)


@pytest.mark.parametrize("padding", [1, 7])
def test_gradient_of_padding_counts_the_copies(padding):
    values = tf.constant(field(1, 3, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(PeriodicPadding2D(padding)(values))
    copies = np.zeros((3, 4))
    for row in range(-padding, 3 + padding):
        for col in range(-padding, 4 + padding):
            copies[row % 3, col % 4] += 1
    np.testing.assert_array_equal(tape.gradient(total, values)[0, ..., 0], copies)


def test_negative_padding_is_refused():
    with pytest.raises(ValueError, match=r"padding must not be negative. Received: padding=-1"):
        PeriodicPadding2D(-1)


@pytest.mark.parametrize("window", [(1, 1), (3, 4), (7, 8), (2, 9)])
@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_window_mean_is_the_mean_over_rolled_lattices(rows, cols, window):
    values = field(2, rows, cols, 3)
    shifts = [(row, col) for row in range(window[0]) for col in range(window[1])]
    centre = window[0] // 2, window[1] // 2
    expected = np.mean([np.roll(values, (centre[0] - row, centre[1] - col), (1, 2)) for row, col in shifts], axis=0)
    np.testing.assert_allclose(PeriodicMean2D(window)(values), expected, atol=1e-6)
    free = tf.function(PeriodicMean2D(window), input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])
    np.testing.assert_allclose(free(values), expected, atol=1e-6)


def test_window_of_the_lattice_gives_the_mean_over_all_of_it():
    values = field(2, 7, 8, 3)
    expected = np.broadcast_to(values.mean(axis=(1, 2), keepdims=True), values.shape)
    np.testing.assert_allclose(PeriodicMean2D((7, 8))(values), expected, atol=1e-6)


def test_empty_window_is_refused():
    with pytest.raises(ValueError, match=r"window must be positive. Received: window=\(0, 2\)"):
        PeriodicMean2D((0, 2))


def convolve_slowly(values, kernel, bias):
    """Sum over the neighbours of every cell, taken modulo the lattice, one by one."""
    batch, rows, cols, _ = values.shape
    reach = (kernel.shape[0] - 1) // 2
    result = np.zeros((batch, rows, cols, kernel.shape[-1])) + bias
    for row in range(rows):
        for col in range(cols):
            for i in range(-reach, reach + 1):
                for j in range(-reach, reach + 1):
                    neighbour = values[:, (row + i) % rows, (col + j) % cols]
                    result[:, row, col] += neighbour @ kernel[i + reach, j + reach]
    return result


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_convolution_is_the_sum_over_periodic_neighbours(rows, cols, kernel_size):
    values = field(2, rows, cols, 3)
    layer = PeriodicConv2D(4, kernel_size, bias_initializer="normal")
    result = layer(values)
    kernel, bias = (np.asarray(weight) for weight in layer.weights)
    np.testing.assert_allclose(result, convolve_slowly(values, kernel, bias), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [2, (4, 4)])
def test_even_kernel_is_refused(kernel_size):
    with pytest.raises(ValueError, match=r"kernel_size must be odd. Received: kernel_size="):
        PeriodicConv2D(4, kernel_size)


@given(rows=st.integers(1, 3), cols=st.integers(1, 3), height=st.integers(1, 4), width=st.integers(1, 4))
def test_folding_puts_each_cell_of_a_block_into_its_own_channels(rows, cols, height, width):
    values = field(2, rows * height, cols * width, 3)
    folded = fold_cells(tf.constant(values), rows, cols).numpy()
    assert folded.shape == (2, height, width, rows * cols * 3)
    for i in range(rows):
        for j in range(cols):
            first = (i * cols + j) * 3
            np.testing.assert_array_equal(folded[..., first : first + 3], values[:, i::rows, j::cols])


def test_folding_where_sizes_are_unknown():
    specification = tf.TensorSpec((None, None, None, 4), tf.float32)
    folded = tf.function(lambda values: fold_cells(values, 1, 2), input_signature=[specification])
    for rows, cols in ((1, 2), (3, 8)):
        values = field(2, rows, cols, 4)
        np.testing.assert_array_equal(folded(values), fold_cells(tf.constant(values), 1, 2))


@pytest.mark.parametrize(("batch", "rows", "cols", "name"), [(2, 4, 3, "cols=3"), (3, 3, 4, "rows=3")])
def test_lattice_that_does_not_fold_is_refused_even_where_the_count_would_fit(batch, rows, cols, name):
    with pytest.raises(ValueError, match=rf"must be a multiple of 2 to be folded. Received: {name}"):
        fold_cells(tf.zeros((batch, rows, cols, 4)), 2, 2)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 2), (2, 1), (2, 3)])
def test_unfolding_undoes_folding_whatever_is_known_of_the_size(rows, cols):
    values = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype(np.float32)
    there_and_back = tf.function(
        lambda values: unfold_cells(fold_cells(values, rows, cols), rows, cols),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)],
    )
    np.testing.assert_array_equal(there_and_back(values), values)
    np.testing.assert_array_equal(unfold_cells(fold_cells(tf.constant(values), rows, cols), rows, cols), values)
