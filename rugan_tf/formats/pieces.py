"""What is done of a long calculation, kept piece by piece, so that a killed one goes on where it was."""

import dataclasses
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files


@dataclasses.dataclass(frozen=True)
class Pieces:
    """Arrays by name in a folder, each written whole; without a folder nothing is kept.

    Attributes:
        folder: where the arrays lie.
        prefix: what names begin with: a digest of what is computed, so that other calculations find nothing here.
    """

    folder: Path | None
    prefix: str = ""

    def of(self, *content: Any) -> "Pieces":
        """Return the pieces of one calculation, which arrays and options (by their `repr`) identify."""
        digest = hashlib.sha256()
        for part in content:
            digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        return dataclasses.replace(self, prefix=digest.hexdigest()[:20])

    def read(self, name: str) -> NDArray[Any] | None:
        """Return an array that was kept, or None."""
        path = self._path(name)
        return np.load(path, allow_pickle=False) if path is not None and path.is_file() else None

    def keep(self, name: str, array: NDArray[Any]) -> None:
        """Keep an array."""
        path = self._path(name)
        if path is not None:
            # An open file, since NumPy would add .npy to the temporary name.
            with files.replacing(path) as temporary, open(temporary, "wb") as file:
                np.save(file, array, allow_pickle=False)

    def remove(self) -> None:
        """Remove the folder: everything is in its final place."""
        if self.folder is not None and self.folder.is_dir():
            shutil.rmtree(self.folder)

    def _path(self, name: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{self.prefix}-{name}.npy"
