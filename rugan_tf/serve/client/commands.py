"""What `rugan client` does: ask a server for the versions that it has, or for sheets."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rugan_tf import files
from rugan_tf.config import Command, OptionGroup
from rugan_tf.errors import InputError
from rugan_tf.serve.client import Client
from rugan_tf.serve.connection import Connection
from rugan_tf.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    from rugan_tf.systems.system import LatticeSystem


@dataclasses.dataclass(frozen=True)
class StatusOptions(Connection):
    """Tell the state of every version of a model."""


@dataclasses.dataclass(frozen=True)
class SheetOptions(OptionGroup):
    """Which sheets, and where they go."""

    out: Path
    """File to write; its suffix names the format, as for `rugan generate`."""
    energy_per_area: tuple[float, ...] = ()
    """Requested energy per area, in the unit of the system: one value, or one for each sheet."""
    condition: tuple[str, ...] = ()
    """Instead of it: NAME=VALUE of every condition of the model, or NAME=VALUE,VALUE,... for several sheets."""
    rows: int = 14
    """Lattice cells along the rows, even."""
    cols: int = 16
    """Lattice cells along the columns, even."""
    size: tuple[str, ...] | None = None
    """Instead of rows and cols: lengths along x and y, or one for both, as 100 (Å), 100nm, 1um."""
    num_sheets: int | None = None
    """Number of sheets; as many as there are energies, or values of a condition, unless said otherwise."""
    seed: int = 0
    """Seed of the random numbers, 0 or more."""
    system: str = DEFAULT_SYSTEM
    """Material that the model makes, by its name or, of your own, FILE.toml or package.module:Class."""
    tile: int | None = None
    """Ask for a large sheet in tiles of so many cells a side, so that no request is larger; whole unless given."""
    overwrite: bool = False
    """Replace a file that exists."""


@dataclasses.dataclass(frozen=True)
class GenerateOptions(Connection, SheetOptions):
    """Ask for sheets at a requested energy per area, and write them."""

    @property
    def is_streamed(self) -> bool:
        """Whether tiles go to the disk as they come."""
        return self.out.suffix == ".zarr" and self.tile is not None

    def cells(self, system: "LatticeSystem") -> tuple[int, int]:
        """Return rows and columns, and say them where they are the nearest to a size."""
        from rugan_tf.generate.cells import nearest_cells

        system.validate_size(self.rows, self.cols)
        return (self.rows, self.cols) if self.size is None else nearest_cells(system, self.size)


def status(options: StatusOptions) -> None:
    """Print the states."""
    with Client(options) as client:
        for number, state in client.status().items():
            print(f"{options.model_name} version {number}: {state}")


def generate(options: GenerateOptions) -> None:
    """Ask, write, say where."""
    from rugan_tf.generate.needs import require_memory
    from rugan_tf.generate.served import asked_for, judged_by, write_answer
    from rugan_tf.generate.writers import target_paths
    from rugan_tf.systems.named import system_named

    asked = asked_for(options.energy_per_area, options.condition, options.num_sheets)
    number = len(next(iter(asked.values())))
    paths = target_paths(options.out, number)
    # A stream looks at its folder itself, since it may go on there.
    if not (options.is_streamed and options.out.is_dir()):
        files.require_absent(*paths, overwrite=options.overwrite)
    if options.tile is not None and options.tile < 2:
        raise InputError(f"tile must be at least 2. Received: tile={options.tile}")
    if options.tile is not None and (number > 1 or options.condition):
        what = f"{number} sheet{'' if number == 1 else 's'} of {', '.join(asked)}"
        raise InputError(f"Tiles make one sheet, by its energy. Received: {what} with --tile")
    system = system_named(options.system)
    size = options.cells(system)
    if not options.is_streamed:
        cells = number * size[0] * size[1]
        how = "--out NAME.zarr with --tile" if number == 1 and not options.condition else None
        require_memory(options.out.suffix.lower(), system, cells, how)
    with Client(options) as client:
        if options.is_streamed:
            stream(client, system, size, options)
            return
        if options.tile is None:
            states, told = client.generate_by(asked, *size, options.seed)
        else:
            # Only now: tiles need TensorFlow, which starts in seconds that no other request has to wait.
            from rugan_tf.generate.tiled import tiled_sheet

            energy = float(np.float32(options.energy_per_area[0]))  # what a whole sheet would be asked for
            place: dict[str, Any] = {"rows": size[0], "cols": size[1], "seed": options.seed, "tile": options.tile}
            states = tiled_sheet(client, energy, system=system, **place)[None]
            told = judged_by(client, states)
    facts = {"energy": f"requested of {options.model_name} at {options.server}, not computed"}
    for line in write_answer(options.out, system, asked, states, told, facts):
        print(line)


def stream(client: Client, system: "LatticeSystem", size: tuple[int, int], options: GenerateOptions) -> None:
    """Ask for tiles and write each at once, going on with what the same command has begun."""
    from rugan_tf.generate.needs import require_disk

    if not options.out.exists():  # a second time when the folder is made: here before TensorFlow starts
        require_disk(options.out, system, size[0] * size[1])
    from rugan_tf.generate.large import served_stream, stream_sheets, summary
    from rugan_tf.generate.served import warn_of_empty_stream
    from rugan_tf.generate.streaming import InThisProcess

    # A sheet that one version began must not be gone on with by another.
    versions = [number for number, state in client.status().items() if state == "AVAILABLE"]
    wanted = served_stream(
        client, system, options.energy_per_area[0], rows=size[0], cols=size[1], seed=options.seed,
        piece=max(size) if options.tile is None else options.tile,
        name=f"{options.model_name} version {max(versions, default=0)}",
    )  # fmt: skip
    store = stream_sheets(wanted, options.out, InThisProcess(), overwrite=options.overwrite)
    warn_of_empty_stream(system, options.energy_per_area[0], store)
    for line in summary(store):
        print(line)


COMMANDS = {
    "status": Command(StatusOptions, status, "Tell the state of every version of a model."),
    "generate": Command(GenerateOptions, generate, "Ask for sheets, and write them.", ("energy_per_area", "condition")),
}
