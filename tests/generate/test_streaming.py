"""Streams to Zarr: killed and going on, other requests, full disks, clusters; the same sheets always."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import distributed
import numpy as np
import pytest
import zarr
from preset_sheet import PresetModel
from stream_slowly import main, preset_states, preset_stream

from rugan_tf.errors import PartlyDoneError
from rugan_tf.formats.zarr_store import Chunk, open_store
from rugan_tf.generate.__main__ import GenerateOptions
from rugan_tf.generate.__main__ import main as generate
from rugan_tf.generate.cluster import OnCluster
from rugan_tf.generate.sheets import load_model
from rugan_tf.generate.streaming import InThisProcess, open_or_create, stream_to_zarr
from rugan_tf.systems.named import system_named

HERE = Path(__file__).parent
GRAPHENE = system_named("porous_graphene")


def arrays_of(path):
    """Every array by its name, as bytes; files may be packed another way each time."""
    group = zarr.open_group(path, mode="r")
    return {name: array[:].tobytes() for name, array in group.members(max_depth=None) if isinstance(array, zarr.Array)}


def finished_files(path):
    """The marks of finished chunks, each with when it was written."""
    marks = [file for file in (path / "chunk_filling" / "c").rglob("*") if file.is_file()]
    return {file: file.stat().st_mtime_ns for file in marks if file.suffix != ".partial"}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    path = tmp_path_factory.mktemp("streamed") / "sheet.zarr"
    main(path, PresetModel())
    return path


def test_streamed_sheet_is_the_whole_sheet(uninterrupted):
    store = open_store(uninterrupted, is_writable=False)
    whole = GRAPHENE.repair(preset_states()[None])
    np.testing.assert_array_equal(store.states[:], whole)
    assert store.told["finished"]
    np.testing.assert_allclose(store.told["filling_obtained"], (whole % 2 + whole // 2).mean() / 2)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder whose stream was killed, with what was finished then."""
    path = tmp_path_factory.mktemp("killed") / "sheet.zarr"
    process = subprocess.Popen([sys.executable, HERE / "stream_slowly.py", path], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while len(finished_files(path)) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return path, finished_files(path)


def test_a_killed_stream_goes_on_with_what_is_finished(killed, uninterrupted):
    path, finished = killed
    assert 3 <= len(finished) < 9
    main(path, PresetModel())
    assert finished.items() <= finished_files(path).items()  # nothing was lost, or made twice
    assert arrays_of(path) == arrays_of(uninterrupted)
    assert not list(path.rglob("*.partial"))
    assert open_store(path).told == open_store(uninterrupted).told


@pytest.fixture
def copied(uninterrupted, tmp_path):
    return Path(shutil.copytree(uninterrupted, tmp_path / "sheet.zarr"))


def test_damaged_and_missing_chunks_are_made_again(copied, uninterrupted):
    chunks = copied / "states" / "c" / "0"
    damaged = chunks / "1" / "1"
    damaged.write_bytes(damaged.read_bytes()[:-7] + b"1234567")
    (chunks / "2" / "0").unlink()
    left = (chunks / "0" / "0").stat().st_mtime_ns
    main(copied, PresetModel())
    assert arrays_of(copied) == arrays_of(uninterrupted)
    assert (chunks / "0" / "0").stat().st_mtime_ns == left


def test_folders_of_other_requests_are_refused_unless_they_may_go(copied):
    other = preset_stream(PresetModel(), seed=1)
    with pytest.raises(
        ValueError, match=r"must belong to the same request, or --overwrite .* \(seed: 0 there, 1 asked\)"
    ):
        open_or_create(copied, other, overwrite=False)
    assert open_store(copied).finished_chunks() == {Chunk(0, row, col) for row in range(3) for col in range(3)}
    store = open_or_create(copied, other, overwrite=True)
    assert store.finished_chunks() == set()
    assert store.told["request"] == {"seed": 1}


def test_what_is_no_folder_of_sheets_is_never_overwritten(tmp_path):
    (tmp_path / "thesis.zarr").mkdir()
    (tmp_path / "thesis.zarr" / "thesis.tex").write_text("years")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"must be a Zarr group that rugan wrote"):
            open_or_create(tmp_path / "thesis.zarr", preset_stream(PresetModel()), overwrite=overwrite)
    assert (tmp_path / "thesis.zarr" / "thesis.tex").read_text() == "years"


def test_a_disk_that_takes_no_more_keeps_what_is_finished(tmp_path, uninterrupted):
    path, stream = tmp_path / "sheet.zarr", preset_stream(PresetModel())
    store = open_or_create(path, stream, overwrite=False)
    blocked = path / "states" / "c" / "0" / "2"
    blocked.parent.mkdir(parents=True)
    blocked.write_bytes(b"")  # a file where a folder must be made: an OSError, as of a full disk
    with pytest.raises(PartlyDoneError, match=r"6 of 9 are, and are kept in .*; the same command goes on with them"):
        stream_to_zarr(stream, store, InThisProcess())
    assert len(open_store(path).finished_chunks()) == 6
    blocked.unlink()
    main(path, PresetModel())
    assert arrays_of(path) == arrays_of(uninterrupted)


def test_workers_of_a_cluster_make_the_same_sheet(tmp_path, uninterrupted, monkeypatch):
    monkeypatch.setattr(OnCluster, "block", 512)
    path, stream = tmp_path / "sheet.zarr", preset_stream(PresetModel())
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        stream_to_zarr(stream, open_or_create(path, stream, overwrite=False), OnCluster(cluster.scheduler_address))
    assert arrays_of(path) == arrays_of(uninterrupted)


def test_command_streams_the_sheets_that_it_would_write_whole(model_base, tmp_path, capsys):
    asked = ["--model", str(model_base), "--energy-per-area", "-1.5", "-2", "--size", "40", "50", "--seed", "3"]
    out = tmp_path / "sheets.zarr"
    assert generate([*asked, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "nearest to 40 x 50: 16x24 cells, 39.36 x 51.13 Å" in printed
    assert f"{out}: 2 sheets of 16x24 cells" in printed
    store = open_store(out)
    model = load_model(model_base)
    whole = GRAPHENE.repair(model.generate([-1.5, -2], 16, 24, seed=3))
    np.testing.assert_array_equal(store.states[:], whole)
    assert store.told["request"]["energy_per_area"] == [-1.5, -2.0]
    assert f"energy per area obtained, as an EDNN sees it: {store.told['energy_per_area_obtained'][0]:.4f}" in printed
    assert f"total energy: {store.told['energy'][0]:.8g}" in printed
    assert (out / "picture.png").stat().st_size > 5000
    assert generate([*asked, "--out", str(out)]) == 0  # all is there
    capsys.readouterr()
    assert generate([*asked[:-1], "4", "--out", str(out)]) == 2
    assert "must belong to the same request, or --overwrite be given. Received: " in capsys.readouterr().err
    assert generate([*asked[:-1], "4", "--out", str(out), "--overwrite"]) == 0
    assert open_store(out).told["request"]["seed"] == 4


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--size", "0"], "A size must be positive. Received: 0"),
        (["--judge", "tight-binding"], "Tiles are judged by an energy that is a sum over places, ednn"),
        (["--judge", "ednn:nowhere"], "The folder of an EDNN must exist"),
        (["--size", "1"], "A size must be nearer to a sheet than to nothing"),
        (["--size", "70mm"], "The disk must have room for 38.2 PB, what 9.35e+16 cells may take, which one core makes"),
        (["--size", "1e300"], "rows and cols must be at most 2147483647. Received: rows=4.06504e+299"),
        (["--size", "1mm", "--out", "sheets.npz"], "Sheets that are written as .npz must fit into memory"),
        (["--size", "1mm", "--out", "sheet.extxyz"], "NAME.zarr streams them to the disk, at most 7.8 TB, in some 4"),
    ],
)
def test_requests_that_cannot_be_streamed_are_refused(model_base, tmp_path, capsys, monkeypatch, further, message):
    monkeypatch.chdir(tmp_path)
    if further[0] == "--size":  # before the stream begins
        monkeypatch.delattr("rugan_tf.generate.large.stream_of")
    asked = ["--model", str(model_base), "--energy-per-area", "-1.5", "--size", "40", "--out", "sheets.zarr"]
    assert generate([*asked, *further]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": ("4",), "rows": 4}, "A size is told by lengths or by cells. Received: --size with --rows or --cols"),
        ({"dask": True, "dask_scheduler": "tcp://nowhere:1"}, "A cluster is on this machine or elsewhere"),
        ({"out": Path("a.npz"), "dask": True}, r"A cluster makes sheets that are streamed, .* Received: a\.npz"),
        ({"tolerance": 0.1, "dask": True}, r"--out NAME\.zarr without --tolerance\. Received: a\.zarr"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GenerateOptions(**{"energy_per_area": (-2.0,), "out": Path("a.zarr"), **options})
