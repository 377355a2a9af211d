"""The model of the contract tests, and the configuration to serve it by, for any server.

    python tests/serve/steady_model.py FOLDER [FOLDER_AS_THE_SERVER_SEES_IT]

writes FOLDER/steady/1 and FOLDER/models.config; the docstring of test_serving_contract.py says what to do with them.
"""

import runpy
import sys
from pathlib import Path

import keras
import numpy as np

from rugan_tf.export.saved_model import export_run

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
