"""Does a copy of an exported model give the sheets that it gave when it was exported? Needs tensorflow and numpy alone.

    python serving/check_golden.py VERSION_FOLDER

The seed decides the sheets. Other processors may round a probability the other way where two states are as likely, so
up to one cell in a thousand may differ; more is another model, or another TensorFlow that computes differently.
"""

import contextlib
import os
import pathlib
import sys

import numpy as np

MOST_DIFFERING = 0.001  # share of the cells


def main(folder: str) -> int:
    """Compare, say what was found, return the exit code."""
    with contextlib.suppress(ImportError):
        import rugan_tf  # noqa: F401 - where it is, TensorFlow starts without its start-up lines

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    with np.load(pathlib.Path(folder, "assets.extra", "golden.npz"), allow_pickle=False) as golden:
        expected = golden["states"]
        inputs = {name: tf.constant(golden[name]) for name in golden.files if name != "states"}
    states = tf.saved_model.load(folder).signatures["generate"](**inputs)["states"].numpy()
    if states.shape != expected.shape:
        print(f"The sheets must be of the shape {expected.shape}. Received: {states.shape}")
        return 1
    share = float((states != expected).mean())
    print(f"{folder}: {len(states)} sheets of seed {int(inputs['seed'])}, {share:.4%} of the cells differ")
    return int(share > MOST_DIFFERING)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
