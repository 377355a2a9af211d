"""The model of the contract tests, and the configuration to serve it by, for any server.

    python tests/serve/steady_model.py FOLDER [FOLDER_AS_THE_SERVER_SEES_IT]

writes FOLDER/steady/1 and FOLDER/models.config; the docstring of test_serving_contract.py says what to do with them.
"""

import dataclasses
import runpy
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from rugan_tf.export.saved_model import export_run
from rugan_tf.saved.ednn_card import read_ednn_card, write_ednn_card
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.saved.model_card import read_run_card, write_run_card
from rugan_tf.systems.named import system_named

MAX_CELLS = 300_000  # an answer of generate_from_latent may exceed the 4 MiB at which gRPC clients stop by themselves


def write_version(folder):
    """Export an untrained generator with an energy model that counts atoms; return the version folder."""
    made = runpy.run_path(str(Path(__file__).parents[1] / "export" / "untrained_run.py"))
    run_dir = made["write_run"](folder / "run", period=(1, 2), window=(14, 16))  # sees further than any other
    open_holes(run_dir / "model" / "generator.keras")
    judge = made["write_counting_energy"](folder / "judge" / "1")
    return export_run(run_dir, folder / "steady", MAX_CELLS, judge)


def open_holes(path):
    """Let a generator that prefers full cells leave some empty, so that sheets differ from one another."""
    generator = keras.saving.load_model(path, compile=False)
    kernel = generator.convolution.kernel
    kernel.assign(3.0 * np.asarray(kernel))
    generator.save(path)


def write_bare_version(folder):
    """Export the generator of `write_version`, called before, without an energy model; return the version folder."""
    return export_run(folder / "run", folder / "bare", MAX_CELLS)


def write_mapped_version(folder):
    """Export the generator of `write_version` as if it had learnt from maps, with corrections; return the folder."""
    card = read_run_card(folder / "run")
    maps = runpy.run_path(str(Path(__file__).parents[1] / "generate" / "map_statistics.py"))["statistics"](noise=0.02)
    scale = LabelScale(-0.8, 0.05)  # eV/Å²: sheets of counted atoms, 2 Å² a cell, have between -1 and 0
    maps = dataclasses.replace(maps, energies=(-0.9, -0.6), spectrum=((0.5, -3.0, 6.0), (2.0, -12.0, 24.0)))
    told = dataclasses.replace(card, label_scale=scale, energy_range=(-1.0, -0.2), map_statistics=maps)
    (folder / "mapped_run" / "model").mkdir(parents=True)
    write_run_card(folder / "mapped_run", told)
    shutil.copy(folder / "run" / "model" / "generator.keras", folder / "mapped_run" / "model")
    judge = write_places(folder / "judge_of_places" / "1", folder / "judge" / "1")
    return export_run(folder / "mapped_run", folder / "mapped", MAX_CELLS, judge, feedback=2)


class CountingPlaces(tf.Module):
    """The energies of `CountingEnergy`, which gives a cell 2 Å², place by place as well."""

    def __init__(self, counting):
        super().__init__()
        self.counting = counting
        self.scale = system_named("porous_graphene").extent(1, 2) / 4.0

    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.uint8, "states")], autograph=False)
    def energy(self, states):
        return self.counting.signatures["energy"](states=states)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 4], tf.float32, "encoding")], autograph=False)
    def local_energy(self, encoding):
        atoms = tf.einsum("brcs,s->brc", encoding, tf.constant([0.0, 1.0, 1.0, 2.0]))
        return {"energy": -self.scale * (atoms[:, :, ::2] + atoms[:, :, 1::2])}  # tiles of one row and two columns


def write_places(folder, counting):
    """Write it as a SavedModel, from the one without places."""
    module = CountingPlaces(tf.saved_model.load(str(counting)))
    tf.saved_model.save(module, str(folder), {"energy": module.energy, "local_energy": module.local_energy})
    write_ednn_card(folder, read_ednn_card(counting))
    return folder


def config_of(base, *more):
    """Return the text of a ModelServerConfig: `steady` with a label, and other models by name."""
    others = "\n".join(f'config {{ name: "{name}" base_path: "{base}/{name}" }}' for name in more)
    return f"""model_config_list {{
      config {{
        name: "steady" base_path: "{base}/steady" model_platform: "tensorflow"
        version_labels {{ key: "stable" value: 1 }}
      }}
      {others}
    }}"""


def main(folder, seen_as=None):
    """Write both."""
    folder = Path(folder).absolute()
    version = write_version(folder)
    (folder / "models.config").write_text(config_of(seen_as or folder))
    print(f"{version} and {folder / 'models.config'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
