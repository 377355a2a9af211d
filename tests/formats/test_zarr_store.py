"""Sheets in Zarr: what is written is read, damage and missing chunks are found, viewers find their pyramid."""

import numpy as np
import pytest
import zarr

from rugan_tf.data.__main__ import main as data
from rugan_tf.formats import pyramid
from rugan_tf.formats.zarr_states import open_zarr_states, write_zarr_states
from rugan_tf.formats.zarr_store import (
    CHUNK,
    Chunk,
    create_store,
    open_store,
    remove_partial_files,
    remove_store,
    split_periodic,
)
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")


def random_states(*shape):
    return np.random.default_rng(0).integers(0, 4, shape, np.uint8)


def filled_store(path, states):
    store = create_store(path, GRAPHENE, states.shape, {"request": {"seed": 1}}, has_energy=True)
    for index in np.ndindex(store.group["chunk_filling"].shape):
        chunk = Chunk(*index)
        store.write(chunk, states[store.place(chunk)], -float(sum(index)))
    return store


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A sheet of 2x2 chunks, the last ones smaller, in a folder."""
    states = random_states(1, CHUNK + 6, CHUNK + 90)
    return filled_store(tmp_path_factory.mktemp("large") / "a.zarr", states), states


def test_sheets_in_memory_are_read_as_they_were_written(tmp_path):
    states = random_states(2, 6, 8)
    states[0] = 0  # whole chunks of what Zarr takes for missing
    write_zarr_states(tmp_path / "a.zarr", GRAPHENE, states, {"seed": 3})
    np.testing.assert_array_equal(open_zarr_states(tmp_path / "a.zarr", GRAPHENE)[:], states)
    store = open_store(tmp_path / "a.zarr", is_writable=False)
    assert (store.told["seed"], store.told["finished"], store.system) == (3, True, GRAPHENE)
    np.testing.assert_allclose(
        store.chunk_values("chunk_filling")[:, 0, 0], (states % 2 + states // 2).mean((1, 2)) / 2
    )
    with pytest.raises(FileExistsError, match="existing folder"):
        write_zarr_states(tmp_path / "a.zarr", GRAPHENE, states, {})
    np.testing.assert_array_equal(open_zarr_states(tmp_path / "a.zarr", GRAPHENE)[:], states)


def test_chunks_come_one_by_one_and_are_finished_when_all_of_them_is_there(tmp_path):
    states = random_states(1, CHUNK + 6, 40)
    store = create_store(tmp_path / "a.zarr", GRAPHENE, states.shape, {}, has_energy=True)
    assert store.finished_chunks() == set()
    second = Chunk(0, 1, 0)
    store.write(second, states[store.place(second)], -3.5)
    assert store.finished_chunks() == {second}
    assert np.isnan(store.chunk_values("chunk_energy")[0, 0, 0])
    assert store.chunk_values("chunk_energy")[second] == -3.5
    with pytest.raises(ValueError, match=r"Every chunk must be finished.* Received: 1 chunks missing"):
        open_zarr_states(tmp_path / "a.zarr", GRAPHENE)
    np.testing.assert_array_equal(store.window(0, CHUNK, 4, 6, 10), states[0, CHUNK:, 4:14])
    with pytest.raises(ValueError, match=r"Every chunk of a window must be finished"):
        store.window(0, CHUNK - 2, 4, 6, 10)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "empty"])
def test_damaged_chunks_are_not_finished(tmp_path, harm):
    store = filled_store(tmp_path / "a.zarr", random_states(1, 20, CHUNK + 40))
    assert store.finished_chunks() == {Chunk(0, 0, 0), Chunk(0, 0, 1)}
    path = tmp_path / "a.zarr" / "states" / "c" / "0" / "0" / "1"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    {"flip": lambda: path.write_bytes(content), "cut": lambda: path.write_bytes(content[: len(content) // 3]),
     "remove": path.unlink, "empty": lambda: path.write_bytes(b"")}[harm]()  # fmt: skip
    assert store.finished_chunks() == {Chunk(0, 0, 0)}
    with pytest.raises(ValueError, match=r"must be (whole|finished)"):
        store.window(0, 0, CHUNK - 4, 4, 8)


def test_pyramid_is_the_mean_of_filled_sites(large):
    store, states = large
    store.finish(energy=[-1.0])
    filled = (states[0] % 2 + states[0] // 2) / 2
    multiscale = dict(store.group.attrs)["ome"]["multiscales"][0]
    assert len(multiscale["datasets"]) == 1  # 130x151 pixels
    for level, entry in enumerate(multiscale["datasets"]):
        pixels, cells = store.group[entry["path"]][0], 4 * 2**level
        rows, cols = (length // cells for length in filled.shape)
        means = filled[: rows * cells, : cols * cells].reshape(rows, cells, cols, cells).mean((1, 3))
        np.testing.assert_allclose(pixels[:rows, :cols] / 255, means, atol=0.5 / 255 * (level + 1) + 1e-9)
        scale, translation = entry["coordinateTransformations"]
        np.testing.assert_allclose(scale["scale"], [1, 2.46 * cells, 2.46 * np.sqrt(3) / 2 * cells])
        np.testing.assert_allclose(translation["translation"][1], 2.46 * (cells - 1) / 2)
    assert [axis["name"] for axis in multiscale["axes"]] == ["sheet", "x", "y"]
    assert store.told["energy"] == [-1.0]


@pytest.mark.parametrize("shape", [(7, 300), (64, 65)])
def test_coarse_levels_follow_from_finer_ones_chunk_by_chunk(shape):
    fine = np.random.default_rng(1).integers(0, 256, (2, *shape), np.uint8)
    coarse = np.zeros((2, -(-shape[0] // 2), -(-shape[1] // 2)), np.uint8)
    pyramid.build_levels([fine, coarse], chunk=16)
    padded = np.full((2, 2 * coarse.shape[1], 2 * coarse.shape[2]), np.nan)
    padded[:, : shape[0], : shape[1]] = fine
    squares = padded.reshape(2, coarse.shape[1], 2, coarse.shape[2], 2)
    np.testing.assert_allclose(coarse, np.nanmean(squares, axis=(2, 4)), atol=0.5)


def test_windows_of_a_periodic_sheet(large):
    store, states = large
    rows, cols = (np.arange(CHUNK - 3, CHUNK + 20) % states.shape[1], np.arange(-8, 12) % states.shape[2])
    found = store.window(0, CHUNK - 3, -8, 23, 20)
    np.testing.assert_array_equal(found, states[0][np.ix_(rows, cols)])
    assert split_periodic(3, 10, 10) == [slice(3, 10), slice(0, 3)]


def test_atoms_of_a_window_stand_where_they_stand_in_the_sheet(large, tmp_path, capsys):
    import ase.io

    store, states = large
    out = tmp_path / "part.extxyz"
    asked = ["window", "--states", str(store.path), "--origin", "98.4", "51", "--size", "10", "2nm", "--out", str(out)]
    assert data(asked) == 0
    assert "4x10 cells from row 40 and column 24, at 98.4 51.1301 Å" in capsys.readouterr().out
    part, whole = ase.io.read(out), GRAPHENE.atoms
    expected, _ = whole.positions(np.where(inside(states[0].shape, (40, 24), (4, 10)), states[0], 0))
    np.testing.assert_allclose(part.positions[:, :2] + part.info["origin"], expected, atol=1e-5)
    assert not part.pbc.any()
    assert data(asked) == 2
    assert "The file must not exist" in capsys.readouterr().err
    asked[-1] = str(tmp_path / "part.npz")
    assert data(asked) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "part.npz")["states"][0], states[0, 40:44, 24:34])


def inside(shape, corner, size):
    mask = np.zeros(shape, bool)
    mask[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = True
    return mask


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--size", "0"], "A size must be positive. Received: 0"),
        (["--size", "1um"], "A window must be within the sheet, 518x602 cells. Received: 4065x4694 cells"),
        (["--origin", "here", "0"], "A length must be a number"),
        (["--sheet", "1"], "sheet must be one of the 1 sheets, from 0. Received: sheet=1"),
        (["--out", "part.doc"], "The file must end in one of .npz, .extxyz"),
        (["--states", "nowhere.zarr"], "Sheets must be a Zarr group that rugan wrote. Received: nowhere.zarr"),
    ],
)
def test_bad_windows_are_refused(large, tmp_path, capsys, monkeypatch, further, message):
    monkeypatch.chdir(tmp_path)
    assert data(["window", "--states", str(large[0].path), "--out", "part.extxyz", *further]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_folders_of_others_are_refused_and_never_removed(tmp_path):
    zarr.create_group(tmp_path / "other.zarr", attributes={"mine": 1})
    (tmp_path / "folder").mkdir()
    for name in ("other.zarr", "folder"):
        with pytest.raises(ValueError, match=f"must be a Zarr group that rugan wrote. Received: .*{name}"):
            remove_store(tmp_path / name)
        assert (tmp_path / name).is_dir()
    store = filled_store(tmp_path / "a.zarr", random_states(1, 4, 6))
    with pytest.raises(ValueError, match=r"The sheets must be of .*:Other. Received: porous_graphene in .*a.zarr"):
        open_store(store.path, type("Other", (type(GRAPHENE),), {"__module__": "elsewhere"})())
    store.group.attrs["rugan_tf"] = {**store.told, "version": 7}
    with pytest.raises(ValueError, match=r"must be of the form 1\. Received: 7 in"):
        open_store(store.path)
    store.group.attrs["rugan_tf"] = {**store.told, "version": 1}
    remove_store(store.path)
    assert not store.path.exists()


def test_what_a_new_folder_says_and_how_its_arrays_are_cut(tmp_path):
    store = create_store(tmp_path / "a.zarr", GRAPHENE, (2, 600, 1100), {"request": {"seed": 7}}, has_energy=True)
    assert store.told == {
        "version": 1,
        "system": "porous_graphene",
        "length_unit": "Å",
        "row_pitch": GRAPHENE.lattice.row_pitch,
        "col_pitch": GRAPHENE.lattice.col_pitch,
        "species": [[None, None], ["C", None], [None, "C"], ["C", "C"]],
        "quantity": {"words": "energy per area", "unit": "eV/Å²", "total_unit": "eV", "per": "area"},
        "finished": False,
        "request": {"seed": 7},
    }
    arrays = {
        name: (one.shape, one.chunks) for name, one in store.group.members(max_depth=None) if hasattr(one, "chunks")
    }
    assert arrays == {
        "states": ((2, 600, 1100), (1, 512, 512)),
        "chunk_energy": ((2, 2, 3), (1, 1, 1)),
        "chunk_filling": ((2, 2, 3), (1, 1, 1)),
        "filling/0": ((2, 150, 275), (1, 128, 128)),
        "filling/1": ((2, 75, 138), (1, 128, 128)),
    }
    for name in ("states", "filling/0", "filling/1"):
        assert store.group[name].metadata.dimension_names == ("sheet", "x", "y")
        (codec,) = store.group[name].compressors
        assert (codec.level, codec.checksum) == (3, True)
    assert store.group["chunk_energy"].compressors == ()
    assert store.states[0, 0, 0] == 255
    assert np.isnan(store.chunk_values("chunk_energy")).all()
    assert store.place(Chunk(1, 0, 2)) == (1, slice(0, 512), slice(1024, 1536))


@pytest.mark.parametrize("shape", [(1, 600, 20), (1, 20, 600), (2, 4, 1100)])
def test_pixels_of_long_sheets_stand_where_their_cells_are(tmp_path, shape):
    states = random_states(*shape)
    store = filled_store(tmp_path / "a.zarr", states)
    store.finish()
    fine = store.group["filling/0"][:]
    for pixels, sheet in zip(fine, states, strict=True):
        expected = pyramid.coarse(pyramid.filled_sites(GRAPHENE)[sheet], 4)
        np.testing.assert_array_equal(pixels, np.round(255 * expected))
    if "filling/1" in store.group:
        for pixels, finer in zip(store.group["filling/1"][:], fine, strict=True):
            np.testing.assert_array_equal(pixels, np.round(pyramid.coarse(finer.astype(float), 2)))


def test_empty_sheets_are_written_as_others_are(tmp_path):
    write_zarr_states(tmp_path / "a.zarr", GRAPHENE, np.zeros((1, 20, 600), np.uint8), {})
    store = open_store(tmp_path / "a.zarr", is_writable=False)
    assert store.states.nchunks_initialized == store.states.nchunks == 2  # a stream takes a missing one for unfinished
    assert not store.group["filling/0"][:].any()
    assert "chunk_energy" not in store.group


def test_values_that_are_no_states_are_not_whole(tmp_path):
    store = filled_store(tmp_path / "a.zarr", random_states(1, 4, 6))
    assert store.is_whole(Chunk(0, 0, 0))
    store.states[0, 2, 3] = GRAPHENE.num_states
    assert not store.is_whole(Chunk(0, 0, 0))
    rule = (
        r"^Every chunk of a window must be finished; the command that began goes on where it was. Received: .*a.zarr$"
    )
    with pytest.raises(ValueError, match=rule):
        store.window(0, 0, 0, 4, 6)


def test_windows_that_end_with_the_sheet_are_of_one_part():
    assert split_periodic(3, 7, 10) == [slice(3, 10)]
    assert split_periodic(3, 8, 10) == [slice(3, 10), slice(0, 1)]
    assert split_periodic(-1, 1, 10) == [slice(9, 10)]


def test_files_that_were_being_written_are_removed(tmp_path):
    store = filled_store(tmp_path / "a.zarr", random_states(1, 4, 6))
    partial = tmp_path / "a.zarr" / "states" / "c" / "0" / "0" / "0.abc.partial"
    partial.write_bytes(b"half")
    remove_partial_files(store.path)
    assert not partial.exists()
    assert store.finished_chunks() == {Chunk(0, 0, 0)}
