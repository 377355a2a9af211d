"""Checkpoints: everything that a training needs to go on as if it had not been interrupted, as one .npz each."""

import dataclasses
import os
import re
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rugan_tf import files
from rugan_tf.errors import InputError
from rugan_tf.train.rugan import RUGAN

LISTED = 5  # differences; a wrong width makes hundreds
WEIGHTS = "model-"  # names of what belongs to the model itself
NAME = re.compile(r"checkpoint-(\d{8})\.npz")


@dataclasses.dataclass(frozen=True)
class CheckpointFolder:
    """The newest checkpoints of a run.

    Attributes:
        path: the folder.
        keep: how many are kept.
    """

    path: Path
    # Two: the newest may turn out to be damaged when it is needed.
    keep: int = 2

    def write(self, model: RUGAN, num_updates: int) -> Path:
        """Write the state of `model` after `num_updates` generator updates, then remove the oldest checkpoints.

        Raises:
            OSError: it does not fit on the disk; the checkpoints before it are as they were.
        """
        arrays: dict[str, Any] = {name: np.asarray(variable) for name, variable in state_variables(model).items()}
        arrays["num_updates"] = np.array(num_updates)
        target = self.path / f"checkpoint-{num_updates:08d}.npz"
        for unfinished in self.path.glob(".checkpoint-*.npz"):  # of a run that was killed while writing
            unfinished.unlink()
        try:
            with files.replacing(target) as temporary:
                np.savez(temporary, **arrays)
                with temporary.open("rb+") as written:
                    os.fsync(written.fileno())  # on the disk before its name is: the machine may be taken away
        except OSError as error:
            raise OSError(
                f"A checkpoint must be written to go on. Received: {error} at update {num_updates}; "
                f"last good checkpoint: {self.last_good()}"
            ) from error
        # Only now: until the new one is whole, the old ones are all there is.
        for _, old in self.newest_first()[self.keep :]:
            old.unlink()
        return target

    def newest_first(self) -> list[tuple[int, Path]]:
        """Return (num_updates, path) of every checkpoint, newest first."""
        found = ((NAME.fullmatch(path.name), path) for path in self.path.glob("checkpoint-*.npz"))
        return sorted(((int(match[1]), path) for match, path in found if match), reverse=True)

    def last_good(self) -> str:
        """Return the path of the newest checkpoint as text, "none" where there is none."""
        return next((str(path) for _, path in self.newest_first()), "none")

    def restore(self, model: RUGAN) -> int:
        """Set the state of `model` to the newest checkpoint that is whole; return its number of updates.

        A run that ended before its first checkpoint begins at 0.

        Raises:
            InputError: there are checkpoints and none is whole, or one belongs to another model.
        """
        if not self.newest_first():
            print(f"{self.path} holds no checkpoint yet: beginning at update 0", file=sys.stderr)
            return 0
        num_updates, path, arrays = self.newest_whole()
        assign(state_variables(model), arrays, path)
        return num_updates

    def restore_weights(self, model: RUGAN) -> int:
        """Set the weights and averages of `model` to those of the newest whole checkpoint; return its updates.

        Optimisers and random streams begin anew: this is the beginning of another training.

        Raises:
            InputError: there is no whole checkpoint, or one of other networks.
        """
        num_updates, path, arrays = self.newest_whole()
        variables = {name: variable for name, variable in state_variables(model).items() if is_weight(name, variable)}
        streams = {name for name, variable in state_variables(model).items() if not is_weight(name, variable)}
        # The states of optimisers depend on how rates change, which is the new training's own.
        held = {name: array for name, array in arrays.items() if name.startswith(WEIGHTS) and name not in streams}
        assign(variables, held, path)
        return num_updates

    def newest_whole(self) -> tuple[int, Path, dict[str, Any]]:
        """Return number of updates, path and arrays of the newest checkpoint that is whole.

        Raises:
            InputError: there is none.
        """
        # No pickles: a checkpoint that somebody sends must not be able to run code.
        for num_updates, path in self.newest_first():
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                    return num_updates, path, {name: archive[name] for name in archive.files}
            except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
                print(f"{path} is damaged ({error}): going back to the checkpoint before it", file=sys.stderr)
        raise InputError(f"A run goes on from a whole checkpoint. Received: none in {self.path}")


def is_weight(name: str, variable: keras.Variable) -> bool:
    """Return whether a variable of the state is a weight or an average, not a random stream or an optimiser's."""
    return name.startswith(WEIGHTS) and keras.backend.is_float_dtype(variable.dtype)


def state_variables(model: RUGAN) -> dict[str, keras.Variable]:
    """Return every variable that training changes: networks, average, random streams, optimisers.

    Trackers begin anew after every checkpoint.
    """
    groups = {
        "model": model.variables,
        "critic_optimizer": model.critic_optimizer.variables,
        "generator_optimizer": model.generator_optimizer.variables,
    }
    return {
        f"{group}-{index:04d}": variable for group, members in groups.items() for index, variable in enumerate(members)
    }


def assign(variables: dict[str, keras.Variable], arrays: dict[str, Any], path: Path) -> None:
    """Assign the arrays of a checkpoint to variables of the same names.

    Raises:
        InputError: names or shapes differ.
    """
    # All are compared before any is set: half a checkpoint would train on without a word.
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    received = {name: array.shape for name, array in arrays.items() if name != "num_updates"}
    differing = sorted(name for name in {*expected, *received} if expected.get(name) != received.get(name))
    if differing:
        listed = ", ".join(
            f"{name} has the shape {received.get(name)} instead of {expected.get(name)}" for name in differing[:LISTED]
        )
        more = f" and {len(differing) - LISTED} more differ" if len(differing) > LISTED else ""
        raise InputError(
            f"A checkpoint must be of the same networks and optimisers. Received: {path}, where {listed}{more}"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
