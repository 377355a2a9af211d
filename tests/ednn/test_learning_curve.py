"""The learning curve, on tiny sheets."""

import json

import pytest

from rugan_tf.ednn.__main__ import main


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
