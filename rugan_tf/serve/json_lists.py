"""Values of nested JSON lists, kept in typed pieces: millions of them as objects of Python would hold its lock."""

import dataclasses
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf.serve.tensors import PIECE

SHOWN = 256  # elements, and characters, that suffice for a message
MAX_TEXT = 2**12  # characters that these are taken from, where white space is many
Values = NDArray[Any] | list[Any]  # of one type as an array, else as they came
DTYPES: dict[type, type] = {int: np.int64, float: np.float64, bool: np.bool_}


SHOWING = json.JSONEncoder(default=lambda long: long.beginning)


class RaggedError(ValueError):
    """The lists are not rectangular."""


@dataclasses.dataclass(frozen=True)
class LongList:
    """A JSON list that was read piece by piece.

    Attributes:
        shape: of the nested lists; None where they are ragged.
        pieces: the values in order.
        beginning: the first elements, for messages.
        has_objects: whether an element is a JSON object that does not stand for bytes.
    """

    shape: tuple[int, ...] | None
    pieces: list[Values]
    beginning: list[Any]
    has_objects: bool = False


class Gathered:
    """Elements of a JSON list that come piece by piece."""

    def __init__(self) -> None:
        self.plain: list[Any] | None = None  # objects are looked at one by one, so they stay a list
        self.beginning: list[Any] = []
        self.leaves, self.length = Leaves(), 0
        self.shape: tuple[int, ...] | None = None
        self.is_ragged = self.has_objects = False

    def add(self, elements: list[Any]) -> None:
        """Add the next elements."""
        has_objects = any(map(is_object, elements))
        if not self.beginning:
            self.plain = [] if has_objects else None
        if len(self.beginning) < SHOWN:
            self.beginning += elements
        if self.plain is not None:
            self.plain += elements
            return
        self.has_objects |= has_objects
        self.length += len(elements)
        try:
            if self.shape is None:
                self.shape = shape_of(elements)[1:]
            if not self.is_ragged:
                self.leaves.gather(elements, (len(elements), *self.shape))
        except RaggedError:
            # What will be refused needs no values, which may be many.
            self.is_ragged, self.leaves = True, Leaves()

    def value(self) -> list[Any] | LongList:
        """Return the whole list."""
        if self.plain is not None:
            return self.plain
        shape = None if self.is_ragged else (self.length, *(self.shape or ()))
        return LongList(shape, self.leaves.settled(), self.beginning, self.has_objects)


class Leaves:
    """The values of nested lists, in order."""

    def __init__(self) -> None:
        self.pieces: list[Values] = []
        self.pending: list[Any] = []

    def gather(self, content: Any, shape: Sequence[int]) -> None:
        """Add the values of nested lists that must have a shape.

        Raises:
            RaggedError: they have another.
        """
        if isinstance(content, LongList):
            if content.shape != tuple(shape):
                raise RaggedError
            self.settle()
            self.pieces += content.pieces
        elif not shape:
            if isinstance(content, list):
                raise RaggedError
            self.extend([content])
        elif not isinstance(content, list) or len(content) != shape[0]:
            raise RaggedError
        elif len(shape) == 1:
            if any(type(one) in (list, LongList) for one in content):
                raise RaggedError
            self.extend(content)
        else:
            for one in content:
                self.gather(one, shape[1:])

    def extend(self, values: list[Any]) -> None:
        """Add values."""
        for start in range(0, len(values), PIECE):
            self.pending += values[start : start + PIECE]
            if len(self.pending) >= PIECE:
                self.settle()

    def settle(self) -> None:
        """Make a piece of what was added last."""
        if self.pending:
            self.pieces.append(typed(self.pending))
            self.pending = []

    def settled(self) -> list[Values]:
        """Return all pieces."""
        self.settle()
        return self.pieces


def is_bytes(value: Any) -> bool:
    """Return whether a JSON value is an object that stands for bytes."""
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def is_object(value: Any) -> bool:
    """Return whether a JSON value is an object that does not stand for bytes."""
    return isinstance(value, dict) and not is_bytes(value)


def rectangular(content: Any) -> tuple[tuple[int, ...], list[Values]]:
    """Return shape and values of a JSON value.

    Raises:
        RaggedError: its lists are not rectangular.
    """
    shape, leaves = shape_of(content), Leaves()
    leaves.gather(content, shape)
    return shape, leaves.settled()


def shape_of(content: Any) -> tuple[int, ...]:
    """Return the lengths of nested lists along the first of each.

    Raises:
        RaggedError: a long list is ragged.
    """
    shape: list[int] = []
    while isinstance(content, list):
        shape.append(len(content))
        if not content:
            return tuple(shape)
        content = content[0]
    if not isinstance(content, LongList):
        return tuple(shape)
    if content.shape is None:
        raise RaggedError
    return (*shape, *content.shape)


def typed(values: list[Any]) -> Values:
    """Return values of one type as an array; others, and integers beyond 64 bits, as they are."""
    kinds = set(map(type, values))
    [kind] = kinds if len(kinds) == 1 else [None]
    if kind not in DTYPES:
        return values
    try:
        return np.array(values, DTYPES[kind])
    except OverflowError:
        return values


def shown(content: Any) -> str:
    """Return the beginning of what was sent, for a message."""
    text = ""
    try:
        for part in SHOWING.iterencode(content):
            text += part
            if len(text) > MAX_TEXT:
                break
    except RecursionError:  # nested too deep to be written; what it begins with is known
        pass
    return re.sub(r"\s+", " ", text)[:SHOWN]
