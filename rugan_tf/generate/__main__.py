"""`python -m rugan_tf.generate`: sheets of any even size at a requested energy per area."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rugan_tf import files
from rugan_tf.config import Command, run_command, to_json
from rugan_tf.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rugan_tf.generate.sheets import SheetModel


@dataclasses.dataclass(frozen=True)
class GenerateOptions:
    """Generate sheets at a requested energy per area."""

    energy_per_area: tuple[float, ...]
    """Requested energy per area, in the unit of the system: one value, or one for each sheet."""
    out: Path
    """File to write: .npz, .zarr, .extxyz, .cif, .vasp or .png."""
    model: Path | None = None
    """Exported model: a version folder, or a folder of numeric versions; left out, the one that comes with rugan_tf."""
    rows: int | None = None
    """Lattice cells along the rows, even; as in training unless said otherwise."""
    cols: int | None = None
    """Lattice cells along the columns, even; as in training unless said otherwise."""
    size: tuple[str, ...] | None = None
    """Instead of rows and cols: lengths along x and y, or one for both, as 100 (Å), 100nm, 1um."""
    num_sheets: int | None = None
    """Number of sheets; as many as there are energies unless said otherwise."""
    seed: int = 0
    """Seed of the random numbers."""
    tile: int | None = None
    """Make sheets in tiles of so many cells a side, in less memory; sheets above the model's limit always are."""
    dask: bool = False
    """With --out NAME.zarr: share the work among the processes of a Dask cluster on this machine."""
    dask_scheduler: str | None = None
    """With --out NAME.zarr: address of the scheduler of a Dask cluster whose workers see the same folder."""
    judge: str | None = None
    """With --out NAME.zarr: EDNN that tells the energies, ednn:FOLDER; the one that comes with rugan_tf by default."""
    repair: bool = True
    """Apply the rule that the sheets of the data obey."""
    tolerance: float | None = None
    """Inverse design: generate until every sheet's energy per area, as the model's EDNN sees it, is so close."""
    max_candidates: int = 10_000
    """With --tolerance: most sheets to try for each requested energy."""
    strict: bool = False
    """Refuse energies that the training data does not cover, and with --tolerance an EDNN that may mean others."""
    overwrite: bool = False
    """Replace a file that exists."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.tolerance is not None and not self.repair:
            raise InputError("Sheets within a tolerance are repaired ones. Received: --tolerance with --no-repair")
        if self.tolerance is not None and self.tile is not None:
            raise InputError("Sheets within a tolerance are judged whole. Received: --tolerance with --tile")
        if self.size is not None and (self.rows, self.cols) != (None, None):
            raise InputError("A size is told by lengths or by cells. Received: --size with --rows or --cols")
        if self.has_cluster and not self.is_streamed:
            raise InputError(
                f"A cluster makes sheets that are streamed, --out NAME.zarr without --tolerance. Received: {self.out}"
            )
        if self.dask and self.dask_scheduler is not None:
            raise InputError("A cluster is on this machine or elsewhere. Received: --dask with --dask-scheduler")

    @property
    def has_cluster(self) -> bool:
        """Whether a Dask cluster does the work."""
        return self.dask or self.dask_scheduler is not None

    @property
    def is_streamed(self) -> bool:
        """Whether sheets go to the disk as they are made; those within a tolerance are judged whole."""
        return self.out.suffix == ".zarr" and self.tolerance is None

    @property
    def requested(self) -> list[float]:
        """The requested energy per area of each sheet, in the unit of the system."""
        given = list(self.energy_per_area)
        num_sheets = len(given) if self.num_sheets is None else self.num_sheets
        if num_sheets < 1:
            raise InputError(f"num_sheets must be at least 1. Received: num_sheets={num_sheets}")
        if len(given) not in (1, num_sheets):
            raise InputError(
                f"energy_per_area must be one value, or one for each of num_sheets={num_sheets} sheets. "
                f"Received: {len(given)} values"
            )
        return given * num_sheets if len(given) == 1 else given


def generate(options: GenerateOptions) -> None:
    """Check, generate, write."""
    import numpy as np

    from rugan_tf.generate.sheets import load_model

    requested = options.requested
    check_targets(options, len(requested))
    model = load_model(options.model)
    rows, cols = size_of(options, model)
    model.check_request(requested, rows, cols, options.seed)
    if options.strict:
        model.require_covered(np.array(requested))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.is_streamed:
        stream(options, model, requested, (rows, cols))
    else:
        generate_whole(options, model, requested, (rows, cols))


def size_of(options: GenerateOptions, model: "SheetModel") -> tuple[int, int]:
    """Return rows and columns, and say them where they are the nearest to a size."""
    if options.size is None:
        return options.rows or model.rows, options.cols or model.cols
    from rugan_tf.systems.lengths import nearest_size, size_in_words

    size = nearest_size(model.system, options.size, multiple=2)
    print(f"nearest to {' x '.join(options.size)}: {size[0]}x{size[1]} cells, {size_in_words(model.system, *size)}")
    return size


def stream(options: GenerateOptions, model: "SheetModel", requested: list[float], size: tuple[int, int]) -> None:
    """Make sheets tile by tile and write each tile at once, going on with what the same command has begun."""
    from rugan_tf.generate.cluster import OnCluster
    from rugan_tf.generate.large import draw_picture, stream_of, stream_sheets, summary
    from rugan_tf.generate.streaming import InThisProcess

    wanted = stream_of(
        model,
        requested,
        rows=size[0],
        cols=size[1],
        seed=options.seed,
        repaired=options.repair,
        piece=options.tile,
        judge=options.judge,
    )
    runner = OnCluster(options.dask_scheduler) if options.has_cluster else InThisProcess()
    store = stream_sheets(wanted, options.out, runner, overwrite=options.overwrite)
    for line in summary(store):
        print(line)
    print(f"picture: {draw_picture(store, (model.rows, model.cols))}")
    print(f"next: {next_command(options.out)}")


def generate_whole(
    options: GenerateOptions, model: "SheetModel", requested: list[float], size: tuple[int, int]
) -> None:
    """Make sheets in memory and write them."""
    import numpy as np

    from rugan_tf.generate.inverse_design import design_sheets
    from rugan_tf.generate.needs import require_memory
    from rugan_tf.generate.writers import write_sheets

    require_memory(options.out.suffix, len(requested) * size[0] * size[1])
    design = None
    if options.tolerance is not None:
        limits = options.tolerance, *size, options.seed, options.max_candidates
        design = design_sheets(model, requested, *limits, strict=options.strict)
        states = design.states
    else:
        make = model.generate if options.repair else model.generate_unrepaired
        states = make(requested, *size, options.seed, tile=options.tile)
    obtained = model.obtained_energies(states)
    written = write_sheets(
        options.out, model.system, states, np.array(requested), obtained, metadata(options, model.folder)
    )
    if design:
        told = f"{options.tolerance:g} {model.system.quantity.unit}"
        rate = f"{design.num_within / design.num_candidates:.1%}"
        print(f"accepted: {rate} of {design.num_candidates} candidates lay within {told}")
    say_what_was_written(model, states, obtained, written)


def say_what_was_written(
    model: "SheetModel", states: "NDArray[np.uint8]", obtained: "NDArray[np.float64] | None", written: list[Path]
) -> None:
    """Say where the sheets are, and their energies where they are known."""
    quantity, (num_sheets, rows, cols) = model.system.quantity, states.shape
    count = "1 sheet" if num_sheets == 1 else f"{num_sheets} sheets"
    names = str(written[0]) if len(written) == 1 else f"{written[0]} to {written[-1].name}"
    print(f"{names}: {count} of {rows}x{cols} cells")
    if obtained is not None:
        shown = " ".join(f"{value:.3f}" for value in obtained[:5]) + (" ..." if len(obtained) > 5 else "")
        print(f"{quantity.words} obtained, as the model's EDNN sees it: {shown} {quantity.unit}")
    elif not model.is_whole(rows, cols):
        print(f"{quantity.words} obtained: not computed of sheets above the model's limit; --out NAME.zarr computes it")
    print(f"next: {next_command(written[0])}")


def check_targets(options: GenerateOptions, num_sheets: int) -> None:
    """Refuse an unknown format or an existing file before any work is done; a stream looks at its folder itself."""
    from rugan_tf.generate.writers import target_paths

    paths = target_paths(options.out, num_sheets)
    if not (options.is_streamed and options.out.is_dir()):
        files.require_absent(*paths, overwrite=options.overwrite and not options.is_streamed)


def metadata(options: GenerateOptions, folder: Path) -> dict[str, object]:
    """Return what an .npz keeps of where its sheets came from."""
    import rugan_tf

    return {
        "energy": f"requested of the generator in {folder}, not computed",
        "options": to_json(options),
        "rugan_tf": rugan_tf.__version__,
    }


def next_command(path: Path) -> str:
    """Return what a user may want to do with the file."""
    if path.suffix == ".zarr":
        part = path.with_name(f"{path.stem}-part.extxyz")
        return f"python -m rugan_tf.data window --states {path} --origin 0 0 --size 100 100 --out {part}"
    if path.suffix == ".npz":
        labelled = path.with_name(f"{path.stem}-labelled.npz")
        return f"python -m rugan_tf.data label --states {path} --energy ednn --out {labelled}"
    if path.suffix == ".png":
        return f"the same command with --out {path.with_suffix('.extxyz')} for the atoms"
    return f"ase gui {path}"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    command = Command(GenerateOptions, generate, "Generate sheets at a requested energy per area.")
    return run_command("rugan generate", command, args)


if __name__ == "__main__":
    sys.exit(main())
