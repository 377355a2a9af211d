"""Black-and-white pictures of sheets, as microscopes and thresholds make them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError

SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")
MOST_GREY = 0.05  # share of pixels that are neither black nor white: borders that were smoothed


def is_mask(path: Path) -> bool:
    """Return whether a file's name is that of a picture."""
    return path.suffix.lower() in SUFFIXES


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Return the pixels (rows, columns) of a picture that are white, its lowest row first.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: no picture, or one in grey.
    """
    from matplotlib.image import imread

    try:
        pixels = imread(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # of whichever library reads the picture
        raise InputError(f"A mask must be a picture. Received: {path} ({error})") from None
    values = pixels.astype(np.float64) / (np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1.0)
    if values.ndim == 3:
        # A fourth channel would be how opaque a pixel is.
        values = values[..., :3].mean(axis=-1)
    grey = float(((values > 0.1) & (values < 0.9)).mean())
    if grey > MOST_GREY:
        raise InputError(f"A mask must be black and white, so set a threshold first. Received: {path}, {grey:.0%} grey")
    # Pictures count their rows from the top, and the y of a sheet goes up.
    return np.asarray(values[::-1] >= 0.5)
