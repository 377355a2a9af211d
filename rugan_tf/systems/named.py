"""Systems by name."""

from rugan_tf.errors import InputError
from rugan_tf.systems.porous_graphene.system import PorousGraphene
from rugan_tf.systems.system import LatticeSystem

SYSTEMS: dict[str, LatticeSystem] = {system.name: system for system in (PorousGraphene(),)}


def system_named(name: str) -> LatticeSystem:
    """Return the system called `name`, or raise InputError."""
    if name not in SYSTEMS:
        raise InputError(f"system must be one of {', '.join(SYSTEMS)}. Received: {name!r}")
    return SYSTEMS[name]
