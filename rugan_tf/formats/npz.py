"""Arrays with metadata as .npz files: never pickles, written atomically, damage told."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.errors import InputError

# What reading a damaged zip archive raises; flipped bits may read as encryption or as an unknown compression.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


def write_npz(path: Path | str, arrays: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
    """Write arrays by name as compressed .npz, and JSON content as the array `metadata` if there is any.

    Raises:
        InputError: another suffix.
        OSError: the file cannot be written; what stood there before is kept.
    """
    if Path(path).suffix.lower() != ".npz":
        raise InputError(f"A data set must be an .npz file. Received: {path}")
    told = {} if metadata is None else {"metadata": np.array(json.dumps(metadata))}
    content: dict[str, Any] = {**arrays, **told}
    # NumPy would add .npz to the name of a .NPZ; an open file it takes as it is.
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **content)


def read_arrays(path: Path | str, names: tuple[str, ...], *, others: bool = False) -> dict[str, NDArray[Any]]:
    """Read arrays by name from an .npz, never unpickling; with `others` also those that were not asked for.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is no .npz, is truncated, lacks an array, or an array is pickled.
    """
    files.require_present(Path(path))
    with open(path, "rb") as file:  # np.load would leave a damaged file open
        try:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise InputError(f"A data set must be an .npz file. Received: {path}")
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise InputError(
                    f"{path} must hold the arrays {', '.join(names)}. Received: {', '.join(archive.files) or 'none'}"
                )
            return {name: archive[name] for name in (archive.files if others else names)}
        except DAMAGE as error:
            raise InputError(
                f"A data set must be a whole .npz file. Received: {path}, which is damaged ({error})"
            ) from None
        except ValueError as error:
            if "pickle" in str(error):
                raise InputError(
                    f"Arrays must not be pickled objects, and the file must be an .npz. Received: {path}"
                ) from None
            # One of ours from within the block, which says already what is wrong.
            if "Received: " in str(error):
                raise
            raise InputError(f"Arrays must be readable. Received: {path} ({error})") from None
