"""Cards as JSON files: read once, refused once."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rugan_tf.errors import InputError

Content = Mapping[str, Any]


def read_content(path: Path, version: int, required: tuple[str, ...], remedy: str) -> dict[str, Any]:
    """Read a card and check that it is of a form that this package knows.

    A card without a number is of the first form: the number came later than the form.

    Args:
        path: JSON file.
        version: number of the newest form known.
        required: keys that the form has; "a.b" stands for b inside of a.
        remedy: which command writes such a card.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is no JSON object, of another form, or lacks a key.
    """
    if not path.is_file():
        raise FileNotFoundError(f"A card must lie beside the model; {remedy}. Received: no {path}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path.name} must be JSON; {remedy}. Received: {error} in {path}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path.name} must be a JSON object; {remedy}. Received: {path}")
    given = content.get("version", 1)
    if given not in range(1, version + 1):
        raise InputError(
            f"{path.name} must be of the form {version}: take a rugan_tf that knows the other, or {remedy}. "
            f"Received: version={given!r} in {path}"
        )
    missing = [key for key in required if not has_key(content, key)]
    if missing:
        raise InputError(
            f"{path.name} must hold {', '.join(required)}; {remedy}. Received: {path} without {', '.join(missing)}"
        )
    return content


@contextlib.contextmanager
def values_of(path: Path) -> Iterator[None]:
    """Tell values of the wrong kind, met within the block, as a fault of the card."""
    try:
        yield
    # A ValueError, too, but one that says already what is wrong.
    except InputError:
        raise
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"{path.name} must hold values of the right kinds. Received: {error} in {path}") from None


def has_key(content: Any, key: str) -> bool:
    """Tell whether there is a key, "a.b" for b inside of a."""
    first, _, rest = key.partition(".")
    if not isinstance(content, dict) or first not in content:
        return False
    return not rest or has_key(content[first], rest)
