"""`python -m rugan_tf.generate`: sheets of any even size at a requested energy per area."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from rugan_tf import files
from rugan_tf.config import Command, run_command, to_json
from rugan_tf.errors import InputError


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
    num_sheets: int | None = None
    """Number of sheets; as many as there are energies unless said otherwise."""
    seed: int = 0
    """Seed of the random numbers."""
    tile: int | None = None
    """Make sheets in tiles of so many cells a side, in less memory; sheets above the model's limit always are."""
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

    from rugan_tf.generate.inverse_design import design_sheets
    from rugan_tf.generate.sheets import load_model
    from rugan_tf.generate.writers import write_sheets

    requested = options.requested
    check_targets(options, len(requested))
    model = load_model(options.model)
    rows = model.rows if options.rows is None else options.rows
    cols = model.cols if options.cols is None else options.cols
    model.check_request(requested, rows, cols, options.seed)
    if options.strict:
        model.require_covered(np.array(requested))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    design = None
    if options.tolerance is not None:
        limits = options.tolerance, rows, cols, options.seed, options.max_candidates
        design = design_sheets(model, requested, *limits, strict=options.strict)
        states = design.states
    else:
        make = model.generate if options.repair else model.generate_unrepaired
        states = make(requested, rows, cols, options.seed, tile=options.tile)
    obtained = model.obtained_energies(states)
    written = write_sheets(
        options.out, model.system, states, np.array(requested), obtained, metadata(options, model.folder)
    )
    quantity = model.system.quantity
    if design:
        rate = f"{design.num_within / design.num_candidates:.1%}"
        print(
            f"accepted: {rate} of {design.num_candidates} candidates lay within {options.tolerance:g} {quantity.unit}"
        )
    count = "1 sheet" if len(states) == 1 else f"{len(states)} sheets"
    names = str(written[0]) if len(written) == 1 else f"{written[0]} to {written[-1].name}"
    print(f"{names}: {count} of {rows}x{cols} cells")
    if obtained is not None:
        shown = " ".join(f"{value:.3f}" for value in obtained[:5]) + (" ..." if len(obtained) > 5 else "")
        print(f"{quantity.words} obtained, as the model's EDNN sees it: {shown} {quantity.unit}")
    elif not model.is_whole(rows, cols):
        print(f"{quantity.words} obtained: not computed of sheets above the model's limit; `rugan data label` does")
    print(f"next: {next_command(written[0])}")


def check_targets(options: GenerateOptions, num_sheets: int) -> None:
    """Refuse an unknown format or an existing file before any work is done."""
    from rugan_tf.generate.writers import target_paths

    files.require_absent(*target_paths(options.out, num_sheets), overwrite=options.overwrite)


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
    if path.suffix in (".npz", ".zarr"):
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
