"""Variety of shapes: sets that collapse are seen, whichever way they collapse."""

from types import SimpleNamespace

import numpy as np
import pytest

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.evaluate import patterns
from rugan_tf.evaluate.similarity import mean_difference
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.systems.porous_graphene.holes import PoreOptions

NUMBER = 60


@pytest.fixture(scope="module")
def real():
    from rugan_tf.systems.named import system_named

    sheets = draw_sheets(system_named("porous_graphene"), 3 * NUMBER, 14, 16, 0, PoreOptions())
    return sheets[:NUMBER], sheets[NUMBER : 2 * NUMBER], sheets[2 * NUMBER :]


def moved(states, seed=0):
    """Each sheet shifted by a random period of the lattice."""
    shifts = np.random.default_rng(seed).integers(0, 7, (len(states), 2))
    return np.stack(
        [np.roll(sheet, (2 * row, 2 * col), (0, 1)) for sheet, (row, col) in zip(states, shifts, strict=True)]
    )


def one_shape(number):
    """Sheets with as many holes as real ones, all holes alike, at random places."""
    rng = np.random.default_rng(1)
    sheets = np.full((number, 14, 16), 3, np.uint8)
    for sheet in sheets:
        for _ in range(rng.integers(1, 16)):
            row, col = rng.integers(0, 14), 2 * rng.integers(0, 8)
            sheet[np.ix_(np.arange(row, row + 3) % 14, np.arange(col, col + 4) % 16)] = 0
    return sheets


def test_patterns_are_counted_as_a_slow_look_at_every_window_counts_them(graphene):
    states = np.random.default_rng(2).integers(2, 4, (3, 4, 6), np.uint8)
    states[:, 1:] = 3
    rows, cols = patterns.window_size(graphene)
    seen = [
        np.roll(sheet, (-row, -col), (0, 1))[:rows, :cols].tobytes()
        for sheet in states
        for row in range(4)
        for col in range(0, 6, 2)
    ]
    _, counts = np.unique(seen, return_counts=True)
    share = counts / counts.sum()
    expected = np.exp(-(share * np.log(share)).sum())
    assert patterns.windows_of(graphene, states) == len(seen) == 36
    assert patterns.patterns_in(graphene, states, 36) == (len(counts), pytest.approx(expected))
    assert 1 < expected < len(counts) < 36


def test_sheets_that_are_all_alike_have_one_pattern(graphene):
    assert patterns.patterns_in(graphene, np.full((2, 6, 6), 3, np.uint8), 36) == (1, pytest.approx(1.0))


def test_real_sheets_are_as_various_as_other_real_ones(graphene, real):
    found = patterns.variety(graphene, real[2], real[:2])
    for name in ("ratio", "yardstick", "effective_ratio", "effective_yardstick"):
        assert found[name] == pytest.approx(1.0, abs=0.3)


def test_few_sheets_put_to_other_places_are_seen_where_differing_cells_see_nothing(graphene, real):
    collapsed = moved(np.repeat(real[2][:4], NUMBER // 4, axis=0))
    assert mean_difference(collapsed) > 0.8 * mean_difference(real[0])
    found = patterns.variety(graphene, collapsed, real[:2])
    assert found["ratio"] < 0.3
    assert found["effective_ratio"] < 0.6


def test_holes_of_one_shape_at_all_places_are_seen(graphene, real):
    collapsed = one_shape(NUMBER)
    assert mean_difference(collapsed) > 0.8 * mean_difference(real[0])
    found = patterns.variety(graphene, collapsed, real[:2])
    assert found["ratio"] < 0.3
    assert found["effective_ratio"] < 0.6


def counts_by_a_slow_look(states, rows, cols, number):
    """How often each pattern occurs in the first windows, which begin at every row and every other column."""
    seen = [
        np.roll(sheet, (-row, -col), (0, 1))[:rows, :cols].tobytes()
        for sheet in states
        for row in range(sheet.shape[0])
        for col in range(0, sheet.shape[1], 2)
    ]
    return np.unique(seen[:number], return_counts=True)[1]


def test_a_window_is_six_distances_of_neighbours_along_rows_and_columns():
    lattice = Lattice(2.0, 1.0, 1.2)
    assert patterns.window_size(SimpleNamespace(lattice=lattice)) == (4, 7)  # 7.2 over 2 and over 1
    assert patterns.window_size(SimpleNamespace(lattice=Lattice(20.0, 9.0, 1.2))) == (1, 1)


def test_variety_is_of_as_many_windows_as_the_smallest_set_has(graphene):
    """Three sets of different sizes, and of different variety: every number is told from every other."""
    rng = np.random.default_rng(7)
    generated, base, other = (
        np.where(rng.random((number, 4, 6)) < share, rng.integers(0, 4, (number, 4, 6)), 3).astype(np.uint8)
        for number, share in ((9, 0.05), (6, 0.2), (5, 0.1))
    )
    found = patterns.variety(graphene, generated, (base, other))
    number = 5 * 4 * 3
    ours, first, second = (
        counts_by_a_slow_look(states, *patterns.window_size(graphene), number) for states in (generated, base, other)
    )
    effective = [np.exp(-(part / number * np.log(part / number)).sum()) for part in (ours, first, second)]
    expected = {
        "num_windows": number, "generated": len(ours), "real": len(first), "ratio": len(ours) / len(first),
        "yardstick": len(second) / len(first), "effective_ratio": effective[0] / effective[1],
        "effective_yardstick": effective[2] / effective[1],
    }  # fmt: skip
    assert found == pytest.approx(expected)
    assert len({round(value, 3) for value in expected.values()}) == len(expected)
