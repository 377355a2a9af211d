import json

import pytest

from rugan_tf.files import replacing, require_absent, require_fresh_folder, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_whole_and_only_at_the_end(tmp_path):
    target = tmp_path / "new" / "data.npz"
    with replacing(target) as temporary:
        temporary.write_bytes(b"content")
        assert temporary.parent == target.parent  # the same file system, so that the rename is atomic
        assert temporary.suffix == ".npz"  # np.savez would append one
        assert not target.exists()
    assert target.read_bytes() == b"content"
    assert names(target.parent) == ["data.npz"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path, error):
    target = tmp_path / "data.npz"
    target.write_bytes(b"old")

    def write_half():
        with replacing(target) as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["data.npz"]


def test_folder_appears_whole_or_not_at_all(tmp_path):
    def write(name, fails):
        with replacing(tmp_path / name) as temporary:
            (temporary / "inner").mkdir(parents=True)
            (temporary / "inner" / "file").write_text("content")
            if fails:
                raise ValueError("stopped")

    write("1", fails=False)
    assert (tmp_path / "1" / "inner" / "file").read_text() == "content"
    with pytest.raises(ValueError, match=r"stopped"):
        write("2", fails=True)
    assert names(tmp_path) == ["1"]


def test_existing_folder_is_never_replaced(tmp_path):
    (tmp_path / "1").mkdir()
    message = r"must not be an existing folder. Received: .*1"
    with pytest.raises(FileExistsError, match=message), replacing(tmp_path / "1"):
        pytest.fail("the block must not begin")
    assert names(tmp_path) == ["1"]


@pytest.mark.parametrize("make", ["mkdir", "touch"])
def test_folder_does_not_replace_what_came_into_being_meanwhile(tmp_path, make):
    target = tmp_path / "1"

    def write_folder():
        with replacing(target) as temporary:
            temporary.mkdir()
            getattr(target, make)()

    with pytest.raises(FileExistsError, match=r"must not take the place of what exists. Received: "):
        write_folder()
    assert names(tmp_path) == ["1"]


def test_two_writers_of_one_file_do_not_share_a_temporary(tmp_path):
    with replacing(tmp_path / "a.json") as first, replacing(tmp_path / "a.json") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a.json").read_text() == "first"  # the outer block ends last
    assert names(tmp_path) == ["a.json"]


def test_json_round_trip(tmp_path):
    content = {"unit": "eV/Å²", "values": [1, 2.5, None], "is_valid": True}
    write_json(tmp_path / "run" / "config.json", content)
    assert json.loads((tmp_path / "run" / "config.json").read_text("utf-8")) == content


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_json_leave_the_old_file(tmp_path, value):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(ValueError, match=r"not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": value})
    assert json.loads((tmp_path / "a.json").read_text()) == {"old": 1}
    assert names(tmp_path) == ["a.json"]


def test_fresh_folder_is_made_or_taken_empty(tmp_path):
    folder = tmp_path / "runs" / "quick"
    assert require_fresh_folder(folder) == folder
    assert require_fresh_folder(folder) == folder
    assert names(folder) == []


def test_folder_with_content_goes_only_on_demand(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "model").write_text("weeks of work")
    with pytest.raises(FileExistsError, match=r"new or empty, or --overwrite given. Received: .*runs"):
        require_fresh_folder(tmp_path / "runs")
    assert (tmp_path / "runs" / "model").read_text() == "weeks of work"
    assert names(require_fresh_folder(tmp_path / "runs", overwrite=True)) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_folder_never_takes_the_place_of_a_file(tmp_path, overwrite):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(FileExistsError, match=r"must not take the place of a file. Received: .*runs"):
        require_fresh_folder(tmp_path / "runs", overwrite=overwrite)
    assert (tmp_path / "runs").read_text() == "a file"


def test_what_exists_is_replaced_only_on_demand_and_a_folder_never(tmp_path):
    old, new = tmp_path / "old.npz", tmp_path / "new.npz"
    old.touch()
    require_absent(new, overwrite=False)
    require_absent(new, old, overwrite=True)
    with pytest.raises(FileExistsError, match=r"The sheet must not exist, or --overwrite be given. Received: .*old"):
        require_absent(new, old, overwrite=False, what="sheet")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=r"must not take the place of a folder. Received: "):
            require_absent(tmp_path, overwrite=overwrite)
