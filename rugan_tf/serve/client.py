"""A client of TensorFlow Serving, or of the embedded server: `python -m rugan_tf.serve.client`."""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rugan_tf import files
from rugan_tf.config import Command, run_command
from rugan_tf.errors import InputError
from rugan_tf.systems.named import DEFAULT_SYSTEM

if TYPE_CHECKING:
    import ase

FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0  # s, between attempts
CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.lb_policy_name", "round_robin"),  # over all addresses that the name of the server has
]


@dataclasses.dataclass(frozen=True)
class Connection:
    """Where a server is, and how to speak with it."""

    server: str = "localhost:8500"
    """Address of gRPC, host:port."""
    model_name: str = DEFAULT_SYSTEM
    """Name of the model."""
    timeout: float = 60.0
    """Time for an answer, retries included, s."""
    ca_file: Path | None = None
    """Certificate of the authority, PEM: speak TLS."""
    cert_file: Path | None = None
    """Certificate of this client, PEM, where the server verifies clients."""
    key_file: Path | None = None
    """Key of that certificate, PEM."""
    token: str | None = None
    """Sent as `authorization: Bearer TOKEN`, for a proxy in front of the server."""


class Client:
    """Asks a model for sheets and energies.

    A request is repeated, with growing pauses, only while the server is UNAVAILABLE and there is time left.

    Args:
        connection: where the server is.

    Raises:
        OSError: a certificate file is missing.
    """

    def __init__(self, connection: Connection) -> None:
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        self.connection = connection
        if connection.ca_file is None:
            self.channel = grpc.insecure_channel(connection.server, CHANNEL_OPTIONS)
        else:
            pems = (connection.ca_file, connection.key_file, connection.cert_file)
            read = [None if path is None else path.read_bytes() for path in pems]
            self.channel = grpc.secure_channel(connection.server, grpc.ssl_channel_credentials(*read), CHANNEL_OPTIONS)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)

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
            ConnectionError: the server stayed unavailable, or was too slow.
            InputError: the server refuses the request; its code and message are told.
        """
        import grpc

        token = self.connection.token
        metadata = None if token is None else (("authorization", f"Bearer {token}"),)
        deadline, wait = time.monotonic() + self.connection.timeout, FIRST_WAIT
        while True:
            try:
                return method(request, timeout=max(0.001, deadline - time.monotonic()), metadata=metadata)
            except grpc.RpcError as error:
                code, details = error.code(), error.details()
                if code == grpc.StatusCode.UNAVAILABLE and time.monotonic() + wait < deadline:
                    time.sleep(wait)
                    wait = min(2 * wait, LONGEST_WAIT)
                    continue
                if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise ConnectionError(
                        f"{self.connection.server} must answer within {self.connection.timeout:g} s. "
                        f"Received: {code.name}, {details}"
                    ) from error
                raise InputError(f"The server refuses the request. Received: {code.name}, {details}") from error

    def predict(self, signature: str, **inputs: ArrayLike) -> dict[str, NDArray[Any]]:
        """Call a signature with arrays of its dtypes, and return arrays."""
        from tensorflow_serving.apis import predict_pb2

        from rugan_tf.serve.tensors import from_proto, to_proto

        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self.connection.model_name, signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(to_proto(np.asarray(value), as_content=True))
        response = self.call(self.prediction.Predict, request)
        return {name: np.array(from_proto(name, tensor)) for name, tensor in response.outputs.items()}

    def generate(
        self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int = 0
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        """Return sheets, uint8 (n, rows, cols), and the energies per area (n,), eV/Å², that the model's EDNN sees.

        Args:
            energy_per_area: requested, (n,), eV/Å².
            rows: lattice cells, even.
            cols: lattice cells, even.
            seed: not negative.
        """
        answer = self.predict(
            "generate",
            energy_per_area=np.asarray(energy_per_area, np.float32),
            rows=np.int32(rows),
            cols=np.int32(cols),
            seed=np.int64(seed),
        )
        return answer["states"], answer.get("energy_per_area")

    def structures(
        self, energy_per_area: ArrayLike, rows: int, cols: int, seed: int = 0, system: str = DEFAULT_SYSTEM
    ) -> list["ase.Atoms"]:
        """Return the sheets of `generate` as atoms, with the energies per area requested and obtained in `info`, eV/Å².

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
        """Return energies (n,), eV, and energies per area (n,), eV/Å², of states (n, rows, cols)."""
        answer = self.predict("energy", states=np.asarray(states, np.uint8))
        return answer["energy"], answer["energy_per_area"]

    def generate_from_latent(self, latent: ArrayLike, energy_per_area: ArrayLike) -> NDArray[np.float32]:
        """Return probabilities (n, 2h, 2w, states) of latents (n, h, w, channels) and a map (n, h, w) of eV/Å²."""
        latent, field = np.asarray(latent, np.float32), np.asarray(energy_per_area, np.float32)
        return self.predict("generate_from_latent", latent=latent, energy_per_area=field)["probabilities"]

    def latent_channels(self) -> int:
        """Return the Gaussian channels of the model's latent, as its metadata tell."""
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self.connection.model_name
        answer = self.call(self.prediction.GetModelMetadata, request).metadata["signature_def"]
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.Unpack(signatures)
        return signatures.signature_def["generate_from_latent"].inputs["latent"].tensor_shape.dim[3].size

    def status(self) -> dict[int, str]:
        """Return the state of every version, and the error of those that could not be served."""
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self.connection.model_name
        entries = self.call(self.models.GetModelStatus, request).model_version_status
        name = get_model_status_pb2.ModelVersionStatus.State.Name
        return {entry.version: f"{name(entry.state)} {entry.status.error_message}".rstrip() for entry in entries}


@dataclasses.dataclass(frozen=True)
class StatusOptions(Connection):
    """Tell the state of every version of a model."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class GenerateOptions(Connection):
    """Ask for sheets at a requested energy per area, and write them."""

    energy_per_area: tuple[float, ...]
    """Requested energy per area, eV/Å²: one value, or one for each sheet."""
    out: Path
    """File to write: .npz, .zarr, .extxyz, .cif, .vasp or .png."""
    rows: int = 14
    """Lattice cells along the rows, even."""
    cols: int = 16
    """Lattice cells along the columns, even."""
    num_sheets: int = 1
    """Number of sheets, where one energy is given."""
    seed: int = 0
    """Seed of the random numbers."""
    system: str = DEFAULT_SYSTEM
    """Material that the model makes, by its name or, of your own, package.module:Class."""
    tile: int | None = None
    """Ask for a large sheet in tiles of so many cells a side, so that no request is larger; whole unless given."""
    overwrite: bool = False
    """Replace a file that exists."""


def status(options: StatusOptions) -> None:
    """Print the states."""
    with Client(options) as client:
        for number, state in client.status().items():
            print(f"{options.model_name} version {number}: {state}")


def generate(options: GenerateOptions) -> None:
    """Ask, write, say where."""
    from rugan_tf.generate.writers import target_paths, write_sheets
    from rugan_tf.systems.named import system_named

    requested = np.array(options.energy_per_area * (options.num_sheets if len(options.energy_per_area) == 1 else 1))
    files.require_absent(*target_paths(options.out, len(requested)), overwrite=options.overwrite)
    system, size = system_named(options.system), (options.rows, options.cols)
    with Client(options) as client:
        if options.tile is None:
            states, obtained = client.generate(requested, *size, options.seed)
        else:
            from rugan_tf.generate.tiles import generate_in_tiles

            if len(requested) > 1:
                raise InputError(f"Tiles make one sheet. Received: {len(requested)} sheets with --tile")
            wanted = {"rows": options.rows, "cols": options.cols, "seed": options.seed, "tile": options.tile}
            states = generate_in_tiles(client, system, float(requested[0]), **wanted)[None]
            obtained = None
    told = None if obtained is None else obtained.astype(np.float64)
    facts = {"energy": f"requested of {options.model_name} at {options.server}, not computed"}
    written = write_sheets(options.out, system, states, requested, told, facts)
    count = "1 sheet" if len(states) == 1 else f"{len(states)} sheets"
    print(f"{', '.join(map(str, written))}: {count} of {options.rows}x{options.cols} cells")
    if told is not None:
        print(f"{system.quantity.words} obtained ({system.quantity.unit}):", *(f"{value:.3f}" for value in told[:8]))


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    commands = {
        "status": Command(StatusOptions, status, "Tell the state of every version of a model."),
        "generate": Command(GenerateOptions, generate, "Ask for sheets, and write them."),
    }
    return run_command("python -m rugan_tf.serve.client", commands, args)


if __name__ == "__main__":
    sys.exit(main())
