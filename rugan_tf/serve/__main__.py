"""`python -m rugan_tf.serve`: an embedded server of the TensorFlow Serving protocol."""

import logging
import sys
from collections.abc import Sequence

from rugan_tf.config import Command, run_command
from rugan_tf.serve.options import ServeOptions


def serve(options: ServeOptions) -> None:
    """Serve until told to end."""
    from rugan_tf.serve.server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serve(options)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    description = "Serve SavedModels by the protocol of TensorFlow Serving: development, tests, laptops."
    return run_command("rugan serve", Command(ServeOptions, serve, description), args)


if __name__ == "__main__":
    sys.exit(main())
