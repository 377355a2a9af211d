"""Links of documents lead to files of the repository, so that they work where the sources are read, and on the site."""

import importlib.util
import re
import urllib.parse
from pathlib import Path

import pytest

from rugan_tf.cli import DOORS

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "serving/README.md", *ROOT.glob("*_*/README.md"))
)
CODE = re.compile(r"^```.*?^```|^ {4}.*?$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def links(text):
    """Return the relative links of a page."""
    found = LINK.findall(CODE.sub("", text))
    return [link for link in found if not re.match(r"[a-z+]+:", link)]


def anchors(path):
    """Return the anchors that hosting sites and MkDocs make of the headings of a page."""
    headings = HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def dead(page, text):
    """Return the links of a page, a path from the root of the repository, that lead nowhere."""
    wrong = []
    for link in links(text):
        path, _, fragment = urllib.parse.unquote(link).partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        is_file = target.is_file() and target.is_relative_to(ROOT)
        if not is_file or (fragment and fragment not in anchors(target)):
            wrong.append(link)
    return wrong


def test_the_pages_with_links_are_looked_at():
    assert {"README.md", "docs/index.md", "serving/README.md", "saved_models/README.md"} <= set(DOCUMENTS)
    assert sum(len(links((ROOT / page).read_text("utf-8"))) for page in DOCUMENTS) > 60


@pytest.mark.parametrize("page", DOCUMENTS)
def test_links_of_a_page_lead_to_files(page):
    assert dead(page, (ROOT / page).read_text("utf-8")) == []


def test_dead_links_are_found_and_code_has_none():
    text = "[a](limits.md) [b\nc](production.md) [d](limits.md#nowhere) ![e](../../elsewhere.png) [f](https://x.org)\n"
    code = "```python\nmodels[0](path.md)\n```\n\n    models[0](path.md)\n"
    assert dead("docs/index.md", text + code) == ["production.md", "limits.md#nowhere", "../../elsewhere.png"]


@pytest.fixture(scope="module")
def site_pages():
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "docs" / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("folder", "link", "expected"),
    [
        ("docs", "[a](../serving/README.md)", "[a](production.md)"),
        ("docs", "[a\nb](../saved_models/README.md#c)", "[a\nb](model_cards.md#c)"),
        ("docs", "[`a`](limits.md) ![b](ladder.png)", "[`a`](limits.md) ![b](ladder.png)"),
        ("serving", "[a](../docs/serving.md#b) ![c](page.png)", "[a](serving.md#b) ![c](page.png)"),
        ("serving", "[a](compose.yaml)", "`serving/compose.yaml`"),
        ("docs", "```\nmodels[0](x.md)\n```", "```\nmodels[0](x.md)\n```"),
    ],
)
def test_links_are_those_of_the_site(site_pages, folder, link, expected):
    assert site_pages.with_links_from(folder, link) == expected


def test_site_has_the_options_of_every_command(site_pages, monkeypatch):
    for name in ("COLUMNS", "NO_COLOR", "TERM"):  # which the builder sets: other tests get back what they had
        monkeypatch.setenv(name, "0")
    text = site_pages.command_lines()
    assert set(re.findall(r"^## (\w+)$", text, re.MULTILINE)) == set(DOORS)
    subcommands = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert {"data import", "ednn learning-curve", "train cpu", "client generate"} <= set(subcommands)
    assert not [name for name in subcommands if name.startswith(("density_of_states", "generate", "serve"))]


def test_every_command_is_in_the_table_with_what_it_does():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "docs/commands.md").read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == DOORS
