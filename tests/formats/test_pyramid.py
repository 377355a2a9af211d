"""Pictures of large sheets: how fine their levels are, and how they are described."""

import numpy as np
import pytest

from rugan_tf.formats import pyramid
from rugan_tf.systems.named import system_named


@pytest.mark.parametrize(
    ("size", "shapes"),
    [
        ((1, 1), [(1, 1)]),
        ((1024, 8), [(256, 2)]),
        ((1025, 8), [(257, 2), (129, 1)]),
        ((9, 2100), [(3, 525), (2, 263), (1, 132)]),
    ],
)
def test_levels_halve_until_the_longer_side_is_short(size, shapes):
    assert pyramid.level_shapes(*size) == shapes


def test_filled_sites_are_those_of_the_last_state():
    assert pyramid.filled_sites(system_named("porous_graphene")).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert pyramid.filled_sites(system_named("ising")).tolist() == [0.0, 1.0]


def test_means_over_squares_whose_last_may_be_smaller():
    values = np.arange(15.0).reshape(3, 5)
    expected = [[values[:2, :2].mean(), values[:2, 2:4].mean(), values[:2, 4].mean()],
                [values[2, :2].mean(), values[2, 2:4].mean(), values[2, 4]]]  # fmt: skip
    np.testing.assert_allclose(pyramid.coarse(values, 2), expected)


def test_finest_pixels_are_of_four_cells_a_side():
    states = np.zeros((6, 8), np.uint8)
    states[:4, :4] = 3
    states[0, 4] = 3
    pixels = pyramid.finest_pixels(system_named("porous_graphene"), states)
    assert pixels.dtype == np.uint8
    assert pixels.tolist() == [[255, 16], [0, 0]]  # 255 / 16 is rounded


def test_description_places_the_middle_of_pixels_and_says_the_unit_where_it_has_a_name():
    found = pyramid.multiscales(system_named("porous_graphene"), 2)
    assert found["version"] == "0.5"
    (image,) = found["multiscales"]
    assert image["axes"] == [
        {"name": "sheet", "type": "channel"},
        {"name": "x", "type": "space", "unit": "angstrom"},
        {"name": "y", "type": "space", "unit": "angstrom"},
    ]
    lattice = system_named("porous_graphene").lattice
    for level, entry in enumerate(image["datasets"]):
        assert entry["path"] == f"filling/{level}"
        scale, middle = entry["coordinateTransformations"]
        cells = 4 * 2**level
        assert scale == {"type": "scale", "scale": [1.0, cells * lattice.row_pitch, cells * lattice.col_pitch]}
        half = (cells - 1) / 2
        assert middle == {
            "type": "translation",
            "translation": [0.0, half * lattice.row_pitch, half * lattice.col_pitch],
        }
    assert (image["name"], image["type"]) == ("share of filled sites, 255 for all", "mean")
    (other,) = pyramid.multiscales(system_named("ising"), 1)["multiscales"]
    assert other["axes"][1] == {"name": "x", "type": "space"}
