"""Fits what a fast method lacks to few sheets of a better one, and tells the error on sheets left out."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rugan_tf import files
from rugan_tf.ednn.cross_check import computed, forget, given
from rugan_tf.ednn.options import CorrectionOptions
from rugan_tf.energies.corrected import CORRECTED
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named
from rugan_tf.units import error_key

Floats = NDArray[np.float64]
SHEETS_A_NUMBER = 4  # fewer sheets for each fitted number would fit their noise


def fit_correction(options: CorrectionOptions) -> dict[str, Any]:
    """Compute the fast energies of the sheets, fit, and write the correction with its errors."""
    system = system_named(options.system)
    files.require_absent(options.out, overwrite=options.overwrite, what="correction")
    name = options.base or system.reference_name
    if name.startswith(f"{CORRECTED}:"):
        raise InputError(f"A correction must be of a method, not of another correction. Received: base={name}")
    base = energy_named(system, name)
    sheets, reference = given(options.data, system)
    environments = [system.environments(of_size.states) for of_size in sheets]
    names = list(environments[0])
    counts = np.concatenate([np.stack([found[key] for key in names], axis=1) for found in environments])
    target = np.concatenate(reference.energies)
    if len(target) < SHEETS_A_NUMBER * len(names):
        raise InputError(
            f"There must be at least {SHEETS_A_NUMBER * len(names)} sheets, {SHEETS_A_NUMBER} for each constant "
            f"({', '.join(names)}). Received: {len(target)}"
        )
    require_known_without_any(counts, names)
    method = computed(name, base, sheets, options.out, options.repeat)
    fast = np.concatenate(method.energies)
    if not np.isfinite(fast).all():
        raise InputError(
            f"A correction needs the fast energy of every sheet. Received: none of {np.sum(~np.isfinite(fast))} sheets"
        )
    places = counts.astype(np.float64)
    atoms = np.concatenate([system.num_atoms(of_size.states) for of_size in sheets]).astype(np.float64)
    # Constants of places and no network: a few dozen sheets fix a few numbers.
    constants = least_squares(places, target - fast)
    key = error_key(system.error_unit)
    # Beside one constant for each atom, which is what another choice of the zero would do.
    errors = {
        "constant_alone": 1000 * left_out_errors(atoms[:, None], target - fast) / atoms,
        "correction": 1000 * left_out_errors(places, target - fast) / atoms,
    }
    content = {
        "system": system.spec,
        "base": name,
        "base_origin": base.origin.description,
        "environments": dict(zip(names, constants.tolist(), strict=True)),
        "reference": dataclasses.asdict(reference.origin),
        "fitted": f"fitted to {len(target)} sheets{copies(options.repeat)}",
        "repeat": options.repeat,
        "left_out": {
            kind: {f"mae_{key}": float(np.abs(values).mean()), f"rms_{key}": float(np.sqrt(np.mean(values**2)))}
            for kind, values in errors.items()
        },
    }
    files.write_json(options.out, content)
    forget(method, options.out)
    return content


def require_known_without_any(counts: NDArray[np.int64], names: list[str]) -> None:
    """Raise InputError unless every kind of place is in two sheets; kinds that always come together are not found."""
    for index, name in enumerate(names):
        having = np.flatnonzero(counts[:, index])
        if len(having) == 1:
            raise InputError(
                "Every kind of place must be in two sheets at least, or the errors of sheets left out cannot be told. "
                f"Received: {name} in sheet {having[0]} alone"
            )


def copies(repeat: int) -> str:
    """Say what the fast method was asked for, where that is not the sheets themselves."""
    # Whoever uses the correction asks for sheets as they are, which must be so large that it makes no difference.
    return "" if repeat == 1 else f" repeated {repeat}x{repeat}"


def least_squares(places: Floats, missing: Floats) -> Floats:
    """Return the constants (k,) of places (n, k) that give what is missing (n,) best."""
    constants, _, rank, _ = np.linalg.lstsq(places, missing)
    if rank < places.shape[1]:
        raise InputError(
            "The sheets must differ in every kind of place, or its constant is not known. "
            f"Received: {places.shape[1]} kinds, {rank} of them independent"
        )
    return np.asarray(constants)


def left_out_errors(places: Floats, missing: Floats) -> Floats:
    """Return the error (n,) of each sheet by a fit to all others."""
    errors = np.empty(len(missing))
    for index in range(len(missing)):
        others = np.arange(len(missing)) != index
        errors[index] = places[index] @ least_squares(places[others], missing[others]) - missing[index]
    return errors
