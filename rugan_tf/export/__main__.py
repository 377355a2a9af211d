"""`python -m rugan_tf.export`: a SavedModel for TensorFlow Serving from a run folder."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from rugan_tf.config import Command, run_command


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """Write the averaged generator of a run as a SavedModel."""

    run_dir: Path
    """Run folder of `rugan train`."""
    out: Path
    """Base folder; the next version number below it is written."""
    max_cells: int = 2**22
    """Largest batch * rows * cols that one request may ask for; about 1 KiB of memory per cell at width 32."""


def export(options: ExportOptions) -> None:
    """Export, and say where."""
    from rugan_tf.export.saved_model import export_run

    version = export_run(options.run_dir, options.out, options.max_cells)
    print(
        f"{version}: signatures generate (serving_default), generate_from_latent\n"
        f"next: python -m rugan_tf.generate --model {options.out} --energy-per-area -2.6 --rows 28 --cols 32 "
        "--num-sheets 4 --out sheets.extxyz"
    )


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    return run_command("rugan export", Command(ExportOptions, export, "Export a SavedModel."), args)


if __name__ == "__main__":
    sys.exit(main())
