"""Units that physics is computed in. What labels are measured in is told by the system."""

ENERGY = "eV"
LENGTH = "Å"
EV_PER_KELVIN = 8.617333262e-5  # Boltzmann constant, CODATA 2018


def ascii_unit(unit: str) -> str:
    """Return a unit in ASCII, for JSON.

    >>> ascii_unit("kJ/Å²")
    'kJ/A^2'
    """
    return unit.replace("Å", "A").replace("²", "^2")


def readable_unit(unit: str) -> str:
    """Return a unit as `ascii_unit` wrote it, for people.

    >>> readable_unit("kJ/A^2")
    'kJ/Å²'
    """
    return unit.replace("A^2", "Å²")


def tag_unit(unit: str) -> str:
    """Return a unit as part of a tag.

    >>> tag_unit("kJ/Å²")
    'kJ_per_A2'
    """
    return ascii_unit(unit).replace("^", "").replace("/", "_per_")


def error_key(unit: str) -> str:
    """Return a unit of errors as part of a key.

    >>> error_key("meV/atom")
    'mev_per_atom'
    """
    return tag_unit(unit).lower()
