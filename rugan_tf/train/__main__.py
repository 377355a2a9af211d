"""`python -m rugan_tf.train`: train RUGAN by a preset, quick, cpu or paper."""

import sys
from collections.abc import Sequence

from rugan_tf import files
from rugan_tf.config import Command, run_command
from rugan_tf.train.options import PRESETS, TrainOptions


def train(options: TrainOptions) -> None:
    """Train; TensorFlow is imported only now."""
    files.require_present(options.data)
    from rugan_tf.train import run
    from rugan_tf.train.checkpoints import CheckpointFolder
    from rugan_tf.train.interruption import told_how_to_go_on

    with told_how_to_go_on(options.run_dir, CheckpointFolder(options.run_dir / "checkpoints").last_good):
        run.train(options)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    commands = {name: Command(options, train, description) for name, (options, description) in PRESETS.items()}
    return run_command("rugan train", commands, args)


if __name__ == "__main__":
    sys.exit(main())
