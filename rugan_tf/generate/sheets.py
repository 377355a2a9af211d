"""An exported generator as a function: energies per area in, sheets out. TensorFlow starts on first use."""

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError, InputWarning
from rugan_tf.generate.needs import require_sign
from rugan_tf.saved.model_card import ExportedCard, read_exported_card
from rugan_tf.saved.shipped import MAIN_MODEL, find_model, shipped_model
from rugan_tf.saved.signatures import Signatures
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem

if TYPE_CHECKING:
    import ase

MAX_SEED = 2**63 - 1


def load_model(model: Path | str | None = None) -> "SheetModel":
    """Load a generator, as `SheetModel.load`; by default the one that comes with the package.

    Raises:
        FileNotFoundError: the folder holds no SavedModel, or no card.
        InputError: the card is damaged, of another form, or lacks a key; or the package came without models.
    """
    return SheetModel.load(shipped_model(MAIN_MODEL) if model is None else model)


@dataclasses.dataclass(frozen=True)
class SheetModel:
    """A generator exported as a SavedModel, with what its folder says about it.

    Attributes:
        folder: the version folder.
        card: what training and export tell.
        system: the material.
    """

    folder: Path
    card: ExportedCard
    system: LatticeSystem

    @classmethod
    def load(cls, model: Path | str) -> "SheetModel":
        """Read what a model folder says about the model; its graph is loaded when sheets are first generated.

        Args:
            model: a version folder, a base folder of these (the highest counts), or the name of one that comes along.

        Raises:
            FileNotFoundError: the folder holds no SavedModel, or no card.
            InputError: the card is damaged, of another form, or lacks a key.
        """
        folder = find_model(model)
        card = read_exported_card(folder)
        return cls(folder, card, system_named(card.system))

    @property
    def rows(self) -> int:
        """Lattice cells along the rows of the training sheets."""
        return self.card.rows

    @property
    def cols(self) -> int:
        """Lattice cells along the columns of the training sheets."""
        return self.card.cols

    @property
    def max_cells(self) -> int:
        """Most lattice cells (sheets * rows * cols) of one call of the SavedModel."""
        return self.card.max_cells

    @property
    def energy_range(self) -> tuple[float, float]:
        """Smallest and largest energy per area of the training data, in the unit of the system."""
        return self.card.energy_range

    @property
    def signatures(self) -> Signatures:
        """The SavedModel's functions, called with arrays."""
        return Signatures(self.folder)

    def latent_channels(self) -> int:
        """Return the Gaussian channels of the latent."""
        return self.card.latent_channels

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays, and return arrays."""
        return self.signatures.call(signature, **inputs)

    def check_request(self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int) -> NDArray[np.float32]:
        """Return the requested energies as float32 (n,), or raise InputError for what cannot be generated."""
        energy = np.asarray(energy_per_area, dtype=np.float64)
        if energy.ndim != 1 or not len(energy):
            raise InputError(f"energy_per_area must have the shape (n,), n >= 1. Received: shape={energy.shape}")
        is_finite = np.abs(energy) <= np.finfo(np.float32).max  # signatures take single precision
        if not is_finite.all():
            raise InputError(f"energy_per_area must be finite. Received: energy_per_area={energy[~is_finite][0]}")
        if self.card.conditions is not None:
            rule = f"The model must be asked for {self.card.conditions.in_words}, by --condition NAME=VALUE"
            raise InputError(f"{rule} or rugan_tf.load_conditioned. Received: energy_per_area")
        require_sign(self.system, self.energy_range, energy)
        self.check_size(rows, cols, seed)
        return energy.astype(np.float32)

    def check_size(self, rows: int, cols: int, seed: int) -> None:
        """Raise InputError for a size that the generator does not make, or a seed that is none."""
        self.system.validate_size(rows, cols)
        if rows % 2:
            raise InputError(f"rows must be even. Received: rows={rows}")
        if not 0 <= seed <= MAX_SEED:
            raise InputError(f"seed must not be negative, and must fit into 63 bits. Received: seed={seed}")

    def generate(
        self,
        energy_per_area: ArrayLike,
        rows: int,
        cols: int,
        seed: int = 0,
        *,
        tile: int | None = None,
        uniform: bool = False,
    ) -> NDArray[np.uint8]:
        """Generate one sheet for each requested energy per area.

        The request is split into calls of max(1, max_cells // (rows * cols)) sheets, the first with `seed`, the
        others with seeds derived from it: the same request gives the same sheets. A sheet of more than max_cells is
        made in tiles. Tiles change nothing in a sheet.

        Args:
            energy_per_area: (n,), in the unit of the system. What lies outside `energy_range` is warned of.
            rows: lattice cells, even.
            cols: lattice cells, even.
            seed: not negative.
            tile: cells along each side of a tile, even: make every sheet in tiles, in less memory.
            uniform: ask for the same energy everywhere: sheets that fluctuate less than matter does.

        Returns:
            uint8 (n, rows, cols).

        Raises:
            InputError: a request that cannot be generated, as one of a wrong sign, or that the SavedModel refuses.
        """
        energy = self.check_request(energy_per_area, rows, cols, seed)
        self.warn_outside_range(np.asarray(energy_per_area, dtype=np.float64))
        if tile is None and not uniform and self.is_whole(rows, cols):
            return np.concatenate(list(self.generated_parts(energy, rows, cols, seed)))
        from rugan_tf.generate.tiled import tiled_sheets

        return tiled_sheets(self, energy, rows, cols, seed, tile=tile, uniform=uniform)

    def structures(self, states: NDArray[np.uint8]) -> list["ase.Atoms"]:
        """Return sheets, uint8 (n, rows, cols), as atoms."""
        return [self.system.structure(sheet) for sheet in self.system.validate_states(states)]

    def obtained_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """Return the energies per area (n,), in the unit of the system, that the model's EDNN sees.

        None for a model without one, and for sheets that only come in tiles: those are energies for
        `rugan data label`, which sums them up in chunks. States that are no sheets raise InputError.
        """
        states = self.system.validate_states(states)
        return self.judged_energies(states) if self.is_whole(*states.shape[1:]) and self.has_ednn else None

    def is_whole(self, rows: int, cols: int) -> bool:
        """Tell whether the SavedModel makes sheets of a size by one call; larger ones are made in tiles."""
        return rows * cols <= self.max_cells

    @property
    def has_ednn(self) -> bool:
        """Whether the model can tell energies."""
        return "energy" in self.signatures

    def require_ednn(self) -> None:
        """Raise InputError for a model that cannot tell energies."""
        if not self.has_ednn:
            raise InputError(f"The model must be exported with an EDNN inside, --ednn. Received: {self.folder}")

    def judged_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the energies per area (n,) that the model's EDNN sees, or raise InputError where it has none."""
        self.require_ednn()
        return self.judged("energy", states).astype(np.float64)

    def judged(self, signature: str, states: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what a signature tells of sheets (n, ...), as many at a call as the limit allows."""
        states = self.system.validate_states(states)
        size = max(1, self.max_cells // max(1, states[:1].size))
        parts = [states[start : start + size] for start in range(0, len(states), size)]
        return np.concatenate([self.predict(signature, states=part)["energy_per_area"] for part in parts])

    def local_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the energy per area of every latent cell of sheets, float32 (n, rows/2, cols/2), as the EDNN sees it.

        Raises:
            InputError: the model has no EDNN, or was exported before it could tell.
        """
        return self.judged("local_energy", states)

    def generated_parts(
        self, energy: NDArray[np.float32], rows: int, cols: int, seed: int
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the sheets of one call after another."""
        for part, part_seed in self.parts(energy, rows, cols, seed):
            size: dict[str, Any] = {"rows": np.int32(rows), "cols": np.int32(cols), "seed": np.int64(part_seed)}
            outputs = self.predict("generate", energy_per_area=part, **size)
            states, expected = self.system.validate_states(outputs["states"]), (len(part), rows, cols)
            if states.shape != expected:
                raise InputError(f"The model must return states {expected}. Received: shape={states.shape}")
            yield states

    def generate_unrepaired(
        self,
        energy_per_area: ArrayLike,
        rows: int,
        cols: int,
        seed: int = 0,
        *,
        calibrated: bool = True,
        tile: int | None = None,
    ) -> NDArray[np.uint8]:
        """Return what the generator itself makes of one request, uint8 (n, rows, cols): neither corrected nor repaired.

        Arguments are those of `generate`; without `calibrated` the generator is asked for the energies as they are.
        """
        from rugan_tf.generate.latent import draw_latent
        from rugan_tf.generate.tiled import tiled_sheets

        energy = self.check_request(energy_per_area, rows, cols, seed)
        if tile is not None or not self.is_whole(rows, cols):
            return tiled_sheets(self, energy, rows, cols, seed, tile=tile, repaired=False, calibrated=calibrated)
        size = {"rows": np.int32(rows), "cols": np.int32(cols)}
        sheets = []
        for part, part_seed in self.parts(energy, rows, cols, seed):
            answer = self.predict("calibrate", energy_per_area=part, **size)
            given = answer["energy_per_area"] if calibrated else part
            drawn = (np.int32(number) for number in (len(part), rows // 2, cols // 2))
            latent = draw_latent(np.int64(part_seed), *drawn, self.latent_channels())
            field = np.broadcast_to(given[:, None, None], latent.shape[:3])
            if answer.get("has_maps"):
                field = self.whole_maps(given, rows, cols, part_seed)
            outputs = self.predict("generate_from_latent", latent=latent, energy_per_area=field)
            sheets.append(outputs["probabilities"].argmax(axis=-1).astype(np.uint8))
        return np.concatenate(sheets)

    def whole_maps(self, given: NDArray[np.float32], rows: int, cols: int, seed: int) -> NDArray[np.float32]:
        """Return the maps (n, rows/2, cols/2) of whole sheets, whose means are what the generator is asked for (n,)."""
        place: dict[str, Any] = {"seed": np.int64(seed), "first_sheet": np.int64(0), "origin": np.zeros(2, np.int32)}
        shape = np.array([rows // 2, cols // 2], np.int32)
        size: dict[str, Any] = {"rows": np.int32(rows), "cols": np.int32(cols)}
        drawn = self.predict("map", energy_per_area=given, **size, **place, shape=shape)["energy_per_area"]
        missing = given - drawn.mean(axis=(1, 2), dtype=np.float64)
        return drawn + missing[:, None, None].astype(np.float32)

    def parts(
        self, energy: NDArray[np.float32], rows: int, cols: int, seed: int
    ) -> Iterator[tuple[NDArray[np.float32], int]]:
        """Yield the energies of one call after another, each with a seed of its own."""
        size = max(1, self.max_cells // (rows * cols))
        starts = range(0, len(energy), size)
        for call, start in enumerate(tqdm(starts, desc="generating", unit="call", disable=len(starts) == 1)):
            drawn = int(np.random.SeedSequence([seed, call]).generate_state(1, np.uint64)[0] >> 1)  # 63 bits
            yield energy[start : start + size], drawn if call else seed  # one call: as the signature itself

    def uncovered(self, energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return those of the energies per area that the training data does not cover."""
        low, high = self.energy_range
        margin = 1e-6 * max(abs(low), abs(high))  # single precision of what was read off the data
        return energy[(energy < low - margin) | (energy > high + margin)]

    def require_covered(self, energy: NDArray[np.float64]) -> None:
        """Raise InputError for requested energies that the training data does not cover."""
        outside = self.uncovered(energy)
        if len(outside):
            raise InputError(
                f"energy_per_area must lie in what the training data covers, {self.covered}. "
                f"Received: {len(outside)} of {len(energy)} outside, the first {outside[0]:.4g}"
            )

    def warn_outside_range(self, energy: NDArray[np.float64]) -> None:
        """Warn of requested energies that the training data does not cover."""
        outside = self.uncovered(energy)
        if len(outside):
            told = f"{len(outside)} of {len(energy)} requested energies lie outside what the training data covers"
            warnings.warn(f"{told}, {self.covered}. First of them: {outside[0]:.4g}", InputWarning, stacklevel=3)

    @property
    def covered(self) -> str:
        """The energies per area that the training data covers, in words."""
        low, high = self.energy_range
        return f"{low:.4g} to {high:.4g} {self.system.quantity.unit}"
