"""The cross-check of the reference and the learning curve, on tiny sheets."""

import json

import numpy as np
import pytest

from rugan_tf.ednn.__main__ import main
from rugan_tf.ednn.cross_check import comparison


def test_comparison_finds_the_line_between_two_methods():
    rng = np.random.default_rng(0)
    density = rng.uniform(0.1, 0.4, 20)
    bonding = rng.normal(size=20)
    first, second = bonding - 9.0 * density, 1.5 * bonding - 50.0 * density
    values = comparison(first, second, density)
    assert values["pearson_r_beyond_atoms"] == pytest.approx(1.0)
    assert values["slope_beyond_atoms"] == pytest.approx(1.5)
    assert values["pearson_r"] == pytest.approx(np.corrcoef(first, second)[0, 1])


def test_cross_check_writes_both_energies_of_every_sheet(tmp_path, capsys):
    out = tmp_path / "cross"
    options = ["--num-sheets", "6", "--rows", "3", "--cols", "4", "--other", "ase:ase.calculators.lj:LennardJones"]
    assert main(["cross-check", "--out", str(out), *options]) == 0
    content = json.loads((out / "cross_check.json").read_text())
    assert content["sheets"] == len(content["reference_energy_per_area"]) == len(content["other_energy_per_area"])
    assert content["reference"].startswith("tight-binding")
    assert "LennardJones" in content["other"]
    assert (out / "cross_check.png").stat().st_size > 10_000
    assert f"r {content['pearson_r']:.4f}" in capsys.readouterr().out
    assert main(["cross-check", "--out", str(out), *options]) == 2
    assert "must be new or empty" in capsys.readouterr().err


def test_learning_curve_trains_once_for_each_number(reference, tmp_path, capsys):
    out = tmp_path / "curve"
    args = ["learning-curve", "--data", str(reference), "--out", str(out), "--num-updates", "2"]
    assert main([*args, "--num-reference", "64", "128"]) == 0
    content = json.loads((out / "learning_curve.json").read_text())
    assert list(content["test_errors"]) == ["64", "128"]
    assert {values["num_sheets"] for values in content["test_errors"].values()} == {40}
    epochs = [
        json.loads((out / f"reference_{number}" / "config.json").read_text())["options"]["num_epochs"]
        for number in (64, 128)
    ]
    assert epochs == [2, 1]
    written = (out / "reference_64" / "ednn.keras").stat().st_mtime_ns
    assert main([*args, "--num-reference", "64"]) == 0
    assert (out / "reference_64" / "ednn.keras").stat().st_mtime_ns == written
    with pytest.raises(SystemExit, match="2"):
        main([*args, "--num-reference", "0"])
    assert "num_reference must hold positive numbers" in capsys.readouterr().err


def test_more_sheets_than_there_are_is_refused(reference, tmp_path, capsys):
    args = ["learning-curve", "--data", str(reference), "--out", str(tmp_path / "c"), "--num-reference", "5000"]
    assert main(args) == 2
    assert (
        "num_reference must lie in 1..320, the training part. Received: num_reference=5000" in capsys.readouterr().err
    )
