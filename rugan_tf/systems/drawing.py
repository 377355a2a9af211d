"""The options that a system's drawing adds to a command line."""

import dataclasses
from typing import Any

from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem

FIELD = "drawing"


def with_drawing(options: type, drawing: Any) -> type:
    """Return a class of options with one field more, `drawing`, whose default is what the system says.

    Args:
        options: a frozen dataclass of the command's own options.
        drawing: the system's options, an instance of a frozen dataclass; None for a system that draws nothing.
    """
    if drawing is None:
        return options
    field = (FIELD, type(drawing), dataclasses.field(default=drawing))
    made = dataclasses.make_dataclass(options.__name__, [field], bases=(options,), frozen=True)
    # The help shows the one, and annotations are looked up in the other.
    made.__doc__, made.__module__ = options.__doc__, options.__module__
    return made


def drawing_of(system: LatticeSystem, options: Any) -> Any:
    """Return the `drawing` of a command's options, or raise InputError for a system that draws nothing."""
    if system.drawing is None:
        raise InputError(f"The system must say how sheets are drawn. Received: {system.name}, which does not")
    return getattr(options, FIELD)
