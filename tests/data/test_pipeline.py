"""Batches for training: every epoch whole, order and shifts from seed and step alone."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from rugan_tf.data.pipeline import epoch_order, shift_periodic, training_batches
from rugan_tf.systems.porous_graphene.sites import neighbour_counts, num_atoms, occupancies


def random_states(num_sheets, rows=6, cols=8):
    return np.random.default_rng(2).integers(0, 4, (num_sheets, rows, cols), np.uint8)


def batches(num_sheets, num_batches, batch_size=4, seed=0, first_step=0, states=None):
    """States (num_batches * batch_size, rows, cols) and the index of the sheet that each is a shift of."""
    states = random_states(num_sheets) if states is None else states
    label = np.arange(num_sheets, dtype=np.float32)
    dataset = training_batches(states, label, batch_size=batch_size, seed=seed, period=(1, 2), first_step=first_step)
    taken = list(dataset.take(num_batches).as_numpy_iterator())
    assert len(taken) == num_batches
    return tuple(np.concatenate([batch[name] for batch in taken]) for name in ("states", "label"))


def test_elements_have_static_shapes_and_types():
    dataset = training_batches(random_states(5), np.zeros(5, np.float32), batch_size=3, seed=0, period=(1, 2))
    assert dataset.element_spec == {
        "states": tf.TensorSpec((3, 6, 8), tf.uint8),
        "label": tf.TensorSpec((3,), tf.float32),
    }


@pytest.mark.parametrize(("num_sheets", "batch_size"), [(1, 2), (2, 2), (7, 4), (16, 4), (33, 10), (5, 12)])
def test_every_epoch_visits_every_sheet_once(num_sheets, batch_size):
    num_epochs = 5
    _, order = batches(num_sheets, -(-num_epochs * num_sheets // batch_size), batch_size)
    for epoch in np.split(order[: num_epochs * num_sheets], num_epochs):
        assert sorted(epoch) == list(range(num_sheets))


def epochs_of_sheets(num_epochs, num_sheets, seed=0):
    """The order of the sheets in each epoch, int (num_epochs, num_sheets)."""
    positions = tf.range(num_epochs * num_sheets, dtype=tf.int64)
    return epoch_order(positions, num_sheets, seed).numpy().reshape(num_epochs, num_sheets)


def test_batches_follow_the_order():
    _, order = batches(9, 18, batch_size=4, seed=6)
    np.testing.assert_array_equal(order, epochs_of_sheets(8, 9, seed=6).ravel())


def test_orders_differ_between_seeds():
    seeds = [0, 1, 2, 256, 257, 2**31, 2**40, 2**62]
    assert len({epochs_of_sheets(1, 32, seed).tobytes() for seed in seeds}) == len(seeds)


def test_orders_differ_between_epochs():
    assert len(np.unique(epochs_of_sheets(1000, 32), axis=0)) == 1000


def test_orders_are_random():
    epochs = epochs_of_sheets(1200, 12)
    places = np.argsort(epochs, axis=1)
    for sheet in range(12):
        assert stats.chisquare(np.bincount(places[:, sheet], minlength=12)).pvalue > 1e-3
        following = epochs[np.arange(1200), (places[:, sheet] + 1) % 12]
        assert stats.chisquare(np.delete(np.bincount(following, minlength=12), sheet)).pvalue > 1e-3


def test_neighbours_in_the_data_do_not_stay_neighbours():
    steps = np.abs(np.diff(epochs_of_sheets(80, 512), axis=1))
    assert 1.5 < (steps == 1).sum() / 80 < 2.4  # 2 on average in random orders, with a standard error of 0.16


@pytest.mark.parametrize("seed", range(5))
def test_the_first_epoch_is_as_random_as_any(seed):
    first = epochs_of_sheets(1, 512, seed)[0]
    assert (first == np.arange(512)).sum() < 8
    assert abs(stats.spearmanr(first, np.arange(512)).statistic) < 0.2


def test_the_same_seed_gives_the_same_batches():
    for ours, again in zip(batches(9, 10, seed=3), batches(9, 10, seed=3), strict=True):
        np.testing.assert_array_equal(ours, again)


@pytest.mark.parametrize("first_step", [1, 2, 7, 25])
def test_beginning_later_equals_skipping(first_step):
    for whole, late in zip(
        batches(9, first_step + 6, seed=5), batches(9, 6, seed=5, first_step=first_step), strict=True
    ):
        np.testing.assert_array_equal(late, whole[4 * first_step :])


def test_sheets_are_shifted_by_the_period_and_keep_their_labels():
    states = random_states(6)
    shifted, index = batches(6, 60, states=states)
    found = []
    for sheet, original in zip(shifted, states[index.astype(int)], strict=True):
        shifts = itertools.product(range(6), range(0, 8, 2))
        found += [shift for shift in shifts if np.array_equal(sheet, np.roll(original, shift, (0, 1)))]
    assert len(found) == len(shifted)  # exactly one shift fits each of these aperiodic sheets
    counts = np.unique(np.array(found), axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def test_shifts_keep_atoms_and_their_neighbours():
    states = random_states(6)
    shifted, index = batches(6, 9, states=states)
    originals = states[index.astype(int)]
    np.testing.assert_array_equal(num_atoms(shifted), num_atoms(originals))

    def histogram(sheets):
        site = neighbour_counts(sheets) * 2 + occupancies(sheets)
        return [np.bincount(sheet.ravel(), minlength=8).tolist() for sheet in site]

    assert histogram(shifted) == histogram(originals)


def test_shift_periodic_rolls_each_sheet_by_its_own():
    states = random_states(5)
    row_shift, col_shift = np.array([0, 1, 5, 2, 3], np.int32), np.array([0, 2, 4, 7, 1], np.int32)
    shifted = shift_periodic(tf.constant(states), tf.constant(row_shift), tf.constant(col_shift))
    for sheet, original, *shift in zip(shifted.numpy(), states, row_shift, col_shift, strict=True):
        np.testing.assert_array_equal(sheet, np.roll(original, shift, (0, 1)))


def test_without_shifts_sheets_come_as_they_are():
    states = np.random.default_rng(0).integers(0, 4, (12, 6, 8), dtype=np.uint8)
    label = np.arange(12, dtype=np.float32)
    batches = training_batches(states, label, batch_size=12, seed=3, period=(1, 2), shifts=False)
    batch = next(iter(batches))
    order = batch["label"].numpy().astype(int)
    np.testing.assert_array_equal(batch["states"], states[order])
    assert sorted(order) == list(range(12))
    assert (order != np.arange(12)).any()
