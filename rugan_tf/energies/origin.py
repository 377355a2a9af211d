"""Whether two sets of energies can be compared: where they come from, and what has the energy zero.

A data set, an EDNN, a generator and a judge each say where their energies come from. Energies of two methods, or with
two zeros, give a comparison that means nothing; nothing in the numbers shows it.
"""

import itertools
import re
import warnings
from collections.abc import Mapping
from typing import Any

from rugan_tf.errors import InputError, InputWarning
from rugan_tf.systems.energy import EnergyOrigin

BY_EDNN = re.compile(r"ednn: trained on (?P<reference>.*) \(data [0-9a-f]*\)", re.DOTALL)
RELATIVE = re.compile(r"in \S+ relative to (?P<zero>.*)$")
UNKNOWN = "unknown"
AS_GIVEN = " in eV as the ASE calculator gives it"


def origin_of(description: str) -> EnergyOrigin:
    """Read an origin off the words that data sets keep.

    >>> origin_of("tight-binding: a model, in eV relative to free atoms").zero
    'free atoms'
    """
    by_ednn = BY_EDNN.fullmatch(description)
    if by_ednn:
        reference = origin_of(by_ednn["reference"])
        return EnergyOrigin(reference.method, reference.zero, description)
    method = description.partition(": ")[0] if ": " in description else description
    relative = RELATIVE.search(description)
    if AS_GIVEN in description:
        return EnergyOrigin(description.partition(AS_GIVEN)[0], "as the calculator gives it", description)
    return EnergyOrigin(method, relative["zero"] if relative else None, description)


def judge_in_words(description: str) -> str:
    """Return what told energies, in a few words, of the words in which it tells where they come from.

    >>> judge_in_words("tight-binding: a model, in eV relative to free atoms")
    'tight-binding'
    >>> judge_in_words("ednn: trained on tight-binding: a model, in eV relative to free atoms (data 12ab)")
    'an EDNN of tight-binding'
    """
    method = origin_of(description).method
    return f"an EDNN of {method}" if BY_EDNN.fullmatch(description) else method


def origin_in(metadata: Mapping[str, Any]) -> EnergyOrigin:
    """Return the origin that the metadata of a data set, or a card, tell; unknown where they tell nothing."""
    description = metadata.get("energy")
    if not isinstance(description, str):
        return EnergyOrigin(UNKNOWN, None, UNKNOWN)
    told = metadata.get("energy_origin")
    if isinstance(told, dict) and isinstance(told.get("method"), str):
        return EnergyOrigin(told["method"], told.get("zero"), description)
    return origin_of(description)


def as_metadata(origin: EnergyOrigin) -> dict[str, Any]:
    """Return an origin as the metadata of a data set keep it."""
    return {"energy": origin.description, "energy_origin": {"method": origin.method, "zero": origin.zero}}


def disagreements(origins: Mapping[str, EnergyOrigin]) -> list[str]:
    """Return what hinders the comparison of energies, a sentence each; none if nothing does.

    Args:
        origins: by what has these energies, such as "the data".
    """
    found = [
        f"{name} does not say what its energies are relative to ({origin.description})"
        for name, origin in origins.items()
        if origin.zero is None
    ]
    # Neighbours only: agreement is transitive, and one odd origin would otherwise be told once for each of the others.
    for (name, one), (other_name, other) in itertools.pairwise(origins.items()):
        if UNKNOWN in (one.method, other.method):  # said above: an unknown method has no known zero
            continue
        if one.method != other.method:
            found.append(f"{name} has energies by {one.method}, {other_name} by {other.method}")
        elif one.zero is not None and other.zero is not None and one.zero != other.zero:
            found.append(f"{name} has energies relative to {one.zero}, {other_name} relative to {other.zero}")
    return found


def require_agreement(origins: Mapping[str, EnergyOrigin], *, strict: bool) -> None:
    """Warn of energies that cannot be compared; with `strict` raise InputError."""
    for sentence in disagreements(origins):
        if strict:
            raise InputError(f"Energies that are compared must be of one method and one zero. Received: {sentence}")
        warnings.warn(f"energies are compared that may not be comparable: {sentence}", InputWarning, stacklevel=2)
