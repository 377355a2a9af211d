"""How the documents are written: short sentences, short lines. `make lint` runs it.

python tests/prose.py README.md docs/*.md
"""

import re
import statistics
import sys
from pathlib import Path

MEDIAN_WORDS = 16
MOST_WORDS = 40
MOST_BYTES = 100

FENCED = re.compile(r"^(```|\$\$).*?^\1", re.MULTILINE | re.DOTALL)
NO_PROSE = re.compile(
    r"^( {4,}(?![-*\d])|\||#|!\[|:::|\$\$|<)"
)  # code, tables, headings, pictures, references, mathematics
ITEM = re.compile(r"^\s*([-*]|\d+\.)\s+")
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
CODE = re.compile(r"`[^`]*`|\$[^$]*\$")
# A sentence ends where a capital, a digit, code or emphasis follows; "e.g. x" and "1.5" do not end one.
END = re.compile(r"(?<=[.!?])[)*\"”]*\s+(?=[A-Z0-9`*\"“(\[])|(?<=:)\s*$")


def paragraphs(text: str) -> list[str]:
    """Return the prose of a Markdown text, a paragraph or an item of a list each, without code and tables."""
    found, current = [], []
    for line in [*FENCED.sub("", text).splitlines(), ""]:
        begins_another = ITEM.match(line) is not None
        if not line.strip() or NO_PROSE.match(line) or begins_another:
            found.append(" ".join(current))
            current = []
        if line.strip() and not NO_PROSE.match(line):
            current.append(ITEM.sub("", line).strip())
    return [paragraph for paragraph in found if paragraph]


def sentences(text: str) -> list[str]:
    """Return the sentences of a Markdown text."""
    prose = (CODE.sub("`code`", LINK.sub(r"\1", paragraph)) for paragraph in paragraphs(text))
    return [
        sentence for paragraph in prose for sentence in END.split(paragraph) if sentence and len(sentence.split()) > 1
    ]


def faults(name: str, text: str) -> list[str]:
    """Return what is wrong with a document, a line for each fault."""
    lengths = {sentence: len(sentence.split()) for sentence in sentences(text)}
    told = [
        f"{name}: a sentence has at most {MOST_WORDS} words. Received: {count}, {sentence}"
        for sentence, count in lengths.items()
        if count > MOST_WORDS
    ]
    median = statistics.median(lengths.values()) if lengths else 0
    if median > MEDIAN_WORDS:
        told.append(
            f"{name}: half of the sentences have at most {MEDIAN_WORDS} words. Received: a median of {median:g}"
        )
    told += [
        f"{name}:{number}: a line of prose has at most {MOST_BYTES} bytes. Received: {len(line.encode())}"
        for number, line in enumerate(FENCED.sub(lambda block: re.sub(".", "", block[0]), text).splitlines(), 1)
        if len(line.encode()) > MOST_BYTES
        and not NO_PROSE.match(line)
        and not re.search(r"\]\([^)]*$|https?://\S+$", line)
    ]
    return told


def main(paths: list[str]) -> int:
    """Check the documents of these paths; say each fault, return 1 if there is one."""
    told = [fault for path in paths for fault in faults(path, Path(path).read_text("utf-8"))]
    print("\n".join(told) or f"{len(paths)} documents are written in short sentences and lines")
    return int(bool(told))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
