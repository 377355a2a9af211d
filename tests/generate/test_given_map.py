import numpy as np
import pytest
from matplotlib.image import imsave

from rugan_tf.errors import InputError, InputWarning
from rugan_tf.generate.given_map import GivenMap, read_map, require_in_range, resampled


def test_parts_that_lie_across_are_shared_out_by_their_overlap():
    np.testing.assert_allclose(resampled(np.array([[1.0, 3.0], [5.0, 7.0]]), 3, 1), [[2.0], [4.0], [6.0]])
    values = np.random.default_rng(0).normal(size=(5, 7))
    for shape in ((3, 4), (5, 7), (11, 20), (1, 1)):
        assert resampled(values, *shape).mean() == pytest.approx(values.mean(), abs=1e-6)
    np.testing.assert_allclose(resampled(values, 10, 14), values.repeat(2, 0).repeat(2, 1), atol=1e-6)


def test_windows_are_periodic():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(GivenMap(values).window(-1, 3, 2, 3), [[11, 8, 9], [3, 0, 1]])


def test_picture_is_taken_as_it_is_looked_at(tmp_path):
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 2] = 255  # white above, at the right
    imsave(tmp_path / "a.png", pixels)
    found = read_map(tmp_path / "a.png", (-3.0, -1.0))
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found, [[-3, -3], [-3, -3], [-3, -1]])


def test_colours_count_by_luminance_and_what_is_transparent_is_white(tmp_path):
    pixels = np.array([[[255, 0, 0, 255], [0, 0, 0, 0]]], np.uint8)
    imsave(tmp_path / "a.png", pixels)
    np.testing.assert_allclose(read_map(tmp_path / "a.png", (0.0, 1.0)).ravel(), [0.299, 1.0], atol=0.003)


def test_arrays_are_read_and_what_is_no_map_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([[-2, -3]]))
    np.testing.assert_array_equal(read_map(path, None), [[-2.0, -3.0]])
    with pytest.raises(InputError, match="a range is for pictures"):
        read_map(path, (0.0, 1.0))
    for values, message in (
        (np.array([[np.nan, 1.0], [2.0, 3.0]]), r"must be finite. Received: nan at \(0, 0\)"),
        (np.zeros(3), r"two axes.*Received: shape=\(3,\)"),
        (np.zeros((0, 3)), r"two axes.*Received: shape=\(0, 3\)"),
        (np.array(["a"]), "array of numbers"),
        (np.array([{}], dtype=object), "array of numbers"),
    ):
        np.save(path, values, allow_pickle=True)
        with pytest.raises(InputError, match=message):
            read_map(path, None)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"whole \.npy array"):
        read_map(path, None)
    with pytest.raises(FileNotFoundError, match="must be a file"):
        read_map(tmp_path / "b.npy", None)
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"a \.npy array or a picture"):
        read_map(tmp_path / "a.png", (0.0, 1.0))
    with pytest.raises(InputError, match="--map-range LOW HIGH"):
        read_map(tmp_path / "a.png", None)


def test_what_the_data_does_not_cover_is_warned_of_or_refused():
    values = np.array([[-2.0, -5.0, -1.0, -1.5]])
    with pytest.warns(InputWarning, match=r"-3 to -1 eV. Received: 25.0% of the map outside, from -5 to -1"):
        require_in_range(values, (-3.0, -1.0), "eV", strict=False)
    with pytest.raises(InputError, match=r"Received: 25\.0%"):
        require_in_range(values, (-3.0, -1.0), "eV", strict=True)
    require_in_range(values, (-5.0, -1.0), "eV", strict=True)
