"""The folder of results: what it must not take along."""

from collections.abc import Iterable
from pathlib import Path

from rugan_tf import files
from rugan_tf.errors import InputError


def check_folder(out: Path, inputs: Iterable[Path | None], *, overwrite: bool) -> None:
    """Refuse, before any work, a folder with content, or one to be overwritten that holds one of the inputs.

    Raises:
        InputError: the folder would take an input along.
        FileExistsError: it has content and may not be overwritten.
    """
    # Resolved: a path through a link or .. may lead into the folder, too.
    for kept in (path.resolve() for path in inputs if path is not None):
        if overwrite and kept.is_relative_to(out.resolve()):
            raise InputError(f"The folder must hold none of its inputs. Received: {out} with {kept}")
    if not overwrite:
        files.require_fresh_folder(out)
