"""A client of TensorFlow Serving, or of the embedded server: `python -m rugan_tf.serve.client`."""

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf import files
from rugan_tf.config import Command, run_command
from rugan_tf.errors import InputError
from rugan_tf.serve.connection import Connection, open_channel, why_unreachable
from rugan_tf.serve.tensors import fill_proto, from_proto
from rugan_tf.serve.wire import GET_MODEL_METADATA, GET_MODEL_STATUS, PREDICT, STATES, message
from rugan_tf.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    import ase

    from rugan_tf.systems.system import LatticeSystem

FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0  # s, between attempts


class Client:
    """Asks a model for sheets and energies.

    A request is repeated, with growing pauses, only while the server is UNAVAILABLE and there is time left. TensorFlow
    is not needed.

    Args:
        connection: where the server is.

    Raises:
        OSError: a certificate file is missing.
        InputError: it does not hold what it should.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.channel = open_channel(connection)

    def __enter__(self) -> "Client":
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the channel."""
        self.channel.close()

    def call(self, method: Callable[..., Any], request: Any) -> Any:
        """Call a method, again while the server is unavailable.

        Raises:
            ConnectionError: the server stayed unavailable, or was too slow; the cause is told where it can be found.
            InputError: the server refuses the request; its code and message are told.
        """
        import grpc

        token = self.connection.token
        metadata = None if token is None else (("authorization", f"Bearer {token}"),)
        deadline, wait, cause = time.monotonic() + self.connection.timeout, FIRST_WAIT, ""
        while True:
            try:
                return method(request, timeout=max(0.001, deadline - time.monotonic()), metadata=metadata)
            except grpc.RpcError as error:
                code, details = error.code(), error.details()
                if code == grpc.StatusCode.UNAVAILABLE:
                    cause = details
                    if time.monotonic() + wait < deadline and "CERTIFICATE" not in details:  # which no waiting mends
                        time.sleep(wait)
                        wait = min(2 * wait, LONGEST_WAIT)
                        continue
                if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    found = why_unreachable(self.connection) if cause else ""
                    raise ConnectionError(
                        f"{self.connection.server} must answer within {self.connection.timeout:g} s. "
                        f"Received: {code.name}, {found or cause or details}"
                    ) from error
                raise InputError(f"The server refuses the request. Received: {code.name}, {details}") from error

    def ask(self, method: str, request: Any, response: str) -> Any:
        """Send a message to a method, and return its answer, a message of the name `response`."""
        kind = message(response)
        return self.call(self.channel.unary_unary(method, type(request).SerializeToString, kind.FromString), request)

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays of its dtypes, and return arrays."""
        request = message("PredictRequest")()
        request.model_spec.name, request.model_spec.signature_name = self.connection.model_name, signature
        for name, value in inputs.items():
            fill_proto(request.inputs[name], np.asarray(value), as_content=True)
        response = self.ask(PREDICT, request, "PredictResponse")
        return {name: np.array(from_proto(name, tensor)) for name, tensor in response.outputs.items()}

    def generate(
        self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int = 0
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        """Return sheets, uint8 (n, rows, cols), and the energies per area (n,) that the model's EDNN sees.

        Args:
            energy_per_area: requested, (n,), in the unit of the system.
            rows: lattice cells, even.
            cols: lattice cells, even.
            seed: not negative.
        """
        states, told = self.generate_by({"energy_per_area": energy_per_area}, rows, cols, seed)
        return states, told.get("energy_per_area")

    def generate_by(
        self, conditions: Mapping[str, ArrayLike], rows: int, cols: int, seed: int = 0
    ) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float32]]]:
        """Return sheets, uint8 (n, rows, cols), and what they have of each condition that the model can tell, (n,).

        Args:
            conditions: requested by name, (n,) each, in the units of the model's card.
            rows: as of `generate`.
            cols: as of `generate`.
            seed: as of `generate`.
        """
        asked = {name: np.asarray(values, np.float32) for name, values in conditions.items()}
        size: dict[str, Any] = {"rows": np.int32(rows), "cols": np.int32(cols), "seed": np.int64(seed)}
        answer = self.predict("generate", **asked, **size)
        return answer.pop("states"), answer

    def structures(
        self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int = 0, system: str = DEFAULT_SYSTEM
    ) -> list["ase.Atoms"]:
        """Return the sheets of `generate` as atoms, with the energies per area requested and obtained in `info`.

        Args:
            energy_per_area: as of `generate`.
            rows: as of `generate`.
            cols: as of `generate`.
            seed: as of `generate`.
            system: the material that the model makes.
        """
        from rugan_tf.systems.named import system_named

        material, requested = system_named(system), np.asarray(energy_per_area, np.float32)
        states, obtained = self.generate(requested, rows, cols, seed)
        structures = [material.structure(sheet) for sheet in states]
        for index, structure in enumerate(structures):
            structure.info["energy_per_area_requested"] = float(requested[index])
            if obtained is not None:
                structure.info["energy_per_area_obtained"] = float(obtained[index])
        return structures

    def energy(self, states: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return energies (n,) and energies per area (n,), of states (n, rows, cols)."""
        answer = self.predict("energy", states=np.asarray(states, np.uint8))
        return answer["energy"], answer["energy_per_area"]

    def generate_from_latent(self, latent: ArrayLike, energy_per_area: ArrayLike) -> NDArray[np.float32]:
        """Return probabilities (n, 2h, 2w, states) of latents (n, h, w, channels) and a map (n, h, w) of energies."""
        latent, field = np.asarray(latent, np.float32), np.asarray(energy_per_area, np.float32)
        return self.predict("generate_from_latent", latent=latent, energy_per_area=field)["probabilities"]

    def latent_channels(self) -> int:
        """Return the Gaussian channels of the model's latent, as its metadata tell."""
        request = message("GetModelMetadataRequest")(metadata_field=["signature_def"])
        request.model_spec.name = self.connection.model_name
        packed = self.ask(GET_MODEL_METADATA, request, "GetModelMetadataResponse").metadata["signature_def"]
        signatures = message("SignatureDefMap").FromString(packed.value).signature_def
        return signatures["generate_from_latent"].inputs["latent"].tensor_shape.dim[3].size

    def status(self) -> dict[int, str]:
        """Return the state of every version, and the error of those that could not be served."""
        request = message("GetModelStatusRequest")()
        request.model_spec.name = self.connection.model_name
        entries = self.ask(GET_MODEL_STATUS, request, "GetModelStatusResponse").model_version_status
        return {
            entry.version: f"{STATES.get(entry.state, 'UNKNOWN')} {entry.status.error_message}".rstrip()
            for entry in entries
        }


@dataclasses.dataclass(frozen=True)
class StatusOptions(Connection):
    """Tell the state of every version of a model."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerateOptions(Connection):
    """Ask for sheets at a requested energy per area, and write them."""

    energy_per_area: tuple[float, ...] = ()
    """Requested energy per area, in the unit of the system: one value, or one for each sheet."""
    condition: tuple[str, ...] = ()
    """Instead of it: NAME=VALUE of every condition of the model, or NAME=VALUE,VALUE,... for several sheets."""
    out: Path
    """File to write; its suffix names the format, as for `rugan generate`."""
    rows: int = 14
    """Lattice cells along the rows, even."""
    cols: int = 16
    """Lattice cells along the columns, even."""
    size: tuple[str, ...] | None = None
    """Instead of rows and cols: lengths along x and y, or one for both, as 100 (Å), 100nm, 1um."""
    num_sheets: int | None = None
    """Number of sheets; as many as there are energies, or values of a condition, unless said otherwise."""
    seed: int = 0
    """Seed of the random numbers."""
    system: str = DEFAULT_SYSTEM
    """Material that the model makes, by its name or, of your own, FILE.toml or package.module:Class."""
    tile: int | None = None
    """Ask for a large sheet in tiles of so many cells a side, so that no request is larger; whole unless given."""
    overwrite: bool = False
    """Replace a file that exists."""

    @property
    def is_streamed(self) -> bool:
        """Whether tiles go to the disk as they come."""
        return self.out.suffix == ".zarr" and self.tile is not None

    def cells(self, system: "LatticeSystem") -> tuple[int, int]:
        """Return rows and columns, and say them where they are the nearest to a size."""
        from rugan_tf.generate.cells import nearest_cells

        return (self.rows, self.cols) if self.size is None else nearest_cells(system, self.size)


def status(options: StatusOptions) -> None:
    """Print the states."""
    with Client(options) as client:
        for number, state in client.status().items():
            print(f"{options.model_name} version {number}: {state}")


def generate(options: GenerateOptions) -> None:
    """Ask, write, say where."""
    from rugan_tf.generate.served import asked_for, judged_by, write_answer
    from rugan_tf.generate.tiled import tiled_sheet
    from rugan_tf.generate.writers import target_paths
    from rugan_tf.systems.named import system_named

    asked = asked_for(options.energy_per_area, options.condition, options.num_sheets)
    number = len(next(iter(asked.values())))
    paths = target_paths(options.out, number)
    # A stream looks at its folder itself, since it may go on there.
    if not (options.is_streamed and options.out.is_dir()):
        files.require_absent(*paths, overwrite=options.overwrite)
    if options.tile is not None and (number > 1 or options.condition):
        what = f"{number} sheet{'' if number == 1 else 's'} of {', '.join(asked)}"
        raise InputError(f"Tiles make one sheet, by its energy. Received: {what} with --tile")
    system = system_named(options.system)
    size = options.cells(system)
    with Client(options) as client:
        if options.is_streamed:
            stream(client, system, size, options)
            return
        if options.tile is None:
            states, told = client.generate_by(asked, *size, options.seed)
        else:
            energy = float(np.float32(options.energy_per_area[0]))  # what a whole sheet would be asked for
            place: dict[str, Any] = {"rows": size[0], "cols": size[1], "seed": options.seed, "tile": options.tile}
            states = tiled_sheet(client, energy, system=system, **place)[None]
            told = judged_by(client, states)
    facts = {"energy": f"requested of {options.model_name} at {options.server}, not computed"}
    for line in write_answer(options.out, system, asked, states, told, facts):
        print(line)


def stream(client: Client, system: "LatticeSystem", size: tuple[int, int], options: GenerateOptions) -> None:
    """Ask for tiles and write each at once, going on with what the same command has begun."""
    from rugan_tf.generate.large import served_stream, stream_sheets, summary
    from rugan_tf.generate.streaming import InThisProcess

    # A sheet that one version began must not be gone on with by another.
    versions = [number for number, state in client.status().items() if state == "AVAILABLE"]
    wanted = served_stream(
        client, system, options.energy_per_area[0], rows=size[0], cols=size[1], seed=options.seed,
        piece=options.tile or max(size), name=f"{options.model_name} version {max(versions, default=0)}",
    )  # fmt: skip
    for line in summary(stream_sheets(wanted, options.out, InThisProcess(), overwrite=options.overwrite)):
        print(line)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    commands = {
        "status": Command(StatusOptions, status, "Tell the state of every version of a model."),
        "generate": Command(GenerateOptions, generate, "Ask for sheets, and write them."),
    }
    return run_command("python -m rugan_tf.serve.client", commands, args)


if __name__ == "__main__":
    sys.exit(main())
