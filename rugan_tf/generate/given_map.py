"""Maps that a user brings: an array or a picture of any resolution, one value for each of its parts."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rugan_tf.errors import InputError, InputWarning

Map = NDArray[np.float64]


@dataclass(frozen=True)
class GivenMap:
    """Energies per area that are known at every latent cell of a sheet.

    Attributes:
        values: float32 (rows/2, cols/2), in the unit of the system.
    """

    values: NDArray[np.float32]

    def window(self, row: int, col: int, rows: int, cols: int) -> NDArray[np.float32]:
        """Return a window of the map, float32 (rows, cols)."""
        wanted = (np.arange(first, first + number) for first, number in ((row, rows), (col, cols)))
        return self.values[np.ix_(*(index % size for index, size in zip(wanted, self.values.shape, strict=True)))]


def read_map(path: Path, value_range: tuple[float, float] | None) -> Map:
    """Read a map, float64 (n, m), along x and along y of a sheet, in the unit of the system.

    A .npy array holds the values themselves, its first axis along x. A picture is taken as it is looked at: to the
    right is x, upwards is y, black is the first value of the range and white the second.

    Args:
        path: a .npy array, or a picture.
        value_range: what black and white mean; of pictures alone.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: not a map, values that are not finite, or a range that is missing or out of place.
    """
    if not path.is_file():
        raise FileNotFoundError(f"A map must be a file. Received: {path}")
    if path.suffix.lower() == ".npy":
        if value_range is not None:
            raise InputError(f"An array holds its values; a range is for pictures. Received: {path} with a range")
        return checked_map(read_array(path), path)
    if value_range is None:
        raise InputError(f"A picture needs the values of black and white, --map-range LOW HIGH. Received: {path}")
    low, high = value_range
    # Pixels begin at the upper left and go down; the second axis of a map goes up.
    return checked_map(low + (high - low) * brightness(path).T[:, ::-1], path)


def read_array(path: Path) -> NDArray[np.float64]:
    """Read a .npy array of numbers."""
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"A map must be a whole .npy array of numbers. Received: {path} ({error})") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        raise InputError(f"A map must be a .npy array of numbers. Received: {path}")
    return values.astype(np.float64)


def brightness(path: Path) -> NDArray[np.float64]:
    """Return the brightness of a picture, 0 to 1, (height, width); colours by their luminance (ITU-R BT.601)."""
    import matplotlib.image

    try:
        pixels = np.asarray(matplotlib.image.imread(path))
    # SyntaxError is what Pillow raises for a PNG that is broken.
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"A map must be a .npy array or a picture. Received: {path} ({error})") from None
    pixels = pixels / 255.0 if pixels.dtype == np.uint8 else pixels.astype(np.float64)
    if pixels.ndim == 3:
        shown = pixels[..., :3] @ [0.299, 0.587, 0.114] if pixels.shape[2] >= 3 else pixels[..., 0]
        opacity = pixels[..., -1] if pixels.shape[2] in (2, 4) else 1.0
        pixels = shown * opacity + (1.0 - opacity)  # what is transparent is seen on white
    return np.asarray(pixels, np.float64)


def checked_map(values: NDArray[np.float64], path: Path) -> Map:
    """Return values, or raise InputError for what is no map."""
    if values.ndim != 2 or not values.size:
        raise InputError(f"A map must have two axes, none of them empty. Received: shape={values.shape} in {path}")
    if not np.isfinite(values).all():
        place = tuple(np.argwhere(~np.isfinite(values))[0].tolist())
        raise InputError(f"The values of a map must be finite. Received: {values[place]} at {place} in {path}")
    return values


def require_in_range(values: Map, energy_range: tuple[float, float], unit: str, *, strict: bool) -> None:
    """Warn of a map that asks for what the training data does not cover anywhere, or refuse it.

    Raises:
        InputError: with `strict`.
    """
    low, high = energy_range
    share = float(np.mean((values < low) | (values > high)))
    if share:
        told = (
            f"The values of a map must lie in what the training data covers, {low:.4g} to {high:.4g} {unit}. "
            f"Received: {share:.1%} of the map outside, from {values.min():.4g} to {values.max():.4g}"
        )
        if strict:
            raise InputError(told)
        warnings.warn(told, InputWarning, stacklevel=2)


def resampled(values: Map, rows: int, cols: int) -> NDArray[np.float32]:
    """Return the means of a map over (rows, cols) equal parts, float32; each value fills its part of the map evenly.

    So the mean of the map stays what it is, whatever its resolution.

    >>> resampled(np.array([[1.0, 3.0]]), 1, 3).tolist()
    [[1.0, 2.0, 3.0]]
    """
    overlap_rows, overlap_cols = (
        overlaps(size, number) for size, number in zip(values.shape, (rows, cols), strict=True)
    )
    return np.asarray(overlap_rows @ values @ overlap_cols.T, dtype=np.float32)


def overlaps(size: int, number: int) -> NDArray[np.float64]:
    """Return how much (number, size) of each of `number` equal parts lies in each of `size` others; rows sum to 1."""
    edges, ends = np.linspace(0, 1, size + 1), np.linspace(0, 1, number + 1)
    shared = np.minimum(ends[1:, None], edges[None, 1:]) - np.maximum(ends[:-1, None], edges[None, :-1])
    return np.asarray(np.maximum(shared, 0.0) * number)
