"""Version folders, as TensorFlow Serving has them: a base folder with one folder for each number."""

from pathlib import Path

from rugan_tf.errors import InputError

GRAPH_FILE = "saved_model.pb"


def version_folder(base: Path, what: str = "model") -> Path:
    """Return `base` if it holds a SavedModel, else its highest numeric version folder that does.

    Args:
        base: a version folder, or a folder of version folders.
        what: what it should be, for the message.

    Raises:
        FileNotFoundError: neither is a SavedModel.
    """
    if (base / GRAPH_FILE).is_file():
        return base
    # A version without its graph is one that somebody copies just now.
    whole = [number for number in version_numbers(base) if (base / str(number) / GRAPH_FILE).is_file()]
    if not whole:
        raise FileNotFoundError(f"The {what} must be a folder that holds {GRAPH_FILE}. Received: {base}")
    return base / str(max(whole))


def next_version(base: Path) -> Path:
    """Return the folder of the version after the newest one below `base`, 1 if there is none.

    Raises:
        InputError: a file stands there.
    """
    if base.exists() and not base.is_dir():
        raise InputError(f"A folder must not take the place of a file. Received: {base}")
    return base / str(max(version_numbers(base), default=0) + 1)


def version_numbers(base: Path) -> list[int]:
    """Return the numbers of the versions below `base`, whether whole or not."""
    children = base.iterdir() if base.is_dir() else ()
    # isdecimal and not isdigit, which takes superscripts that int refuses.
    return [int(child.name) for child in children if child.name.isdecimal()]
