"""Ask signatures of a SavedModel, and write what they answer. Needs tensorflow and numpy alone, of any version.

    python answer_signatures.py VERSION_FOLDER ASKED.npz ANSWERED.npz

Arrays are called SIGNATURE/NAME in both files.
"""

import pathlib
import sys

import numpy as np
import tensorflow as tf


def main(folder, asked, answered):
    """Read, ask, write."""
    signatures, answers = tf.saved_model.load(folder).signatures, {}
    with np.load(asked, allow_pickle=False) as content:
        inputs = {key: content[key] for key in content.files}
    for name in sorted({key.partition("/")[0] for key in inputs}):
        own = {key.partition("/")[2]: tf.constant(value) for key, value in inputs.items() if key.startswith(f"{name}/")}
        answers |= {f"{name}/{key}": value.numpy() for key, value in signatures[name](**own).items()}
    np.savez(pathlib.Path(answered), **answers)
    print(f"TensorFlow {tf.__version__} answered {len(answers)} arrays")


if __name__ == "__main__":
    main(*sys.argv[1:])
