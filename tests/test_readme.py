"""Every command that the README and the demo show is one that the command line takes."""

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest

from rugan_tf import demo
from rugan_tf.config import parse_command

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "saved_models/README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
COMMAND = re.compile(r"^ {4}(?:(?:\.venv/bin/)?python -m rugan_tf\.|rugan (?!-))([\w.]+)(.*)$", re.MULTILINE)
MATERIAL = re.compile(r"```toml\n(.*?)```", re.DOTALL)


def page(name):
    return (ROOT / name).read_text("utf-8")


def commands():
    return [(door, rest.strip()) for name in DOCUMENTS for door, rest in COMMAND.findall(page(name))]


def parse(monkeypatch, door, args):
    """Return the options that a door reads, without what it does with them."""
    room = importlib.import_module(f"rugan_tf.{door}")
    room = room if hasattr(room, "main") else importlib.import_module(f"rugan_tf.{door}.__main__")
    monkeypatch.setattr(room, "run_command", lambda prog, known, given: parse_command(prog, known, given)[0])
    return room.main(args)


def test_documents_show_every_door():
    assert {
        "data",
        "ednn",
        "train",
        "export",
        "generate",
        "evaluate",
        "sample",
        "density_of_states",
        "serve",
        "client",
    } <= {door for door, _ in commands()}


@pytest.mark.parametrize(("door", "rest"), commands())
def test_command_of_a_document_is_taken(monkeypatch, tmp_path, door, rest):
    monkeypatch.chdir(tmp_path)  # where the file lies that the commands of a user's material name
    (tmp_path / "my_alloy.toml").write_text(MATERIAL.search(page("docs/your_material.md"))[1], "utf-8")
    assert parse(monkeypatch, door, shlex.split(rest)) is not None


def test_commands_of_the_demo_are_taken(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(demo, "step", lambda door, *args: asked.append((door, parse(monkeypatch, door, list(args)))))
    monkeypatch.setattr(demo, "summarise", lambda *_: None)
    demo.demo(demo.DemoOptions(out=tmp_path))
    doors = [door for door, _ in asked]
    assert doors == ["data", "train", "export", *["generate"] * 8, *["evaluate"] * 3]
    assert {(options.rows, options.cols) for door, options in asked if door == "generate"} == {(14, 16), (28, 32)}


def test_readme_is_one_page_and_shows_the_way_from_the_first_sheet_to_a_server():
    text = page("README.md")
    assert len(text.splitlines()) <= 92
    assert len([word for word in text.split() if word != "|"]) <= 710
    doors = [door for door, _ in COMMAND.findall(text)]
    assert doors == ["generate", "data", "ednn", "train", "export", "evaluate", "sample", "serve"]


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"^ {4}make (\w+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_pictures_of_the_readme_exist():
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8")):
        assert (ROOT / path).stat().st_size > 10_000, path


def test_the_demo_ends_with_raw_numbers_and_a_baseline_and_does_not_round_them_to_one(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    values = {"num_samples": 2000, "r2": 0.99995, "mae": 0.0022, "bias": -0.0002, "ks_statistic": 0.006}
    values |= {"validity_unrepaired": 0.237, "raw": {"r2": 0.9961}, "baselines": {"composition_cubic": {"r2": 0.99946}}}
    by_hand = {**values, "raw": None, "validity_unrepaired": None, "num_samples": 128}
    folders = [tmp_path / "shipped_evaluation", tmp_path / "quick_evaluation_tight_binding"]
    for folder, judge, one in zip(
        folders, ("ednn: of a reference", "tight-binding: exact"), (values, by_hand), strict=True
    ):
        folder.mkdir()
        (folder / "metrics.json").write_text(json.dumps({"energy": judge, "scales": {"2x2": one}}), "utf-8")
    demo.summarise(folders, tmp_path, 600.0)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["shipped", "2x2", "ednn", "2000", "0.9961", "0.99995", "0.0022", "-0.0002", "0.0060", "0.237"] in lines
    assert ["quick", "2x2", "tight-binding", "128", "-", "0.99995", "0.0022", "-0.0002", "0.0060", "-"] in lines
    assert ["R²", "of", "the", "right", "composition", "and", "nothing", "else:", "0.9995", "(2x2)"] in lines
