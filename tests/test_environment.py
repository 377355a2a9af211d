"""Which versions of Python are needed is said the same everywhere, and others are refused with what to do."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHONS = [(3, 11), (3, 12), (3, 13)]


def checked_by_make(version):
    """Return what the first line of `make setup` does with a version of Python."""
    program = re.search(r"-c '(import sys; .*)'$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1]
    told = ".".join(map(str, version))
    as_if = f"import sys; sys.version_info, sys.version = {version}, '{told} (main, of that year)'; "
    return subprocess.run([sys.executable, "-c", as_if + program], capture_output=True, text=True)


@pytest.mark.parametrize("version", PYTHONS)
def test_make_takes_these(version):
    done = checked_by_make((*version, 4))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 10, 12), (3, 14, 0)])
def test_make_refuses_others_with_what_to_do(version):
    done = checked_by_make(version)
    assert done.returncode == 1
    assert done.stderr == (
        "Python 3.11, 3.12 or 3.13 is needed; name one: make setup PYTHON=python3.12. "
        f"Received: {'.'.join(map(str, version))}\n"
    )


@pytest.mark.parametrize("page", ["README.md", "docs/first_sheets.md"])
def test_documents_name_these(page):
    assert "Python 3.11, 3.12 or 3.13" in " ".join((ROOT / page).read_text("utf-8").split())


def test_pip_takes_these():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    named = {name for name in project["classifiers"] if re.search(r"Python :: 3\.\d+$", name)}
    assert named == {f"Programming Language :: Python :: {major}.{minor}" for major, minor in PYTHONS}
