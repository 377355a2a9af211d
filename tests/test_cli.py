import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rugan_tf
from rugan_tf import cli

PACKAGE = Path(rugan_tf.__file__).parent


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """Nothing to say."""


def test_every_room_with_a_door_is_a_command():
    assert set(cli.DOORS) == {path.parent.name for path in PACKAGE.glob("*/__main__.py")}


@pytest.mark.parametrize("door", cli.DOORS)
def test_command_opens_its_door_with_the_other_arguments(door, monkeypatch):
    received = []

    def main(args):
        received.append(args)
        return 7

    monkeypatch.setattr(f"rugan_tf.{door}.__main__.main", main)
    assert cli.main([door, "build", "--seed", "3"]) == 7
    assert received == [["build", "--seed", "3"]]


def test_command_of_several_words_is_taken_with_hyphens(monkeypatch):
    monkeypatch.setattr("rugan_tf.density_of_states.__main__.main", lambda args: len(args))
    assert cli.main(["density-of-states", "--seed", "3"]) == 2 == cli.main(["density_of_states", "--seed", "3"])


def test_arguments_come_from_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rugan", "--version"])
    assert cli.main() == 0
    assert capsys.readouterr().out == f"rugan_tf {rugan_tf.__version__}\n"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command(flag, capsys):
    assert cli.main([flag]) == 0
    printed = capsys.readouterr().out
    for door, description in cli.DOORS.items():
        assert f"  {door}" in printed
        assert description in printed


@pytest.mark.parametrize(
    ("args", "received"), [([], "none"), (["dta"], "'dta'"), (["--bogus"], "'--bogus'"), (["Data"], "'Data'")]
)
def test_unknown_command_exits_with_2(args, received, capsys):
    assert cli.main(args) == 2
    captured = capsys.readouterr()
    rule = f"rugan: The command must be one of {', '.join(cli.DOORS)}."
    assert captured.err == f"{rule} Received: {received}\n"
    assert captured.out == ""


def test_script_reports_the_code_of_the_door_without_traceback(tmp_path):
    script = Path(sys.executable).with_name("rugan")
    args = ["data", "build", "--cols", "15", "--out", str(tmp_path / "sheets.npz")]
    done = subprocess.run([script, *args], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "rugan data: cols must be even. Received: cols=15\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["nowhere"]])
def test_nothing_heavy_is_imported_before_a_door_opens(args):
    program = f"import sys; from rugan_tf.cli import main; main({args})\n"
    program += "print([name for name in ('numpy', 'tyro', 'tensorflow', 'keras') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words",
    [
        "-m rugan_tf.cli --help",
        "-m rugan_tf.cli --version",
        "-m rugan_tf.cli --print-completion zsh",
        "-m rugan_tf.serve --help",
        "-m rugan_tf.data build --help",
        "-m rugan_tf.data build --num-sheets 1 --rows 4 --cols 4 --processes 1 --out {out}",
    ],
)
def test_a_reader_that_has_gone_ends_commands_quietly(words, tmp_path):
    out = tmp_path / "data.npz"
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        command = [sys.executable, *words.format(out=out).split()]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 141
    assert "roken" not in done.stderr
    assert "Traceback" not in done.stderr
    assert out.exists() == ("{out}" in words)  # what was made stays


def test_bad_options_are_told_to_a_shell_whose_reader_has_gone():
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        command = [sys.executable, "-m", "rugan_tf.data", "build", "--nonsense", "1"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "nonsense" in done.stderr


def test_a_shell_may_close_stdout():
    command = ["sh", "-c", 'exec "$0" -m rugan_tf.cli --version >&-', sys.executable]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pipe_that_breaks_elsewhere_is_told(capfd):
    from rugan_tf.config import Command, run_command

    def hang_up(options):
        raise BrokenPipeError("the server has gone")

    assert run_command("rugan test", Command(NoOptions, hang_up, "A test."), []) == 2
    assert capfd.readouterr().err == "rugan test: the server has gone\n"
