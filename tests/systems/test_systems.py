"""What every system must do, tried on all of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from rugan_tf.energies.function import Work
from rugan_tf.energies.named import energy_named
from rugan_tf.systems.domains import RandomDomains
from rugan_tf.systems.ising.sampling import Temperatures
from rugan_tf.systems.named import SYSTEMS, system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions
from rugan_tf.systems.system import LatticeSystem

LENNARD_JONES = "ase:ase.calculators.lj:LennardJones"
SHIFTED = [(0, 4), (4, 0), (4, 1), (4, 5)]
# A new system says here how its sheets are drawn,
DRAWING = {"porous_graphene": PoreOptions(), "boron_nitride": RandomDomains(), "ising": Temperatures(num_sweeps=10)}
# with which energies, and which sizes it has not.
ENERGIES = {
    "porous_graphene": ["tight-binding", LENNARD_JONES],
    "boron_nitride": [LENNARD_JONES],
    "ising": ["ising"],
}
BAD_SIZES = {"porous_graphene": SHIFTED, "boron_nitride": SHIFTED, "ising": [(0, 4), (4, 0)]}
CASES = [(name, spec) for name, specs in ENERGIES.items() for spec in specs]
SIZES = [(2, 2), (3, 4), (6, 8)]


@pytest.fixture(params=sorted(SYSTEMS))
def system(request):
    return SYSTEMS[request.param]


@pytest.fixture
def draw(system):
    def draw_sheets(num_sheets, rows, cols, seed=0):
        return system.draw_states(np.random.default_rng(seed), num_sheets, rows, cols, DRAWING[system.name])

    return draw_sheets


def any_states(system, num_sheets, rows, cols):
    return np.random.default_rng(7).integers(0, system.num_states, (num_sheets, rows, cols), np.uint8)


def test_no_system_is_missing_here():
    assert set(SYSTEMS) == set(DRAWING) == set(ENERGIES) == set(BAD_SIZES)


def test_system_is_found_by_its_name(system):
    assert isinstance(system, LatticeSystem)
    assert system_named(system.name) is system


@pytest.mark.parametrize("name", ["porous-graphene", "", "PorousGraphene"])
def test_unknown_system_is_refused(name):
    with pytest.raises(ValueError, match=rf"system must be one of .*porous_graphene.*. Received: '{name}'"):
        system_named(name)


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_drawn_sheets_are_states_of_the_system_and_valid(system, draw, rows, cols):
    states = draw(50, rows, cols)
    assert states.shape == (50, rows, cols)
    assert states.dtype == np.uint8
    np.testing.assert_array_equal(system.validate_states(states), states)
    assert system.is_valid(states).all()
    assert system.is_valid(states).shape == (50,)


@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_repair_gives_valid_sheets_and_is_idempotent(system, rows, cols):
    states = any_states(system, 100, rows, cols)
    repaired = system.repair(states)
    assert repaired.dtype == np.uint8
    assert system.is_valid(repaired).all()
    np.testing.assert_array_equal(system.repair(repaired), repaired)
    was_valid = system.is_valid(states)
    np.testing.assert_array_equal(was_valid, (repaired == states).all(axis=(1, 2)))
    assert was_valid.all() == (system.rule is None)
    assert repaired is not states


@pytest.mark.parametrize("name", [name for name, system in SYSTEMS.items() if system.rule is not None])
def test_the_same_repair_runs_in_a_graph_of_any_size(name):
    system = SYSTEMS[name]

    @tf.function(input_signature=[tf.TensorSpec([None, None, None], tf.int32)], autograph=False)
    def repair(states):
        return system.rule.repair(states, keras.ops)

    for size in [(30, 4, 6), (1, 1, 2), (3, 9, 10), (2, 66, 64)]:
        states = any_states(system, *size)
        repaired = repair(tf.constant(states, tf.int32)).numpy()
        assert repaired.dtype == np.int32
        np.testing.assert_array_equal(repaired, system.repair(states))
    assert "_XlaMustCompile" not in str(repair.get_concrete_function().graph.as_graph_def())


def test_repair_commutes_with_the_period(system):
    states = any_states(system, 40, 6, 8)
    shift = (system.row_period, system.col_period)
    shifted = np.roll(system.repair(states), shift, (1, 2))
    np.testing.assert_array_equal(system.repair(np.roll(states, shift, (1, 2))), shifted)


def drawn(name, num_sheets):
    return SYSTEMS[name].draw_states(np.random.default_rng(3), num_sheets, 4, 6, DRAWING[name])


def one_energy(name, spec):
    """The energy of one sheet, by the door."""
    function = energy_named(SYSTEMS[name], spec)
    return lambda sheet: float(function.energies(sheet[None], Work(processes=1))[0])


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_shifts_by_the_period_leave_the_energy(name, spec):
    system, energy, states = SYSTEMS[name], one_energy(name, spec), drawn(name, 2)
    assert system.num_atoms(states).min() > 0
    rows, cols = system.row_period, system.col_period
    for sheet in states:
        for shift in [(rows, 0), (0, cols), (3 * rows, -cols)]:
            assert energy(np.roll(sheet, shift, (0, 1))) == pytest.approx(energy(sheet), abs=1e-9, rel=0)


@pytest.mark.parametrize(("name", "spec"), CASES)
def test_symmetric_images_are_other_sheets_of_equal_energy(name, spec):
    system, energy, states = SYSTEMS[name], one_energy(name, spec), drawn(name, 6)
    images = system.draw_symmetric_images(np.random.default_rng(1), states)
    assert (images.dtype, images.shape) == (np.uint8, states.shape)
    assert (images != states).any(axis=(1, 2)).sum() >= 3
    assert system.is_valid(images).all()
    for sheet, image in zip(states, images, strict=True):
        assert energy(image) == pytest.approx(energy(sheet), abs=1e-9, rel=0)
    again = system.draw_symmetric_images(np.random.default_rng(1), states)
    np.testing.assert_array_equal(again, images)


@pytest.mark.parametrize("name", ["porous_graphene", "ising"])  # of the third by two methods: test_boron_nitride
def test_energies_differ_between_sheets(name):
    energy = one_energy(name, ENERGIES[name][0])
    assert len({round(energy(sheet), 6) for sheet in drawn(name, 4)}) > 1


def test_energy_function_refuses_unknown_names(system):
    with pytest.raises(ValueError, match=r"Received: 'nothing-known'"):
        energy_named(system, "nothing-known")


@pytest.mark.parametrize("repeats", [(2, 1), (1, 2), (3, 2)])
def test_a_supercell_repeats_area_and_atoms(system, draw, repeats):
    states = draw(5, 4, 6)
    times = repeats[0] * repeats[1]
    assert system.area(4, 6) > 0
    assert system.area(4 * repeats[0], 6 * repeats[1]) == pytest.approx(times * system.area(4, 6), rel=1e-14)
    supercell = np.tile(states, (1, *repeats))
    np.testing.assert_array_equal(system.num_atoms(supercell), times * system.num_atoms(states))
    if system.rule is not None:  # a strip that closes over one border becomes several pieces
        np.testing.assert_array_equal(system.rule.step(supercell.astype(np.int8), np), supercell)


def test_energy_per_area_divides_by_the_area(system):
    energy = np.array([-10.0, 0.0, 2.5], np.float32)
    per_area = system.energy_per_area(energy, 4, 6)
    assert per_area.dtype == np.float64
    np.testing.assert_allclose(per_area * system.area(4, 6), energy, rtol=1e-12)


def test_structure_holds_every_atom_in_a_periodic_cell_of_that_area(system, draw):
    states = draw(3, 4, 6)
    if system.atoms is None:
        with pytest.raises(ValueError, match=rf"must have atoms to be structures. Received: {system.name}"):
            system.structure(states[0])
        return
    for sheet, num_atoms in zip(states, system.num_atoms(states), strict=True):
        structure = system.structure(sheet)
        assert len(structure) == num_atoms
        assert structure.pbc[:2].all()
        rows_length, cols_length = structure.cell.lengths()[:2]
        assert rows_length * cols_length == pytest.approx(system.area(4, 6), rel=1e-12)


def test_impossible_sizes_are_refused(system):
    system.validate_size(4, 6)
    for rows, cols in BAD_SIZES[system.name]:
        with pytest.raises(ValueError, match=r"(rows|cols) must be .*Received: (rows|cols)="):
            system.validate_size(rows, cols)
        with pytest.raises(ValueError, match=r"Received: (rows|cols)="):
            system.area(rows, cols)


def test_values_that_are_no_states_are_refused(system):
    with pytest.raises(ValueError, match=r"states must lie in 0..\d+. Received: values"):
        system.validate_states(np.full((1, 4, 4), system.num_states, np.uint8))


def test_the_period_divides_every_size_that_is_allowed(system):
    for rows, cols in [(1, 2), (2, 2), (3, 4), (5, 6)]:
        system.validate_size(rows, cols)
        assert rows % system.row_period == 0
        assert cols % system.col_period == 0
