"""A part of a sheet as the generator makes it, before its repair: in pieces that are made when they are first seen.

Latents are drawn here, block by block from the seed, and each piece goes to the model with a halo as wide as the
generator sees. So a piece is what the whole sheet is there. The model may lie on this disk or behind a server.
"""

import dataclasses
import functools
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf.errors import InputError
from rugan_tf.generate.latent import draw_window
from rugan_tf.generate.maps import ConditionMap

UPSCALING = 2  # cells for each latent cell


class TileModel(Protocol):
    """What tiles ask of a model: `SheetModel` and `serve.client.Client` both answer."""

    def latent_channels(self) -> int:
        """Return the Gaussian channels of the latent."""

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays, and return arrays."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SheetRequest:
    """One sheet that is made in parts.

    Attributes:
        condition_map: what the generator is asked for.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        sheet: which of the sheets of that seed.
        reach: how far the generator sees, latent rows and columns.
    """

    condition_map: ConditionMap
    rows: int
    cols: int
    seed: int = 0
    sheet: int = 0
    reach: tuple[int, int]

    def __post_init__(self) -> None:
        """Refuse sizes that the generator cannot make."""
        if min(self.rows, self.cols) < UPSCALING or self.rows % UPSCALING or self.cols % UPSCALING:
            raise InputError(f"rows and cols must be even. Received: rows={self.rows}, cols={self.cols}")


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Part of a periodic axis.

    Attributes:
        start: first cell, even; it may lie before the first of the axis.
        length: cells, even, at most `size`.
        size: cells of the whole axis.
    """

    start: int
    length: int
    size: int

    @classmethod
    def around(cls, start: int, length: int, size: int, halo: int) -> "Stretch":
        """Return a stretch with a halo on both sides; the whole axis where that is as long.

        >>> Stretch.around(8, 8, 100, 3)
        Stretch(start=4, length=16, size=100)
        >>> Stretch.around(8, 8, 14, 3)
        Stretch(start=0, length=14, size=14)
        """
        # Even, so that a stretch begins with a whole latent cell.
        halo += halo % UPSCALING
        # Halos that meet around the axis would hold cells twice.
        is_whole = length + 2 * halo >= size
        return cls(0, size, size) if is_whole else cls(start - halo, length + 2 * halo, size)

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole axis, and so periodic in itself."""
        return self.length == self.size

    def places(self, start: int, length: int) -> NDArray[np.intp]:
        """Return where the cells from `start` on lie in this stretch, which must contain them.

        >>> Stretch(0, 4, 4).places(2, 4).tolist()
        [2, 3, 0, 1]
        """
        return (start - self.start + np.arange(length)) % self.size

    def bounds(self, most: int) -> NDArray[np.intp]:
        """Return where pieces of about equal and even length, at most `most`, begin, and where the last one ends.

        >>> Stretch(0, 20, 20).bounds(8).tolist()
        [0, 6, 14, 20]
        """
        latent, pieces = self.length // UPSCALING, -(-self.length // most)
        # About equal, as a last piece of a few cells would be mostly halo.
        return UPSCALING * np.round(np.linspace(0, latent, pieces + 1)).astype(np.intp)


class Part(NamedTuple):
    """What a window has of one piece along one axis: the piece's number, places in the window, places in the piece."""

    piece: int
    target: NDArray[np.intp]
    source: NDArray[np.intp]


def parts_of(places: NDArray[np.intp], bounds: NDArray[np.intp]) -> list[Part]:
    """Return what a window, whose cells lie at `places` of a stretch, has of the pieces between `bounds`."""
    piece = np.searchsorted(bounds, places, side="right") - 1
    targets = [(int(number), np.flatnonzero(piece == number)) for number in np.unique(piece)]
    return [Part(number, target, places[target] - bounds[number]) for number, target in targets]


class Region:
    """What the generator makes of a rectangle of a sheet. Each piece is made once, and kept.

    Args:
        model: with the signature `generate_from_latent`.
        request: the sheet.
        rows: of the rectangle.
        cols: of the rectangle.
        piece: most cells along each side of a piece, even.
        drawing: draws the latent of the next piece while the model works on one.
    """

    def __init__(
        self,
        model: TileModel,
        request: SheetRequest,
        *,
        rows: Stretch,
        cols: Stretch,
        piece: int,
        drawing: ThreadPoolExecutor,
    ) -> None:
        self.model, self.request, self.rows, self.cols, self.drawing = model, request, rows, cols, drawing
        self.row_bounds, self.col_bounds = rows.bounds(piece), cols.bounds(piece)
        self.channels = model.latent_channels()
        self.pieces: dict[tuple[int, int], NDArray[np.uint8]] = {}
        self.latents: dict[tuple[int, int], Future[NDArray[np.float32]]] = {}

    def window(self, rows: Stretch, cols: Stretch) -> NDArray[np.uint8]:
        """Return the states, uint8 (rows.length, cols.length), of a part of the region."""
        states = np.empty((rows.length, cols.length), np.uint8)
        row_parts = parts_of(self.rows.places(rows.start, rows.length), self.row_bounds)
        col_parts = parts_of(self.cols.places(cols.start, cols.length), self.col_bounds)
        needed = [(row.piece, col.piece) for row in row_parts for col in col_parts]
        self.make([key for key in needed if key not in self.pieces])
        for row in row_parts:
            for col in col_parts:
                piece = self.pieces[row.piece, col.piece]
                states[np.ix_(row.target, col.target)] = piece[np.ix_(row.source, col.source)]
        return states

    def make(self, keys: list[tuple[int, int]]) -> None:
        """Make pieces by the model, one after another."""
        for key, following in zip(keys, [*keys[1:], self.after(keys[-1])] if keys else [], strict=True):
            latent = self.latent(key).result()
            # Needed once, and sixty times as large as the states that come of it.
            del self.latents[key]
            if following is not None:
                self.latent(following)
            (row, rows, _), (col, cols, _) = axes = self.seen(key)
            condition = self.request.condition_map.window(row, col, rows, cols)
            answer = self.model.predict("generate_from_latent", latent=latent, energy_per_area=condition[None])
            inside = tuple(slice(UPSCALING * halo, UPSCALING * (length - halo)) for _, length, halo in axes)
            self.pieces[key] = answer["probabilities"][0][inside].argmax(axis=-1).astype(np.uint8)

    def after(self, key: tuple[int, int]) -> tuple[int, int] | None:
        """Return the piece that is most likely to be asked for next; None if it is there, or on its way."""
        row, col = (key[0], key[1] + 1) if key[1] + 2 < len(self.col_bounds) else (key[0] + 1, 0)
        # One latent ahead keeps the model busy; more of them would only fill the memory.
        known = (row, col) in self.pieces or self.latents or row + 1 >= len(self.row_bounds)
        return None if known else (row, col)

    def latent(self, key: tuple[int, int]) -> "Future[NDArray[np.float32]]":
        """Begin to draw the latent of a piece, if nobody has."""
        if key not in self.latents:
            rows, cols = (
                (first + np.arange(length)) % (axis.size // UPSCALING)
                for (first, length, _), axis in zip(self.seen(key), (self.rows, self.cols), strict=True)
            )
            draw = functools.partial(draw_window, self.request.seed, rows, cols, self.channels)
            self.latents[key] = self.drawing.submit(draw, sheet=self.request.sheet)
        return self.latents[key]

    def seen(self, key: tuple[int, int]) -> list[tuple[int, int, int]]:
        """Return what the model sees of a piece: first latent cell, latent cells, and how many of them are halo.

        Where a piece is the whole axis there is no halo, since the generator is periodic.
        """
        found = []
        axes = (self.rows, self.row_bounds), (self.cols, self.col_bounds)
        for (axis, bounds), number, reach in zip(axes, key, self.request.reach, strict=True):
            first, last = bounds[number : number + 2]
            halo = 0 if last - first == axis.size else reach
            begin = (axis.start + int(first)) // UPSCALING - halo
            found.append((begin, int(last - first) // UPSCALING + 2 * halo, halo))
        return found
