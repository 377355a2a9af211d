"""`python -m rugan_tf.sample`: Monte Carlo of sheets near an energy, or at temperatures."""

import sys
from collections.abc import Sequence

from rugan_tf.config import Command, run_command
from rugan_tf.sample.options import CanonicalOptions, WindowOptions


def sample(options: WindowOptions | CanonicalOptions) -> None:
    """Sample, write, and say what was found."""
    # Here: TensorFlow takes seconds to start, and --help needs none of it.
    from rugan_tf.sample.sampling import sample_sheets

    sample_sheets(options)


COMMANDS = {
    "window": Command(WindowOptions, sample, "Sample sheets near an energy per area, equal energies equally likely."),
    "canonical": Command(CanonicalOptions, sample, "Sample sheets at temperatures, by Boltzmann's probability."),
}


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    return run_command("rugan sample", COMMANDS, args)


if __name__ == "__main__":
    sys.exit(main())
