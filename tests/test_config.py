import dataclasses
import json
import sys
from pathlib import Path

import pytest

from rugan_tf.config import Command, parse_command, run_command, to_json
from rugan_tf.errors import InputError


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
