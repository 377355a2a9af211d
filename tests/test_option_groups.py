"""`--help` shows options in groups, and groups change nothing but the help."""

import dataclasses
import importlib
import re

import pytest

from rugan_tf import cli
from rugan_tf.config import Command, OptionGroup, commands_of, group_title, parse_command, run_command, to_json

MOST_IN_ONE_BOX = 12  # options; a screen has some forty lines, and an option takes two or three


@dataclasses.dataclass(frozen=True)
class MainOptions(OptionGroup):
    """What is done."""

    out: str
    """File."""
    seed: int = 0
    """Seed."""


@dataclasses.dataclass(frozen=True)
class MonteCarloOptions(OptionGroup):
    """How long it takes."""

    num_steps: int = 3
    """Steps, at least 1."""


@dataclasses.dataclass(frozen=True)
class WalkOptions(MonteCarloOptions, MainOptions):
    """Walk."""

    def __post_init__(self):
        if self.num_steps < 1:
            raise ValueError(f"num_steps must be at least 1. Received: num_steps={self.num_steps}")


@dataclasses.dataclass(frozen=True)
class RestOptions:
    """Rest."""

    minutes: int = 5
    """Minutes."""


WALK = Command(WalkOptions, print, "Walk.")
BOTH = {"walk": WALK, "rest": Command(RestOptions, print, "Rest.")}


def helped(commands, args, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as stop:
        run_command("rugan", commands, args)
    assert stop.value.code == 0
    return capsys.readouterr().out


def boxes(text):
    """Return the options of each box of a help, by the title of the box."""
    found = {}
    for line in text.splitlines():
        word = line.strip("╭─╮│ ")  # what the boxes are drawn with depends on the terminal
        if re.fullmatch(r"([\w-]+ )?options", word):
            found[word] = []
        elif option := re.match(r"[│ ] {1,2}(?:-h, )?(--\w[\w-]*)", line):
            found[next(reversed(found))].append(option[1])
    return found


@pytest.mark.parametrize(("commands", "words"), [(WALK, []), (BOTH, ["walk"])], ids=["alone", "subcommand"])
def test_groups_are_boxes_and_options_stay_on_one_level(commands, words, capsys, monkeypatch):
    shown = helped(commands, [*words, "--help"], capsys, monkeypatch)
    assert boxes(shown) == {"options": ["--help", "--out", "--seed"], "monte-carlo options": ["--num-steps"]}
    assert "How long it takes." in shown
    options, _ = parse_command("rugan", commands, [*words, "--num_steps", "4", "--out", "a"])
    assert options == WalkOptions("a", 0, 4)
    assert to_json(options) == {"out": "a", "seed": 0, "num_steps": 4}


@pytest.mark.parametrize(("commands", "words"), [(WALK, []), (BOTH, ["walk"])], ids=["alone", "subcommand"])
def test_what_a_command_with_groups_refuses_is_told_as_of_any(commands, words, capsys):
    with pytest.raises(SystemExit) as stop:
        run_command("rugan", commands, [*words, "--out", "a", "--num-steps", "0"])
    assert stop.value.code == 2
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "Error parsing options: num_steps must be at least 1. Received: num_steps=0" in told


def test_handlers_get_the_options_that_the_command_names():
    seen = []
    commands = BOTH | {"walk": Command(WalkOptions, seen.append, "Walk.")}
    assert run_command("rugan", commands, ["walk", "--out", "a"]) == 0
    assert [type(one) for one in seen] == [WalkOptions]


def test_a_group_is_named_after_its_class():
    assert [group_title(kind) for kind in (MonteCarloOptions, RestOptions)] == ["monte-carlo", "rest"]


def commands_of_doors():
    """Return commands, words and class of options of every command in groups."""
    found = []
    for door in cli.DOORS:
        commands = commands_of(importlib.import_module(f"rugan_tf.{door}.__main__").main)
        named = {"": commands} if isinstance(commands, Command) else commands([]) if callable(commands) else commands
        for name, command in named.items():
            kind = command.options if isinstance(command.options, type) else type(command.options)
            if issubclass(kind, OptionGroup):
                found.append(pytest.param(commands, [name] if name else [], kind, id=f"{door} {name}".strip()))
    return found


def test_these_commands_have_groups():
    assert [one.id for one in commands_of_doors()] == [
        "ednn train", "ednn evaluate", "export", "sample window", "sample canonical", "density_of_states", "evaluate",
        "serve", "client status", "client generate",
    ]  # fmt: skip


@pytest.mark.parametrize(("commands", "words", "kind"), commands_of_doors())
def test_every_option_is_in_one_box_of_a_size_that_is_read(commands, words, kind, capsys, monkeypatch):
    found = boxes(helped(commands, [*words, "--help"], capsys, monkeypatch))
    options = sorted(option for box in found.values() for option in box if option != "--help")
    assert options == sorted(f"--{field.name.replace('_', '-')}" for field in dataclasses.fields(kind))
    assert len(found) > 1 or len(options) < MOST_IN_ONE_BOX
    assert max(map(len, found.values())) <= MOST_IN_ONE_BOX
