"""Pictures of sheets: which pixels are white, which row is the lowest, and what is no mask."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rugan_tf.errors import InputError
from rugan_tf.formats.masks import is_mask, read_mask


def picture(path, pixels, kind=np.uint8):
    Image.fromarray(np.array(pixels, kind)).save(path)
    return path


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_lowest_row_comes_first_and_white_is_true(tmp_path, suffix):
    found = read_mask(picture(tmp_path / f"a{suffix}", [[255, 0, 0], [0, 0, 255]]))
    assert found.dtype == bool
    assert found.tolist() == [[False, False, True], [True, False, False]]


def test_pixels_of_sixteen_bits_are_told_by_their_own_white(tmp_path):
    found = read_mask(picture(tmp_path / "a.tif", [[65535, 0], [0, 65535]], np.uint16))
    assert found.tolist() == [[False, True], [True, False]]


def test_colours_count_by_their_mean_and_opacity_does_not(tmp_path):
    pixels = [[[255, 255, 255, 0], [0, 0, 0, 255]], [[0, 0, 0, 0], [255, 255, 255, 255]]]
    assert read_mask(picture(tmp_path / "a.png", pixels)).tolist() == [[False, True], [True, False]]
    coloured = np.zeros((1, 100, 3), np.uint8)
    coloured[0, 0] = 255, 255, 0  # two thirds of white, of one pixel in a hundred
    assert read_mask(picture(tmp_path / "b.png", coloured)).tolist() == [[True] + 99 * [False]]


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_a_twentieth_of_the_pixels_may_be_grey_and_is_rounded(tmp_path, suffix):
    pixels = np.zeros((10, 10), np.uint8)
    pixels[-1, :5] = 26, 127, 128, 229, 200
    pixels[0, :4] = 25, 230, 25, 230  # as good as black and white
    found = read_mask(picture(tmp_path / f"a{suffix}", pixels))
    assert found[0].tolist() == [False, False, True, True, True] + 5 * [False]
    assert found[-1].tolist() == [False, True, False, True] + 6 * [False]
    pixels[5, 5] = 100
    rule = r"^A mask must be black and white, so set a threshold first. Received: .*a\..*, 6% grey$"
    with pytest.raises(InputError, match=rule):
        read_mask(picture(tmp_path / f"a{suffix}", pixels))


def test_names_of_pictures_are_known_in_any_case():
    assert [name for name in ("a.PNG", "a.tiff", "a.jpeg", "a.gif", "png") if is_mask(Path(name))] == [
        "a.PNG",
        "a.tiff",
        "a.jpeg",
    ]


def test_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_mask(tmp_path / "nowhere.png")
    (tmp_path / "a.png").write_text("no pixels")
    with pytest.raises(InputError, match=r"^A mask must be a picture. Received: .*a.png \(.+\)$"):
        read_mask(tmp_path / "a.png")
