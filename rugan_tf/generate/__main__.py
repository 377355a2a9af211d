"""`python -m rugan_tf.generate`: sheets of any even size at a requested energy per area, or other conditions."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rugan_tf import files
from rugan_tf.config import Command, counted, run_command, to_json
from rugan_tf.generate.options import GenerateOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rugan_tf.generate.sheets import SheetModel

SHOWN = 5  # energies that are printed; the file has all


def generate(options: GenerateOptions) -> None:
    """Check, generate, write."""
    import numpy as np

    from rugan_tf.generate.atom_steps import check_element
    from rugan_tf.generate.needs import require_disk
    from rugan_tf.generate.sheets import load_model

    if options.condition:
        by_conditions(options)
        return
    requested = options.requested
    # Before the model is loaded, which takes seconds: a file that may not be replaced is found at once.
    check_targets(options, len(requested))
    model = load_model(options.model)
    check_element(options.atoms, model.system)
    rows, cols = size_of(options, model)
    model.check_request(requested, rows, cols, options.seed)
    if options.energy_map is not None:
        from_map(options, model, options.energy_map, (rows, cols))
        return
    if options.strict:
        model.require_covered(np.array(requested))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if options.is_streamed:
        # A second time when the folder is made: here before TensorFlow starts.
        if not options.out.exists():
            require_disk(options.out, model.system, len(requested) * rows * cols)
        stream(options, model, requested, (rows, cols))
    else:
        generate_whole(options, model, requested, (rows, cols))


def by_conditions(options: GenerateOptions) -> None:
    """Make sheets by conditions and write them."""
    from rugan_tf.generate.atom_steps import check_element
    from rugan_tf.generate.conditioned import for_sheets, load_conditioned, parsed
    from rugan_tf.generate.conditions_command import require_learnt, search_sheets, told_lines, write_conditioned
    from rugan_tf.generate.needs import require_memory
    from rugan_tf.generate.writers import files_in_words

    asked = for_sheets(parsed(options.condition, "--condition"), options.num_sheets)
    within = {name: values[0] for name, values in parsed(options.within, "--within").items()}
    number = len(next(iter(asked.values())))
    check_targets(options, number)
    loaded = load_conditioned(options.model)
    check_element(options.atoms, loaded.model.system)
    require_learnt(loaded, asked)
    size = size_of(options, loaded.model)
    values = loaded.checked(asked, strict=options.strict)
    loaded.require_size(*size, options.seed)
    require_memory(options.out.suffix.lower(), loaded.model.system, number * size[0] * size[1], how=None)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if within:
        found = search_sheets(loaded, values, within, size, options.seed, options.max_candidates)
        states = found.states
        print(f"accepted: {found.num_within / found.num_candidates:.1%} of {found.num_candidates} candidates")
    else:
        states = loaded.sheets(values, *size, options.seed)
    told = metadata(options, loaded.model.folder)
    written = write_conditioned(loaded, states, values, options.out, options.atoms, told)
    print(f"{files_in_words(written)}: {counted(number, 'sheet')} of {size[0]}x{size[1]} cells")
    for line in told_lines(loaded, states, values):
        print(line)
    print(f"next: {next_command(written[0])}")


def size_of(options: GenerateOptions, model: "SheetModel") -> tuple[int, int]:
    """Return rows and columns, and say them where they are the nearest to a size."""
    if options.size is None:
        # A number 0 is not left out: it is refused as other sizes are that no sheet has.
        given = zip((options.rows, options.cols), (model.rows, model.cols), strict=True)
        rows, cols = (trained if one is None else one for one, trained in given)
        return rows, cols
    from rugan_tf.generate.cells import nearest_cells

    return nearest_cells(model.system, options.size)


def from_map(options: GenerateOptions, model: "SheetModel", energy_map: Path, size: tuple[int, int]) -> None:
    """Make sheets by a map and write them, with the maps."""
    from rugan_tf.generate.mapped_command import generate_from_map

    for line in generate_from_map(
        model,
        energy_map,
        options.map_range,
        size,
        options.out,
        num_sheets=options.num_sheets or 1,
        seed=options.seed,
        tile=options.tile,
        repaired=options.repair,
        atoms=options.atoms,
        strict=options.strict,
        overwrite=options.overwrite,
        metadata=metadata(options, model.folder),
    ):
        print(line)
    print(f"next: {next_command(options.out)}")


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
        uniform=options.uniform,
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

    from rugan_tf.generate.atom_steps import write_finished
    from rugan_tf.generate.inverse_design import design_sheets
    from rugan_tf.generate.needs import require_memory

    how = "--out NAME.zarr" if len(requested) == 1 and options.tolerance is None else None
    require_memory(options.out.suffix.lower(), model.system, len(requested) * size[0] * size[1], how)
    design = None
    if options.tolerance is not None:
        limits = options.tolerance, *size, options.seed, options.max_candidates
        design = design_sheets(model, requested, *limits, strict=options.strict)
        states = design.states
    else:
        place = *size, options.seed
        states = (
            model.generate(requested, *place, tile=options.tile, uniform=options.uniform)
            if options.repair
            else model.generate_unrepaired(requested, *place, tile=options.tile)
        )
    obtained = model.obtained_energies(states)
    written = write_finished(
        options.out, model.system, states, np.array(requested), obtained, options.atoms, metadata(options, model.folder)
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
    from rugan_tf.generate.writers import files_in_words

    quantity, (num_sheets, rows, cols) = model.system.quantity, states.shape
    print(f"{files_in_words(written)}: {counted(num_sheets, 'sheet')} of {rows}x{cols} cells")
    if obtained is not None:
        shown = " ".join(f"{value:.3f}" for value in obtained[:SHOWN])
        shown += f" {quantity.unit}" + (f"; all {len(obtained)} are in {written[-1]}" if len(obtained) > SHOWN else "")
        print(f"{quantity.words} obtained, as the model's EDNN sees it: {shown}")
    elif not model.is_whole(rows, cols):
        print(f"{quantity.words} obtained: not computed of sheets above the model's limit; --out NAME.zarr computes it")
    print(f"next: {next_command(written[0])}")


def check_targets(options: GenerateOptions, num_sheets: int) -> None:
    """Refuse an unknown format or an existing file before any work is done; a stream looks at its folder itself."""
    from rugan_tf.generate.atom_steps import check_atoms, trajectory_paths
    from rugan_tf.generate.writers import target_paths

    # Relaxations write files of their own: all of a command are looked at before the first is written.
    paths = [*target_paths(options.out, num_sheets), *trajectory_paths(options.out, options.atoms, num_sheets)]
    check_atoms(options.atoms, options.out)
    if not (options.is_streamed and options.out.is_dir()):
        # Of what a stream may overwrite it removes the folder itself, if it is one of sheets and nothing else.
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
    if path.suffix.lower() == ".zarr":
        part = path.with_name(f"{path.stem}-part.extxyz")
        return f"python -m rugan_tf.data window --states {path} --origin 0 0 --size 100 100 --out {part}"
    if path.suffix.lower() == ".npz":
        labelled = path.with_name(f"{path.stem}-labelled.npz")
        return f"python -m rugan_tf.data label --states {path} --energy ednn --out {labelled}"
    if path.suffix.lower() in (".png", ".svg", ".pdf"):
        return f"the same command with --out {path.with_suffix('.extxyz')} for the atoms"
    return f"ase gui {path}"


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line."""
    one_of = ("energy_per_area", "condition", "energy_map")
    command = Command(GenerateOptions, generate, "Generate sheets at a requested energy per area.", one_of)
    return run_command("rugan generate", command, args)


if __name__ == "__main__":
    sys.exit(main())
