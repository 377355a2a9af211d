"""Only a material's own folder knows what it is made of, and in which unit its labels are."""

import re
from pathlib import Path

import pytest

import rugan_tf

PACKAGE = Path(rugan_tf.__file__).parent
WORDS = re.compile(r"carbon|graphene|\bholes?\b|\bpores?\b|bond[ _]?length|eV ?(/|_per_) ?(Å|A)(²|\^?2)", re.IGNORECASE)
OWN = ("systems/porous_graphene/", "systems/boron_nitride/", "demo.py")
REGISTER = {
    "systems/__init__.py": 1,  # the name of the default
    "systems/named.py": 2,  # the systems that come with the package: import and list
    "saved/shipped.py": 1,  # the name of the model that comes with it
}


def lines_that_know(text):
    return [line for line in text.splitlines() if WORDS.search(line)]


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("radius of a hole, Å", True),
        ("unit = 'eV/Å²'", True),
        ("mae_eV_per_A2", True),
        ("BOND_LENGTH = 1.42", True),
        ("from porous_graphene import x", True),
        ("the whole sheet explores bonds in eV", False),
    ],
)
def test_the_words_are_found(line, known):
    assert bool(WORDS.search(line)) is known


def test_nothing_outside_a_material_knows_it():
    files = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".html", ".js", ".css")]
    assert len(files) > 100
    found = {}
    for path in files:
        name = path.relative_to(PACKAGE).as_posix()
        lines = lines_that_know(path.read_text("utf-8"))
        if lines and not name.startswith(OWN):
            found[name] = lines
    assert {name: len(lines) for name, lines in found.items()} == REGISTER, found
