import ast
import codecs
import contextlib
import dataclasses
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rugan_tf
from rugan_tf.config import Command, parse_command, run_command, to_json
from rugan_tf.errors import InputError
from rugan_tf.terminal import NAME, in_ascii


@dataclasses.dataclass(frozen=True)
class Pores:
    radius: float = 2.0

    def __post_init__(self):
        if self.radius <= 0:
            raise ValueError(f"radius must be positive. Received: radius={self.radius}")


@dataclasses.dataclass(frozen=True)
class Options:
    out: Path
    seed: int = 0
    sizes: tuple[int, ...] = (1, 2)
    pores: Pores = Pores()


@dataclasses.dataclass(frozen=True)
class OtherOptions:
    name: str = "graphene"


def failing_with(error):
    def handler(options):
        raise error

    return Command(Options, handler, "Fail.")


def test_options_of_one_command_reach_its_handler():
    seen = []
    command = Command(Options, seen.append, "See.")
    assert run_command("rugan see", command, ["--out", "a", "--sizes", "3", "4", "--radius", "1.5"]) == 0
    assert seen == [Options(Path("a"), 0, (3, 4), Pores(1.5))]


def test_arguments_come_from_the_command_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rugan", "--name", "ising"])
    options, _ = parse_command("rugan", Command(OtherOptions, print, "Print."))
    assert options == OtherOptions("ising")


def test_subcommands_choose_options_and_handler():
    first, second = [], []
    commands = {
        "one": Command(Options, first.append, "One."),
        "two": Command(OtherOptions, second.append, "Two."),
    }
    assert run_command("rugan", commands, ["two", "--name", "x"]) == 0
    assert run_command("rugan", commands, ["one", "--out", "y"]) == 0
    assert (first, second) == ([Options(Path("y"))], [OtherOptions("x")])


@dataclasses.dataclass(frozen=True)
class EitherOptions:
    out: Path
    first_way: str = ""
    second: str = ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], True),
        (["--out", "a"], False),  # then the options themselves refuse it
        (["--second=a"], False),
        (["--first_way", "a"], False),
        (["--unknown"], True),
    ],
)
@pytest.mark.parametrize("has_subcommands", [False, True])
def test_all_that_is_missing_is_told_at_once(capsys, words, told, has_subcommands):
    command = Command(EitherOptions, print, "See.", ("first_way", "second"))
    with contextlib.nullcontext() if words == ["--out", "a"] else pytest.raises(SystemExit):
        run_command(
            "rugan",
            {"see": command, "other": command} if has_subcommands else command,
            ["see", *words] if has_subcommands else words,
        )
    error = capsys.readouterr().err
    name = "rugan see" if has_subcommands else "rugan"
    assert (f"{name}: one of --first-way, --second must be given, too. Received: none of them\n" in error) is told
    assert ("--out PATH" in error) is (words != ["--out", "a"])


def test_presets_are_subcommands_of_one_class_with_other_defaults():
    def handler(options):
        raise AssertionError("not called by parsing")

    presets = {name: Command(OtherOptions(name), handler, name) for name in ("quick", "paper")}
    for name in presets:
        assert parse_command("rugan", presets, [name]) == (OtherOptions(name), handler)
    assert parse_command("rugan", presets, ["paper", "--name", "mine"])[0] == OtherOptions("mine")


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--out", "a", "--bogus", "1"], "--bogus"),
        (["--out", "a", "--seed", "x"], "--seed"),
        ([], "--out"),
        (["--out", "a", "--radius", "-1"], "radius must be positive. Received: radius=-1.0"),
    ],
)
def test_wrong_arguments_exit_with_2(args, named, capsys):
    command = Command(Options, lambda options: pytest.fail("handler called"), "Never.")
    with pytest.raises(SystemExit) as stop:
        run_command("rugan", command, args)
    assert stop.value.code == 2
    error = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert named in error
    assert "Traceback" not in error


@dataclasses.dataclass(frozen=True)
class CountOptions:
    number: int = 1

    def __post_init__(self):
        if self.number < 1:
            raise InputError(f"number must be at least 1. Received: number={self.number}")


@pytest.mark.parametrize("kind", ["alone", "subcommand", "preset"])
def test_what_options_refuse_is_told_without_the_name_of_their_class(kind, capsys):
    command = Command(CountOptions(2) if kind == "preset" else CountOptions, print, "Count.")
    commands = command if kind == "alone" else {"one": command, "two": Command(OtherOptions, print, "Two.")}
    with pytest.raises(SystemExit, match="2"):
        run_command("rugan", commands, [*([] if kind == "alone" else ["one"]), "--number", "0"])
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "Error parsing options: number must be at least 1. Received: number=0" in told


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("rule. Received: cols=15"), 2, "rugan x: rule. Received: cols=15\n"),
        (FileExistsError("exists. Received: a"), 2, "rugan x: exists. Received: a\n"),
        (OSError(28, "No space left on device"), 2, "rugan x: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), 130, "rugan x: interrupted\n"),
    ],
)
def test_expected_errors_become_exit_codes(error, code, message, capsys):
    assert run_command("rugan x", failing_with(error), ["--out", "a"]) == code
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("error", [ZeroDivisionError(), ValueError("a library's own"), TypeError("a bug")])
def test_defects_are_not_hidden(error):
    with pytest.raises(type(error)):
        run_command("rugan x", failing_with(error), ["--out", "a"])


def test_options_become_json():
    content = to_json({"options": Options(Path("a/b"), pores=Pores(3.0)), "list": [Path("c"), None, True]})
    assert json.loads(json.dumps(content)) == {
        "options": {"out": "a/b", "seed": 0, "sizes": [1, 2], "pores": {"radius": 3.0}},
        "list": ["c", None, True],
    }


ASCII = {**os.environ, "PYTHONIOENCODING": "ascii", "LANG": "C", "LC_ALL": "C"}


def test_terminal_without_unicode_gets_help_and_answers(tmp_path):
    asked = subprocess.run(
        [sys.executable, "-m", "rugan_tf.data", "build", "--help"], capture_output=True, env=ASCII, check=True
    )
    assert b"across the sheet, A; 20 unless said otherwise" in b" ".join(asked.stdout.replace(b"|", b" ").split())
    out = tmp_path / "a.npz"
    words = ["--num-sheets", "2", "--rows", "4", "--cols", "4", "--processes", "1", "--out", str(out)]
    built = subprocess.run([sys.executable, "-m", "rugan_tf.data", "build", *words], capture_output=True, env=ASCII)
    assert (built.returncode, b"Traceback" in built.stderr) == (0, False)
    assert b" eV/A^2\nnext: " in built.stdout


def test_chosen_treatment_of_letters_is_kept(tmp_path):
    words = ["build", "--num-sheets", "2", "--rows", "4", "--cols", "4", "--processes", "1"]
    given = {**ASCII, "PYTHONIOENCODING": "ascii:xmlcharrefreplace"}
    command = [sys.executable, "-m", "rugan_tf.data", *words, "--out", str(tmp_path / "a.npz")]
    assert b" eV/&#197;&#178;" in subprocess.run(command, capture_output=True, env=given, check=True).stdout


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")])
def test_missing_rights_end_in_what_to_do(error, capsys):
    def handler(options):
        raise OSError(error.errno, error.strerror, str(options.out))

    assert run_command("rugan", Command(Options, handler, "Fail."), ["--out", "locked/a.npz"]) == 2
    assert capsys.readouterr().err == (
        "rugan: Files must be in folders that you may read and write; name others, or change their rights. "
        f"Received: {error}: 'locked/a.npz'\n"
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_rights_is_told_before_any_work(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    out = folder / "new" / "a.npz"
    command = [sys.executable, "-m", "rugan_tf.data", "build", "--num-sheets", "2", "--out", str(out)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 2
    assert "folders that you may read and write" in built.stderr


def test_help_has_no_stray_line_breaks():
    """What reads docstrings keeps a break before a line that begins with no letter, for lists."""
    package = Path(rugan_tf.__file__).parent
    stray = [
        f"{path.relative_to(package)}:{text.lineno}"
        for path in package.rglob("*.py")
        for kind in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(kind, ast.ClassDef) and kind.name.endswith("Options")
        for field, text in itertools.pairwise(kind.body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if any(line.strip() and not line.strip()[0].isalpha() for line in str(text.value.value).split("\n")[1:])
    ]
    assert stray == []


def test_micro_is_written_in_ascii():
    codecs.register_error(NAME, in_ascii)
    assert "3 µm, 2 Å".encode("ascii", NAME) == b"3 um, 2 A"
