"""Tables of numbers beside files of structures: the very numbers come back, and wrong lines are named."""

from pathlib import Path

import numpy as np
import pytest

from rugan_tf.errors import InputError
from rugan_tf.formats.energy_table import read_energy_table, table_path, write_energy_table


def test_numbers_come_back_to_the_last_digit(tmp_path):
    path = tmp_path / "a.csv"
    numbers = {"energy": np.array([1 / 3, -2.5e-17]), "gap": np.array([0.1, 7.0], np.float32)}
    write_energy_table(path, [("one.cif", 0), ("many.xyz", 3)], numbers)
    assert path.read_bytes().splitlines()[0] == b"file,frame,energy,gap"
    table = read_energy_table(path)
    assert (table.path, table.columns) == (path, ("energy", "gap"))
    assert table.numbers(tmp_path / "one.cif", 0) == {"energy": 1 / 3, "gap": float(np.float32(0.1))}
    assert table.numbers(tmp_path / "many.xyz", 3) == {"energy": -2.5e-17, "gap": 7.0}
    assert table.numbers(tmp_path / "many.xyz", 0) == {}
    assert list(tmp_path.iterdir()) == [path]


def test_table_stands_beside_its_file():
    assert table_path(Path("sheets/a.b.cif")) == Path("sheets/a.b.csv")


def test_tables_of_spreadsheets_are_read(tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / "a.csv"
    path.write_text("file,energy,note,gap\nx.cif,-1.5,7,\n../y.cif,2e3,8,0.5\n", encoding="utf-8-sig")
    monkeypatch.chdir(tmp_path)
    table = read_energy_table(Path("inside/a.csv"))
    assert table.columns == ("energy", "note", "gap")
    assert table.numbers(Path("inside/x.cif"), 0) == {"energy": -1.5, "note": 7.0}  # an empty cell tells nothing
    assert table.numbers(tmp_path / "y.cif", 0) == {"energy": 2000.0, "note": 8.0, "gap": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name,energy\na,1\n",
            r"must have the column file and a column of numbers. Received: name, energy in .*t.csv$",
        ),
        ("file,frame\na,1\n", r"must have the column file and a column of numbers. Received: file, frame in"),
        ("", r"must have the column file and a column of numbers. Received:  in"),
        ("file,energy\na,1\nb,much\n", r"^A table must hold numbers. Received: line 3 of .*t.csv \(.*much.*\)$"),
        ("file,frame,energy\na,first,1\n", r"^A table must hold numbers. Received: line 2 of"),
        ("file,frame,energy\na,0,1\na,1,1\na,1,2\n", r"^A table must have one row for a frame. Received: line 4 of"),
        ("file,energy\na,1\n./a,1\n", r"one row for a frame. Received: line 3 of .*t.csv again$"),
    ],
)
def test_wrong_lines_are_named(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_energy_table(tmp_path / "t.csv")


def test_a_missing_table_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_energy_table(tmp_path / "t.csv")
