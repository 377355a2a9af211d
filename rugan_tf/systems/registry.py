"""Systems by name."""

from rugan_tf.systems.porous_graphene import PorousGraphene
from rugan_tf.systems.system import LatticeSystem

SYSTEMS: dict[str, LatticeSystem] = {system.name: system for system in (PorousGraphene(),)}


def system_named(name: str) -> LatticeSystem:
    """Return the system called `name`, or raise ValueError."""
    if name not in SYSTEMS:
        raise ValueError(f"system must be one of {', '.join(SYSTEMS)}. Received: {name!r}")
    return SYSTEMS[name]
