"""The EDNN as a sum over tiles: equal to tiles cut out, extensive, streamable, with the lattice's period."""

import doctest

import keras
import numpy as np
import pytest
import tensorflow as tf
from network_cases import draw_weights

from rugan_tf.networks import ednn
from rugan_tf.networks.ednn import EDNN, TileNetwork

STATE_ENERGIES = (0.5, -7.0, -7.25, -16.0)
SIZES = [(1, 2), (2, 2), (3, 4), (5, 6), (6, 12)]
sizes = pytest.mark.parametrize(("rows", "cols"), SIZES)


def build_ednn(**options):
    network = EDNN(**{"width": 6, "context": 2, "state_energies": STATE_ENERGIES, "energy_scale": 0.3} | options)
    network.build()
    draw_weights(network)
    return network


@pytest.fixture(scope="module")
def network():
    return build_ednn()


def draw_states(rows, cols, num_sheets=3):
    return np.random.default_rng(6).integers(0, 4, (num_sheets, rows, cols), np.uint8)


def tiles_of(network, states):
    """Cut every tile, focus and context, out of the wrapped lattice; (batch, tiles, tile rows, tile cols)."""
    halo_rows, halo_cols = network.halo
    num_rows, num_cols = network.period
    _, rows, cols = states.shape
    tiles = []
    for row in range(0, rows, num_rows):
        for col in range(0, cols, num_cols):
            from_rows = np.arange(row - halo_rows, row + num_rows + halo_rows) % rows
            from_cols = np.arange(col - halo_cols, col + num_cols + halo_cols) % cols
            tiles.append(states[:, from_rows][:, :, from_cols])
    return np.stack(tiles, axis=1)


@sizes
@pytest.mark.parametrize("context", [1, 3])
def test_energy_is_the_sum_over_tiles_that_are_cut_out(rows, cols, context):
    network = build_ednn(context=context)
    states = draw_states(rows, cols)
    total = np.zeros(len(states))
    for tile in np.moveaxis(tiles_of(network, states), 1, 0):
        energies = network.tile_energies(tile, periodic=False)
        assert energies.shape == (len(states), 1, 1)
        total += energies[:, 0, 0].numpy()
    np.testing.assert_allclose(network(states), total, rtol=1e-5)


def test_tile_network_without_wrapping_needs_the_context_alone():
    layer = TileNetwork(width=5, context=2)
    layer.build((None, None, None, 8))
    draw_weights(layer)
    inputs = np.random.default_rng(0).normal(size=(2, 9, 8, 8)).astype(np.float32)
    inside = layer(inputs, periodic=False)
    assert inside.shape == (2, 5, 4)
    np.testing.assert_allclose(inside, layer(inputs)[:, 2:-2, 2:-2], atol=1e-5)


def test_tile_energies_sum_to_the_energy(network):
    states = draw_states(5, 6)
    tiles = network.tile_energies(states)
    assert (tuple(tiles.shape), tiles.dtype) == ((3, 5, 3), tf.float32)
    assert np.ptp(tiles) > 1
    np.testing.assert_allclose(network(states), tiles.numpy().sum(axis=(1, 2)), rtol=1e-6)


@sizes
@pytest.mark.parametrize("repeats", [(2, 1), (1, 3), (3, 2)])
def test_energy_of_a_supercell_is_as_many_times_the_energy(network, rows, cols, repeats):
    states = draw_states(rows, cols)
    supercell = network(np.tile(states, (1, *repeats)))
    np.testing.assert_allclose(supercell, repeats[0] * repeats[1] * network(states).numpy(), rtol=1e-6)


@pytest.mark.parametrize(("top", "left", "rows", "cols"), [(0, 0, 1, 2), (3, 4, 2, 6), (6, 14, 7, 8), (0, 0, 7, 16)])
def test_streamed_tiles_are_those_of_the_whole_sheet(network, top, left, rows, cols):
    states = draw_states(7, 16)
    halo_rows, halo_cols = network.halo
    assert (halo_rows, halo_cols) == (2, 4)
    from_rows = np.arange(top - halo_rows, top + rows + halo_rows) % 7
    from_cols = np.arange(left - halo_cols, left + cols + halo_cols) % 16
    streamed = network.tile_energies(states[:, from_rows][:, :, from_cols], periodic=False)
    whole = network.tile_energies(states).numpy()
    expected = whole[:, np.arange(top, top + rows) % 7][:, :, np.arange(left // 2, (left + cols) // 2) % 8]
    assert streamed.shape == expected.shape
    np.testing.assert_allclose(streamed, expected, atol=1e-5)


def test_tile_sees_its_halo_and_nothing_beyond(network):
    states = draw_states(9, 20, num_sheets=1)
    before = network.tile_energies(states).numpy()
    states[0, 4, 10] = (states[0, 4, 10] + 1) % 4
    changed = network.tile_energies(states).numpy() != before
    expected = np.zeros_like(changed)
    expected[0, 2:7, 3:8] = True
    np.testing.assert_array_equal(changed, expected)


@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (5, 6), (14, 16)])
@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (-2, 4)])
def test_energy_does_not_change_with_shifts_by_the_period(network, rows, cols, shift):
    states = draw_states(rows, cols)
    np.testing.assert_allclose(network(np.roll(states, shift, (1, 2))), network(states), rtol=1e-6)


def test_energy_changes_with_a_shift_by_one_column_which_is_none_of_the_honeycomb(network):
    states = draw_states(5, 6)
    shifted = network(np.roll(states, 1, 2)).numpy()
    assert np.abs(shifted - network(states)).min() > 1e-3


def test_other_periods_are_tiles_too():
    network = build_ednn(period=(2, 1))
    states = draw_states(6, 5)
    assert (network.halo, network.tile_energies(states).shape) == ((4, 2), (3, 3, 5))
    np.testing.assert_allclose(network(np.roll(states, (2, 1), (1, 2))), network(states), rtol=1e-6)
    assert np.abs(network(np.roll(states, 1, 1)).numpy() - network(states)).min() > 1e-3


@pytest.mark.parametrize("state", [0, 3])
def test_every_tile_of_an_empty_and_of_a_pristine_sheet_has_the_same_energy(network, state):
    tiles = network.tile_energies(np.full((1, 6, 8), state, np.uint8)).numpy()
    assert np.ptp(tiles) < 1e-5
    small = network(np.full((1, 1, 2), state, np.uint8)).numpy()
    np.testing.assert_allclose(network(np.full((1, 6, 8), state, np.uint8)), 24 * small, rtol=1e-6)


def test_state_energies_alone_are_a_linear_sum():
    network = build_ednn(energy_scale=0.0)
    states = draw_states(7, 8)
    counts = [(states == state).sum(axis=(1, 2)) for state in range(4)]
    np.testing.assert_array_equal(network(states), np.array(STATE_ENERGIES) @ counts)


def test_correction_comes_in_units_of_the_energy_scale():
    states = draw_states(4, 6)
    zero, one, three = (build_ednn(energy_scale=scale)(states).numpy() for scale in (0.0, 1.0, 3.0))
    assert np.abs(one - zero).min() > 0.1
    np.testing.assert_allclose(three - zero, 3 * (one - zero), rtol=1e-4)


def test_energy_of_a_large_sheet_is_summed_in_double_precision():
    network = build_ednn(state_energies=(0.0, 0.0, 0.0, -18.7), energy_scale=0.0)
    energy = float(network(np.full((1, 1500, 1000), 3, np.uint8))[0])
    assert energy == pytest.approx(-18.7 * 1.5e6, rel=2e-7)


def test_dtype_of_the_states_does_not_matter(network):
    states = draw_states(4, 6)
    for dtype in (np.int32, np.int64):
        np.testing.assert_array_equal(network(states.astype(dtype)), network(states))


def test_energies_of_a_batch_are_those_of_its_sheets(network):
    states = draw_states(4, 6)
    np.testing.assert_allclose(network(states), [float(network(sheet[None])[0]) for sheet in states], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning:keras")
def test_keras_file_and_config_give_the_same_energies(network, tmp_path):
    states = draw_states(5, 6)
    network.save(tmp_path / "ednn.keras")
    loaded = keras.saving.load_model(tmp_path / "ednn.keras", compile=False, safe_mode=True)
    again = EDNN.from_config(network.get_config())
    again.build()
    again.set_weights(network.get_weights())
    assert loaded.get_config() == again.get_config() == network.get_config()
    for other in (loaded, again):
        np.testing.assert_array_equal(other(states), network(states))
    assert loaded.compute_output_shape((None, None, None)) == (None,)


def test_saved_model_of_unknown_size_gives_the_same_energies(network, tmp_path):
    module = tf.Module()
    module.tracked = [weight.value for weight in network.weights]
    specs = [tf.TensorSpec([None, None, None], tf.uint8)]
    module.energy = tf.function(lambda states: network(states), autograph=False, input_signature=specs)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    for rows, cols in SIZES:
        states = draw_states(rows, cols)
        np.testing.assert_allclose(loaded.energy(states), network(states), rtol=1e-6)


@pytest.mark.parametrize("values", [(1.0, 2.0, 3.0), (1.0, 2.0, 3.0, 4.0, 5.0)])
def test_another_number_of_state_energies_is_refused(values):
    with pytest.raises(ValueError, match=rf"one value for each of 4 states. Received: \({values[0]}, "):
        EDNN(state_energies=values)


@pytest.mark.parametrize("options", [{"width": 0}, {"context": 0}, {"context": -1}])
def test_impossible_tile_networks_are_refused(options):
    with pytest.raises(ValueError, match=r"width and context must be positive. Received: width="):
        EDNN(**options)


def test_odd_number_of_columns_is_refused(network):
    with pytest.raises(ValueError, match=r"cols must be a multiple of 2 to be folded. Received: cols=5"):
        network(draw_states(4, 5))


def test_examples_in_docstrings_hold():
    results = doctest.testmod(ednn)
    assert (results.attempted, results.failed) == (3, 0)
