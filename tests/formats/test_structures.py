import ase.io
import numpy as np
import pytest

from rugan_tf.formats.npz import read_arrays, write_npz
from rugan_tf.formats.structures import structure_paths, write_structures
from rugan_tf.generate.writers import SUFFIXES, write_sheets
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
CELL = [2 * 2.46, 2 * 2.46 * np.sqrt(3) / 2]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("number", [1, 2])
def test_empty_sheet_is_written_in_every_format(tmp_path, suffix, number):
    """Alone, and between others."""
    states = np.stack([np.zeros((2, 2), np.uint8), np.full((2, 2), 3, np.uint8)])[:number]
    paths = write_sheets(tmp_path / f"sheet{suffix}", GRAPHENE, states, np.full(number, -1.0))
    assert paths
    assert all(path.exists() for path in paths)


@pytest.mark.parametrize("suffix", [".extxyz", ".vasp"])
def test_empty_sheet_is_read_back_with_its_cell(tmp_path, suffix):
    write_structures(tmp_path / f"sheet{suffix}", GRAPHENE, np.zeros((1, 2, 2), np.uint8), {})
    read = ase.io.read(tmp_path / f"sheet{suffix}")
    assert len(read) == 0
    np.testing.assert_allclose(read.cell.lengths()[:2], CELL, rtol=1e-9)


def test_empty_cif_has_the_cell_of_a_full_one(tmp_path):
    """ASE reads no structure from a CIF without atoms, so its lines are compared with those of a full sheet."""
    lines = []
    for name, state in (("empty", 0), ("full", 3)):
        path = tmp_path / f"{name}.cif"
        write_structures(path, GRAPHENE, np.full((1, 2, 2), state, np.uint8), {})
        lines.append([line.split() for line in path.read_text().splitlines() if line.startswith("_cell_")])
    assert [key for key, _ in lines[0]] == [key for key, _ in lines[1]]
    values = [[float(value) for _, value in part] for part in lines]
    np.testing.assert_allclose(*values, rtol=1e-6)


def test_failing_sheet_leaves_what_stood_there(tmp_path, monkeypatch):
    path = tmp_path / "sheet.cif"
    path.write_text("old")
    monkeypatch.setattr(ase.io, "write", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_structures(path, GRAPHENE, np.full((1, 2, 2), 3, np.uint8), {})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_formats_of_one_sheet_have_numbered_files(tmp_path):
    assert structure_paths(tmp_path / "a.extxyz", 3) == [tmp_path / "a.extxyz"]
    assert structure_paths(tmp_path / "a.vasp", 1) == [tmp_path / "a.vasp"]
    assert [path.name for path in structure_paths(tmp_path / "a.vasp", 2)] == ["a-0000.vasp", "a-0001.vasp"]


def test_arrays_with_metadata_are_read_as_they_were_written(tmp_path):
    write_npz(tmp_path / "a.npz", {"value": np.arange(3)}, {"unit": "eV"})
    read = read_arrays(tmp_path / "a.npz", ("value", "metadata"))
    np.testing.assert_array_equal(read["value"], [0, 1, 2])
    assert str(read["metadata"]) == '{"unit": "eV"}'
    write_npz(tmp_path / "b.npz", {"value": np.arange(3)})
    with np.load(tmp_path / "b.npz", allow_pickle=False) as archive:
        assert archive.files == ["value"]
    with pytest.raises(ValueError, match=r"must be an .npz file. Received: .*a.zip"):
        write_npz(tmp_path / "a.zip", {})
