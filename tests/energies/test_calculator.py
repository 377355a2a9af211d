"""The EDNN as an ASE calculator, and relaxations by others."""

import runpy
from pathlib import Path

import ase.build
import ase.io
import numpy as np
import pytest
from ase.calculators.calculator import PropertyNotImplementedError
from disturbed import disturbed

import rugan_tf
from rugan_tf.energies.relaxation import relax
from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
EMT = "ase:ase.calculators.emt:EMT"


@pytest.fixture(scope="module")
def calculator(tmp_path_factory):
    """One of a tiny EDNN."""
    folder = tmp_path_factory.mktemp("ednn")
    runpy.run_path(str(Path(__file__).parents[1] / "ednn" / "tiny_ednn.py"))["save_ednn"](folder)
    return rugan_tf.Calculator(folder)


def test_energy_is_that_of_the_sheet_however_it_stands(calculator):
    states = np.random.default_rng(0).integers(0, 4, (6, 8), np.uint8)
    structure = GRAPHENE.structure(states)
    structure.calc = calculator
    expected = calculator.function.energies(states[None])[0]
    assert structure.get_potential_energy() == pytest.approx(expected, rel=1e-6)
    moved = structure.copy()
    moved.positions += 3.3
    moved.calc = calculator
    assert moved.get_potential_energy() == pytest.approx(expected, rel=1e-5)
    with pytest.raises(PropertyNotImplementedError):
        structure.get_forces()


def test_skew_cells_have_the_energy_of_their_own_atoms(calculator):
    small = ase.build.graphene("C2", a=2.46, size=(4, 4, 1), vacuum=8)
    small.calc = calculator
    whole = GRAPHENE.structure(np.full((4, 8), 3, np.uint8))
    whole.calc = calculator
    assert small.get_potential_energy() == pytest.approx(whole.get_potential_energy() / 2, rel=1e-5)


def test_what_is_no_sheet_has_no_energy(calculator):
    molecule = ase.build.molecule("C6H6")
    molecule.calc = calculator
    with pytest.raises(InputError, match="must be periodic in its plane"):
        molecule.get_potential_energy()


def test_relaxation_brings_atoms_back_to_rest_and_keeps_the_way(tmp_path):
    copper = disturbed(ase.build.bulk("Cu", cubic=True), "noise")
    before = copper.positions.copy()
    outcome = relax(copper, EMT, tmp_path / "way.traj", max_steps=60, largest_force=0.01)
    assert outcome.has_converged
    assert outcome.largest_force <= 0.01
    assert outcome.energy == outcome.structure.get_potential_energy()
    np.testing.assert_array_equal(copper.positions, before)
    way = ase.io.read(tmp_path / "way.traj", ":")
    assert len(way) == outcome.num_steps + 1
    assert way[0].get_potential_energy() > way[-1].get_potential_energy() == pytest.approx(outcome.energy)
    perfect = ase.build.bulk("Cu", cubic=True)
    apart = outcome.structure.get_all_distances(mic=True) - perfect.get_all_distances(mic=True)
    assert np.sort(np.abs(apart).ravel())[-1] < 0.02


def test_relaxation_stops_after_its_steps(tmp_path):
    copper = disturbed(ase.build.bulk("Cu", cubic=True), "noise")
    outcome = relax(copper, EMT, tmp_path / "way.traj", max_steps=1, largest_force=1e-6)
    assert (outcome.has_converged, outcome.num_steps) == (False, 1)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("EMT", "A calculator must be given as ase:package.module:Class. Received: 'EMT'"),
        ("ase:nowhere:Nothing", "must be importable. Received: nowhere:Nothing"),
        ("ase:rugan_tf.energies.calculator:Calculator", "A calculator that relaxes must give forces. Received: "),
    ],
)
def test_what_cannot_relax_is_told(tmp_path, spec, message):
    with pytest.raises(InputError, match=message):
        relax(
            GRAPHENE.structure(np.full((4, 4), 3, np.uint8)), spec, tmp_path / "way.traj", max_steps=2, largest_force=1
        )
    assert not list(tmp_path.iterdir())
