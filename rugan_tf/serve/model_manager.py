"""Which versions are served now: folders are polled, new versions loaded beside the old, old ones drained."""

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rugan_tf.serve.errors import Code, ServingError, reason_in
from rugan_tf.serve.loaded_version import LoadedVersion, SessionOptions
from rugan_tf.serve.memory import give_back_memory
from rugan_tf.serve.model_config import ModelConfig, versions_on_disk

LOGGER = logging.getLogger(__name__)
DRAIN_TIMEOUT = 60.0  # s, for requests of a version that is replaced
START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"


@dataclasses.dataclass(frozen=True)
class LoadOptions:
    """How versions are loaded.

    Attributes:
        session: what a version runs in.
        num_retries: further attempts to load a version that fails.
        retry_wait: s, between them.
        has_early_labels: whether a label may name a version that is not served yet.
        on_load: called with each folder and `success` or `fail`.
    """

    session: SessionOptions = SessionOptions()
    num_retries: int = 0
    retry_wait: float = 60.0
    has_early_labels: bool = False
    on_load: Callable[[str, str], None] = lambda *_: None


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
        options: of loading.

    Raises:
        ServingError: FAILED_PRECONDITION for a label of a version that is not served, unless options allow it.
    """

    def __init__(self, models: dict[str, ModelConfig], options: LoadOptions | None = None) -> None:
        self.options = options or LoadOptions()
        self.models: dict[str, ModelConfig] = {}
        self.labels: dict[str, dict[str, int]] = {}
        self.versions: dict[str, dict[int, Version]] = {name: {} for name in models}
        self.lock = threading.RLock()  # of the dictionaries, held briefly
        self.loading = threading.Lock()  # of loading and unloading, held long
        self.stopped = threading.Event()
        self.labels = self.labels_of(models)
        self.models = dict(models)

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
        for attempt in range(self.options.num_retries + 1):
            if attempt and self.stopped.wait(self.options.retry_wait):
                break
            try:
                version.loaded = LoadedVersion(folder, self.options.session)
            except Exception as error:  # TensorFlow raises many kinds for damaged files, IndexError among them
                reason = reason_in(str(getattr(error, "message", error))) or type(error).__name__
                version.code, version.message = Code.UNKNOWN, reason
                self.options.on_load(str(folder), "fail")
                LOGGER.error("%s version %d cannot be served: %s", name, number, reason)
                continue
            version.code, version.message, version.state = Code.OK, "", AVAILABLE
            self.options.on_load(str(folder), "success")
            LOGGER.info("%s version %d is served from %s", name, number, folder)
            return
        version.state = END

    def unload(self, name: str, number: int) -> None:
        """Take no new requests, wait for those that run, forget the model."""
        version = self.versions[name][number]
        loaded, version.state = version.loaded, UNLOADING
        if loaded is not None and not loaded.wait_until_idle(DRAIN_TIMEOUT):
            LOGGER.warning("%s version %d still has requests after %g s", name, number, DRAIN_TIMEOUT)
        version.loaded, version.state = None, END
        if loaded is not None:
            loaded.close()
            del loaded  # what is still referred to could not be given back
            give_back_memory()

    def configure(self, models: dict[str, ModelConfig]) -> None:
        """Serve other models from now on, and wait until they are loaded.

        All of it is looked at before anything changes.

        Raises:
            ServingError: FAILED_PRECONDITION for a label of a version that is not served; UNKNOWN, as TensorFlow
                Serving says it, where a model has no version that can be served.
        """
        with self.lock:
            missing = [
                one.name for one in models.values() if not one.policy.choose(list(versions_on_disk(one.base_path)))
            ]
            if missing:
                raise ServingError(Code.UNKNOWN, f"{len(missing)} model(s) did not become available: {missing}")
            self.labels = self.labels_of(models)
            self.models = dict(models)
            for name in models:
                self.versions.setdefault(name, {})
        self.poll()
        self.require_served(models)

    def require_served(self, models: Iterable[str]) -> None:
        """Raise ServingError unless every model has a version that is served."""
        missing = {name: self.reason(name) for name in models if not self.is_served(name)}
        if missing:
            raise ServingError(Code.UNKNOWN, f"{len(missing)} model(s) did not become available: {missing}")

    def reason(self, name: str) -> str:
        """Return why the newest version of a model is not served."""
        with self.lock:
            known = self.versions.get(name, {})
            return known[max(known)].message if known else "it has no versions"

    def labels_of(self, models: dict[str, ModelConfig]) -> dict[str, dict[str, int]]:
        """Return versions by model and label.

        A label names a version that is served already; with `has_early_labels` also another one, unless the label
        exists and is moved: then clients of the label would be left without a version until the new one is there.

        Raises:
            ServingError: FAILED_PRECONDITION, it names another.
        """
        for name, model in models.items():
            for label, number in model.labels:
                version = self.versions.get(name, {}).get(number)
                is_moved = self.labels.get(name, {}).get(label, number) != number
                is_allowed = self.options.has_early_labels and not is_moved
                if not is_allowed and (version is None or version.state != AVAILABLE):
                    raise ServingError(
                        Code.FAILED_PRECONDITION,
                        f"Request to assign label to version {number} of model {name}, which is not currently "
                        "available for inference (--allow_version_labels_for_unavailable_models allows new labels)",
                    )
        return {name: dict(model.labels) for name, model in models.items()}

    @contextlib.contextmanager
    def request(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> Iterator[tuple[int, LoadedVersion]]:
        """Hold a version of a model, the latest unless one is named, while a request runs.

        Raises:
            ServingError: NOT_FOUND if it is not served, INVALID_ARGUMENT without a name or for an unknown label.
        """
        if not name:
            raise ServingError(Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        with self.lock, contextlib.ExitStack() as held:
            number, loaded = self.find(name, self.labelled(name, label) if label is not None else version)
            held.enter_context(loaded.in_use())
            keep = held.pop_all()  # in use before the lock is given back, or it might be unloaded
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
        """Return the version of a label.

        Raises:
            ServingError: INVALID_ARGUMENT, there is no such label, or no such model.
        """
        labels = self.labels.get(name, {})
        if label not in labels:
            raise ServingError(Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
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
            wanted = f"any versions of model {name}" if version is None else f"version {version} of model {name}"
            raise ServingError(Code.NOT_FOUND, f"Could not find {wanted}")
        return chosen

    def is_served(self, name: str) -> bool:
        """Return whether a model has a version that is served."""
        with self.lock:
            return any(version.state == AVAILABLE for version in self.versions.get(name, {}).values())

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

    def is_still(self) -> bool:
        """Return whether nothing is loaded or unloaded now, nor will be: the lock of it is never given back."""
        return self.loading.acquire(blocking=False)

    def close(self) -> None:
        """End whatever still runs in the models."""
        with self.lock:
            loaded = [one.loaded for versions in self.versions.values() for one in versions.values() if one.loaded]
        for one in loaded:
            one.close()


def fingerprint_of(folder: Path) -> tuple[Any, ...]:
    """Return what changes when the files of a version change."""
    files = [folder / "saved_model.pb", *folder.glob("variables/*")]
    stats = [(path.name, path.stat()) for path in files if path.exists()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
