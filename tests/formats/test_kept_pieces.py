"""What a long calculation keeps: found again by the same calculation alone."""

import numpy as np
import pytest

from rugan_tf.formats.pieces import Pieces


def test_pieces_are_found_by_the_same_calculation_and_no_other(tmp_path):
    array, options = np.arange(6.0), {"width": 2}
    kept = Pieces(tmp_path / "work").of(array, options)
    assert kept.read("moments") is None
    kept.keep("moments", np.array([1.5, -2.0]))
    assert [path.name for path in (tmp_path / "work").iterdir()] == [f"{kept.prefix}-moments.npy"]
    assert len(kept.prefix) == 20
    again = Pieces(tmp_path / "work").of(array.copy(), dict(options))
    assert again.read("moments").tolist() == [1.5, -2.0]
    assert again.read("levels") is None
    for others in ((array + 1, options), (array, {"width": 3}), (array,), (options, array)):
        assert Pieces(tmp_path / "work").of(*others).read("moments") is None
    kept.remove()
    assert list(tmp_path.iterdir()) == []
    kept.remove()  # nothing is there, and that is no fault


def test_without_a_folder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = Pieces(None).of("anything")
    kept.keep("moments", np.zeros(2))
    assert kept.read("moments") is None
    kept.remove()
    assert list(tmp_path.iterdir()) == []


def test_arrays_are_told_apart_by_every_value_and_pickles_are_neither_written_nor_read(tmp_path):
    kept, long = Pieces(tmp_path), np.zeros(5000)
    long[2500] = 1  # which printing leaves out
    assert kept.of(long).prefix != kept.of(np.zeros(5000)).prefix
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        kept.keep("objects", np.array([{}], object))
    np.save(tmp_path / "-objects.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="Object arrays cannot be loaded"):
        kept.read("objects")
