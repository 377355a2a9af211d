"""An exported generator as a function: energies per area in, sheets out. TensorFlow starts on first use."""

import dataclasses
import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named
from rugan_tf.systems.system import LatticeSystem

GRAPH_FILE = "saved_model.pb"
CARD_FILE = Path("assets.extra", "rugan.json")
CARD_KEYS = ("system", "rows", "cols", "max_cells", "energy_range", "latent_channels")
MAX_SEED = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class SheetModel:
    """A generator exported as a SavedModel, with what its folder says about it.

    Attributes:
        folder: the version folder.
        system: the material.
        rows: lattice cells along the rows of the training sheets.
        cols: lattice cells along the columns of the training sheets.
        max_cells: most lattice cells (sheets * rows * cols) of one call of the SavedModel.
        energy_range: smallest and largest energy per area of the training data, in the unit of the system.
        latent_channels: Gaussian channels of the latent.
    """

    folder: Path
    system: LatticeSystem
    rows: int
    cols: int
    max_cells: int
    energy_range: tuple[float, float]
    latent_channels: int

    @classmethod
    def load(cls, model_dir: Path | str) -> "SheetModel":
        """Read what a model folder says about the model; its graph is loaded when sheets are first generated.

        Args:
            model_dir: a version folder, or a base folder with numeric version folders, of which the highest
                is taken.

        Raises:
            FileNotFoundError: the folder holds no SavedModel, or no description of it.
            InputError: the description is damaged or incomplete.
        """
        folder = version_folder(Path(model_dir))
        card = read_card(folder / CARD_FILE)
        low, high = card["energy_range"]
        rows, cols, max_cells, channels = (int(card[key]) for key in ("rows", "cols", "max_cells", "latent_channels"))
        system = system_named(card["system"])
        return cls(folder, system, rows, cols, max_cells, (float(low), float(high)), channels)

    @functools.cached_property
    def saved_model(self) -> Any:
        """The SavedModel, which is loaded here."""
        import tensorflow as tf

        try:
            return tf.saved_model.load(str(self.folder))
        except tf.errors.OpError as error:
            raise InputError(f"The model must be a whole SavedModel. Received: {error} in {self.folder}") from error

    def check_request(self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int) -> NDArray[np.float32]:
        """Return the requested energies as float32 (n,), or raise InputError for what cannot be generated."""
        energy = np.asarray(energy_per_area, dtype=np.float64)
        if energy.ndim != 1 or not len(energy):
            raise InputError(f"energy_per_area must have the shape (n,), n >= 1. Received: shape={energy.shape}")
        is_finite = np.abs(energy) <= np.finfo(np.float32).max
        if not is_finite.all():
            raise InputError(f"energy_per_area must be finite. Received: energy_per_area={energy[~is_finite][0]}")
        self.system.validate_size(rows, cols)
        if rows % 2:
            raise InputError(f"rows must be even. Received: rows={rows}")
        if rows * cols > self.max_cells:
            raise InputError(
                f"rows * cols must be at most {self.max_cells}, the limit of this model. "
                f"Received: rows={rows}, cols={cols}"
            )
        if not 0 <= seed <= MAX_SEED:
            raise InputError(f"seed must not be negative, and must fit into 63 bits. Received: seed={seed}")
        return energy.astype(np.float32)

    def generate(self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int = 0) -> NDArray[np.uint8]:
        """Generate one sheet for each requested energy per area.

        The request is split into calls of max(1, max_cells // (rows * cols)) sheets, the first with `seed`, the
        others with seeds derived from it: the same request gives the same sheets.

        Args:
            energy_per_area: (n,), in the unit of the system. What lies outside `energy_range` is warned of on stderr.
            rows: lattice cells, even.
            cols: lattice cells, even.
            seed: not negative.

        Returns:
            uint8 (n, rows, cols).

        Raises:
            InputError: a request that cannot be generated, or that the SavedModel refuses.
        """
        energy = self.check_request(energy_per_area, rows, cols, seed)
        self.warn_outside_range(np.asarray(energy_per_area, dtype=np.float64))
        return np.concatenate(list(self.generated_parts(energy, rows, cols, seed)))

    def obtained_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """Return the energies per area (n,) that the model's EDNN sees; None for a model without one."""
        return self.judged_energies(states) if self.has_ednn else None

    @property
    def has_ednn(self) -> bool:
        """Whether the model can tell energies."""
        return "energy" in self.saved_model.signatures

    def require_ednn(self) -> None:
        """Raise InputError for a model that cannot tell energies."""
        if not self.has_ednn:
            raise InputError(f"The model must be exported with an EDNN inside, --ednn. Received: {self.folder}")

    def judged_energies(self, states: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the energies per area (n,) that the model's EDNN sees.

        Raises:
            InputError: the model has none.
        """
        self.require_ednn()
        size = max(1, self.max_cells // states[0].size)
        parts = [states[start : start + size] for start in range(0, len(states), size)]
        energies = [self.call("energy", states=part)["energy_per_area"] for part in parts]
        return np.concatenate(energies).astype(np.float64)

    def generated_parts(
        self, energy: NDArray[np.float32], rows: int, cols: int, seed: int
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the sheets of one call after another."""
        for part, part_seed in self.parts(energy, rows, cols, seed):
            outputs = self.call(
                "generate",
                energy_per_area=part,
                rows=np.int32(rows),
                cols=np.int32(cols),
                seed=np.int64(part_seed),
            )
            states = self.system.validate_states(outputs["states"])
            if states.shape != (len(part), rows, cols):
                expected = (len(part), rows, cols)
                raise InputError(f"The model must return states {expected}. Received: shape={states.shape}")
            yield states

    def generate_unrepaired(
        self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int = 0, *, calibrated: bool = True
    ) -> NDArray[np.uint8]:
        """Return what the generator itself makes, uint8 (n, rows, cols): the sheets of `generate` before their repair.

        Args:
            energy_per_area: as of `generate`.
            rows: as of `generate`.
            cols: as of `generate`.
            seed: as of `generate`.
            calibrated: as of `generate`; otherwise the generator is asked for the energies as they are.
        """
        from rugan_tf.generate.latent import draw_latent

        energy = self.check_request(energy_per_area, rows, cols, seed)
        size = {"rows": np.int32(rows), "cols": np.int32(cols)}
        sheets = []
        for part, part_seed in self.parts(energy, rows, cols, seed):
            given = self.call("calibrate", energy_per_area=part, **size)["energy_per_area"] if calibrated else part
            drawn = (np.int32(number) for number in (len(part), rows // 2, cols // 2))
            latent = draw_latent(np.int64(part_seed), *drawn, self.latent_channels)
            field = np.broadcast_to(given[:, None, None], latent.shape[:3])
            outputs = self.call("generate_from_latent", latent=latent, energy_per_area=field)
            sheets.append(outputs["probabilities"].argmax(axis=-1).astype(np.uint8))
        return np.concatenate(sheets)

    def parts(
        self, energy: NDArray[np.float32], rows: int, cols: int, seed: int
    ) -> Iterator[tuple[NDArray[np.float32], int]]:
        """Yield the energies of one call after another, each with a seed of its own."""
        size = max(1, self.max_cells // (rows * cols))
        starts = range(0, len(energy), size)
        for call, start in enumerate(tqdm(starts, desc="generating", unit="call", disable=len(starts) == 1)):
            part_seed = seed
            if call:
                part_seed = int(np.random.SeedSequence([seed, call]).generate_state(1, np.uint64)[0] >> 1)
            yield energy[start : start + size], part_seed

    def call(self, name: str, **inputs: Any) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays and return arrays, or raise InputError with what the model says."""
        import tensorflow as tf

        signatures = self.saved_model.signatures
        if name not in signatures:
            raise InputError(f"The model must have the signature {name}. Received: {self.folder}")
        tensors = {key: tf.convert_to_tensor(value) for key, value in inputs.items()}
        try:
            outputs = signatures[name](**tensors)
        except tf.errors.OpError as error:
            raise InputError(f"The model refuses the request: {refusal(error.message)}") from error
        return {key: value.numpy() for key, value in outputs.items()}

    def uncovered(self, energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return those of the energies per area that the training data does not cover."""
        low, high = self.energy_range
        margin = 1e-6 * max(abs(low), abs(high))  # single precision of what was read off the data
        return energy[(energy < low - margin) | (energy > high + margin)]

    def require_covered(self, energy: NDArray[np.float64]) -> None:
        """Raise InputError for requested energies that the training data does not cover."""
        outside, (low, high) = self.uncovered(energy), self.energy_range
        if len(outside):
            unit = self.system.quantity.unit
            raise InputError(
                f"energy_per_area must lie in what the training data covers, {low:.4g} to {high:.4g} "
                f"{unit}. Received: {len(outside)} of {len(energy)} outside, the first {outside[0]:.4g}"
            )

    def warn_outside_range(self, energy: NDArray[np.float64]) -> None:
        """Say on stderr which requested energies the training data does not cover."""
        outside, (low, high) = self.uncovered(energy), self.energy_range
        if len(outside):
            print(
                f"warning: {len(outside)} of {len(energy)} requested energies lie outside what the training "
                f"data covers, {low:.4g} to {high:.4g} {self.system.quantity.unit}. First of them: {outside[0]:.4g}",
                file=sys.stderr,
            )


def refusal(message: str) -> str:
    """Return the line of TensorFlow's message that says what was wrong, without where in the graph."""
    lines = message.splitlines() or [""]
    return next((line for line in lines if "assertion failed" in line), lines[0])


def version_folder(model_dir: Path) -> Path:
    """Return `model_dir` if it holds a SavedModel, else its highest numeric version folder.

    Raises:
        FileNotFoundError: neither is a SavedModel.
    """
    if (model_dir / GRAPH_FILE).is_file():
        return model_dir
    children = model_dir.iterdir() if model_dir.is_dir() else ()
    versions = [child for child in children if child.name.isdecimal() and child.is_dir()]
    newest = max(versions, key=lambda child: int(child.name), default=model_dir)
    if not (newest / GRAPH_FILE).is_file():
        raise FileNotFoundError(f"The model must be a folder that holds {GRAPH_FILE}. Received: {newest}")
    return newest


def read_card(path: Path) -> dict[str, Any]:
    """Read the description of a model.

    Raises:
        FileNotFoundError: there is none.
        InputError: it is no JSON object, or lacks a key.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The model must hold {CARD_FILE}. Received: {path.parents[1]}")
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{CARD_FILE.name} must be JSON. Received: {error} in {path}") from None
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        rule = f"{CARD_FILE.name} must hold {', '.join(CARD_KEYS)}"
        raise InputError(f"{rule}. Received: {path} without {', '.join(missing)}")
    return dict(card)
