"""Real sheets chosen for energies, none twice."""

import dataclasses

import numpy as np
import pytest

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.evaluate.pools import POOL, SEEDS, Pool, nearest, nearest_unused, real_pools
from rugan_tf.formats.data_set import DataSet
from rugan_tf.systems.porous_graphene.holes import PoreOptions


class AtomCount:
    is_fast = True

    def energies(self, states, work=None):
        return -((states & 1).sum(axis=(1, 2)) + (states >> 1).sum(axis=(1, 2))).astype(float)


def test_nearest_takes_the_nearest_as_often_as_it_is():
    known = np.array([3.0, 1.0, 2.0])
    assert nearest(known, np.array([-9.0, 1.4, 1.6, 2.6, 99.0])).tolist() == [1, 1, 2, 0, 0]
    assert nearest(known[:1], np.array([0.0, 9.0])).tolist() == [0, 0]


def test_nearest_unused_by_hand():
    known = np.array([3.0, 1.0, 2.0, 7.0])
    assert nearest_unused(known, np.array([1.9, 1.9, 1.9, 1.9])).tolist() == [2, 1, 0, 3]
    assert nearest_unused(known, np.array([99.0, 99.0])).tolist() == [3, 0]
    assert nearest_unused(known, np.array([-9.0, -9.0])).tolist() == [1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_nearest_unused_is_what_looking_at_all_of_them_finds(seed):
    rng = np.random.default_rng(seed)
    known, wanted = rng.normal(size=60), rng.normal(size=40)
    free, expected = dict(enumerate(known)), []
    for value in wanted:
        best = min(free, key=lambda index: abs(free[index] - value))
        expected.append(best)
        del free[best]
    assert nearest_unused(known, wanted).tolist() == expected


def test_halves_of_the_data_are_the_pools_unless_they_are_too_small(data_set):
    first, second = real_pools(data_set, 4, 4, 4, AtomCount())
    np.testing.assert_array_equal(first.states, data_set.states[::2])
    np.testing.assert_array_equal(second.energy_per_area, data_set.energy_per_area[1::2])
    assert real_pools(data_set, 5, 4, 4, AtomCount()) is None  # 64 sheets, eight of each half for each


def test_sheets_of_other_sizes_are_drawn_eight_for_each(data_set, graphene):
    assert real_pools(data_set, 3, 6, 6, AtomCount()) is None
    told = {**data_set.metadata, "options": {"pores": dataclasses.asdict(PoreOptions())}}
    pools = real_pools(dataclasses.replace(data_set, metadata=told), 3, 6, 6, AtomCount(), processes=1)
    for states, energy_per_area in pools:
        assert states.shape == (3 * POOL, 6, 6)
        np.testing.assert_allclose(energy_per_area, -graphene.num_atoms(states) / graphene.area(6, 6))
    assert (pools[0].states != pools[1].states).any(axis=(1, 2)).mean() > 0.5


def test_chosen_sheets_come_with_their_energies():
    states = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    chosen = Pool(states, np.array([0.0, 1.0, 2.0, 3.0])).chosen(np.array([2.2, 2.1]))
    assert chosen.states[:, 0, 0].tolist() == [2, 3]
    assert chosen.energy_per_area.tolist() == [2.0, 3.0]


def test_of_two_that_are_as_near_the_lower_is_taken():
    known = np.array([3.0, 1.0])
    assert nearest(known, np.array([2.0])).tolist() == [1]
    assert nearest_unused(known, np.array([2.0, 2.0])).tolist() == [1, 0]


class Noted(AtomCount):
    """The same, and what it was asked for."""

    def __init__(self):
        self.asked = []

    def energies(self, states, work=None):
        self.asked.append((states.shape[1:], work.description, work.processes))
        return super().energies(states)


def test_rows_and_columns_are_told_apart(graphene):
    states = graphene.repair(np.random.default_rng(3).integers(0, 4, (16, 4, 6), np.uint8))
    told = {"system": "porous_graphene", "options": {"pores": dataclasses.asdict(PoreOptions())}}
    data_set, judge = DataSet(states, np.linspace(-2, -1, 16), told), Noted()
    assert [len(pool.states) for pool in real_pools(data_set, 1, 4, 6, judge, 2)] == [8, 8]
    assert judge.asked == []  # the halves of the data have their energies
    drawn = real_pools(data_set, 1, 6, 4, judge, 2)
    assert [pool.states.shape for pool in drawn] == [(POOL, 6, 4)] * 2
    assert judge.asked == [((6, 4), "real 6x4", 2)] * 2


def test_sheets_are_drawn_as_those_of_the_data_were_but_by_seeds_of_their_own(data_set, graphene):
    options = PoreOptions(min_holes=2, max_radius=2.5)
    told = {**data_set.metadata, "options": {"pores": dataclasses.asdict(options)}}
    pools = real_pools(dataclasses.replace(data_set, metadata=told), 2, 6, 8, AtomCount())
    for pool, seed in zip(pools, SEEDS, strict=True):
        np.testing.assert_array_equal(pool.states, draw_sheets(graphene, 2 * POOL, 6, 8, seed, options))
