"""Streams a preset sheet into a Zarr folder, so slowly that it can be killed: python stream_slowly.py FOLDER."""

import sys
import time
from pathlib import Path

import numpy as np
from preset_sheet import PresetMap, PresetModel

from rugan_tf.generate.finishing import Finishing
from rugan_tf.generate.regions import SheetRequest
from rugan_tf.generate.streaming import InThisProcess, Stream, open_or_create, stream_to_zarr
from rugan_tf.systems.named import system_named

ROWS, COLS = 1030, 1036  # 3x3 chunks, the last of them slivers


class SlowModel(PresetModel):
    """Takes a while for each piece."""

    def predict(self, signature, latent, energy_per_area):
        time.sleep(0.2)
        return super().predict(signature, latent, energy_per_area)


def preset_states(seed=0):
    """Return states that are full but for some rectangles, uint8 (ROWS, COLS)."""
    rng = np.random.default_rng(seed)
    states = np.full((ROWS, COLS), 3, np.uint8)
    for row, col, rows, cols in rng.integers((0, 0, 2, 2), (ROWS, COLS, 30, 30), (1500, 4)):
        states[row : row + rows, col : col + cols] = 0
    return states


def preset_stream(model, seed=0, energy=None):
    """Return the sheet as a stream."""
    request = SheetRequest(condition_map=PresetMap(preset_states(seed)), rows=ROWS, cols=COLS, reach=(3, 5))
    finishing = Finishing(system=system_named("porous_graphene"), energy=energy)
    return Stream(model=model, finishing=finishing, requests=[request], piece=512, told={"seed": seed})


def main(path, model):
    """Begin or go on."""
    stream = preset_stream(model)
    stream_to_zarr(stream, open_or_create(path, stream, overwrite=False), InThisProcess())


if __name__ == "__main__":
    main(Path(sys.argv[1]), SlowModel())
