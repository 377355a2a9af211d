"""`python -m rugan_tf.client`: ask a server for the versions that it has, or for sheets."""

import sys
from collections.abc import Sequence

from rugan_tf.config import run_command
from rugan_tf.serve.client.commands import COMMANDS


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    return run_command("rugan client", COMMANDS, args)


if __name__ == "__main__":
    sys.exit(main())
