"""What a TOML file says of a material, read and checked: lattice, states, what labels mean, energies, drawing."""

import dataclasses
import math
import re
import tomllib
from typing import Any, Literal

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import Lattice
from rugan_tf.systems.conditions import CellSum, Condition, require_name
from rugan_tf.systems.quantity import LabelQuantity
from rugan_tf.units import LENGTH

WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
MOST_STATES = 256  # that uint8 holds
OWN_DRAWING = "rugan_tf.systems.domains:RandomDomains"
KINDS = {str: "text", float: "a number", bool: "true or false", dict: "a table", list: "a list"}
Species = tuple[tuple[str | None, ...], ...]


@dataclasses.dataclass(frozen=True)
class EnergyDefinition:
    """One energy that a file names.

    Attributes:
        name: of the energy.
        function: package.module:function of one sheet, or an ASE calculator as `--energy` takes it, ase:...
        is_of_many: whether the function takes many sheets (n, rows, cols) at once and returns energies (n,).
        is_relative: whether the energies of sheets that hold one state alone are taken off, cell by cell.
        zero: what has the energy 0, in words; empty for what the function says.
        reach: rows and columns around a cell that its energy depends on; None where the file does not say.
    """

    name: str
    function: str
    is_of_many: bool
    is_relative: bool
    zero: str
    reach: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class DrawingDefinition:
    """How a file says that sheets are drawn.

    Attributes:
        by: package.module:Class, a frozen dataclass of options with the method `draw_states`.
        options: names and values that differ from the defaults of the class.
    """

    by: str
    options: tuple[tuple[str, Any], ...]


@dataclasses.dataclass(frozen=True)
class Definition:
    """A material as a file says it; two are equal if they say the same.

    Attributes:
        name: a word.
        lattice: the sites.
        species: by the state, then by the site: what is there; None for nothing.
        quantity: what labels mean.
        length_unit: of the lattice.
        has_atoms: whether what stands on sites are chemical elements.
        energies: the first is the reference.
        drawing: None if sheets cannot be drawn.
        conditions: what sheets can be asked for beside the energy. Not compared: more of them make no other material.
    """

    name: str
    lattice: Lattice
    species: Species
    quantity: LabelQuantity
    length_unit: str
    has_atoms: bool
    energies: tuple[EnergyDefinition, ...]
    drawing: DrawingDefinition | None
    conditions: tuple[Condition, ...] = dataclasses.field(default=(), compare=False)


class Table:
    """One table of the file. Every key must be asked for: those that are left over are refused."""

    def __init__(self, content: dict[str, Any], name: str, where: str) -> None:
        self.content, self.name, self.where = dict(content), name, where
        self.asked: list[str] = []

    def path(self, key: str) -> str:
        """Return a key with the table that it is in."""
        return f"{self.name}.{key}" if self.name else key

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        """Return the value of a key, of the kind that it must be of; the default, if it has one, where it is not."""
        self.asked.append(key)
        if key not in self.content:
            if default is not None:
                return default
            raise InputError(f"{self.path(key)} must be given, {KINDS[kind]}. Received: none in {self.where}")
        value = self.content.pop(key)
        # People write 1 for 1.0, which TOML tells apart; true and false are integers to Python.
        is_number = isinstance(value, int) and not isinstance(value, bool) and kind is float
        if not (isinstance(value, kind) or is_number):
            raise InputError(f"{self.path(key)} must be {KINDS[kind]}. Received: {value!r} in {self.where}")
        return float(value) if is_number else value

    def table(self, key: str, default: dict[str, Any] | None = None) -> "Table":
        """Return the table inside of this one."""
        return Table(self.take(key, dict, default), self.path(key), self.where)

    def end(self) -> None:
        """Refuse keys that nobody asked for."""
        if self.content:
            among = f"[{self.name}]" if self.name else "The file of a material"
            raise InputError(
                f"{among} must hold only {', '.join(self.asked)}. "
                f"Received: {', '.join(map(repr, self.content))} in {self.where}"
            )


def read_definition(text: str, where: str) -> Definition:
    """Read a material from the text of a TOML file.

    Args:
        text: TOML.
        where: the name of the file, for messages.

    Raises:
        InputError: no TOML, an unknown key, a value of a wrong kind, or states and sites that do not fit. Whether there
            are such elements is asked of ASE, by `require_elements`: it takes longer to import than all else here.
    """
    try:
        whole = Table(tomllib.loads(text), "", where)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"The file of a material must be TOML. Received: {error} in {where}") from None
    name = whole.take("name", str)
    if not WORD.fullmatch(name):
        raise InputError(f"name must be a word of letters, digits and _. Received: {name!r} in {where}")
    has_atoms = whole.take("atoms", bool, default=False)
    states = whole.take("states", list)
    lattice, length_unit = lattice_of(whole.table("lattice"), has_atoms=has_atoms)
    quantity = quantity_of(whole.table("quantity", default={}), length_unit)
    energies = energies_of(whole.table("energies", default={}))
    conditions = conditions_of(whole.table("conditions", default={}), len(states))
    drawing = drawing_of(whole.table("drawing")) if "drawing" in whole.content else None
    # It may be missing and was not asked for then, but errors list what a file may hold.
    whole.asked.append("drawing")
    whole.end()
    species = species_of(states, lattice.num_sites, where)
    return Definition(name, lattice, species, quantity, length_unit, has_atoms, energies, drawing, conditions)


def lattice_of(table: Table, *, has_atoms: bool) -> tuple[Lattice, str]:
    """Return the sites, and the unit of lengths."""
    unit = table.take("length_unit", str, default=LENGTH)
    if has_atoms and unit != LENGTH:
        raise InputError(f"The lengths of atoms must be in {LENGTH}. Received: {unit!r} in {table.where}")
    given = table.take("sites", list, default=[[0.0, 0.0]])
    row_pitch, col_pitch, reach = (table.take(key, float) for key in ("row_pitch", "col_pitch", "reach"))
    col_shift = table.take("col_shift", float, default=0.0)
    table.end()
    sites = []
    for site in given:
        is_pair = isinstance(site, list) and len(site) == 2
        if not (is_pair and all(isinstance(x, int | float) and not isinstance(x, bool) for x in site)):
            raise InputError(f"lattice.sites must be pairs of numbers [x, y]. Received: {site!r} in {table.where}")
        sites.append((float(site[0]), float(site[1])))
    try:
        lattice = Lattice(row_pitch, col_pitch, reach, tuple(sites), col_shift)
        require_neighbours(lattice)
    except InputError as error:
        raise InputError(f"{error} in {table.where}") from None
    return lattice, unit


def require_neighbours(lattice: Lattice) -> None:
    """Raise InputError for a reach below the least distance of two sites: then no site has a neighbour."""
    if any(lattice.num_neighbours):
        return
    # A site's image in the next row is a row pitch away, so something is found within that.
    wide = dataclasses.replace(lattice, reach=lattice.row_pitch)
    distances = [
        math.dist(wide.place(offset), wide.sites[site])
        for site, offsets in enumerate(wide.neighbours[0])
        for offset in offsets
    ]
    raise InputError(
        f"lattice.reach must be at least the distance of the nearest two sites, {min(distances):.6g}. "
        f"Received: reach={lattice.reach:g}"
    )


def species_of(states: list[Any], num_sites: int, where: str) -> Species:
    """Return what each state puts on each site; an empty text is nothing."""
    if not 2 <= len(states) <= MOST_STATES:
        raise InputError(f"There must be 2 to {MOST_STATES} states. Received: {len(states)} in {where}")
    species: list[tuple[str | None, ...]] = []
    for number, state in enumerate(states):
        if not (isinstance(state, list) and all(isinstance(name, str) for name in state)):
            raise InputError(f"A state must be a list of texts, one a site. Received: {state!r} in {where}")
        if len(state) != num_sites:
            raise InputError(
                f"A state must say what is on each of the {num_sites} sites of a cell. "
                f"Received: state {number} with {len(state)}, {state!r}, in {where}"
            )
        held = tuple(name or None for name in state)
        if held in species:
            first = species.index(held)
            raise InputError(f"States must differ. Received: {state!r} as states {first} and {number} in {where}")
        species.append(held)
    return tuple(species)


def require_elements(species: Species, where: str) -> None:
    """Raise InputError unless all that stands on sites are chemical symbols."""
    from ase.data import chemical_symbols

    for name in dict.fromkeys(name for state in species for name in state if name is not None):
        # The first is X, which stands for no element.
        if name not in chemical_symbols[1:]:
            raise InputError(f"With atoms = true, states must hold chemical symbols. Received: {name!r} in {where}")


def quantity_of(table: Table, length_unit: str) -> LabelQuantity:
    """Return what labels mean; their unit follows from that of the total."""
    if not {"total_unit", "per"} <= set(table.content):
        raise InputError(
            "[quantity] must hold total_unit, a text, and per, area or site; words is optional. "
            f"Received: {', '.join(table.content) or 'none'} in {table.where}"
        )
    total_unit, per = table.take("total_unit", str), table.take("per", str)
    chosen: dict[str, Literal["area", "site"]] = {"area": "area", "site": "site"}
    if per not in chosen:
        raise InputError(f"quantity.per must be area or site. Received: {per!r} in {table.where}")
    words = table.take("words", str, default=f"energy per {per}")
    table.end()
    unit = f"{total_unit}/{length_unit}²" if per == "area" else total_unit
    return LabelQuantity(words, unit, total_unit, chosen[per])


def energies_of(table: Table) -> tuple[EnergyDefinition, ...]:
    """Return the energies, in the order of the file."""
    found = []
    for name in list(table.content):
        one = table.table(name)
        function = one.take("function", str)
        if ":" not in function:
            raise InputError(
                f"{one.path('function')} must be package.module:function or ase:package.module:Class. "
                f"Received: {function!r} in {table.where}"
            )
        is_of_many = one.take("many_sheets", bool, default=False)
        is_relative, zero = one.take("relative_to_states", bool, default=False), one.take("zero", str, default="")
        reach = reach_of(one)
        one.end()
        found.append(EnergyDefinition(name, function, is_of_many, is_relative, zero, reach))
    return tuple(found)


def reach_of(table: Table) -> tuple[int, int] | None:
    """Return how far the energy of a cell sees, rows and columns; None where the file does not say."""
    told = table.take("reach", list, default=[])
    # type and not isinstance: true and false are integers to Python.
    if told and not (len(told) == 2 and all(type(cells) is int and cells >= 0 for cells in told)):
        raise InputError(
            f"{table.path('reach')} must be numbers of rows and columns. Received: {told} in {table.where}"
        )
    return (told[0], told[1]) if told else None


def conditions_of(table: Table, num_states: int) -> tuple[Condition, ...]:
    """Return what sheets can be asked for beside the energy: means over the cells of what each state counts."""
    found = []
    for name in list(table.content):
        try:
            require_name(name)
        except InputError as error:
            raise InputError(f"{error} in {table.where}") from None
        one = table.table(name)
        counts = one.take("by_state", list)
        words, unit = one.take("words", str, default=name.replace("_", " ")), one.take("unit", str, default="")
        one.end()
        # Not math.isfinite: TOML has integers that no float holds, and single precision ends at 3e38.
        are_numbers = all(type(count) in (int, float) and abs(count) <= 1e30 for count in counts)
        if not (are_numbers and len(counts) == num_states and len(set(counts)) > 1):
            raise InputError(
                f"{one.path('by_state')} must be a number for each of the {num_states} states, not all of them equal. "
                f"Received: {counts} in {table.where}"
            )
        found.append(Condition(name, words, unit, CellSum(0.0, tuple(map(float, counts)))))
    return tuple(found)


def drawing_of(table: Table) -> DrawingDefinition:
    """Return how sheets are drawn; options are checked when the class is found."""
    by = table.take("by", str, default=OWN_DRAWING)
    return DrawingDefinition(by, tuple(table.content.items()))
