"""`python -m rugan_tf.density_of_states`: densities of states of sheets of any size."""

import sys
from collections.abc import Sequence

from rugan_tf.config import Command, run_command
from rugan_tf.density_of_states.options import DensityOptions


def compute(options: DensityOptions) -> None:
    """Compute, write, and say what was found."""
    from rugan_tf.density_of_states.calculation import density_of_sheets

    density_of_sheets(options)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    command = Command(DensityOptions, compute, "Compute densities of states of planar sheets of any size.")
    return run_command("rugan density_of_states", command, args)


if __name__ == "__main__":
    sys.exit(main())
