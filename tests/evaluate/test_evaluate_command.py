import json
import subprocess
import sys

import pytest

from rugan_tf.evaluate.__main__ import main


@pytest.fixture
def arguments(model_base, data_file):
    out = data_file.parent / "out"
    required = ["--model", str(model_base), "--data", str(data_file), "--out", str(out)]
    return [*required, "--num-samples", "4", "--scales", "1", "--processes", "1"]


def test_command_evaluates_by_tight_binding_and_shows_a_table(arguments, data_file, capsys):
    assert main([*arguments, "--energy", "tight-binding"]) == 0
    content = json.loads((data_file.parent / "out" / "metrics.json").read_text())
    assert content["energy"].startswith("tight-binding")
    assert content["scales"]["1x1"]["num_samples"] == 4
    printed = capsys.readouterr().out
    assert "mean absolute error (eV/Å²)" in printed
    assert f"{content['scales']['1x1']['mae']:.5f}" in printed
    assert "valid sheets before repair (share)" in printed
    assert f"{content['scales']['1x1']['dangling_share_unrepaired']:.5f}" in printed
    assert "next: python -m rugan_tf.generate --model" in printed


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--model", "nowhere"], "must be a folder that holds saved_model.pb, or "),
        (["--data", "nowhere.npz"], "nowhere.npz"),
        (["--energy", "guess"], "The energy must be"),
        (["--judges", "gap=here"], "are asked for other conditions must be left out. Received: --judges"),
    ],
)
def test_bad_input_exits_with_2_and_leaves_nothing(arguments, data_file, capsys, further, message):
    assert main([*arguments, *further]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert list(data_file.parent.iterdir()) == [data_file]


def test_option_that_cannot_be_exits_with_2(arguments, capsys):
    for further, message in (
        (["--scales", "0"], "scales must be different"),
        (["--judge", "ednn"], "needs sheets, --num-direct. Received: --judge without"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, *further])
        assert stopped.value.code == 2
        assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_folder_with_content_exits_with_2_and_is_kept(arguments, data_file, capsys):
    out = data_file.parent / "out"
    out.mkdir()
    (out / "old.txt").write_text("old")
    assert main(arguments) == 2
    assert "must be new or empty, or --overwrite given" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["old.txt"]


def test_help_needs_no_tensorflow():
    program = "import sys; from rugan_tf.evaluate.__main__ import main\ntry: main(['--help'])\n"
    program += "except SystemExit: pass\nprint({'tensorflow', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "--num-samples" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"
