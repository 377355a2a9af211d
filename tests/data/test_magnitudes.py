"""Energies are compared with the reference whatever their zero; values worked out by hand."""

import re
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import rugan_tf
from rugan_tf.data.magnitudes import comparison, doubt, explained, left_over, warn_of_zero
from rugan_tf.data.structure_energies import Zero
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.systems.energy import EnergyOrigin
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")


def draw():
    states = np.full((8, 4, 4), 3, np.uint8)
    for index, sheet in enumerate(states):
        sheet[index % 4, index % 3] = index % 3
        sheet[(index + 2) % 4, (index + 1) % 4] = 1
    return states


def test_a_zero_of_any_kind_leaves_nothing_over():
    counts = np.array([[3.0], [5.0], [8.0], [9.0]])
    np.testing.assert_allclose(left_over(7 - 3 * counts[:, 0], counts), 0, atol=1e-12)
    np.testing.assert_allclose(left_over(np.array([1.0, -1.0, 0.0]), np.ones((3, 1))), [1, -1, 0], atol=1e-12)


def test_comparison_is_slope_and_correlation():
    slope, correlation = comparison(np.array([2.0, 0.0]), np.array([1.0, 1.0]))
    assert (slope, correlation) == pytest.approx((1.0, 1 / np.sqrt(2)))
    assert comparison(np.zeros(3), np.ones(3)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("slope", "words"),
    [(1 / 27.2, "are they in Ha?"), (1 / 400, "are they per atom?"), (23.0, "are they in kcal/mol?"), (1e4, "says")],
)
def test_units_that_would_explain_a_slope_are_named(slope, words):
    assert explained(slope, 400.0).endswith(words)


def test_a_loose_slope_may_be_that_of_other_structures():
    assert explained(23.0, 400.0, 0.89).endswith(
        "correlation of no more than 0.89: are they in kcal/mol or of other structures?"
    )
    assert explained(1e4, 400.0, 0.6).endswith("0.60: are they of other structures?")


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 0.0), (0.87, -400.0), (1.09, 9.8)])
def test_other_methods_and_zeros_are_not_doubted(factor, shift):
    states = draw()
    energy = np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])
    assert doubt(GRAPHENE, states, factor * energy + shift * GRAPHENE.num_atoms(states)) == ""


def test_energies_of_other_structures_are_warned_of():
    states = draw()
    energy = np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])
    atoms = GRAPHENE.num_atoms(states)
    unlike = energy.mean() + 9.0 * (atoms.mean() - atoms) + np.resize([0.5, -0.5, -0.5, 0.5], 8)
    words = (
        r"do not follow those of tight-binding, .* leave open is -?0\.[0-4]\d, in 8 sheets; are they energies of these"
    )
    for given in (unlike, -9.0 * atoms):
        with pytest.warns(InputWarning, match=words):
            assert doubt(GRAPHENE, states, given) == ""
    same = np.full((8, 4, 4), 3, np.uint8)  # nothing to follow
    assert doubt(GRAPHENE, same, np.full(8, -300.0)) == ""


def reference():
    states = draw()
    return states, np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])


def test_who_says_the_unit_is_not_asked_for_it_and_warned_as_others_are():
    states, energy = reference()
    assert "in Ha" in doubt(GRAPHENE, states, energy / 27.211386245988)
    assert doubt(GRAPHENE, states, energy / 27.211386245988, has_unit=True) == ""
    with pytest.warns(InputWarning, match="are they energies of these structures, in this order"):
        assert doubt(GRAPHENE, states, np.roll(energy, 3), has_unit=True) == ""


@pytest.mark.parametrize("zero", [0.0, 8.0, -1000.0])
def test_energies_an_atom_are_told_as_such_whatever_their_zero(zero):
    states = np.concatenate([np.tile(draw()[:4], (1, 1, 2)), np.tile(draw()[:4] % 3, (1, 1, 2))])  # of 16 to 60 atoms
    energy = np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])
    assert doubt(GRAPHENE, states, energy / GRAPHENE.num_atoms(states) + zero).endswith("are they per atom?")


def test_swapped_energies_without_atoms_are_not_asked_about_as_energies_an_atom():
    states, energy = reference()
    atoms = GRAPHENE.num_atoms(states)
    # Relative to what atoms cost in the mean, as formation energies are: less than any matter is bound by.
    small = (energy - atoms * (energy / atoms).mean())[::-1]
    assert np.median(np.abs(small) / atoms) < 0.3
    with pytest.warns(InputWarning, match="are they energies of these structures, in this order"):
        assert doubt(GRAPHENE, states, small) == ""


def test_energies_of_the_other_sign_ask_for_it():
    states, energy = reference()
    with pytest.warns(InputWarning, match=r"is -1.00, in 8 sheets; have they the right sign\?$"):
        assert doubt(GRAPHENE, states, -energy) == ""


@pytest.mark.parametrize(
    ("words", "warned"),
    [(["9.2"], True), (["C=9.2"], True), (["-9.2"], False), (["-1.3"], False), (["1.3"], False), (["-1036"], False)],
)
def test_a_zero_of_the_wrong_sign_is_warned_of(recwarn, words, warned):
    states, zero = draw(), Zero.told(words)
    atoms = GRAPHENE.num_atoms(states)
    before = -1045.0 if words == ["-1036"] else -9.1
    off = dict(zero.by_element).get("C", zero.of_all)
    warn_of_zero(GRAPHENE, states, (before - off) * atoms, zero)
    said = [str(one.message) for one in recwarn]
    asked = "the energies are -9.1 eV an atom, and 9.2 eV were taken off, which leaves -18.3 eV: has --zero-per-atom"
    assert (said == [f"{asked} the right sign?"]) if warned else not said


def test_energies_of_all_electrons_are_warned_of():
    states = draw()
    energy = np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])
    with pytest.warns(
        InputWarning, match=r"the energies are -10\d\d eV an atom, as if all electrons were counted: .*--zero-per-atom"
    ):
        assert doubt(GRAPHENE, states, energy - 1000 * GRAPHENE.num_atoms(states)) == ""


def test_few_sheets_are_judged_by_their_size():
    states = np.tile(draw()[:2], (1, 2, 2))
    assert "are they per atom?" in doubt(GRAPHENE, states, np.array([-9.2, -9.1]))
    unchecked = "not checked by tight-binding, the reference of porous_graphene: that takes "
    with pytest.warns(InputWarning, match=f"{unchecked}6 sheets, and there are 2$"):
        assert doubt(GRAPHENE, states, np.array([-1080.0, -1040.0])) == ""
    with pytest.warns(InputWarning, match=f"{unchecked}sheets of at most 1200 sites, and 24x32 cells have more$"):
        assert doubt(GRAPHENE, np.tile(draw(), (1, 6, 8)), np.full(8, -9000.0)) == ""


def test_of_few_sheets_whose_zero_was_taken_off_the_size_tells_nothing():
    states = np.tile(draw()[:3], (1, 2, 2))
    with pytest.warns(InputWarning, match="takes 6 sheets, and there are 3$"):
        assert doubt(GRAPHENE, states, 0.05 * GRAPHENE.num_atoms(states), has_zero=True) == ""


def test_energies_in_kilojoules_are_asked_about_and_not_told_as_of_all_electrons(recwarn):
    states = draw()
    energy = np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])
    assert "kJ/mol" in doubt(GRAPHENE, states, energy * 96.485)
    assert not [one for one in recwarn if issubclass(one.category, InputWarning)]


def test_reference_is_computed_with_a_bar(capsys):
    states = draw()
    energy = np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])
    assert "are they in Ha or per atom?" in doubt(GRAPHENE, states, energy / 27.211386245988)
    assert "a check by tight-binding: 100%" in capsys.readouterr().err


class Unavailable:
    """A reference whose package is not installed, or whose program fails."""

    origin = EnergyOrigin("dft", "nothing", "dft: elsewhere")

    def __call__(self, states):
        raise InputError("This needs the extra mlip")


class Elsewhere(type(GRAPHENE)):
    reference_energies: ClassVar = {"dft": Unavailable()}


def test_energies_come_in_without_a_reference_and_that_is_said():
    states = np.tile(draw(), (1, 2, 2))
    with pytest.warns(InputWarning, match=r"not checked by dft, the reference of .* here \(This needs"):
        assert doubt(Elsewhere(), states, -9.0 * GRAPHENE.num_atoms(states)) == ""
    with pytest.warns(InputWarning, match="not checked by dft"):
        assert "are they per atom?" in doubt(Elsewhere(), states, np.full(8, -9.2))


def test_reference_that_cannot_be_found_is_no_hindrance(tmp_path):
    """As of a material whose file names a function that is on another machine."""
    path = tmp_path / "mine.toml"
    content = (Path(rugan_tf.__file__).parent / "systems/boron_nitride/boron_nitride.toml").read_text("utf-8")
    changed = re.sub(r"^name = .*$", 'name = "mine"', content, count=1, flags=re.MULTILINE)
    path.write_text(re.sub(r"^function = .*$", 'function = "nowhere:energy"', changed, flags=re.MULTILINE), "utf-8")
    system = system_named(str(path))
    states = np.random.default_rng(0).integers(0, system.num_states, (8, 4, 4), np.uint8)
    with pytest.warns(InputWarning, match=r"which cannot be computed here \(The energy .* must be importable"):
        assert doubt(system, states, np.full(8, -300.0)) == ""
