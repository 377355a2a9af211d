"""Files appear whole or not at all: written beside their target, then renamed onto it."""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block succeeds, delete it when not.

    Works for a file and for a folder that the block creates. What stood at `path` before is replaced by
    a file only at the very end; an existing folder is never replaced.

    Raises:
        FileExistsError: `path` is an existing folder, or the block made a folder and `path` exists.
    """
    path = Path(path)
    if path.is_dir():
        raise FileExistsError(f"The target must not be an existing folder. Received: {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, since a rename is one step within a file system alone; of a name that no other process takes.
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        if temporary.is_dir() and path.exists():
            raise FileExistsError(f"A folder must not take the place of what exists. Received: {path}")
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def write_json(path: Path | str, content: Any) -> None:
    """Write `content` as indented JSON, atomically; NaN and infinity are refused, being no JSON."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def require_fresh_folder(path: Path | str, *, overwrite: bool = False) -> Path:
    """Create the folder `path`, which must be new or empty unless `overwrite` says that its content may go.

    Raises:
        FileExistsError: the folder has content, or a file stands there.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise FileExistsError(f"A folder must not take the place of a file. Received: {path}")
    if path.is_dir() and any(path.iterdir()):
        if not overwrite:
            raise FileExistsError(f"The folder must be new or empty, or --overwrite given. Received: {path}")
        shutil.rmtree(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


def require_absent(*paths: Path, overwrite: bool, what: str = "file") -> None:
    """Refuse to replace what exists, before any work is done, unless `overwrite` says that it may go.

    Raises:
        FileExistsError: one of the paths exists; or is a folder, which no file replaces.
    """
    for path in paths:
        if path.is_dir():
            raise FileExistsError(f"The {what} must not take the place of a folder. Received: {path}")
        if path.exists() and not overwrite:
            raise FileExistsError(f"The {what} must not exist, or --overwrite be given. Received: {path}")


def require_free(*paths: Path, overwrite: bool) -> None:
    """Refuse to replace what exists, as a function does that is called from Python.

    Raises:
        FileExistsError: one of the paths exists, and `overwrite` does not say that it may go.
    """
    present = [path for path in paths if path.exists()]
    if present and not overwrite:
        raise FileExistsError(f"The file must not exist, or overwrite be True. Received: {present[0]}")


def require_present(*paths: Path) -> None:
    """Refuse data sets that are missing, before imports or work that take seconds.

    Raises:
        FileNotFoundError: one of the paths does not exist.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"A data set must exist. Received: no {path}")
