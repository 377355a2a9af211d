"""`rugan data build` and `rugan data label` as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scripted import calls, numbered_sheets, script

import rugan_tf
from rugan_tf.data.__main__ import main, next_step, without_failed
from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.energies.named import energy_named
from rugan_tf.formats.data_set import DataSet, read_data_set, write_data_set
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions

LENNARD_JONES = "ase:ase.calculators.lj:LennardJones"


def build_args(out, *further):
    sizes = ["--num-sheets", "4", "--rows", "4", "--cols", "4", "--processes", "1"]
    return ["build", *sizes, "--out", str(out), *further]


def label_args(states, out, *further):
    return ["label", "--states", str(states), "--out", str(out), "--processes", "1", *further]


@pytest.fixture
def folder(tmp_path):
    """A folder apart from the output's, for sheets with numbers and for the script of their energies."""
    (tmp_path / "given").mkdir()
    np.savez(tmp_path / "given" / "sheets.npz", states=numbered_sheets(6))
    return tmp_path / "given"


def scripted_label_args(folder, out, *further):
    energy = "ase:scripted:ScriptedCalculator:" + json.dumps({"folder": str(folder)})
    return label_args(folder / "sheets.npz", out, "--energy", energy, *further)


def test_build_draws_labels_and_writes(tmp_path, capsys):
    out = tmp_path / "new" / "sheets.npz"
    assert main(build_args(out, "--seed", "3", "--max-radius", "2.5")) == 0
    data_set = read_data_set(out)
    system = system_named("porous_graphene")
    expected = draw_sheets(system, 4, 4, 4, 3, PoreOptions(max_radius=2.5))
    np.testing.assert_array_equal(data_set.states, expected)
    per_area = [system.reference_energies["tight-binding"](sheet) / system.area(4, 4) for sheet in expected]
    np.testing.assert_allclose(data_set.energy_per_area, per_area, rtol=0, atol=1e-10)
    assert data_set.metadata["system"] == "porous_graphene"
    assert data_set.metadata["energy"].startswith("tight-binding: ")
    assert data_set.metadata["options"]["seed"] == 3
    assert data_set.metadata["options"]["drawing"]["max_radius"] == 2.5
    assert data_set.metadata["rugan_tf"] == rugan_tf.__version__
    assert list(out.parent.iterdir()) == [out]  # the progress is gone
    printed = capsys.readouterr().out
    assert f"{out}: 4 sheets of 4x4 cells, " in printed
    assert (
        f"next: python -m rugan_tf.ednn cross-check --data {out} ... compares methods; a training needs more" in printed
    )


@pytest.mark.parametrize(
    ("number", "step"), [(39, "ednn cross-check"), (40, "train quick --data sheets.npz --run-dir runs/quick")]
)
def test_next_step_is_one_that_takes_so_many_sheets(number, step):
    assert next_step(system_named("porous_graphene"), Path("sheets.npz"), number).startswith(
        f"python -m rugan_tf.{step}"
    )


def test_names_of_sheets_that_failed_go_with_them():
    told = {"known_sheets": ["pristine", "monovacancy", "divacancy"], "more": 1}
    assert without_failed(told, [True, False, True]) == {"known_sheets": ["pristine", "divacancy"], "more": 1}
    assert without_failed({"more": 1}, [True, False]) == {"more": 1}


def test_label_computes_the_energies_of_given_sheets(folder, tmp_path):
    out = tmp_path / "labelled.npz"
    assert main(label_args(folder / "sheets.npz", out, "--energy", LENNARD_JONES)) == 0
    data_set = read_data_set(out)
    np.testing.assert_array_equal(data_set.states, numbered_sheets(6))
    system = system_named("porous_graphene")
    per_area = energy_named(system, LENNARD_JONES).energies(numbered_sheets(6)) / system.area(4, 4)
    np.testing.assert_allclose(data_set.energy_per_area, per_area, rtol=1e-12)
    assert data_set.metadata["energy"].startswith(LENNARD_JONES)


def test_built_data_can_be_labelled_anew(tmp_path):
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    assert main(build_args(first)) == 0
    assert main(label_args(first, second)) == 0
    np.testing.assert_array_equal(read_data_set(second).energy_per_area, read_data_set(first).energy_per_area)


def test_properties_of_a_data_set_are_kept_when_it_is_labelled_anew(folder, tmp_path):
    given, out = tmp_path / "given.npz", tmp_path / "out.npz"
    told = {"system": "porous_graphene", "energy": "made up", "properties": {"gap": {"unit": "eV"}}}
    properties = {"gap": np.arange(6.0), "imbalance": -np.arange(6.0)}
    write_data_set(given, DataSet(numbered_sheets(6), np.arange(6.0), told, properties))
    script(folder, sheet_1="nan")
    energy = "ase:scripted:ScriptedCalculator:" + json.dumps({"folder": str(folder)})
    assert main(label_args(given, out, "--energy", energy, "--skip-failed")) == 0
    data_set = read_data_set(out)
    assert data_set.properties.keys() == properties.keys()
    for name, values in properties.items():
        np.testing.assert_array_equal(data_set.properties[name], np.delete(values, 1))
    assert data_set.metadata["properties"] == {"gap": {"unit": "eV"}}
    assert data_set.metadata["energy"].startswith("ase:scripted")


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--cols", "15"], "cols must be even. Received: cols=15"),
        (["--rows", "5"], "rows and cols must be even to be generated. Received: rows=5, cols=4"),
        (["--rows", "0"], "rows must be at least 1. Received: rows=0"),
        (["--num-sheets", "0"], "num_sheets must be at least 1. Received: num_sheets=0"),
        (["--seed", "-1"], "seed must not be negative. Received: seed=-1"),
        (["--energy", "dft"], "Received: 'dft'"),
        (["--energy", "ase:nowhere:Nothing"], "must be importable. Received: nowhere:Nothing"),
        (
            ["--system", "ice"],
            "boron_nitride, ising, FILE.toml, or package.module:Class. Received: 'ice'",
        ),
    ],
)
def test_bad_options_exit_with_2_and_leave_nothing(tmp_path, capsys, further, message):
    assert main(build_args(tmp_path / "sheets.npz", *further)) == 2
    error = capsys.readouterr().err
    assert error.startswith("rugan data: ")
    assert message in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["build", "label"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sheets.csv", "must be an .npz file. Received: "),
        ("sheets", "must be an .npz file. Received: "),
        ("file/sheets.npz", "File exists"),
        ("file/new/sheets.npz", "Not a directory"),
        ("folder.npz", "must not take the place of a folder. Received: "),
    ],
)
def test_impossible_outputs_exit_with_2_before_any_work(folder, tmp_path, capsys, command, name, message):
    (tmp_path / "file").write_text("a file where a folder is needed")
    (tmp_path / "folder.npz").mkdir()
    out = tmp_path / name
    args = build_args(out) if command == "build" else scripted_label_args(folder, out)
    for further in ([], ["--overwrite"]):
        assert main([*args, *further]) == 2
        assert message in capsys.readouterr().err
    assert calls(folder) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.npz", "given"]
    assert not list((tmp_path / "folder.npz").iterdir())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "must hold the arrays states. Received: none"),
        ({"states": np.zeros((0, 4, 4), np.uint8)}, "at least one sheet. Received: 0 sheets"),
        ({"states": np.zeros((2, 4, 3), np.uint8)}, "cols must be even. Received: cols=3"),
        ({"states": np.full((2, 4, 4), 4, np.uint8)}, "must lie in 0..3. Received: values 4 to 4"),
        ({"states": np.zeros((2, 4, 4))}, "must be integers. Received: dtype=float64"),
        ({"states": np.array([[[None, 1]]])}, "must not be pickled objects"),
    ],
)
def test_bad_sheets_exit_with_2(tmp_path, capsys, arrays, message):
    np.savez(tmp_path / "given.npz", **arrays)
    assert main(label_args(tmp_path / "given.npz", tmp_path / "out.npz")) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["given.npz"]


def test_missing_sheets_exit_with_2(tmp_path, capsys):
    assert main(label_args(tmp_path / "nowhere.npz", tmp_path / "out.npz")) == 2
    assert "nowhere.npz" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["build", "label"])
def test_existing_data_set_is_replaced_only_on_demand(folder, tmp_path, capsys, command):
    out = tmp_path / "out.npz"
    out.write_bytes(b"weeks of density functional theory")
    args = build_args(out) if command == "build" else scripted_label_args(folder, out)
    assert main(args) == 2
    assert f"must not exist, or --overwrite be given. Received: {out}" in capsys.readouterr().err
    assert out.read_bytes() == b"weeks of density functional theory"
    assert calls(folder) == []
    assert main([*args, "--overwrite"]) == 0
    assert len(read_data_set(out).states) == (4 if command == "build" else 6)


@pytest.mark.parametrize(("deed", "code"), [("raise", 3), ("nan", 3), ("interrupt", 130)])
def test_stopped_labelling_goes_on_where_it_was(folder, tmp_path, capsys, deed, code):
    out = tmp_path / "out.npz"
    script(folder, sheet_4=deed)
    assert main(scripted_label_args(folder, out)) == code
    error = capsys.readouterr().err
    assert ("interrupted" if deed == "interrupt" else "1 of 6 failed\n  sheet 4: ") in error
    assert "Traceback" not in error
    assert not out.exists()
    script(folder)
    assert main(scripted_label_args(folder, out)) == 0
    assert calls(folder) == ([0, 1, 2, 3, 4, 4, 5] if deed == "interrupt" else [0, 1, 2, 3, 4, 5, 4])
    area = system_named("porous_graphene").area(4, 4)
    np.testing.assert_allclose(read_data_set(out).energy_per_area, -np.arange(1.0, 7) / area, rtol=1e-14)
    left = ["given", "out.failed", "out.npz"] if deed == "raise" else ["given", "out.npz"]  # the files it left
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_sheets_that_fail_are_left_out_on_demand(folder, tmp_path, capsys):
    out = tmp_path / "out.npz"
    script(folder, sheet_1="nan", sheet_4="raise")
    assert main(scripted_label_args(folder, out, "--skip-failed")) == 0
    told = capsys.readouterr()
    assert "rugan data: warning: " in told.err
    assert "2 of 6 failed" in told.err
    assert "4 sheets of 4x4 cells" in told.out
    assert "2 failed and are left out" in told.out
    data_set = read_data_set(out)
    np.testing.assert_array_equal(data_set.states, numbered_sheets(6)[[0, 2, 3, 5]])
    area = system_named("porous_graphene").area(4, 4)
    np.testing.assert_allclose(data_set.energy_per_area, -np.array([1, 3, 4, 6]) / area)
    assert data_set.metadata["skipped"] == [1, 4]
    script(folder, every="raise")
    assert main(scripted_label_args(folder, tmp_path / "none.npz", "--skip-failed")) == 3
    assert not (tmp_path / "none.npz").exists()


def test_sheet_that_takes_too_long_has_failed(folder, tmp_path, capsys):
    script(folder, sheet_2="hang")
    assert main(scripted_label_args(folder, tmp_path / "out.npz", "--timeout", "1")) == 3
    assert "sheet 2: it took longer than 1.0 s" in capsys.readouterr().err


def test_cell_for_calculators_is_written_down(folder, tmp_path):
    out = tmp_path / "out.npz"
    cell = ["--pbc", "True", "True", "True", "--vacuum", "12"]
    assert main(label_args(folder / "sheets.npz", out, "--energy", LENNARD_JONES, *cell)) == 0
    assert read_data_set(out).metadata["energy"].endswith("periodic along xyz, cells 12 Å high")
    assert main(label_args(folder / "sheets.npz", tmp_path / "b.npz", *cell)) == 2  # tight binding has no cell


def full_disk(file, **arrays):
    file.write(b"PK half")
    raise OSError(28, "No space left on device")


def test_full_disk_loses_neither_the_old_data_set_nor_the_energies(folder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out.npz"
    out.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full_disk)
        assert main(scripted_label_args(folder, out, "--overwrite")) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "out.npz", "out.progress"]
    assert main(scripted_label_args(folder, out, "--overwrite")) == 0
    assert calls(folder) == list(range(6))  # no sheet twice


def test_full_disk_for_the_journal_is_told(folder, tmp_path, capsys, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rugan_tf.energies.journal.os.fsync", full)
    assert main(scripted_label_args(folder, tmp_path / "out.npz")) == 2
    assert "No space left on device" in capsys.readouterr().err
    monkeypatch.undo()
    assert main(scripted_label_args(folder, tmp_path / "out.npz")) == 0


def test_bad_options_end_a_real_process_without_traceback(tmp_path):
    args = build_args(tmp_path / "sheets.npz", "--min-radius", "9")
    done = subprocess.run([sys.executable, "-m", "rugan_tf.data", *args], capture_output=True, text=True)
    assert done.returncode == 2
    assert "min_radius=9.0, max_radius=6.0" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_real_build_never_imports_tensorflow(tmp_path):
    args = build_args(tmp_path / "a.npz")
    program = f"import sys; from rugan_tf.data.__main__ import main\ncode = main({args})\n"
    program += "print(code, sorted({'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
