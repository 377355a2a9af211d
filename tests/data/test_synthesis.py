"""Sheets drawn in blocks: a seed gives the same sheets for any number of them."""

import numpy as np
import pytest

from rugan_tf.data import synthesis
from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions


def draw(num_sheets, seed=0, rows=4, cols=6, *, distinct=False, **options):
    system = system_named("porous_graphene")
    return draw_sheets(system, num_sheets, rows, cols, seed, PoreOptions(**options), distinct=distinct)


def test_sheets_have_the_size_asked_for():
    states = draw(7, rows=3, cols=8)
    assert states.shape == (7, 3, 8)
    assert states.dtype == np.uint8


def test_smaller_draw_is_the_beginning_of_a_larger_one():
    larger = draw(2100)  # more than one block
    for num_sheets in (1, 5, 2048, 2049):
        np.testing.assert_array_equal(draw(num_sheets), larger[:num_sheets])


def test_blocks_differ(monkeypatch):
    monkeypatch.setattr(synthesis, "MOST_SHEETS", 32)
    states = draw(96, rows=8, cols=8)
    first, second, third = np.split(states, 3)
    assert (first != second).any(axis=(1, 2)).all()
    assert (first != third).any(axis=(1, 2)).all()


def test_seeds_differ():
    sheets = [draw(50, seed, rows=8, cols=8) for seed in (0, 1, 2**40)]
    assert (sheets[0] != sheets[1]).any(axis=(1, 2)).all()
    assert (sheets[0] != sheets[2]).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(draw(50, 2**40, rows=8, cols=8), sheets[2])


def test_neighbouring_seeds_share_no_block(monkeypatch):
    monkeypatch.setattr(synthesis, "MOST_SHEETS", 32)
    first, second = ({sheet.tobytes() for sheet in draw(128, seed, rows=8, cols=8)} for seed in (6, 7))
    assert len(first & second) < 6  # of 128: nearly perfect sheets are few


def test_options_reach_the_system():
    one_small_hole = draw(20, rows=8, cols=8, max_hole_density=1e-6, max_radius=1.5)
    assert ((one_small_hole & 1) + (one_small_hole >> 1)).sum(axis=(1, 2)).min() >= 128 - 6


def test_distinct_sheets_are_the_first_of_their_kind():
    distinct, drawn = draw(300, distinct=True), draw(2048)
    assert len(np.unique(distinct, axis=0)) == 300
    assert len(np.unique(drawn[:300], axis=0)) < 300
    seen = list(dict.fromkeys(sheet.tobytes() for sheet in drawn))
    assert [sheet.tobytes() for sheet in distinct] == seen[:300]
    np.testing.assert_array_equal(draw(40, distinct=True), distinct[:40])


def test_more_distinct_sheets_than_there_are_is_an_error():
    with pytest.raises(ValueError, match=r"enough distinct sheets. Received: \d+ of 300 after 40960 draws"):
        draw(300, rows=2, cols=2, distinct=True)  # 256 sheets have this size, the pristine one not drawn


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_sheets": 0}, r"num_sheets must be at least 1. Received: num_sheets=0"),
        ({"num_sheets": 2, "seed": -1}, r"seed must not be negative. Received: seed=-1"),
        ({"num_sheets": 2, "cols": 15}, r"cols must be even. Received: cols=15"),
        ({"num_sheets": 2, "rows": 0}, r"rows must be at least 1. Received: rows=0"),
    ],
)
def test_impossible_draws_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(**arguments)
