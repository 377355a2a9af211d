"""Hybrids of graphene and boron nitride: where atoms are, and what borders cost by two independent methods."""

import numpy as np
import pytest
from matplotlib.collections import EllipseCollection

from rugan_tf.figures.sheets import draw_sheet, sheets_figure
from rugan_tf.figures.style import new_figure
from rugan_tf.systems.named import system_named
from rugan_tf.systems.structure_match import match_structure

SYSTEM = system_named("boron_nitride")
MIXED = np.array([[0, 0, 1, 1], [0, 1, 1, 0]], np.uint8)


def stripes(rows, cols):
    states = np.zeros((rows, cols), np.uint8)
    states[: rows // 2] = 1
    return states


def test_atoms_stand_on_a_honeycomb_of_graphene_and_boron_has_nitrogen_around_it():
    nitride = SYSTEM.structure(np.ones((4, 4), np.uint8))
    assert nitride.get_chemical_formula() == "B16N16"
    distances = nitride.get_all_distances(mic=True)
    bonded = (distances > 0.1) & (distances < 1.5)
    assert (bonded.sum(axis=1) == 3).all()
    np.testing.assert_allclose(distances[bonded], 2.46 / np.sqrt(3), rtol=1e-12)
    numbers = nitride.numbers
    assert (numbers[None].repeat(len(numbers), 0)[bonded] != numbers.repeat(3)).all()
    assert SYSTEM.structure(np.zeros((2, 2), np.uint8)).get_chemical_formula() == "C8"


def test_no_symmetry_takes_boron_to_where_nitrogen_is():
    images = SYSTEM.point_images(MIXED[None])
    assert 1 < len(images) < 8
    for image in images:
        assert sorted(SYSTEM.structure(image[0]).numbers) == sorted(SYSTEM.structure(MIXED).numbers)


def test_a_structure_comes_back_as_its_states():
    states = SYSTEM.draw_states(np.random.default_rng(0), 1, 4, 6, SYSTEM.drawing)
    match = match_structure(SYSTEM.atoms, SYSTEM.structure(states[0]))
    rows, cols = states.shape[1:]
    shifts = [
        np.roll(image[0], (row, col), (0, 1))
        for image in SYSTEM.point_images(states)
        for row in range(rows)
        for col in range(0, cols, 2)
    ]
    assert any((match.states == sheet).all() for sheet in shifts)


def test_borders_cost_energy_by_tight_binding():
    energy = SYSTEM.reference_energies["gfn1-xtb"]
    assert energy(np.zeros((2, 4), np.uint8)) == 0
    few, many = energy(stripes(4, 4)), energy(np.indices((4, 4)).sum(axis=0).astype(np.uint8) % 2)
    assert 1 < few < many
    assert energy.origin.zero == "sheets that hold one state alone"


# Of its own packages: what is deprecated, and which accelerators are not there.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_energies_without_forces_are_those_of_the_calculator():
    pytest.importorskip("sevenn", reason="the extra mlip is not installed")
    from sevenn.calculator import SevenNetCalculator

    from rugan_tf.systems.boron_nitride.reference import seven_net_energy
    from rugan_tf.systems.seven_net import network

    structure = SYSTEM.structure(MIXED)
    structure.calc = SevenNetCalculator("7net-0", device="cpu")
    assert seven_net_energy(MIXED) == pytest.approx(structure.get_potential_energy(), abs=1e-3)
    assert "force_output" not in network().model._modules
    energy = SYSTEM.reference_energies["7net-0"]
    assert energy(np.ones((2, 4), np.uint8)) == 0
    assert 1 < energy(stripes(4, 4)) < 20


def test_an_element_has_one_colour_whatever_else_is_in_the_sheet():
    colours = []
    for states in (MIXED, np.ones((2, 4), np.uint8)):
        axes = new_figure(3, 3).subplots()
        draw_sheet(axes, SYSTEM, states)
        atoms = [one for one in axes.collections if isinstance(one, EllipseCollection) and len(one.get_offsets())]
        colours.append([tuple(one.get_facecolor()[0]) for one in atoms])
    assert [len(one) for one in colours] == [3, 2]
    assert colours[0][1:] == colours[1]
    marks = sheets_figure(SYSTEM, MIXED[None], np.zeros(1)).legends[0].get_texts()
    assert [mark.get_text() for mark in marks] == ["C", "B", "N"]
    marks = sheets_figure(system_named("ising"), MIXED[None], np.zeros(1)).legends[0].get_texts()
    assert [mark.get_text() for mark in marks] == ["down", "up"]
    one_element = np.full((1, 2, 4), 3, np.uint8)
    assert not sheets_figure(system_named("porous_graphene"), one_element, np.zeros(1)).legends
