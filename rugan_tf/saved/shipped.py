"""Where the models lie that come with the package: inside of an installed one, else at the top of the sources."""

from pathlib import Path

import rugan_tf
from rugan_tf.errors import InputError
from rugan_tf.saved.versions import GRAPH_FILE, version_folder

MAIN_MODEL = "porous_graphene"
FOLDER = "saved_models"
PACKAGE = Path(rugan_tf.__file__).parent


def shipped_folder() -> Path:
    """Return the folder of the models that this installation has; it may not exist."""
    inside = PACKAGE / FOLDER
    return inside if inside.is_dir() else PACKAGE.parent / FOLDER


def shipped_names() -> list[str]:
    """Return the names of the models that this installation has."""
    folder = shipped_folder()
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def shipped_model(name: str) -> Path:
    """Return the folder of a model that comes with the package.

    Raises:
        InputError: this installation has no such model.
    """
    if name not in shipped_names():
        raise InputError(f"A model must be {what_there_is()}. Received: {name}")
    return shipped_folder() / name


def find_model(model: Path | str, what: str = "model") -> Path:
    """Return the version folder of a model, given as a folder or by the name of one that comes with the package.

    Args:
        model: a version folder, a base folder with version folders, or a name.
        what: what it should be, for the message.

    Raises:
        FileNotFoundError: the folder holds no SavedModel, or there is neither such a folder nor such a name.
    """
    path = Path(model)
    if path.exists():
        return version_folder(path, what)
    if str(model) not in shipped_names():
        raise FileNotFoundError(
            f"The {what} must be a folder that holds {GRAPH_FILE}, or {what_there_is()}. Received: {path}"
        )
    return version_folder(shipped_folder() / str(model), what)


def what_there_is() -> str:
    """Say which models this installation has, and where others lie, as the end of a sentence."""
    names = ", ".join(shipped_names()) or "none, as it was built without models"
    return (
        f"the name of one that comes with this installation: {names}. Others lie in {FOLDER}/ of the repository; "
        "download the folder and give its path"
    )
