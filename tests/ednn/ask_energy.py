"""Load an EDNN without the package that wrote it: ask_energy.py FOLDER STATES.npy OUT.npy."""

import sys

import numpy as np
import tensorflow as tf


def main(folder, states_path, out):
    states = tf.constant(np.load(states_path))
    np.save(out, tf.saved_model.load(folder).signatures["energy"](states=states)["energy"].numpy())
    print("rugan_tf imported:", "rugan_tf" in sys.modules)  # keras is imported by TensorFlow itself


if __name__ == "__main__":
    main(*sys.argv[1:])
