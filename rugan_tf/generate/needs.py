"""What a request needs, said before it starts: of memory, of the disk, and the sign of its energies."""

import math
import shutil
from collections.abc import Iterable
from pathlib import Path

from rugan_tf.errors import InputError
from rugan_tf.systems.system import LatticeSystem

MEMINFO = Path("/proc/meminfo")
# Bytes of memory for each cell while a sheet is written whole: measured of full sheets, with a quarter to spare.
MEMORY = {".npz": 4, ".zarr": 4, ".png": 1800, ".svg": 1800, ".pdf": 1800}
OF_STRUCTURES = 930
PYRAMID = 4 / 3 / 16  # bytes of all levels for each cell
FEW = 2**20  # cells; of fewer nobody needs to be warned
RATE = 1.4e5  # cells a second that one core streams with the model that comes with rugan_tf (docs/mesoscale.md)
UNITS_OF_TIME = {"years": 3.156e7, "days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def available_memory() -> int | None:
    """Return the bytes of memory that are free for programs; None where the system does not say."""
    if not MEMINFO.is_file():
        return None
    # MemAvailable counts caches, which give their memory back; MemFree would refuse what fits.
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in lines else None


def disk_need(system: LatticeSystem, num_cells: int) -> int:
    """Return the bytes that sheets in Zarr take at most: states without any order, as zstd packs them, and pixels."""
    # 1.3: the Huffman codes of zstd take 2.5 bits where 2 would do for four states without order (measured).
    return math.ceil(num_cells * (1.3 * math.log2(max(2, system.num_states)) / 8 + PYRAMID))


def require_disk(path: Path, system: LatticeSystem, num_cells: int) -> None:
    """Refuse a Zarr folder that the disk may not hold.

    Raises:
        InputError: there is too little free.
    """
    # The folders on the way to it may not be there yet.
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    needed, free = disk_need(system, num_cells), shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"The disk must have room for {in_bytes(needed)}, what {num_cells:.3g} cells may take, which one core "
            f"makes in some {in_time(num_cells / RATE)} (the model of rugan_tf); "
            f"{num_cells * (free / needed):.2g} cells would fit. Received: {in_bytes(free)} free in {folder}"
        )


def require_memory(suffix: str, system: LatticeSystem, num_cells: int, how: str | None = "--out NAME.zarr") -> None:
    """Refuse sheets that must be whole in memory to be written, and are too large for that.

    Args:
        suffix: of the file, lower case.
        system: the material.
        num_cells: of all sheets.
        how: options by which they would be streamed; None for sheets that are always made whole.

    Raises:
        InputError: there is too little memory.
    """
    needed, free = num_cells * MEMORY.get(suffix, OF_STRUCTURES), available_memory()
    if num_cells > FEW and free is not None and needed > free:
        streamed = (
            f"; {how} streams them to the disk, at most {in_bytes(disk_need(system, num_cells))}, in some "
            f"{in_time(num_cells / RATE)} on one core (the model of rugan_tf)"
        )
        raise InputError(
            f"Sheets that are written as {suffix} must fit into memory, {in_bytes(needed)} for {num_cells:.3g} cells"
            f"{'' if how is None else streamed}. Received: {in_bytes(free)} available"
        )


def require_sign(system: LatticeSystem, energy_range: tuple[float, float], energies: Iterable[float]) -> None:
    """Refuse energies per area that have another sign than all energies of the training data.

    A sheet without any atom has the energy 0, and beyond that there is nothing to make but this sheet: a sign was
    forgotten. Materials without atoms have no such end, and 0 itself is no other sign.

    Args:
        system: the material.
        energy_range: smallest and largest energy per area of the training data, in the unit of the system.
        energies: requested, in the same unit.

    Raises:
        InputError: one has the other sign.
    """
    low, high = energy_range
    sign = only_sign(system, energy_range)
    wrong = [energy for energy in energies if sign * energy < 0]
    if wrong:
        meant = f"; was {-wrong[0]:.4g} meant?" if low <= -wrong[0] <= high else ""
        raise InputError(f"{sign_rule(system, energy_range)}. Received: {wrong[0]:.4g}{meant}")


def only_sign(system: LatticeSystem, energy_range: tuple[float, float]) -> int:
    """Return the sign that requests must have, -1 or 1; 0 where both are possible, as `require_sign` says."""
    low, high = energy_range
    if system.atoms is None:
        return 0
    return -1 if high <= 0 else 1 if low >= 0 else 0


def sign_rule(system: LatticeSystem, energy_range: tuple[float, float]) -> str:
    """Return the rule of the sign, for a message."""
    covered = f"{energy_range[0]:.4g} to {energy_range[1]:.4g} {system.quantity.unit}"
    return f"energy_per_area must have the sign of the energies in the training data, {covered}"


def in_bytes(number: float) -> str:
    """Return a number of bytes for people.

    >>> in_bytes(2.34e9), in_bytes(3.8e16)
    ('2.3 GB', '38.0 PB')
    """
    name, factor = next(((name, size) for name, size in (("PB", 1e15), ("TB", 1e12)) if number >= size), ("GB", 1e9))
    return f"{number / factor:,.1f} {name}"


def in_time(seconds: float) -> str:
    """Return a time for people, in the largest unit that it has two of.

    >>> in_time(9.0), in_time(150.0), in_time(1e5), in_time(1e12)
    ('9 seconds', '2 minutes', '28 hours', '31,686 years')
    """
    name = next((name for name, length in UNITS_OF_TIME.items() if seconds >= 2 * length), "seconds")
    return f"{seconds / UNITS_OF_TIME[name]:,.0f} {name}"
