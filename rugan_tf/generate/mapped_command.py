"""`rugan generate --energy-map`: sheets by a map, and the map asked for beside the one obtained."""

from pathlib import Path
from typing import Any

import numpy as np

from rugan_tf import files
from rugan_tf.config import counted
from rugan_tf.errors import PartlyDoneError
from rugan_tf.figures.maps import map_figure
from rugan_tf.figures.style import write_figure
from rugan_tf.formats.npz import write_npz
from rugan_tf.generate.atom_steps import AtomOptions, write_finished
from rugan_tf.generate.by_map import generate_by_map
from rugan_tf.generate.given_map import read_map, require_in_range, resampled
from rugan_tf.generate.needs import require_sign
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.generate.writers import files_in_words


def generate_from_map(
    model: SheetModel,
    energy_map: Path,
    value_range: tuple[float, float] | None,
    size: tuple[int, int],
    out: Path,
    *,
    num_sheets: int,
    seed: int,
    tile: int | None,
    repaired: bool,
    atoms: AtomOptions,
    strict: bool,
    overwrite: bool,
    metadata: dict[str, Any],
) -> list[str]:
    """Write sheets of a map, the maps as OUT-map.npz, a picture of the first as OUT-map.png; return what to say.

    Raises:
        InputError: no map, one of another sign than the training data, or with `strict` one that asks for what the
            training data does not cover.
    """
    rows, cols = size
    arrays, picture = (out.with_name(f"{out.stem}-map{suffix}") for suffix in (".npz", ".png"))
    # As for the sheets' own file, before any sheet is made.
    files.require_absent(arrays, picture, overwrite=overwrite)
    values = read_map(energy_map, value_range)
    require_sign(model.system, model.energy_range, [float(values.mean())])
    require_in_range(values, model.energy_range, model.system.quantity.unit, strict=strict)
    asked = resampled(values, rows // 2, cols // 2)
    made = generate_by_map(model, asked, num_sheets, seed, tile=tile, repaired=repaired)
    obtained = model.judged_energies(made.states)
    requested = np.full(num_sheets, float(asked.mean(dtype=np.float64)))
    out.parent.mkdir(parents=True, exist_ok=True)

    def write_maps() -> None:
        write_npz(arrays, {"asked": asked, "obtained": made.obtained}, {"system": model.system.spec, **metadata})
        write_figure(picture, map_figure(model.system, made.states[0], asked, made.obtained[0]))

    try:
        written = write_finished(out, model.system, made.states, requested, obtained, atoms, metadata)
    except PartlyDoneError:
        write_maps()  # of the sheets that did relax as well
        raise
    write_maps()
    quantity = model.system.quantity
    return [
        f"{files_in_words(written)}: {counted(num_sheets, 'sheet')} of {rows}x{cols} cells, by the map {energy_map}",
        f"{quantity.words}: asked for {asked.mean():.3f} in the mean, obtained "
        f"{' '.join(f'{value:.3f}' for value in obtained[:5])} {quantity.unit}, as the model's EDNN sees it",
        f"maps asked for and obtained: {arrays}, drawn in {picture}",
    ]
