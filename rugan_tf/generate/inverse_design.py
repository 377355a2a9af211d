"""Inverse design: sheets whose energy per area, as the model's EDNN sees it, meets the one requested."""

import dataclasses

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from rugan_tf.energies.origin import UNKNOWN, origin_in, require_agreement
from rugan_tf.errors import InputError
from rugan_tf.generate.sheets import SheetModel
from rugan_tf.saved.model_card import ExportedCard
from rugan_tf.systems.energy import EnergyOrigin

FEWEST_AT_ONCE = 32  # candidates of one call, memory permitting


@dataclasses.dataclass(frozen=True)
class Design:
    """Accepted sheets, and what they cost.

    Attributes:
        states: uint8 (n, rows, cols).
        obtained: their energies per area, float64 (n,), in the unit of the system.
        num_candidates: sheets that were generated and judged.
        num_within: how many of those met their request.
    """

    states: NDArray[np.uint8]
    obtained: NDArray[np.float64]
    num_candidates: int
    num_within: int


def design_sheets(
    model: SheetModel,
    energy_per_area: list[float],
    tolerance: float,
    rows: int,
    cols: int,
    seed: int = 0,
    max_candidates: int = 10_000,
    *,
    strict: bool = False,
) -> Design:
    """Generate candidates until there is one within the tolerance for every requested energy per area.

    The first that meets the request is taken, in the order of generation: the same seed gives the same sheets, and a
    request for fewer sheets at one energy gives the first of those that a request for more gives.

    Args:
        model: with an EDNN inside.
        energy_per_area: requested, one for each sheet, in the unit of the system.
        tolerance: largest difference between the energies obtained and requested, in the unit of the system.
        rows: lattice cells, even.
        cols: lattice cells, even.
        seed: not negative.
        max_candidates: most candidates for each distinct energy.
        strict: refuse, instead of a warning, an EDNN whose energies may not be comparable with the labels that the
            model was trained on: a request would then be met by another quantity.

    Raises:
        InputError: bad options, a model without an EDNN, or too few sheets within the tolerance.
    """
    if not tolerance > 0:
        raise InputError(f"tolerance must be positive. Received: tolerance={tolerance}")
    if max_candidates < 1:
        raise InputError(f"max_candidates must be at least 1. Received: max_candidates={max_candidates}")
    model.require_ednn()
    if not model.is_whole(rows, cols):
        raise InputError(
            f"Sheets within a tolerance are judged whole: rows * cols must be at most {model.max_cells}; without "
            f"--tolerance any size is made, in tiles. Received: rows={rows}, cols={cols}"
        )
    origins = {"the training data": origin_in(model.card.energy_metadata), "the EDNN inside": ednn_origin(model.card)}
    require_agreement(origins, strict=strict)
    requested = model.check_request(energy_per_area, rows, cols, seed)
    model.warn_outside_range(np.asarray(energy_per_area, dtype=np.float64))
    states, obtained = np.empty((len(requested), rows, cols), np.uint8), np.empty(len(requested))
    num_candidates = num_within = 0
    # One search for all sheets of an energy: separate ones with one seed would find the same sheets.
    for energy in np.unique(requested):
        places = np.flatnonzero(requested == energy)
        found = search(model, float(energy), tolerance, len(places), (rows, cols), seed, max_candidates)
        states[places], obtained[places] = found.states, found.obtained
        num_candidates, num_within = num_candidates + found.num_candidates, num_within + found.num_within
    return Design(states, obtained, num_candidates, num_within)


def ednn_origin(card: ExportedCard) -> EnergyOrigin:
    """Return where the energies of the EDNN inside of a model come from; unknown where the card is too old to tell."""
    if card.ednn_metadata is None:
        exported = f"rugan_tf {card.rugan_tf}" if card.rugan_tf else "an early rugan_tf"
        return EnergyOrigin(UNKNOWN, None, f"exported by {exported}, whose cards did not tell: export the run anew")
    return origin_in(card.ednn_metadata)


def search(
    model: SheetModel,
    energy: float,
    tolerance: float,
    number: int,
    size: tuple[int, int],
    seed: int,
    max_candidates: int,
) -> Design:
    """Return the first `number` sheets within the tolerance of one energy per area, in the unit of the system."""
    at_once = max(1, min(FEWEST_AT_ONCE, model.max_cells // (size[0] * size[1])))
    kept: list[NDArray[np.uint8]] = []
    energies: list[float] = []
    nearest, tried = np.inf, 0
    with tqdm(total=number, desc=f"sheets at {energy:.4g} {model.system.quantity.unit}", unit="sheet") as bar:
        while len(kept) < number and tried < max_candidates:
            count = min(at_once, max_candidates - tried)
            # 63 bits: signatures take a signed number, which must not be negative.
            batch_seed = int(np.random.SeedSequence([seed, tried]).generate_state(1, np.uint64)[0] >> 1)
            states = np.concatenate(list(model.generated_parts(np.full(count, energy, np.float32), *size, batch_seed)))
            judged = model.judged_energies(states)
            tried += count
            nearest = min(nearest, float(np.abs(judged - energy).min()))
            # In the order of generation, not the nearest: a fair sample of the sheets that meet the request.
            within = np.flatnonzero(np.abs(judged - energy) <= tolerance)
            kept.extend(states[within])
            energies.extend(judged[within])
            bar.update(min(len(kept), number) - bar.n)
            bar.set_postfix(candidates=tried, refresh=False)
    if len(kept) < number:
        low, high = model.energy_range
        raise InputError(
            f"There must be {number} sheets within {tolerance:g} {model.system.quantity.unit} of {energy:.4g} among "
            f"max_candidates={max_candidates}. Received: {len(kept)}, and the nearest was off by {nearest:.3g}; "
            f"the training data covers {low:.4g} to {high:.4g} {model.system.quantity.unit}"
        )
    return Design(np.stack(kept[:number]), np.array(energies[:number]), tried, len(kept))
