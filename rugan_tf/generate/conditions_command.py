"""`rugan generate --condition`: sheets by several conditions, and the search for sheets that meet them closely."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from rugan_tf.errors import InputError
from rugan_tf.generate.atom_steps import AtomOptions, write_finished
from rugan_tf.generate.conditioned import ConditionedModel, States
from rugan_tf.generate.labelled import numbers_by_name
from rugan_tf.saved.conditions import Floats
from rugan_tf.saved.model_card import MODEL_FILE, read_exported_card
from rugan_tf.saved.shipped import find_model, shipped_model, shipped_names
from rugan_tf.systems.named import system_named

AT_ONCE = 32  # candidates of one call, memory permitting
MAX_CANDIDATES = 10_000


@dataclasses.dataclass(frozen=True)
class Found:
    """Sheets that meet their requests.

    Attributes:
        states: uint8 (n, rows, cols).
        num_candidates: sheets that were generated and judged.
        num_within: how many of those met their request.
    """

    states: States
    num_candidates: int
    num_within: int


def require_learnt(model: ConditionedModel, asked: Mapping[str, Any]) -> None:
    """Raise InputError unless a model learnt what is asked of it, and name one that comes with the package and did."""
    learnt = model.learnt
    unknown = [name for name in asked if name not in learnt.names]
    if not unknown:
        return
    others = shipped_that_learnt(asked)
    hint = f"; what learnt it: --model {others[0][0]}, of {', '.join(others[0][1])}" if others else ""
    raise InputError(
        f"The model must be asked for what it learnt, {learnt.in_words}. "
        f"Received: --condition {', '.join(unknown)}{hint}"
    )


def shipped_that_learnt(names: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the generators that come with the package and learnt conditions of these names, with all that each did."""
    found = []
    for model in shipped_names():
        folder = find_model(shipped_model(model))
        if (folder / MODEL_FILE).is_file():
            card = read_exported_card(folder)
            found.append((model, card.learnt(system_named(card.system)).names))
    return [(model, learnt) for model, learnt in found if set(names) <= set(learnt)]


def search_sheets(
    model: ConditionedModel,
    values: Floats,
    within: Mapping[str, float],
    size: tuple[int, int],
    seed: int = 0,
    max_candidates: int = MAX_CANDIDATES,
) -> Found:
    """Generate candidates until there is one for every request whose conditions are as close as they shall be.

    The first that meets a request is taken, in the order of generation: the same seed gives the same sheets.

    Args:
        model: the generator.
        values: requests (n, c) that were checked.
        within: largest difference from the request by condition, in its unit.
        size: rows and columns.
        seed: not negative.
        max_candidates: most candidates for each distinct request.

    Raises:
        InputError: a condition that is unknown or that nothing tells of sheets, or too few sheets that are close.
    """
    require_told(model, within)
    states = np.empty((len(values), *size), np.uint8)
    num_candidates = num_within = 0
    # One search for all sheets of a request: separate ones with one seed would find the same sheets.
    for request in np.unique(values, axis=0):
        places = np.flatnonzero((values == request).all(axis=1))
        kept: list[States] = []
        tried, nearest = 0, np.inf
        with tqdm(total=len(places), desc="sheets that meet the request", unit="sheet") as bar:
            for made in candidates(model, request, size, seed, max_candidates):
                misses = largest_misses(model, made, request, within)
                tried, nearest = tried + len(made), min(nearest, float(misses.min()))
                kept.extend(made[misses <= 1])
                bar.update(min(len(kept), len(places)) - bar.n)
                if len(kept) >= len(places):
                    break
        # Refused and not filled up with worse ones: who asks for closeness reckons with it.
        if len(kept) < len(places):
            told = ", ".join(one.condition.told(value) for one, value in zip(model.learnt.each, request, strict=True))
            raise InputError(
                f"There must be {len(places)} sheets so close to {told} among max_candidates={max_candidates}. "
                f"Received: {len(kept)}, and the nearest was {nearest:.3g} times as far as allowed"
            )
        states[places] = kept[: len(places)]
        num_candidates, num_within = num_candidates + tried, num_within + len(kept)
    return Found(states, num_candidates, num_within)


def require_told(model: ConditionedModel, within: Mapping[str, float]) -> None:
    """Raise InputError unless every condition that sheets shall meet closely is told of sheets."""
    # Asked of an empty sheet, before the search: what can be told of one can be told of all.
    told = model.obtained(np.zeros((1, model.model.rows, model.model.cols), np.uint8))
    for name, difference in within.items():
        if name not in told:
            raise InputError(
                f"Sheets can be searched by what is told of them, {', '.join(told) or 'nothing here'}"
                f"{'' if model.model.has_ednn else '; energies need an EDNN inside, `rugan export --ednn`'}. "
                f"Received: --within {name}"
            )
        if not difference > 0:
            raise InputError(f"A difference must be positive. Received: --within {name}={difference:g}")


def candidates(
    model: ConditionedModel, request: Floats, size: tuple[int, int], seed: int, most: int
) -> Iterator[States]:
    """Yield candidates (k, rows, cols) for one request (c,), call by call."""
    at_once = max(1, min(AT_ONCE, model.model.max_cells // (size[0] * size[1])))
    for tried in range(0, most, at_once):
        # 63 bits: signatures take a signed number, which must not be negative.
        drawn = int(np.random.SeedSequence([seed, tried]).generate_state(1, np.uint64)[0] >> 1)
        yield model.sheets(np.tile(request, (min(at_once, most - tried), 1)), *size, drawn)


def largest_misses(model: ConditionedModel, states: States, request: Floats, within: Mapping[str, float]) -> Floats:
    """Return for each sheet (n,) the largest miss of a condition, in units of what is allowed."""
    obtained = model.obtained(states)
    asked = dict(zip(model.learnt.names, request, strict=True))
    misses = [np.abs(obtained[name] - asked[name]) / allowed for name, allowed in within.items()]
    return np.asarray(np.max(misses, axis=0))


def write_conditioned(
    model: ConditionedModel,
    states: States,
    values: Floats,
    out: Path,
    atoms: AtomOptions,
    metadata: Mapping[str, Any],
) -> list[Path]:
    """Write sheets with what was requested and obtained of each condition, and return the files."""
    energies = model.model.obtained_energies(states)
    asked = dict(zip(model.learnt.names, values.T, strict=True))
    numbers = numbers_by_name(asked, model.obtained(states, energies))
    units = {one.condition.name: one.condition.unit for one in model.learnt.each}
    told = {"properties": {name: {"unit": units[name.rpartition("_")[0]]} for name in numbers}}
    return write_finished(out, model.model.system, states, None, energies, atoms, {**metadata, **told}, numbers)


def told_lines(model: ConditionedModel, states: States, values: Floats) -> list[str]:
    """Return a line for each condition: mean miss of what sheets have, or that nothing tells it."""
    obtained, lines = model.obtained(states), []
    for one, column in zip(model.learnt.each, values.T, strict=True):
        condition = one.condition
        if condition.name not in obtained:
            lines.append(f"{condition.name}: nothing tells it of these sheets")
            continue
        had = obtained[condition.name]
        shown = " ".join(f"{value:.4g}" for value in had[:5])
        miss = f"{np.abs(had - column).mean():.2g} {condition.unit}".rstrip()
        lines.append(f"{condition.label} obtained: {shown}; off by {miss} on average")
    return lines
