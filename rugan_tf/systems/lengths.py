"""Lengths as people write them, and the lattice cells that come nearest."""

import math
import re
from collections.abc import Sequence

from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem
from rugan_tf.units import LENGTH

IN_ANGSTROM = {"A": 1.0, "Å": 1.0, "nm": 10.0, "um": 1e4, "µm": 1e4, "mm": 1e7}
SHORT = 1000  # Å: lengths up to here are told in Å
WRITTEN = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?) ?(\D*)")


def length_of(text: str, system: LatticeSystem) -> float:
    """Return a length in the unit of the system.

    Args:
        text: a number in the unit of the system, or one with the unit A, nm, um or mm.
        system: the material.

    Raises:
        InputError: no length, or a unit that the system's lengths cannot be told in.
    """
    units = {system.length_unit: 1.0, **(IN_ANGSTROM if system.length_unit == LENGTH else {})}
    found = WRITTEN.fullmatch(text.strip())
    length = math.nan if found is None else float(found[1]) * units.get(found[2] or system.length_unit, math.nan)
    if not math.isfinite(length):
        known = ", ".join(units)
        raise InputError(f"A length must be a number, alone or with one of the units {known}. Received: {text!r}")
    return length


def nearest_size(system: LatticeSystem, lengths: Sequence[str], multiple: int = 1) -> tuple[int, int]:
    """Return the rows and columns of the periodic sheet that is nearest to a size.

    Args:
        system: the material.
        lengths: of the rows and of the columns, or one for both; as of `length_of`.
        multiple: that rows and columns must be of.

    Raises:
        InputError: not one or two positive lengths, or lengths that are nearer to nothing than to a sheet.
    """
    if len(lengths) not in (1, 2):
        raise InputError(f"A size must be one length, or two. Received: {' '.join(lengths) or 'none'}")
    wanted = [length_of(text, system) for text in lengths]
    if min(wanted) <= 0:
        raise InputError(f"A size must be positive. Received: {' '.join(lengths)}")
    steps = math.lcm(multiple, system.row_period), math.lcm(multiple, system.col_period)
    pitches = system.lattice.row_pitch, system.lattice.col_pitch
    rows, cols = (
        step * round(length / (step * pitch))
        for length, step, pitch in zip((wanted[0], wanted[-1]), steps, pitches, strict=True)
    )
    if min(rows, cols) < 1:
        smallest = " x ".join(f"{step * pitch:.3g}" for step, pitch in zip(steps, pitches, strict=True))
        raise InputError(
            f"A size must be nearer to a sheet than to nothing; the smallest sheet is {smallest} "
            f"{system.length_unit}. Received: {' '.join(lengths)}"
        )
    return rows, cols


def readable_length_unit(system: LatticeSystem, length: float) -> tuple[str, float]:
    """Return a unit in which a length is a handy number, and how many units of the system it has.

    >>> from rugan_tf.systems.named import DEFAULT_SYSTEM, system_named
    >>> readable_length_unit(system_named(DEFAULT_SYSTEM), 2500.0)
    ('nm', 10.0)
    """
    if system.length_unit != LENGTH or length < SHORT:
        return system.length_unit, 1.0
    return [(name, IN_ANGSTROM[name]) for name in ("nm", "µm", "mm") if length >= IN_ANGSTROM[name]][-1]


def size_in_words(system: LatticeSystem, rows: int, cols: int) -> str:
    """Return the size of a sheet in the unit of the system, and in a larger one where it is large.

    >>> from rugan_tf.systems.named import DEFAULT_SYSTEM, system_named
    >>> size_in_words(system_named(DEFAULT_SYSTEM), 4066, 4696)
    '1.0002 x 1.0004 µm'
    """
    lengths = system.lattice.cell_lengths(rows, cols)
    unit, factor = readable_length_unit(system, max(lengths))
    return f"{lengths[0] / factor:.5g} x {lengths[1] / factor:.5g} {unit}"
