import pytest

from rugan_tf.saved.versions import next_version, version_folder


def make(base, *names):
    for name in names:
        (base / name).mkdir(parents=True)
        (base / name / "saved_model.pb").touch()


def test_highest_version_is_taken_by_number_not_by_name(tmp_path):
    make(tmp_path, "9", "10", "notes")
    assert version_folder(tmp_path) == tmp_path / "10"
    assert version_folder(tmp_path / "9") == tmp_path / "9"


def test_versions_without_a_graph_do_not_count(tmp_path):
    make(tmp_path, "1")
    (tmp_path / "2").mkdir()
    assert version_folder(tmp_path) == tmp_path / "1"
    assert next_version(tmp_path) == tmp_path / "3"
    for folder in (tmp_path / "2", tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=rf"EDNN must be a folder that holds .* Received: {folder}$"):
            version_folder(folder, "EDNN")


def test_next_version_is_after_the_newest_whatever_lies_beside(tmp_path):
    assert next_version(tmp_path / "new") == tmp_path / "new" / "1"
    make(tmp_path, "9", "10", "notes")
    assert next_version(tmp_path) == tmp_path / "11"
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"must not take the place of a file. Received: .*file"):
        next_version(tmp_path / "file")
