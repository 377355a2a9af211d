"""Tiles repaired and judged one by one are those of the whole sheet, wherever the seams lie."""

import dataclasses

import numpy as np
import pytest
from preset_sheet import PresetMap, PresetModel
from scipy.ndimage import gaussian_filter

from rugan_tf.energies.ednn import ednn_in, shipped_ednn
from rugan_tf.generate.finishing import Finishing, Place
from rugan_tf.generate.maps import UniformMap
from rugan_tf.generate.regions import SheetRequest, Stretch
from rugan_tf.generate.tiles import blocks_of, places_of, stream_block, stream_tiles
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.rule import LARGEST_FLAKE, SMALL
from rugan_tf.systems.porous_graphene.sites import from_occupancies, num_atoms

SYSTEM = system_named("porous_graphene")
WINDOWS = Finishing(system=SYSTEM, whole_up_to=0)


@pytest.fixture(scope="module")
def ednn():
    return ednn_in(shipped_ednn(SYSTEM), SYSTEM)


def sheet_with_flakes(rows, cols, seed=0):
    """Smooth noise, cut at a level: flakes of all sizes and dangling atoms."""
    noise = np.random.default_rng(seed).standard_normal((rows, cols, 2))
    return from_occupancies(gaussian_filter(noise, (1.2, 1.2, 0.8), mode="wrap") < 0.02)


def request_of(states, reach=(3, 5)):
    return SheetRequest(condition_map=PresetMap(states), rows=states.shape[0], cols=states.shape[1], reach=reach)


def put_together(tiles, shape):
    states = np.full(shape, 255, np.uint8)
    for place, part, _ in tiles:
        where = slice(place.row, place.row + place.rows), slice(place.col, place.col + place.cols)
        assert (states[where] == 255).all()
        assert part.shape == (place.rows, place.cols)
        states[where] = part
    return states


@pytest.mark.parametrize(
    ("rows", "cols", "tile", "piece"),
    [
        (240, 256, 34, 34),  # windows end inside of other tiles, the last tiles are slivers
        (250, 300, 64, 50),  # pieces of the generator and tiles do not line up
        (150, 320, 128, 512),  # shorter than a tile with its halo
        (4, 4098, 70, 70),  # pieces close around the sheet along the rows
        (258, 4, 16, 20),
    ],
)
def test_tiles_repaired_one_by_one_are_the_whole_sheet(rows, cols, tile, piece):
    states = sheet_with_flakes(rows, cols)
    finishing = WINDOWS if rows * cols > SMALL else Finishing(system=SYSTEM)
    model = PresetModel()
    tiled = put_together(stream_tiles(model, request_of(states), finishing, tile=tile, piece=piece), states.shape)
    whole = SYSTEM.repair(states[None])[0]
    assert (whole != SYSTEM.rule.settle(states[None])[0]).any()  # flakes were there
    np.testing.assert_array_equal(tiled, whole)
    assert model.largest <= (piece + 12) * (piece + 20)


@pytest.mark.parametrize("length", [LARGEST_FLAKE // 4, LARGEST_FLAKE // 4 + 1])
def test_flakes_that_lie_in_four_tiles_go_and_larger_ones_stay(length):
    """Strips of two rows: the shorter has as many atoms as a flake may have, and its window knows it all."""
    full = np.full((320, 320), 3, np.uint8)
    full[56:72, 40:88] = full[120:136, 104:152] = 0
    full[:8, :40] = full[-8:, :40] = full[:8, -40:] = full[-8:, -40:] = 0  # around the corner of the sheet itself
    states = full.copy()
    for row, col in ((63, 64), (127, 128), (319, 0)):
        states[
            np.ix_(np.arange(row, row + 2) % 320, np.arange(col - length // 2, col - length // 2 + length) % 320)
        ] = 3
    settled = SYSTEM.rule.settle(states[None])[0]
    tiled = put_together(stream_tiles(PresetModel(), request_of(states), WINDOWS, tile=64), states.shape)
    np.testing.assert_array_equal(tiled, SYSTEM.repair(states[None])[0])
    flakes = int(num_atoms(settled[None])[0] - num_atoms(SYSTEM.rule.settle(full[None]))[0])
    assert flakes > 3 * LARGEST_FLAKE // 2
    removed = int(num_atoms(settled[None])[0] - num_atoms(tiled[None])[0])
    assert removed == (flakes if flakes <= 3 * LARGEST_FLAKE else 0)


def test_a_halo_of_the_rule_that_is_too_narrow_is_seen():
    """What the comparisons are worth."""
    states = sheet_with_flakes(240, 256)

    class Narrow(type(SYSTEM.rule)):
        halo = (4, 4)

    class Other(type(SYSTEM)):
        rule = Narrow()

    tiles = stream_tiles(PresetModel(), request_of(states), Finishing(system=Other(), whole_up_to=0), tile=34)
    assert (put_together(tiles, states.shape) != SYSTEM.repair(states[None])[0]).any()


@pytest.mark.parametrize(("rows", "cols", "tile"), [(240, 256, 80), (90, 300, 64), (12, 16, 8), (2, 4, 512)])
def test_energies_of_tiles_are_those_of_the_whole_sheet(ednn, rows, cols, tile):
    states = sheet_with_flakes(rows, cols, seed=3)
    finishing = dataclasses.replace(WINDOWS, energy=ednn, whole_up_to=SMALL)
    tiles = list(stream_tiles(PresetModel(), request_of(states), finishing, tile=tile))
    whole = SYSTEM.repair(states[None])
    np.testing.assert_array_equal(put_together(tiles, states.shape), whole[0])
    np.testing.assert_allclose(sum(tile.energy for tile in tiles), ednn.energies(whole)[0], rtol=1e-6)
    place, _, energy = tiles[len(tiles) // 2]
    seen = [
        np.arange(first - halo, first + length + halo)
        for first, length, halo in zip(place[:2], place[2:], ednn.halo, strict=True)
    ]
    chunk = whole[0][np.ix_(seen[0] % rows, seen[1] % cols)]
    np.testing.assert_allclose(energy, ednn.halo_energies(chunk[None])[0], rtol=1e-9)


def test_blocks_need_nothing_of_each_other():
    states = sheet_with_flakes(260, 330)
    request, made = request_of(states), []
    blocks = blocks_of(*states.shape, tile=40, block=130)
    assert len(blocks) == 9
    for block in reversed(blocks):
        made += stream_block(PresetModel(), request, WINDOWS, block=block, tile=40)
    np.testing.assert_array_equal(put_together(made, states.shape), SYSTEM.repair(states[None])[0])


def test_only_the_tiles_that_are_wanted_are_made():
    states = sheet_with_flakes(240, 256)
    wanted = {Place(68, 34, 34, 34), Place(204, 238, 34, 18)}
    tiles = list(stream_tiles(PresetModel(), request_of(states), WINDOWS, tile=34, is_wanted=wanted.__contains__))
    assert {tile.place for tile in tiles} == wanted
    whole = SYSTEM.repair(states[None])[0]
    for place, part, _ in tiles:
        np.testing.assert_array_equal(
            part, whole[place.row : place.row + place.rows, place.col : place.col + place.cols]
        )


def test_without_repair_tiles_are_what_the_generator_made():
    states = sheet_with_flakes(60, 70)
    bare = Finishing(system=SYSTEM, repaired=False, whole_up_to=0)
    np.testing.assert_array_equal(
        put_together(stream_tiles(PresetModel(), request_of(states), bare, tile=16), states.shape), states
    )


@pytest.mark.parametrize("tile", [0, 3, -2])
def test_tiles_of_odd_size_are_refused(tile):
    states = sheet_with_flakes(12, 16)
    with pytest.raises(ValueError, match=f"tile must be even. Received: tile={tile}"):
        list(stream_tiles(PresetModel(), request_of(states), WINDOWS, tile=tile))


def test_sheets_of_half_periods_are_refused(ednn):
    class Longer:
        period, halo = (1, 4), ednn.halo

    request = SheetRequest(condition_map=UniformMap(-2.0), rows=8, cols=6, reach=(1, 1))
    with pytest.raises(ValueError, match=r"whole periods of the EDNN\. Received: cols=6, a period of 4"):
        list(stream_tiles(PresetModel(), request, dataclasses.replace(WINDOWS, energy=Longer()), tile=8))


@pytest.mark.parametrize(("rows", "cols"), [(3, 4), (4, 3), (0, 4), (4, -2)])
def test_requests_of_odd_sheets_are_refused(rows, cols):
    with pytest.raises(ValueError, match=f"rows and cols must be even. Received: rows={rows}, cols={cols}"):
        SheetRequest(condition_map=UniformMap(-2.0), rows=rows, cols=cols, reach=(1, 1))


def test_places_cover_an_area_once():
    seen = np.zeros((30, 44), int)
    for place in places_of(Place(4, 6, 22, 30), 8):
        seen[place.row : place.row + place.rows, place.col : place.col + place.cols] += 1
    assert (seen[4:26, 6:36] == 1).all()
    assert seen.sum() == 22 * 30


def test_stretches_know_their_cells():
    part = Stretch.around(4, 6, 40, 5)
    assert (part.start, part.length, part.is_whole) == (-2, 18, False)
    np.testing.assert_array_equal(part.places(-2, 18), np.arange(18))
    np.testing.assert_array_equal(part.places(38, 2), [0, 1])
    for length, most in ((20, 8), (2, 8), (1000, 512), (514, 512)):
        bounds = Stretch(0, length, length).bounds(most)
        assert (bounds[0], bounds[-1]) == (0, length)
        assert (np.diff(bounds) <= most).all()
        assert (np.diff(bounds) > 0).all()
        assert (bounds % 2 == 0).all()
