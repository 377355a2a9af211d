"""`python -m rugan_tf.serve`: an embedded server of the TensorFlow Serving protocol."""

import dataclasses
import logging
import re
import sys
from collections.abc import Sequence

from rugan_tf.config import Command, run_command
from rugan_tf.extras import require_extra
from rugan_tf.serve.options import ServeOptions, without_meaning


def serve(options: ServeOptions) -> None:
    """Serve until told to end."""
    # Before anything else is looked for: with what is missing here nothing of it could be served.
    require_extra("serve")
    from rugan_tf.serve.before_start import require_startable

    require_startable(options)
    from rugan_tf.serve.server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("tensorflow").setLevel(logging.WARNING)  # it tells of every file that it restores
    serve(options)


def plain_switches(args: Sequence[str]) -> list[str]:
    """Return arguments in which `--switch=true` and `--switch=false`, as TensorFlow Serving takes them, stand bare.

    >>> plain_switches(["--enable_grpc_healthcheck_service=true", "--port=8500"])
    ['--enable_grpc_healthcheck_service', '--port=8500']
    """
    switches = {field.name for field in dataclasses.fields(ServeOptions) if field.type is bool}

    def plain(word: str) -> str:
        found = re.fullmatch(r"--([\w-]+)=(true|1|false|0)", word)
        if found is None or found[1].replace("-", "_") not in switches:
            return word
        return f"--{found[1]}" if found[2] in ("true", "1") else f"--no-{found[1]}"

    return [plain(word) for word in args]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    description = "Serve SavedModels by the protocol of TensorFlow Serving: development, tests, laptops."
    given, dropped = without_meaning(sys.argv[1:] if args is None else args)
    for name in dropped:
        print(f"rugan serve: --{name} changes nothing here; TensorFlow Serving has it", file=sys.stderr)
    given = plain_switches(given)
    return run_command("rugan serve", Command(ServeOptions, serve, description), given)


if __name__ == "__main__":
    sys.exit(main())
