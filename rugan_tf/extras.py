"""Packages that only some commands need: which extra installs them, and how that is told."""

import importlib.util

from rugan_tf.errors import InputError

# By extra, the modules that the package imports only where that extra is needed.
MODULES = {
    "serve": (
        "grpc",
        "grpc_health",
        "tensorflow_serving",
        "google.protobuf",
        "prometheus_client",
        "starlette",
        "uvicorn",
    ),
    "large": ("dask", "distributed", "zarr"),
    "physics": ("tblite",),
    "mlip": ("sevenn", "torch"),
    "dft": ("gpaw",),
}


def extra_of(module: str | None) -> str | None:
    """Return the extra that installs a module; None if none does.

    >>> extra_of("dask.array")
    'large'
    """
    for extra, names in MODULES.items():
        if any(module == name or (module or "").startswith(f"{name}.") for name in names):
            return extra
    return None


def require_extra(extra: str) -> None:
    """Raise InputError unless everything of an extra is installed.

    Raises:
        InputError: a module is missing; the message says what to install.
    """
    for name in MODULES[extra]:
        try:
            found = importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:  # the package around a submodule is missing
            found = False
        if not found:
            raise InputError(missing_extra(extra, name))


def missing_extra(extra: str, module: str | None) -> str:
    """Return the line that says which extra to install."""
    return f"This needs the extra {extra}: pip install 'rugan-tf[{extra}]'. Received: no module {module}"
