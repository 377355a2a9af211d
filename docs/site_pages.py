"""What `make docs` adds to the pages of this folder: the options of commands, other READMEs, and equations as MathML.

Links of pages lead to files of the repository, so that they work where the sources are read; here they are turned to
where the site has these files.

MkDocs calls these functions (`hooks` in mkdocs.yml). Nothing here asks another machine for anything, so the site reads
without a network.
"""

import contextlib
import importlib
import io
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

import latex2mathml.converter
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from rugan_tf.cli import DOORS
from rugan_tf.config import Command, commands_of

ROOT = Path(__file__).parents[1]
# pages that live beside what they tell of: where, and under which name the site has them
ELSEWHERE = {
    "saved_models/README.md": "model_cards.md",
    "serving/README.md": "production.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
COMMANDS = "commands.md"
EQUATION = re.compile(r"^\$\$\n(.*?)\n\$\$$|\$(?!\s)([^$\n]+?)(?<!\s)\$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"(^ {4}.*$|^```.*?^```)", re.MULTILINE | re.DOTALL)  # code that stands apart
CODE = re.compile(r"(^ {4}.*$|`[^`\n]*`|^```.*?^```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?\[[^]]*\]\()([^)#:]+)((?:#[^)]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files of this folder."""
    for source, name in ELSEWHERE.items():
        files.append(File.generated(config, name, content=moved(source)))
    for picture in (ROOT / "serving").glob("*.png"):
        files.append(File.generated(config, picture.name, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return a page as the site has it.

    Links lead to pages of the site. Equations, `$...$` or `$$` on lines of their own, are MathML. The page of commands
    gets their options.
    """
    if page.file.src_uri not in ELSEWHERE.values():
        markdown = with_links_from("docs", markdown)
    if page.file.src_uri == COMMANDS:
        markdown = f"{markdown}\n{command_lines()}"
    parts = CODE.split(markdown)
    return "".join(part if index % 2 else EQUATION.sub(in_mathml, part) for index, part in enumerate(parts))


def in_mathml(equation: re.Match[str]) -> str:
    """Return one equation as MathML, which browsers draw themselves."""
    block, inline = equation.groups()
    display = "block" if block else "inline"
    mathml = latex2mathml.converter.convert(" ".join((block or inline).split()), display=display)
    # Markdown takes a line that begins with <math> for a paragraph of its own, and one with <span> not
    return mathml if block else f"<span>{mathml}</span>"


def moved(source: str) -> str:
    """Return a page of another folder, with its links as they are from here."""
    return with_links_from(str(PurePosixPath(source).parent), (ROOT / source).read_text("utf-8"))


def with_links_from(folder: str, markdown: str) -> str:
    """Return a page of a folder with its links as the site has them; those that leave the site become text."""

    def from_here(link: re.Match[str]) -> str:
        target = os.path.normpath(PurePosixPath(folder) / link[2])
        name = ELSEWHERE.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        if name is None and target.startswith("serving/") and target.endswith(".png"):
            name = PurePosixPath(target).name
        return f"{link[1]}{name}{link[3]}" if name else f"`{target}`"

    parts = BLOCK.split(markdown)
    return "".join(part if index % 2 else LINK.sub(from_here, part) for index, part in enumerate(parts))


def command_lines() -> str:
    """Return what every command takes, from its options."""
    parts = []
    for door, description in DOORS.items():
        parts += [f"## {door}", f"{description[0].upper()}{description[1:]}."]
        parts += [block(help_of(door))]
        for subcommand in subcommands_of(door):
            parts += [f"### {door} {subcommand}", block(help_of(door, subcommand))]
    return "\n\n".join(parts) + "\n"


def subcommands_of(door: str) -> list[str]:
    """Return the names of a command's subcommands; none for a command that is one."""
    commands = commands_of(importlib.import_module(f"rugan_tf.{door}.__main__").main)
    if isinstance(commands, Command):
        return []
    return list(commands([]) if callable(commands) else commands)


def block(text: str) -> str:
    """Return text as it stands."""
    return f"```text\n{text.strip()}\n```"


def help_of(door: str, *subcommand: str) -> str:
    """Return what a command prints for --help, 100 columns wide and without colours."""
    room = importlib.import_module(f"rugan_tf.{door}.__main__")
    os.environ.update(COLUMNS="100", NO_COLOR="1", TERM="dumb")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        room.main([*subcommand, "--help"])
    return said.getvalue()
