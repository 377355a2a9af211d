"""What reading files of structures gives: frames, each with its name, and with what is wrong if it is unreadable."""

import dataclasses
import glob
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rugan_tf.errors import InputError

if TYPE_CHECKING:
    import ase

PATTERN = "*?["  # characters of names that stand for many files


@dataclasses.dataclass(frozen=True)
class Frame:
    """One structure of a file.

    Attributes:
        path: the file.
        index: which frame of it, from 0.
        structure: None where it cannot be read.
        failure: why it cannot be read; empty where it can.
    """

    path: Path
    index: int
    structure: "ase.Atoms | None"
    failure: str = ""

    @property
    def name(self) -> str:
        """File and number."""
        return f"{self.path} frame {self.index}"


class ReadOptions(NamedTuple):
    """What some formats need to be told.

    Attributes:
        species: chemical symbols of the types of atoms 1, 2, ..., which files of LAMMPS only number; empty leaves it
            to the masses in the file.
        selection: which rows of a database of ASE, as `ase db` takes it; empty for all.
    """

    species: tuple[str, ...] = ()
    selection: str = ""


Reader = Callable[[Path, ReadOptions], Iterator[Frame]]


def read_by_ase(path: Path, form: str | None = None, **options: object) -> Iterator[Frame]:
    """Yield the frames that ASE reads one after another; an unreadable one hides those behind it, which is said."""
    import ase.io

    index = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ASE, about what it takes for granted: the atoms are looked at anyway
        try:
            for structure in ase.io.iread(path, index=":", format=form, **options):
                yield Frame(path, index, structure)
                index += 1
        except Exception as error:  # ASE's readers raise whatever their first wrong step raises
            yield Frame(path, index, None, f"ASE cannot read it, nor what follows it ({said(error)})")


def said(error: BaseException) -> str:
    """Return an exception in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def expanded(names: tuple[str, ...], is_known: Callable[[Path], bool]) -> list[Path]:
    """Return the files that names stand for: files, folders with files in known formats, and patterns with * or **.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: a folder, or a pattern, without any.
    """
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            # Sorted: in what order a folder lists its files depends on the disk.
            inside = sorted(one for one in path.iterdir() if one.is_file() and is_known(one))
            if not inside:
                raise InputError(f"A folder must hold files of structures; name them if they are. Received: {path}")
            found += inside
        elif path.exists():
            found.append(path)
        elif any(character in name for character in PATTERN):
            matching = sorted(Path(one) for one in glob.glob(name, recursive=True) if Path(one).is_file())
            if not matching:
                raise InputError(f"A pattern must match at least one file. Received: {name}")
            found += matching
        else:
            raise FileNotFoundError(f"The file of structures must exist. Received: {name}")
    # A file that two names stand for is read once.
    return list(dict.fromkeys(found))
