"""Structures that somebody else made, as sheets with energies: what fits is kept, what does not is named."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from rugan_tf.data.structure_energies import EnergyReader, EnergySource
from rugan_tf.errors import InputError
from rugan_tf.formats.frames import Frame, ReadOptions
from rugan_tf.formats.structures import read_structures
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.structure_match import MatchLimits, StructureMatch, match_structure
from rugan_tf.systems.system import LatticeSystem

LISTED = 10  # reasons why frames are left out; those of thousands are mostly one


class LeftOut(NamedTuple):
    """A frame that became no sheet.

    Attributes:
        name: file and number.
        reason: why.
    """

    name: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Imported:
    """Sheets of structures.

    Attributes:
        states: uint8 (n, rows, cols).
        energy: total energies float64 (n,), eV, of the sheets, relative to the zero; None if none were asked for.
        names: of the frames (n,) that they come from.
        origin: method and zero of the energies.
        left_out: the frames that are not among them.
        furthest: largest distance of an atom from its site in the plane, and across it, Å.
        strain: smallest and largest strain of a cell.
        num_dropped: atoms of each dropped element.
        unbalanced: dropped elements whose atoms the energies still hold.
        not_periodic: frames that say they are not periodic in the plane, though their cell fits.
        properties: other numbers that were kept, by name, each float64 (n,).
    """

    states: NDArray[np.uint8]
    energy: NDArray[np.float64] | None
    names: tuple[str, ...]
    origin: EnergyOrigin
    left_out: tuple[LeftOut, ...]
    furthest: tuple[float, float]
    strain: tuple[float, float]
    num_dropped: dict[str, int]
    unbalanced: tuple[str, ...]
    not_periodic: int
    properties: dict[str, NDArray[np.float64]]

    def warnings(self) -> list[str]:
        """Return what a user should know of the sheets, a sentence each."""
        told = []
        if self.left_out:
            told.append(left_out_words(self.left_out, len(self.states)))
        told += [
            f"the energies still hold those of {self.num_dropped[symbol]} atoms of {symbol} that were dropped; "
            f"--zero-per-atom with {symbol}=NUMBER takes them off"
            for symbol in self.unbalanced
        ]
        if self.not_periodic:
            told.append(f"{self.not_periodic} frames say that they are not periodic; their cells fit and were taken")
        return told


def left_out_words(left_out: Sequence[LeftOut], num_kept: int) -> str:
    """Return which frames are left out and why: a line for each rule that some did not meet, with the first of them."""
    by_rule: dict[str, list[LeftOut]] = {}
    for one in left_out:
        by_rule.setdefault(one.reason.partition(" Received: ")[0], []).append(one)
    listed = [
        f"  {'' if len(ones) == 1 else f'{len(ones)} frames, the first '}{ones[0].name}: {ones[0].reason}"
        for ones in list(by_rule.values())[:LISTED]
    ]
    listed += [f"  and {len(by_rule) - LISTED} more reasons"] if len(by_rule) > LISTED else []
    return "\n".join([f"{len(left_out)} of {len(left_out) + num_kept} frames are left out", *listed])


class Sheet(NamedTuple):
    """A frame that fits."""

    name: str
    match: StructureMatch
    energy: float
    is_periodic: bool
    properties: dict[str, float]


def import_structures(
    system: LatticeSystem,
    names: Iterable[str | Path],
    *,
    energies: EnergySource = EnergySource(),
    limits: MatchLimits = MatchLimits(),
    reading: ReadOptions = ReadOptions(),
    strict: bool = False,
) -> Imported:
    """Return the sheets and energies of structures in files.

    Args:
        system: the material.
        names: files, folders and patterns with * or **.
        energies: where energies come from.
        limits: how far structures may be from perfect sheets.
        reading: what some formats need to be told.
        strict: refuse all if one does not fit.

    Raises:
        FileNotFoundError: a file that does not exist.
        InputError: nothing fits, or with `strict` something does not.
    """
    if system.atoms is None:
        raise InputError(f"Sheets must have atoms to be structures. Received: {system.name}, which has none")
    reader = None if energies.without_energies else EnergyReader(energies, limits.drop)
    sheets, left_out = fitting_sheets(system, names, reader, limits, reading, strict=strict)
    kept = of_one_size(sheets, left_out, strict=strict)
    return gathered(kept, tuple(left_out), reader, limits.drop)


def fitting_sheets(
    system: LatticeSystem,
    names: Iterable[str | Path],
    reader: EnergyReader | None,
    limits: MatchLimits,
    reading: ReadOptions,
    *,
    strict: bool,
) -> tuple[list[Sheet], list[LeftOut]]:
    """Return the frames that are sheets, of whatever sizes, and those that are none."""
    sheets: list[Sheet] = []
    left_out: list[LeftOut] = []
    # Threads of linear algebra wait for each other longer than matrices of one sheet take.
    with threadpool_limits(1), tqdm(desc="importing", unit="frame", mininterval=1, delay=2) as bar:
        for frame in read_structures(tuple(map(str, names)), reading):
            try:
                sheets.append(sheet_of(system, frame, reader, limits))
            except InputError as error:
                if strict:
                    rule = f"Every frame must be a sheet of {system.name}"
                    raise InputError(f"{rule}. Received: {frame.name}: {error}") from None
                left_out.append(LeftOut(frame.name, str(error)))
            bar.update()
    if not sheets:
        raise InputError(
            f"At least one frame must be a sheet of {system.name}. Received: {left_out_words(left_out, 0)}"
        )
    return sheets, left_out


def sheet_of(system: LatticeSystem, frame: Frame, reader: EnergyReader | None, limits: MatchLimits) -> Sheet:
    """Return a frame as a sheet, or raise InputError."""
    if frame.structure is None or system.atoms is None:
        raise InputError(frame.failure)
    match = match_structure(system.atoms, frame.structure, limits)
    # The energy is that of the cell in the file, and the sheet may hold several of them.
    energy = 0.0 if reader is None else reader.energy(frame, frame.structure) * match.num_copies
    properties = {} if reader is None else reader.properties(frame, frame.structure)
    # Two of three, since the axis across the sheet may be any.
    return Sheet(frame.name, match, energy, bool(np.sum(frame.structure.pbc) >= 2), properties)


def of_one_size(sheets: list[Sheet], left_out: list[LeftOut], *, strict: bool) -> list[Sheet]:
    """Return the sheets of the commonest size, and add the others to those that are left out."""
    sizes = Counter(sheet.match.states.shape for sheet in sheets)
    size = sizes.most_common(1)[0][0]
    if len(sizes) > 1 and strict:
        listed = ", ".join(f"{number} of {rows}x{cols}" for (rows, cols), number in sizes.most_common())
        raise InputError(f"Sheets of a data set must be of one size. Received: {listed} cells")
    for sheet in sheets:
        if sheet.match.states.shape != size:
            rows, cols = sheet.match.states.shape
            reason = (
                f"sheets of a data set must be of one size, {size[0]}x{size[1]} cells as most. Received: {rows}x{cols}"
            )
            left_out.append(LeftOut(sheet.name, reason))
    return [sheet for sheet in sheets if sheet.match.states.shape == size]


def origin(method: str, zero: str) -> EnergyOrigin:
    """Return method and zero of imported energies, in words from which both can be read again."""
    return EnergyOrigin(method, zero, f"{method}: energies of imported structures, in eV relative to {zero}")


def gathered(
    sheets: list[Sheet], left_out: tuple[LeftOut, ...], reader: EnergyReader | None, drop: tuple[str, ...]
) -> Imported:
    """Return what the sheets have in common."""
    matches = [sheet.match for sheet in sheets]
    strains = [strain for match in matches for strain in match.strain]
    num_dropped = {symbol: sum(match.num_dropped[symbol] for match in matches) for symbol in drop}
    # Where no energies are read, none hold what was dropped.
    balanced = {symbol for symbol, _ in reader.zero.by_element} if reader is not None else set(drop)
    return Imported(
        states=np.stack([match.states for match in matches]),
        energy=None if reader is None else np.array([sheet.energy for sheet in sheets]),
        names=tuple(sheet.name for sheet in sheets),
        origin=origin("none", "nothing") if reader is None else origin(reader.options.method, reader.zero.words),
        left_out=left_out,
        furthest=(max(match.in_plane for match in matches), max(match.out_of_plane for match in matches)),
        strain=(min(strains), max(strains)),
        num_dropped=num_dropped,
        unbalanced=tuple(symbol for symbol in drop if num_dropped[symbol] and symbol not in balanced),
        not_periodic=sum(not sheet.is_periodic for sheet in sheets),
        properties={name: np.array([sheet.properties[name] for sheet in sheets]) for name in sheets[0].properties},
    )
