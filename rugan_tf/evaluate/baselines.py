"""What gets the energies right without learning anything: the composition, the nearest real sheet, a tiled sheet."""

import numpy as np
from numpy.typing import NDArray

from rugan_tf.energies.function import EnergyFunction, Work
from rugan_tf.evaluate.composition import CUBIC, LINE, CompositionFit
from rugan_tf.evaluate.metrics import agreement
from rugan_tf.evaluate.pools import Pool, nearest, nearest_unused
from rugan_tf.formats.data_set import DataSet


def baselines(
    data_set: DataSet, requested: NDArray[np.float64], pools: tuple[Pool, Pool], judge: EnergyFunction
) -> dict[str, dict[str, float] | None]:
    """Return how the energies of what is not generated agree with the requests.

    - `composition_line`, `composition_cubic`: the energy that sheets of a composition have on average, against that of
      real sheets: what a sheet of the right composition and nothing else gets.
    - `nearest_composition`: the real sheet whose composition is nearest to what the cubic says of the request.
    - `nearest_energy`: the real sheet whose energy is nearest. Each real sheet is taken once.
    - `tiled`: the sheet of the data whose energy is nearest, repeated until it has the size. None at
      the size of the data, and where the judge is slow.

    Args:
        data_set: the data; the fits are to its even sheets.
        requested: energies per area (n,).
        pools: real sheets of the size; the second is never in the fit.
        judge: of the tiled sheets, where it is fast.
    """
    system, spread = data_set.system, float(data_set.energy_per_area.std())
    # The other half may be in the pool that the fit is judged on.
    even = data_set.states[::2], data_set.energy_per_area[::2]
    line, cubic = (CompositionFit.of(system, *even, degree=degree) for degree in (LINE, CUBIC))
    pool = pools[1]
    found: dict[str, dict[str, float] | None] = {
        name: agreement(pool.energy_per_area, fit.energy_per_area(pool.states), spread)
        for name, fit in (("composition_line", line), ("composition_cubic", cubic))
    }
    alike = nearest_unused(cubic.energy_per_area(pool.states), requested)
    found["nearest_composition"] = agreement(requested, pool.energy_per_area[alike], spread)
    found["nearest_energy"] = agreement(requested, pool.chosen(requested).energy_per_area, spread)
    tiled = tiled_sheets(data_set, requested, *pool.states.shape[1:])
    found["tiled"] = None
    if tiled is not None and judge.is_fast:
        energy = judge.energies(tiled, Work("tiled sheets"))
        found["tiled"] = agreement(requested, system.energy_per_area(energy, *tiled.shape[1:]), spread)
    return found


def tiled_sheets(data_set: DataSet, requested: NDArray[np.float64], rows: int, cols: int) -> NDArray[np.uint8] | None:
    """Return for each energy the nearest sheet of the data, repeated up to a larger size; None if it does not fit."""
    small = data_set.states.shape[1:]
    repeats = rows // small[0], cols // small[1]
    # Repeated once it would be the sheet of the data itself.
    if max(repeats) == 1 or (repeats[0] * small[0], repeats[1] * small[1]) != (rows, cols):
        return None
    return np.tile(data_set.states[nearest(data_set.energy_per_area, requested)], (1, *repeats))
