import itertools

import numpy as np
import pytest

from rugan_tf.sample.places import Places, window_around


def changed(sheet, patch, corner, reach, period):
    """Periods whose judgement sees a cell of the patch, by brute force, as multiples of the period."""
    found = set()
    for step in itertools.product(range(patch[0]), range(patch[1])):
        cell = [(corner[axis] + step[axis]) % sheet[axis] for axis in range(2)]
        tile = [cell[axis] // period[axis] for axis in range(2)]
        tiles = [sheet[axis] // period[axis] for axis in range(2)]
        steps = [reach[axis] // period[axis] for axis in range(2)]
        for move in itertools.product(*(range(-step, step + 1) for step in steps)):
            found.add(tuple((tile[axis] + move[axis]) % tiles[axis] for axis in range(2)))
    return found


@pytest.mark.parametrize(
    ("sheet", "patch", "reach", "period"),
    [
        ((12, 20), (2, 3), (2, 4), (1, 2)),
        ((12, 20), (1, 1), (4, 8), (1, 2)),
        ((7, 6), (2, 2), (1, 2), (1, 2)),
        ((3, 4), (2, 3), (1, 2), (1, 2)),
        ((6, 5), (1, 1), (1, 1), (1, 1)),
    ],
)
def test_focus_holds_what_a_patch_changes_and_nothing_twice(sheet, patch, reach, period):
    window = window_around(sheet, patch, reach, period)
    corners = np.array(list(itertools.product(range(sheet[0]), range(sheet[1]))), np.int32)
    cells = window.indices(corners).numpy()
    rows, cols = window.shape
    assert cells.shape == (len(corners), rows, cols)
    for corner, held in zip(corners, cells, strict=True):
        focus = window.inside(held[None])[0]
        assert len(np.unique(focus)) == focus.size
        tiles = {
            (row // period[0], col // period[1])
            for row, col in zip(*np.divmod(focus, sheet[1]), strict=True)
            for row, col in zip(row, col, strict=True)
        }
        assert changed(sheet, patch, corner, reach, period) <= tiles
        # What looks like a sheet begins at a period and goes on cell by cell.
        assert held[0, 0] // sheet[1] % period[0] == 0
        assert held[0, 0] % sheet[1] % period[1] == 0
        assert (
            held
            == (held[:1, :1] // sheet[1] + np.arange(rows)[:, None]) % sheet[0] * sheet[1]
            + (held[:1, :1] + np.arange(cols)) % sheet[1]
        ).all()


def test_places_of_a_sheet_see_different_cells():
    sheet, patch = (21, 46), (2, 3)
    window = window_around(sheet, patch, (2, 4), (1, 2))
    places = Places(sheet, patch, window.focus)
    offset = np.array(list(itertools.product(range(sheet[0]), range(sheet[1]))), np.int32)
    corners = places.corners(offset)
    assert places.number == corners.shape[1] == (21 // 6) * (46 // 12)
    for own in np.asarray(corners)[::37]:
        focus = window.inside(window.indices(own).numpy())
        assert len(np.unique(focus)) == focus.size
    # Every cell is as often the first of a place.
    counts = np.bincount((np.asarray(corners) @ [sheet[1], 1]).ravel(), minlength=sheet[0] * sheet[1])
    assert (counts == places.number).all()


def test_a_patch_wraps_around():
    places = Places((4, 6), (2, 3), (4, 6))
    assert places.indices(np.array([[3, 5]], np.int32)).numpy().tolist() == [[[23, 18, 19], [5, 0, 1]]]
