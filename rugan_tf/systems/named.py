"""Systems by name, or by the class that a user writes: `package.module:Class`."""

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Sequence

from rugan_tf.errors import InputError
from rugan_tf.systems import DEFAULT_SYSTEM
from rugan_tf.systems.porous_graphene.system import PorousGraphene
from rugan_tf.systems.system import LatticeSystem

SYSTEMS: dict[str, LatticeSystem] = {system.name: system for system in (PorousGraphene(),)}
OPTION = "--system"
NEEDED = ("name", "lattice", "species", "quantity", "length_unit")


def system_named(spec: str) -> LatticeSystem:
    """Return a system by its name, or by package.module:Class.

    Raises:
        InputError: an unknown name, a class that cannot be imported, or one that is no system.
    """
    if spec in SYSTEMS:
        return SYSTEMS[spec]
    module, _, name = spec.partition(":")
    if not (module and name):
        known = ", ".join(SYSTEMS)
        raise InputError(f"system must be one of {known}, or package.module:Class. Received: {spec!r}")
    return user_system(module, name)


@functools.cache
def user_system(module: str, name: str) -> LatticeSystem:
    """Import and make a system of the user's own; the folder that a program runs in is looked into as well."""
    if not {"", os.getcwd()} & set(sys.path):
        sys.path.append(os.getcwd())  # stays, so that worker processes find the module as well
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, SyntaxError) as error:
        raise InputError(
            f"A system of your own must be importable here as package.module:Class. Received: {module}:{name} ({error})"
        ) from error
    if not (inspect.isclass(kind) and issubclass(kind, LatticeSystem)):
        raise InputError(f"A system must be a class derived from LatticeSystem. Received: {module}:{name}, {kind!r}")
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
