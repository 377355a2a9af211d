"""What materials tell of sheets: statistics, properties, drawings, and messages of what there is not."""

import dataclasses
import math
import sys

import numpy as np
import pytest
from spins import Disorder, Spins
from test_definition import SPINS

from rugan_tf.errors import InputError
from rugan_tf.systems.conditions import CellSum, Condition, beyond_reservoir, require_name, vacant_share
from rugan_tf.systems.drawing import drawing_of, with_drawing
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.from_file import built_in
from rugan_tf.systems.images import SymmetricImages, is_any_combination
from rugan_tf.systems.ising.sampling import Temperatures
from rugan_tf.systems.lengths import nearest_size, readable_length_unit
from rugan_tf.systems.named import system_in, system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions
from rugan_tf.systems.porous_graphene.sites import validate_states

GRAPHENE, ISING, SPINS_SYSTEM = system_named("porous_graphene"), system_named("ising"), Spins()


def told(function, *arguments, error=InputError, **named):
    with pytest.raises(error) as raised:
        function(*arguments, **named)
    return str(raised.value)


@pytest.fixture
def states():
    """A pristine sheet, and one with a vacancy and a hole of two sites."""
    sheets = np.full((2, 6, 8), 3, np.uint8)
    sheets[1, 1, 1] = 1
    sheets[1, 4, 5] = 0
    return sheets


def test_statistics_of_porous_sheets_are_named_and_counted(states):
    found = GRAPHENE.statistics(states)
    assert list(found) == ["coordination", "edges", "pore_size", "pore_density", "two_point_correlation"]
    assert {name: (one.kind, one.label, one.classes, one.positions_label) for name, one in found.items()} == {
        "coordination": ("shares", "share of atoms", ("0", "1", "2", "3"), "neighbours of an atom"),
        "edges": ("shares", "share of edge atoms", ("zigzag", "armchair"), "edge"),
        "pore_size": ("samples", "vacant sites of a pore", (), ""),
        "pore_density": ("samples", "pores per area (1/Å²)", (), ""),
        "two_point_correlation": ("curve", "pairs of sites both vacant (share)", (), "distance (Å)"),
    }
    num_atoms = 192 - 3
    np.testing.assert_allclose(found["coordination"].values, np.array([0, 0, 7, num_atoms - 7]) / num_atoms)
    np.testing.assert_allclose(found["edges"].values, [1, 0])
    assert found["pore_size"].values.tolist() == [1, 2]
    assert found["pore_size"].values.dtype == np.float64
    np.testing.assert_allclose(found["pore_density"].values, [0, 2 / GRAPHENE.area(6, 8)])
    curve = found["two_point_correlation"]
    assert curve.positions[0] == pytest.approx(1.42, abs=0.01)
    assert curve.values[0] == pytest.approx(2 / (192 * 3))  # one bonded pair of vacant sites, seen from both
    assert 6 < curve.positions[-1] <= 7.4
    empty = GRAPHENE.statistics(np.zeros((1, 6, 8), np.uint8))
    assert empty["coordination"].values.tolist() == [0, 0, 0, 0]
    assert empty["edges"].values.tolist() == [0, 0]


def test_statistics_of_other_materials_are_of_their_states():
    states = np.zeros((2, 6, 8), np.uint8)
    states[1, :, ::2] = 1
    states[1, 0, 1] = 2
    found = SPINS_SYSTEM.statistics(states)
    assert {name: (one.kind, one.label, one.classes, one.positions_label) for name, one in found.items()} == {
        "states": ("shares", "share of cells", ("red", "green", "blue"), "what a cell holds"),
        "commonest_state": ("samples", "share of the commonest state in a sheet", (), ""),
        "two_point_correlation": ("curve", "pairs of sites that hold the same (share)", (), "distance (a)"),
    }
    np.testing.assert_allclose(found["states"].values, np.array([71, 24, 1]) / 96)
    assert found["commonest_state"].values.tolist() == [1.0, 0.5]
    curve = found["two_point_correlation"]
    assert curve.positions[0] == pytest.approx(1.0)
    even, odd, after = states[..., ::2], states[..., 1::2], np.roll(states[..., ::2], -1, 2)
    same = (states == np.roll(states, 1, 1)).mean()
    across = [even == odd, even == np.roll(odd, 1, 1), odd == after, odd == np.roll(after, -1, 1)]
    across = np.mean([pairs.mean() for pairs in across])
    assert curve.values[0] == pytest.approx((same + 2 * across) / 3)
    assert max(curve.positions) <= min(6, 8 * math.sqrt(3) / 2) / 2
    atoms = system_named("boron_nitride").statistics(np.zeros((1, 4, 4), np.uint8))
    assert all(isinstance(name, str) and name for name in atoms["states"].classes)


def test_porosity_and_formation_energy_of_porous_sheets(states):
    origin = GRAPHENE.reference_energies["tight-binding"].origin
    known = GRAPHENE.properties(origin, 6, 8)
    assert list(known) == ["porosity", "formation_energy_per_area"]
    porosity, formation = (make() for make in known.values())
    assert porosity == Condition("porosity", "porosity", "", CellSum(0.0, (1.0, 0.5, 0.5, 0.0)))
    assert (formation.name, formation.words, formation.unit) == (
        "formation_energy_per_area",
        "formation energy per area",
        "eV/Å²",
    )
    np.testing.assert_allclose(porosity.rule.values(states, None), [0, 3 / 96])
    pristine, energy = (GRAPHENE.reference_energies["tight-binding"](one) for one in states)
    values = formation.rule.values(states, GRAPHENE.energy_per_area([pristine, energy], 6, 8))
    np.testing.assert_allclose(values, [0, (energy - 93 / 96 * pristine) / GRAPHENE.area(6, 8)], atol=1e-10)
    for other in (EnergyOrigin(origin.method, "free atoms", ""), EnergyOrigin("dft", origin.zero, "")):
        assert list(GRAPHENE.properties(other, 6, 8)) == ["porosity"]
    assert SPINS_SYSTEM.properties(origin, 6, 8) == {}


def test_sums_over_cells_by_hand():
    states = np.array([[[0, 1], [2, 2]], [[0, 0], [0, 1]]], np.uint8)
    plain, costly = CellSum(0.0, (1.0, 2.0, 4.0)), CellSum(2.0, (1.0, 2.0, 4.0))
    assert (plain.needs_energy, costly.needs_energy) == (False, True)
    assert plain.values(states, None).tolist() == [2.75, 1.25]
    assert plain.values(states, np.array([1, 2], np.float32)).tolist() == [2.75, 1.25]
    assert costly.values(states, np.array([1, 2], np.float32)).tolist() == [4.75, 5.25]
    words = told(costly.values, states, None, error=ValueError)
    assert words == "A property that holds the energy needs energies. Received: none"
    species = (("C", "N"), (None, "C"), (None, None))
    assert vacant_share(species) == CellSum(0.0, (0.0, 0.5, 1.0))
    assert beyond_reservoir(species, -8.0, 0.25) == CellSum(1.0, (2.0, 1.0, 0.0))


def test_sums_over_cells_of_encodings_are_the_same():
    import keras

    states = np.array([[[0, 1], [2, 2]], [[0, 0], [0, 1]]], np.uint8)
    plain, costly = CellSum(0.0, (1.0, 2.0, 4.0)), CellSum(2.0, (1.0, 2.0, 4.0))
    encoding, energy = np.eye(3, dtype=np.float32)[states], np.array([1.0, 2.0], np.float32)
    for rule, expected in ((plain, [2.75, 1.25]), (costly, [4.75, 5.25])):
        np.testing.assert_allclose(rule.of_encoding(encoding, energy, keras.ops), expected)


def test_conditions_are_told_with_their_units():
    assert Condition("gap", "band gap", "eV").label == "band gap (eV)"
    assert Condition("share", "share", "").label == "share"
    assert Condition("gap", "band gap", "eV").told(1.23456) == "gap 1.235 eV"
    assert Condition("share", "share", "").told(0.5) == "share 0.5"
    label = Condition("energy_per_area", "energy per site", "J", CellSum(1.0, (0.0,) * 3))
    assert SPINS_SYSTEM.energy_condition == label
    require_name("gap_2")
    for name in ("2gap", "größe", "states", "energy", "a b"):
        assert told(require_name, name) == (
            "A property must be named by letters, digits and _, and not be one of states, energy_per_area, metadata, "
            f"rows, cols, seed, latent, probabilities, energy. Received: {name!r}"
        )


@dataclasses.dataclass(frozen=True)
class Options:
    """Of a command."""

    out: str = "here"


def test_a_command_gets_the_options_of_a_drawing():
    made = with_drawing(Options, Disorder(0.25))
    assert (made.__name__, made.__doc__, made.__module__) == ("Options", "Of a command.", __name__)
    options = made(out="there")
    assert isinstance(options, Options)
    assert (options.out, drawing_of(SPINS_SYSTEM, options)) == ("there", Disorder(0.25))
    assert [field.type for field in dataclasses.fields(made)] == [str, Disorder]
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.out = "elsewhere"
    assert with_drawing(Options, None) is Options
    silent = system_named(SPINS.replace("[drawing]\nmax_domain = 2", "").replace("file_spins", "silent"))
    words = "The system must say how sheets are drawn. Received: silent, which does not"
    assert told(drawing_of, silent, options) == words


def test_metadata_tell_how_sheets_were_drawn():
    told_options = {"options": {"drawing": {"share": 0.125}}}
    assert SPINS_SYSTEM.drawing_options(told_options) == Disorder(0.125)
    for none in ({}, {"options": None}, {"options": {}}, {"options": {"drawing": None}}, {"options": "drawing"}):
        assert SPINS_SYSTEM.drawing_options(none) is None
        assert GRAPHENE.drawing_options(none) is None
    assert GRAPHENE.drawing_options({"options": {"pores": {"max_radius": 3.5}}}) == PoreOptions(max_radius=3.5)
    assert GRAPHENE.drawing_options({"options": {"pores": 1, "drawing": {"min_holes": 2}}}) == PoreOptions(min_holes=2)


def test_what_a_material_cannot_is_told_by_its_name():
    states = np.zeros((1, 4, 4), np.uint8)
    assert told(SPINS_SYSTEM.structure, states[0]).endswith(
        "Sheets must have atoms to be structures. Received: spins, which has none"
    )
    words = "A material must say how its edges are saturated. Received: spins, which does not"
    assert told(SPINS_SYSTEM.saturated, states[0], "H") == words
    assert SPINS_SYSTEM.num_atoms(states).tolist() == [16]
    assert SPINS_SYSTEM.num_atoms(states).dtype == np.int64
    assert (SPINS_SYSTEM.error_unit, GRAPHENE.error_unit) == ("mJ/site", "meV/atom")
    repaired = SPINS_SYSTEM.repair(states)
    assert repaired is not states
    np.testing.assert_array_equal(repaired, states)
    assert SPINS_SYSTEM.is_valid(states).tolist() == [True]
    assert told(GRAPHENE.num_sites, 3, 3) == told(GRAPHENE.validate_size, 3, 3)
    assert GRAPHENE.num_sites(3, 4) == 24
    assert validate_states([[[3, 0]]]).tolist() == [[[3, 0]]]
    assert "Received" in told(validate_states, np.full((1, 2, 2), 4, np.uint8))


def test_materials_of_the_package_are_known_by_their_names():
    ising = built_in("ising")
    assert (ising.name, ising.spec, ising.short_spec) == ("ising", "ising", "ising")
    assert ising == ISING
    assert hash(ising) == hash("ising") == hash(ISING)
    assert (ISING.drawing, ISING.reference_drawing) == (Temperatures(), Temperatures())


def test_the_material_of_a_command_line_is_read_off_it(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rugan", "--system", "ising"])
    assert system_in(None) is ISING
    assert system_in([]) is GRAPHENE
    assert system_in(["--system=" + SPINS]).name == "file_spins"


def test_sizes_next_to_the_smallest_sheet():
    assert nearest_size(ISING, ["0.6", "1.4"]) == (1, 1)
    assert nearest_size(ISING, ["3"]) == (3, 3)
    assert nearest_size(ISING, ["3"], 2) == (4, 4)
    assert readable_length_unit(GRAPHENE, 999.0) == ("Å", 1.0)
    assert readable_length_unit(GRAPHENE, 1000.0) == ("nm", 10.0)
    assert readable_length_unit(GRAPHENE, 1e4) == ("µm", 1e4)
    assert readable_length_unit(GRAPHENE, 1e7) == ("mm", 1e7)


def test_any_combination_of_species_needs_no_operation_that_keeps_cells():
    assert is_any_combination((("a",), ("b",)))
    assert is_any_combination((("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")))
    assert not is_any_combination((("a", "a"), ("a", "b"), ("b", "a")))
    assert not is_any_combination((("a", "b"), ("b", "a")))
    assert not is_any_combination((("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")))
    same, other = (
        SymmetricImages.of(GRAPHENE.lattice, species) for species in (GRAPHENE.species, (("a", "b"), ("b", "c")))
    )
    assert len(other.operations) < len(same.operations)
    assert other.operations[0] == same.operations[0]


@pytest.mark.parametrize("options", [{"num_sweeps": 0}, {"max_temperature": math.inf}, {"min_temperature": 0.0}])
def test_temperatures_that_are_none_are_refused(options):
    ((name, value),) = options.items()
    assert f"{name}={value}" in told(Temperatures, **options)
    assert Temperatures(num_sweeps=1).num_sweeps == 1


def file_of(before, after):
    assert before in SPINS
    return SPINS.replace(before, after)


@pytest.mark.parametrize("reach", [(2, 0), (0, 3)])
def test_a_file_tells_the_reach_of_its_energy(reach):
    system = system_named(file_of('zero = "no', f'reach = {list(reach)}\nzero = "no'))
    assert system.reference_energies["potts"].reach == reach
    assert system_named(SPINS).reference_energies["potts"].reach is None


@pytest.mark.parametrize("reach", ["[1]", "[1, 2.5]", "[-1, 1]", "[1, 2, 3]"])
def test_a_reach_that_is_none_is_told(reach):
    words = told(system_named, file_of('zero = "no', f'reach = {reach}\nzero = "no'))
    rule = "energies.potts.reach must be numbers of rows and columns. Received: "
    assert words.startswith(f"{rule}{reach} in "), words


def test_what_a_file_must_not_hold_is_told_with_what_it_may():
    words = told(system_named, file_of("states = ", "colours = 1\nsizes = 2\nstates = "))
    assert words.startswith("The file of a material must hold only ")
    assert "Received: 'colours', 'sizes' in " in words
    system = system_named(file_of("max_domain = 2", "size = 1"))
    with pytest.raises(
        InputError, match=r"must hold only by, concentration, min_domain, max_domain\. Received: 'size'"
    ):
        _ = system.drawing
