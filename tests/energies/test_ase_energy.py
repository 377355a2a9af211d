import dataclasses
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from scripted import numbered_sheets
from tblite.ase import TBLite

from rugan_tf.energies.function import Work
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import PartlyDoneError
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.reference import sheet_energy

SYSTEM = system_named("porous_graphene")

LENNARD_JONES = "ase:ase.calculators.lj:LennardJones"
GFN1 = 'ase:tblite.ase:TBLite:{"method": "GFN1-xTB", "verbosity": 0}'
ABSTRACT = "ase:ase.calculators.calculator:Calculator"


def energy_of(spec, states, **cell):
    """The energy of one sheet, by the door."""
    return float(energy_named(SYSTEM, spec, **cell).energies(states[None], Work(processes=1))[0])


def pristine(rows, cols):
    return np.full((rows, cols), 3, np.uint8)


def with_vacancy(rows, cols):
    states = pristine(rows, cols)
    states[1, 1] = 1
    return states


def test_tight_binding_by_name():
    energy = energy_named(SYSTEM, "tight-binding")
    assert energy_of("tight-binding", pristine(3, 4)) == sheet_energy(pristine(3, 4))
    assert energy.origin.description.startswith("tight-binding: ")
    assert "0.1 eV" in energy.origin.description


def test_lennard_jones_of_one_pair_with_arguments():
    states = np.zeros((4, 4), np.uint8)
    states[2, 1] = 3
    spec = LENNARD_JONES + ':{"sigma": 1.3, "epsilon": 0.5, "rc": 3.0}'
    x, cut = (1.3 * 3**0.5 / 2.46) ** 6, (1.3 / 3.0) ** 6
    assert energy_of(spec, states) == pytest.approx(4 * 0.5 * (x * x - x - cut * cut + cut), rel=1e-12)


@pytest.mark.parametrize("spec", ["tight-binding", LENNARD_JONES, GFN1])
def test_energy_functions_survive_pickling_and_cannot_be_changed(spec):
    energy = energy_named(SYSTEM, spec)
    copy = pickle.loads(pickle.dumps(energy))
    assert copy == energy
    assert copy.function(with_vacancy(2, 2)) == energy.function(with_vacancy(2, 2))
    assert json.loads(json.dumps(energy.origin.description)).startswith(spec)
    with pytest.raises(dataclasses.FrozenInstanceError):
        energy.function = None


@pytest.mark.parametrize("spec", ["tight-binding", ABSTRACT])
def test_empty_sheet_has_no_energy_and_needs_no_calculator(spec):
    assert energy_of(spec, np.zeros((2, 2), np.uint8)) == 0.0


def test_exception_of_the_calculator_is_the_reason_of_the_sheet():
    with pytest.raises(PartlyDoneError, match="sheet 0: PropertyNotImplementedError: energy property not implemented"):
        energy_of(ABSTRACT, pristine(2, 2))


def test_gfn1_sees_the_periodic_sheet():
    a, bond = 2.46, 2.46 / 3**0.5
    positions = [[0, 0, 10], [0, bond, 10], [a / 2, 1.5 * bond, 10], [a / 2, 2.5 * bond, 10]]
    by_hand = Atoms("C4", positions, cell=[a, 3 * bond, 20], pbc=True)
    by_hand.calc = TBLite(method="GFN1-xTB", verbosity=0)
    assert energy_of(GFN1, pristine(1, 2)) == pytest.approx(by_hand.get_potential_energy(), abs=1e-6)


def test_gfn1_energy_does_not_depend_on_the_sheets_before():
    first = energy_of(GFN1, with_vacancy(2, 4))
    assert energy_of(GFN1, np.roll(with_vacancy(2, 4), 1, axis=0)) == pytest.approx(first, abs=1e-5)
    assert energy_of(GFN1, pristine(2, 2)) != first
    assert energy_of(GFN1, with_vacancy(2, 4)) == first


def test_gfn1_and_tight_binding_agree_about_a_vacancy():
    costs = [
        energy_of(spec, with_vacancy(3, 4)) - 23 / 24 * energy_of(spec, pristine(3, 4))
        for spec in (GFN1, "tight-binding")
    ]
    assert costs[0] == pytest.approx(costs[1], rel=0.3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "dft",
            r"The energy must be tight-binding, linear-scaling, gpaw-pbe, 7net-0, ednn, .* Received: 'dft'",
        ),
        ("ase:", "The energy must be "),
        ("ase:ase.calculators.lj", "The energy must be "),
        ("ase::LennardJones", "The energy must be "),
        ("ase.calculators.lj:LennardJones", "The energy must be "),
        ("ase:no_such_package.x:Y", "must be importable. Received: no_such_package.x:Y .*No module named"),
        ("ase:ase.calculators.lj:Missing", "must be importable. Received: ase.calculators.lj:Missing"),
        ("ase:.lj:LennardJones", "must be importable"),
        (LENNARD_JONES + ":{sigma: 1}", "arguments must be a JSON object. Received: '{sigma: 1}'"),
        (LENNARD_JONES + ":[1]", r"arguments must be a JSON object. Received: '\[1\]'"),
    ],
)
def test_unknown_energies_are_refused_at_once(spec, message):
    with pytest.raises(ValueError, match=message):
        energy_named(SYSTEM, spec)


def test_energy_that_is_not_finite_is_the_failure_of_its_sheet():
    with pytest.raises(PartlyDoneError, match=r"sheet 0: .*The energy must be finite\. Received: nan from ase"):
        energy_of(LENNARD_JONES + ':{"epsilon": NaN}', pristine(2, 2))


def test_arguments_that_the_calculator_refuses():
    spec = 'ase:ase.calculators.singlepoint:SinglePointCalculator:{"wrong": 1}'
    with pytest.raises(PartlyDoneError, match=r"must accept its arguments. Received: .*SinglePointCalculator"):
        energy_of(spec, pristine(2, 2))


def test_programs_that_speak_through_files_do_not_read_each_others():
    """Sheet k has k + 1 atoms and the energy -1.5 (k + 1), by a program that every sheet runs."""
    energy = energy_named(SYSTEM, "ase:scripted:CountingProgram")
    received = energy.energies(numbered_sheets(64), Work(processes=2))
    np.testing.assert_array_equal(received, -1.5 * np.arange(1, 65))


def test_folder_that_all_sheets_would_share_is_not_used(tmp_path):
    energy = energy_named(SYSTEM, f'ase:scripted:CountingProgram:{{"directory": "{tmp_path}"}}')
    received = energy.energies(numbered_sheets(8), Work(processes=2))
    np.testing.assert_array_equal(received, -1.5 * np.arange(1, 9))
    assert not list(tmp_path.iterdir())


def test_calculators_get_the_cell_that_was_asked_for():
    sheet = with_vacancy(2, 4)
    given = energy_named(SYSTEM, LENNARD_JONES, pbc=(True, True, True), vacuum=9.0).function.structure(sheet)
    usual = energy_named(SYSTEM, LENNARD_JONES).function.structure(sheet)
    assert given.pbc.tolist() == [True, True, True]
    assert usual.pbc.tolist() == [True, True, False]
    np.testing.assert_allclose(given.cell.lengths(), [*usual.cell.lengths()[:2], 9.0])
    np.testing.assert_allclose(given.positions[:, :2], usual.positions[:, :2])
    np.testing.assert_allclose(given.positions[:, 2], 4.5)
    np.testing.assert_allclose(usual.positions[:, 2], 10.0)


def test_cell_of_a_calculator_is_part_of_what_its_energies_are():
    plain = energy_named(SYSTEM, LENNARD_JONES).origin.description
    other = energy_named(SYSTEM, LENNARD_JONES, pbc=(True, True, True), vacuum=9.0).origin.description
    assert other == f"{plain}, periodic along xyz, cells 9 Å high"
    in_space = energy_of(LENNARD_JONES, pristine(2, 2), vacuum=2.0, pbc=(True, True, True))
    assert in_space != energy_of(LENNARD_JONES, pristine(2, 2))
    with pytest.raises(ValueError, match=r"vacuum must be positive, in Å. Received: vacuum=0"):
        energy_named(SYSTEM, LENNARD_JONES, vacuum=0)
    with pytest.raises(ValueError, match=r"of the structures that ase:... calculators get. Received: 'ednn'"):
        energy_named(SYSTEM, "ednn", vacuum=9.0)


def test_module_needs_neither_tensorflow_nor_ase():
    code = "import sys, rugan_tf.energies.named; print({'tensorflow', 'keras', 'ase'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
