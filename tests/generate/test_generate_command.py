import subprocess
import sys
from types import SimpleNamespace

import ase.io
import numpy as np
import pytest

from rugan_tf.formats.data_set import read_data_set
from rugan_tf.generate.__main__ import main
from rugan_tf.generate.conditioned import ConditionedModel
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.saved.conditions import LearntCondition, LearntConditions
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.conditions import Condition
from rugan_tf.systems.named import system_named


def request(model_base, out, *further):
    return ["--model", str(model_base), "--energy-per-area", "-1.5", "--out", str(out), *further]


def test_command_writes_what_it_says(model_base, tmp_path, capsys):
    out = tmp_path / "new" / "sheets.npz"
    assert main(request(model_base, out, "--rows", "2", "--cols", "6", "--num-sheets", "2", "--seed", "3")) == 0
    sheets = read_data_set(out)
    assert sheets.states.shape == (2, 2, 6)
    assert sheets.energy_per_area.tolist() == [-1.5, -1.5]
    assert "not computed" in sheets.metadata["energy"]
    assert sheets.metadata["options"]["seed"] == 3
    printed = capsys.readouterr().out
    assert f"{out}: 2 sheets of 2x6 cells" in printed
    assert f"next: python -m rugan_tf.data label --states {out}" in printed


def test_energy_for_each_sheet_and_training_size_by_default(model_base, tmp_path):
    out = tmp_path / "sheets.extxyz"
    args = ["--model", str(model_base), "--energy-per-area", "-2.5", "-1", "-0.5", "--out", str(out)]
    assert main(args) == 0
    frames = ase.io.read(out, index=":")
    assert [frame.info["energy_per_area_requested"] for frame in frames] == [-2.5, -1.0, -0.5]
    np.testing.assert_allclose(frames[0].cell.lengths()[0], 4 * 2.46)


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--cols", "15"], "cols must be even. Received: cols=15"),
        (["--rows", "5"], "rows must be even. Received: rows=5"),
        (["--rows", "0"], "rows must be at least 1. Received: rows=0"),
        (["--cols", "0"], "cols must be at least 2. Received: cols=0"),
        (["--num-sheets", "0"], "num_sheets must be at least 1. Received: num_sheets=0"),
        (["--seed", "-1"], "seed must not be negative"),
        (["--energy-per-area", "nan"], "energy_per_area must be finite. Received: energy_per_area=nan"),
        (
            ["--energy-per-area", "-1", "-2", "--num-sheets", "3"],
            "one for each of num_sheets=3 sheets. Received: 2",
        ),
        (["--model", "nowhere"], "must be a folder that holds saved_model.pb, or the name of one that comes with"),
        (["--passivate", "H"], "must be written as atoms"),
        (["--tile", "3"], "rows, cols and tile must be even. Received: rows=4, cols=4, tile=3"),
    ],
)
def test_bad_input_exits_with_2_and_leaves_nothing(model_base, tmp_path, capsys, further, message):
    assert main(request(model_base, tmp_path / "sheets.npz", *further)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("asked", ["--energy-per-area", "--condition"])
def test_element_that_saturates_nothing_is_told_before_sheets_are_made(
    model_base, tmp_path, capsys, monkeypatch, asked
):
    monkeypatch.setattr(SheetModel, "predict", lambda *_, **__: pytest.fail("asked for sheets"))
    value = {"--energy-per-area": "-1.5", "--condition": "energy_per_area=-1.5"}[asked]
    words = ["--model", str(model_base), asked, value, "--out", str(tmp_path / "a.cif"), "--passivate", "Xx"]
    assert main(words) == 2
    assert "Edges must be saturated by H. Received: Xx" in capsys.readouterr().err


def test_tile_without_cells_is_refused_of_streams_too(model_base, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(request(model_base, tmp_path / "sheets.zarr", "--tile", "0"))
    assert "tile must be at least 2. Received: tile=0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "further", [["--energy-per-area", "-2"], ["--condition", "porosity=1"], ["--energy-map", "map.npy"]]
)
def test_judge_that_would_not_be_asked_is_refused(tmp_path, capsys, further):
    with pytest.raises(SystemExit, match="2"):
        main(["--out", str(tmp_path / "sheet.cif"), "--judge", "ednn:nowhere", *further])
    assert "A judge is for sheets that are streamed" in capsys.readouterr().err


def test_unknown_suffix_exits_with_2(model_base, tmp_path, capsys):
    assert main(request(model_base, tmp_path / "sheets.doc")) == 2
    assert "must end in one of .npz, .zarr, .extxyz, .xyz, " in capsys.readouterr().err


def test_existing_file_is_replaced_only_on_demand(model_base, tmp_path, capsys):
    out = tmp_path / "sheet-0001.cif"
    out.write_text("old")
    args = request(model_base, tmp_path / "sheet.cif", "--num-sheets", "2")
    assert main(args) == 2
    assert "The file must not exist, or --overwrite be given. Received: " in capsys.readouterr().err
    assert out.read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]
    assert main([*args, "--overwrite"]) == 0
    assert len(ase.io.read(out)) > 0


@pytest.mark.parametrize("suffix", [".cif", ".png", ".npz", ".zarr"])
@pytest.mark.parametrize(("energy", "meant"), [("1.5", "; was -1.5 meant?"), ("1000", "")])
def test_forgotten_sign_is_refused_in_every_format(judged_base, tmp_path, capsys, suffix, energy, meant):
    args = ["--model", str(judged_base), "--out", str(tmp_path / f"sheet{suffix}"), "--energy-per-area", "-1", energy]
    assert main(args) == 2
    rule = "energy_per_area must have the sign of the energies in the training data, -3 to 0 eV/Å²."
    assert capsys.readouterr().err == f"rugan generate: {rule} Received: {energy}{meant}\n"
    assert not list(tmp_path.iterdir())


def test_map_with_a_forgotten_sign_is_refused(judged_base, tmp_path, capsys):
    np.save(tmp_path / "map.npy", np.full((4, 4), 1.5))
    out = tmp_path / "sheet.cif"
    assert main(["--model", str(judged_base), "--out", str(out), "--energy-map", str(tmp_path / "map.npy")]) == 2
    assert "Received: 1.5; was -1.5 meant?" in capsys.readouterr().err
    assert not out.exists()


def learnt_range(name, low, high):
    return LearntCondition(Condition(name, name, ""), LabelScale((low + high) / 2, 1.0), (low, high))


def test_condition_with_a_forgotten_sign_is_refused(tmp_path, capsys, monkeypatch):
    """Of a model that is asked for the energy and something else."""
    learnt = LearntConditions((learnt_range("porosity", 0.0, 1.0), learnt_range("energy_per_area", -3.0, -0.5)))
    model = SimpleNamespace(rows=4, cols=4, system=system_named("porous_graphene"))
    loaded = ConditionedModel(model, learnt)
    monkeypatch.setattr("rugan_tf.generate.conditioned.load_conditioned", lambda folder: loaded)
    out = tmp_path / "sheet.cif"
    assert main(["--out", str(out), "--condition", "porosity=0.3", "energy_per_area=2.5"]) == 2
    assert "Received: 2.5; was -2.5 meant?" in capsys.readouterr().err
    # A condition that is left out is told as missing.
    assert main(["--out", str(out), "--condition", "porosity=0.3"]) == 2
    assert capsys.readouterr().err.endswith("energy_per_area (-3 to -0.5). Received: porosity\n")


def test_condition_that_the_model_did_not_learn_is_refused_with_one_that_did(model_base, tmp_path, capsys):
    args = ["--model", str(model_base), "--out", str(tmp_path / "sheet.cif"), "--condition"]
    rule = "rugan generate: The model must be asked for what it learnt, energy_per_area (-3 to 0 eV/Å²). Received: "
    assert main([*args, "porosity=0.2"]) == 2
    hint = "what learnt it: --model porous_graphene_formation, of porosity, formation_energy_per_area"
    assert capsys.readouterr().err == f"{rule}--condition porosity; {hint}\n"
    assert main([*args, "colour=1", "energy_per_area=-1"]) == 2
    assert capsys.readouterr().err == f"{rule}--condition colour\n"


def test_sheets_without_atoms_may_be_asked_for(model_base, tmp_path):
    assert main(["--model", str(model_base), "--out", str(tmp_path / "sheet.cif"), "--energy-per-area", "0"]) == 0


def test_files_are_told_apart_from_their_table(model_base, tmp_path, capsys):
    out = tmp_path / "sheet.cif"
    args = ["--model", str(model_base), "--out", str(out), "--energy-per-area"]
    assert main([*args, "-1.5"]) == 0
    assert f"{out}, with numbers in sheet.csv: 1 sheet of 4x4 cells" in capsys.readouterr().out
    assert main([*args, "-1000", "-1.5", "--overwrite"]) == 0
    said = capsys.readouterr()
    assert "1 of 2 requested energies lie outside" in said.err
    assert "meant?" not in said.err
    assert f"{tmp_path / 'sheet-0000.cif'} to sheet-0001.cif, with numbers in sheet.csv: 2 sheets of 4x4" in said.out


def test_edges_are_saturated_and_atoms_relaxed(model_base, tmp_path, capsys):
    out = tmp_path / "sheets.extxyz"
    emt = ["--relax", "ase:ase.calculators.emt:EMT", "--relax-steps", "2"]
    assert main(request(model_base, out, "--num-sheets", "2", "--passivate", "H", *emt)) == 0
    frames = ase.io.read(out, index=":")
    for index, frame in enumerate(frames):
        assert {"C", "H"} == set(frame.get_chemical_symbols())
        assert frame.info["REF_energy"] == pytest.approx(frame.get_potential_energy())
        assert frame.info["relaxed_by"] == "ase:ase.calculators.emt:EMT"
        way = ase.io.read(tmp_path / f"sheets-{index:04d}.traj", index=":")
        assert len(way) == 3
        np.testing.assert_allclose(way[-1].positions, frame.positions, atol=1e-6)
    assert "sheet 0 has not come to rest: the largest force is " in capsys.readouterr().err
    assert main(request(model_base, tmp_path / "sheet.png", "--passivate", "H")) == 2
    assert "Sheets that are saturated or relaxed must be written as atoms" in capsys.readouterr().err
    assert main(request(model_base, tmp_path / "sheet.cif", "--relax", "ase:nowhere:Nothing")) == 2
    assert main(request(model_base, tmp_path / "sheet.cif", "--passivate", "Xe")) == 2
    assert "Edges must be saturated by H. Received: Xe" in capsys.readouterr().err
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".extxyz", ".traj", ".traj"]


def test_help_needs_no_tensorflow():
    program = "import sys; from rugan_tf.generate.__main__ import main\ntry: main(['--help'])\n"
    program += "except SystemExit: pass\nprint({'tensorflow', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "--energy-per-area" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"
