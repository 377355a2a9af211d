"""Answer requests by a SavedModel, without the package that wrote it.

ask_model.py FOLDER REQUESTS.npz OUT.npz
"""

import sys

import numpy as np
import tensorflow as tf


def main(folder, requests_path, out):
    loaded = tf.saved_model.load(folder)
    with np.load(requests_path) as requests:
        energy_per_area, sizes, seed = requests["energy_per_area"], requests["sizes"], requests["seed"]
        latent, field = requests["latent"], requests["field"]
    answers = {
        f"states_{rows}x{cols}": loaded.signatures["generate"](
            energy_per_area=tf.constant(energy_per_area),
            rows=tf.constant(rows, tf.int32),
            cols=tf.constant(cols, tf.int32),
            seed=tf.constant(seed, tf.int64),
        )["states"]
        for rows, cols in sizes.tolist()
    }
    from_latent = loaded.signatures["generate_from_latent"]
    answer = from_latent(latent=tf.constant(latent), energy_per_area=tf.constant(field))
    answers["probabilities"] = answer["probabilities"]
    np.savez(out, **{name: answer.numpy() for name, answer in answers.items()})
    print("rugan_tf imported:", "rugan_tf" in sys.modules)  # keras is imported by TensorFlow itself


if __name__ == "__main__":
    main(*sys.argv[1:])
