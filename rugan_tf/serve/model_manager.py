"""Which versions are served now: folders are polled, new versions loaded beside the old, old ones drained."""

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rugan_tf.serve.errors import Code, ServingError
from rugan_tf.serve.loaded_version import LoadedVersion
from rugan_tf.serve.model_config import ModelConfig

LOGGER = logging.getLogger(__name__)
DRAIN_TIMEOUT = 60.0  # s, for requests of a version that is replaced
START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"


@dataclasses.dataclass
class Version:
    """A version that is, was or could not be served.

    Attributes:
        state: as ModelService names it.
        code: of the error that ended it.
        message: of that error.
        loaded: the model, while it is served.
        fingerprint: of its folder when it was loaded.
    """

    state: str = START
    code: Code = Code.OK
    message: str = ""
    loaded: LoadedVersion | None = None
    fingerprint: tuple[Any, ...] = ()


class ModelManager:
    """Loads and unloads versions as folders and configuration say.

    Args:
        models: by name.
    """

    def __init__(self, models: dict[str, ModelConfig]) -> None:
        self.models = dict(models)
        self.versions: dict[str, dict[int, Version]] = {name: {} for name in models}
        self.lock = threading.RLock()  # of the dictionaries, held briefly
        self.loading = threading.Lock()  # of loading and unloading, held long
        self.stopped = threading.Event()

    def poll(self) -> None:
        """Bring what is served in line with what lies on disk: first load, then unload."""
        with self.loading:
            with self.lock:
                models = list(self.models.values())
                gone = [name for name in self.versions if name not in self.models]
            for model in models:
                self.poll_model(model)
            for name in gone:
                for number in list(self.versions[name]):
                    self.unload(name, number)

    def poll_model(self, model: ModelConfig) -> None:
        """Load and unload versions of one model."""
        aspired = model.policy.choose(list(versions_on_disk(model.base_path)))
        with self.lock:
            known = self.versions.setdefault(model.name, {})
        for number in aspired:
            folder = model.base_path / versions_on_disk(model.base_path).get(number, str(number))
            version, fingerprint = known.get(number), fingerprint_of(folder)
            is_wanted_again = version is not None and version.state == END and version.code == Code.OK
            is_repaired = version is not None and version.state == END and version.fingerprint != fingerprint
            if version is None or is_wanted_again or is_repaired:
                self.load(model.name, number, folder, fingerprint)
        if not any(known[number].state == AVAILABLE for number in aspired if number in known):
            return  # what is served goes on until something better can be
        for number in [number for number, version in known.items() if version.state == AVAILABLE]:
            if number not in aspired:
                self.unload(model.name, number)

    def load(self, name: str, number: int, folder: Path, fingerprint: tuple[Any, ...]) -> None:
        """Load a version; what goes wrong becomes its status."""
        version = Version(LOADING, fingerprint=fingerprint)
        with self.lock:
            self.versions[name][number] = version
        try:
            version.loaded = LoadedVersion(folder)
        except Exception as error:  # TensorFlow raises many kinds for damaged files, IndexError among them
            lines = str(error).splitlines() or [type(error).__name__]
            version.code, version.message, version.state = Code.UNKNOWN, lines[0], END
            LOGGER.error("%s version %d cannot be served: %s", name, number, lines[0])
            return
        version.state = AVAILABLE
        LOGGER.info("%s version %d is served from %s", name, number, folder)

    def unload(self, name: str, number: int) -> None:
        """Take no new requests, wait for those that run, forget the model."""
        version = self.versions[name][number]
        loaded, version.state = version.loaded, UNLOADING
        if loaded is not None and not loaded.wait_until_idle(DRAIN_TIMEOUT):
            LOGGER.warning("%s version %d still has requests after %g s", name, number, DRAIN_TIMEOUT)
        version.loaded, version.state = None, END

    def configure(self, models: dict[str, ModelConfig]) -> None:
        """Serve other models from now on, and wait until they are loaded.

        Raises:
            ServingError: UNKNOWN, as TensorFlow Serving says it, where a model has no version that can be served.
        """
        with self.lock:
            self.models = dict(models)
            for name in models:
                self.versions.setdefault(name, {})
        self.poll()
        missing = [name for name in models if not self.is_served(name)]
        if missing:
            raise ServingError(Code.UNKNOWN, f"{len(missing)} servable(s) did not become available: {missing}")

    @contextlib.contextmanager
    def request(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> Iterator[tuple[int, LoadedVersion]]:
        """Hold a version of a model, the latest unless one is named, while a request runs.

        Raises:
            ServingError: NOT_FOUND if it is not served, INVALID_ARGUMENT without a name or for an unknown label.
        """
        if not name:
            raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
        with self.lock, contextlib.ExitStack() as held:
            number, loaded = self.find(name, self.labelled(name, label) if label is not None else version)
            held.enter_context(loaded.in_use())
            keep = held.pop_all()
        with keep:
            yield number, loaded

    def find(self, name: str, version: int | None) -> tuple[int, LoadedVersion]:
        """Return number and model of a version that is served."""
        served = {
            number: entry.loaded
            for number, entry in self.versions.get(name, {}).items()
            if entry.state == AVAILABLE and entry.loaded is not None
        }
        number = max(served, default=None) if version is None else version
        if number is None or number not in served:
            wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
        return number, served[number]

    def labelled(self, name: str, label: str) -> int:
        """Return the version of a label."""
        labels = dict(self.models[name].labels) if name in self.models else {}
        if name in self.models and label not in labels:
            raise ServingError(Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
        if label not in labels:
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: Latest({name})")
        return labels[label]

    def status(self, name: str, version: int | None = None) -> dict[int, Version]:
        """Return the versions of a model, newest first.

        Raises:
            ServingError: NOT_FOUND, there is none.
        """
        with self.lock:
            known = self.versions.get(name, {})
            chosen = {number: known[number] for number in sorted(known, reverse=True) if version in (None, number)}
        if not chosen:
            wanted = name if version is None else f"{name} with version {version}"
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {wanted}")
        return chosen

    def is_served(self, name: str) -> bool:
        """Return whether a model has a version that is served."""
        with self.lock:
            return any(version.state == AVAILABLE for version in self.versions.get(name, {}).values())

    def is_ready(self) -> bool:
        """Return whether every model has a version that is served."""
        return all(self.is_served(name) for name in list(self.models))

    def watch(self, wait_seconds: float) -> None:
        """Poll until `stop` is called."""
        while not self.stopped.wait(wait_seconds):
            try:
                self.poll()
            except OSError as error:  # a folder that goes away while it is looked at; the next round sees what is there
                LOGGER.error("the model folders cannot be read: %s", error)

    def stop(self) -> None:
        """End `watch`."""
        self.stopped.set()


def versions_on_disk(base_path: Path) -> dict[int, str]:
    """Return the numeric version folders below a path: name by number."""
    if not base_path.is_dir():
        return {}
    names = [
        path.name for path in base_path.iterdir() if path.name.isascii() and path.name.isdecimal() and path.is_dir()
    ]
    return {int(name): name for name in names}


def fingerprint_of(folder: Path) -> tuple[Any, ...]:
    """Return what changes when the files of a version change."""
    files = [folder / "saved_model.pb", *folder.glob("variables/*")]
    stats = [(path.name, path.stat()) for path in files if path.exists()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
