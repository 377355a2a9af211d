"""Sheets in tiles: the same as whole ones, in requests that are small, from a model that tells how far it sees."""

import dataclasses

import numpy as np
import pytest

from rugan_tf.generate.latent import draw_latent, draw_window
from rugan_tf.generate.maps import UniformMap
from rugan_tf.generate.sheets import SheetModel, load_model
from rugan_tf.generate.tiles import generate_in_tiles, largest_tile, requested_map
from rugan_tf.systems.named import system_named


@pytest.fixture(scope="module")
def model():
    """The shipped model: its generator sees further than a training sheet is long."""
    return load_model()


class Watched:
    """A model that counts the cells of each request."""

    def __init__(self, model, *, tells=True):
        self.model, self.tells, self.cells = model, tells, []

    def latent_channels(self):
        return self.model.latent_channels()

    def predict(self, signature, **inputs):
        answer = self.model.predict(signature, **inputs)
        if signature == "generate_from_latent":
            self.cells.append(answer["probabilities"][..., 0].size)
        return answer if self.tells else {key: value for key, value in answer.items() if key != "reach"}


def limited(model, max_cells):
    return dataclasses.replace(model, card=dataclasses.replace(model.card, max_cells=max_cells))


@pytest.mark.parametrize(("rows", "cols", "tile"), [(56, 64, 16), (50, 34, 20), (6, 64, 30), (2, 2, 64)])
def test_sheet_in_tiles_is_the_whole_sheet(model, rows, cols, tile):
    # What the generator itself makes: corrections, which come on top of it, have tests of their own.
    whole = model.system.repair(model.generate_unrepaired([-2.0], rows, cols, seed=5))[0]
    watched = Watched(model)
    asked = requested_map(watched, -2.0, rows, cols, seed=5)
    tiled = generate_in_tiles(watched, model.system, asked, rows=rows, cols=cols, seed=5, tile=tile)
    np.testing.assert_array_equal(tiled, whole)
    assert len(watched.cells) == -(-rows // tile) * -(-cols // tile)
    assert len(np.unique(whole)) == 4 or whole.size < 100  # a sheet of one state would agree with anything


def test_halo_that_is_too_narrow_is_seen_in_the_sheet(model, monkeypatch):
    """What the comparison of whole and tiled sheets is worth."""
    whole = model.generate_unrepaired([-2.0], 56, 64, seed=5)[0]
    predict = SheetModel.predict

    def narrower(self, signature, **inputs):
        answer = predict(self, signature, **inputs)
        return answer | {"reach": answer["reach"] // 3} if "reach" in answer else answer

    monkeypatch.setattr(SheetModel, "predict", narrower)
    asked = requested_map(model, -2.0, 56, 64, seed=5)
    tiled = generate_in_tiles(model, model.system, asked, rows=56, cols=64, seed=5, tile=16, repaired=False)
    assert (tiled != whole).any()


def test_sheets_above_the_limit_are_made_in_tiles_within_it(model):
    requested, size, largest = np.array([-2.0, -1.5], np.float32), (128, 132), []
    small, whole = limited(model, 16_000), limited(model, 128 * 132)  # both make one sheet a call
    predict = SheetModel.predict

    class Counting(SheetModel):
        def predict(self, signature, **inputs):
            answer = predict(self, signature, **inputs)
            if signature == "generate_from_latent":
                largest.append(answer["probabilities"][..., 0].size)
            return answer

    counting = Counting(small.folder, small.card, small.system)
    unrepaired = counting.generate_unrepaired(requested, *size, 9)
    assert 10_000 < max(largest) <= 16_000
    np.testing.assert_array_equal(unrepaired, whole.generate_unrepaired(requested, *size, 9))
    assert not small.is_whole(*size)
    assert small.obtained_energies(unrepaired) is None


def test_sheets_of_one_seed_keep_their_numbers_in_tiles(model):
    requested = [-2.0, -2.0, -1.5]
    whole = model.system.repair(model.generate(requested, 20, 24, seed=3))
    np.testing.assert_array_equal(model.generate(requested, 20, 24, seed=3, tile=8), whole)


@pytest.mark.parametrize("sheet", [0, 2])
def test_window_is_that_part_of_the_latent(sheet):
    rows, cols = np.array([9, 10, 0, 1]), np.array([3, 4, 5, 17])
    whole = draw_latent(np.int64(4), np.int32(3), np.int32(11), np.int32(18), 5).numpy()
    np.testing.assert_array_equal(draw_window(4, rows, cols, 5, sheet=sheet)[0], whole[sheet][np.ix_(rows, cols)])


def test_model_that_does_not_tell_how_far_it_sees_is_refused(model):
    with pytest.raises(
        ValueError, match=r"must tell how far .* export its run anew.* Received: (?!.*reach).* energy_per_area"
    ):
        generate_in_tiles(Watched(model, tells=False), model.system, UniformMap(-2.0), rows=4, cols=4)


@pytest.mark.parametrize(("rows", "cols", "tile"), [(5, 4, 4), (4, 5, 4), (4, 4, 3), (0, 4, 4), (4, 4, 0)])
def test_odd_and_empty_sizes_are_refused(model, rows, cols, tile):
    with pytest.raises(ValueError, match=f"must be even. Received: rows={rows}, cols={cols}, tile={tile}"):
        generate_in_tiles(model, system_named("porous_graphene"), UniformMap(-2.0), rows=rows, cols=cols, tile=tile)


def test_largest_tile_fits_with_its_halo():
    assert largest_tile(2**22, (20, 20)) == 512
    assert largest_tile(6000, (10, 0)) == 60  # (60 + 40) * 60, and not a cell more
    assert largest_tile(4, (0, 0)) == 2
    with pytest.raises(ValueError, match=r"has at least 1764 cells: .* --max-cells .* Received: .* max_cells=1763"):
        largest_tile(1763, (10, 10))
