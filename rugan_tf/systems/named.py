"""Systems by name, by the file that a user writes, or by the class, `package.module:Class`."""

import functools
import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from rugan_tf.errors import InputError
from rugan_tf.importing import look_in_working_folder
from rugan_tf.systems import DEFAULT_SYSTEM
from rugan_tf.systems.from_file import SystemFromFile, built_in, read_system
from rugan_tf.systems.porous_graphene.system import PorousGraphene
from rugan_tf.systems.system import LatticeSystem

DESCRIBED = ("boron_nitride", "ising")  # by a file that comes with the package
SYSTEMS: dict[str, LatticeSystem] = {
    system.name: system for system in (PorousGraphene(), *(built_in(name) for name in DESCRIBED))
}
OPTION = "--system"
SUFFIX = ".toml"
NEEDED = ("name", "lattice", "species", "quantity", "length_unit")


def system_named(spec: str) -> LatticeSystem:
    """Return a system by its name, the file that describes it, the content of such a file, or package.module:Class.

    Raises:
        InputError: an unknown name, a file that describes no system, a class that cannot be imported, or one that is
            no system.
    """
    if spec in SYSTEMS:
        return SYSTEMS[spec]
    if "=" in spec:  # neither names nor files nor classes hold one, and every described system does
        return recorded_system(spec)
    if spec.lower().endswith(SUFFIX):
        return with_own_name(read_system(Path(spec)), spec)
    module, _, name = spec.partition(":")
    if not (module and name):
        known = ", ".join(SYSTEMS)
        raise InputError(f"system must be one of {known}, FILE{SUFFIX}, or package.module:Class. Received: {spec!r}")
    return user_system(module, name)


@functools.lru_cache(maxsize=64)
def recorded_system(content: str) -> LatticeSystem:
    """Return the system that a file described whose content was kept."""
    return with_own_name(SystemFromFile(content, "what was recorded of the material"), "a record")


def with_own_name(system: SystemFromFile, where: str) -> LatticeSystem:
    """Return a system of the user's, or that of the package which its file describes.

    Raises:
        InputError: it takes the name of one that comes with the package, and is another.
    """
    known = SYSTEMS.get(system.name)
    if known is not None and known != system:
        raise InputError(
            f"A material of your own must have a name of its own, not one of {', '.join(SYSTEMS)}. "
            f"Received: {system.name!r} in {where}"
        )
    return known or system


@functools.cache
def user_system(module: str, name: str) -> LatticeSystem:
    """Import and make a system of the user's own; the folder that a program runs in is looked into as well."""
    look_in_working_folder()
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, SyntaxError) as error:
        raise InputError(
            f"A system of your own must be importable here as package.module:Class. Received: {module}:{name} ({error})"
        ) from error
    if not (inspect.isclass(kind) and issubclass(kind, LatticeSystem)):
        raise InputError(f"A system must be a class derived from LatticeSystem. Received: {module}:{name}, {kind!r}")
    # All at once: Python would tell the methods first, and attributes when somebody needs them.
    lacking = sorted(kind.__abstractmethods__) + [attribute for attribute in NEEDED if not hasattr(kind, attribute)]
    if lacking:
        raise InputError(f"A system must have {', '.join(lacking)}. Received: {module}:{name} without")
    try:
        return kind()
    except TypeError as error:
        raise InputError(f"A system must be made without arguments. Received: {module}:{name} ({error})") from error


def system_in(args: Sequence[str] | None) -> LatticeSystem:
    """Return the system that a command line names, before its other options are read; else the default.

    What other options there are depends on it: each system says how its sheets are drawn.
    """
    words = list(sys.argv[1:] if args is None else args)
    for index, word in enumerate(words):
        if word == OPTION and index + 1 < len(words):
            return system_named(words[index + 1])
        if word.startswith(f"{OPTION}="):
            return system_named(word.partition("=")[2])
    return SYSTEMS[DEFAULT_SYSTEM]
