"""Parts of the way from a structure to a sheet, each by itself, and the words of what is refused."""

import ase
import numpy as np
import pytest

from rugan_tf.errors import InputError
from rugan_tf.lattice.lattice import honeycomb
from rugan_tf.lattice.matching import CellFit, Match, closest_distance
from rugan_tf.systems.atoms import Atoms
from rugan_tf.systems.layer import Layer, axes_across, cell_words, heights_along, layer_across, unwrapped
from rugan_tf.systems.named import system_named
from rugan_tf.systems.structure_match import (
    MatchLimits,
    match_structure,
    misfit,
    num_far,
    require_known,
    states_on_sites,
    without_dropped,
)

GRAPHENE = system_named("porous_graphene")
HYBRID = Atoms(honeycomb(2.46), (("C", "C"), ("B", "N"), ("C", None)))
UPRIGHT = ((1, 0), (0, 1))


def told(function, *args, **options):
    """The words with which something is refused."""
    with pytest.raises(InputError) as raised:
        function(*args, **options)
    return str(raised.value)


def line_of(number, spacing=1.0):
    """Atoms along x in a cell that is as high as it is wide."""
    return ase.Atoms(f"C{number}", [[spacing * index, 0, 0] for index in range(number)], cell=[12, 10, 10])


@pytest.mark.parametrize("name", ["in_plane", "out_of_plane"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
def test_tolerances_are_lengths(name, value):
    words = f"tolerance must be positive, in Å. Received: {name}={value}"
    assert told(MatchLimits, **{name: value}) == words


@pytest.mark.parametrize("value", [0.0, 0.2, np.nan])
def test_strains_are_small_shares(value):
    assert (
        told(MatchLimits, max_strain=value) == f"max_strain must lie in (0, 0.2), a share. Received: max_strain={value}"
    )
    assert MatchLimits(1e-9, 1e9, 0.1999).max_strain == 0.1999


def test_half_the_distance_of_two_sites_is_the_largest_tolerance():
    structure = GRAPHENE.structure(np.full((2, 2), 3, np.uint8))
    half = closest_distance(GRAPHENE.lattice) / 2
    assert (match_structure(GRAPHENE.atoms, structure, MatchLimits(in_plane=half)).states == 3).all()
    words = "tolerance must be at most half the distance of two sites, 0.710 Å. Received: 0.7103 Å"
    assert told(match_structure, GRAPHENE.atoms, structure, MatchLimits(in_plane=0.7103)) == words


def test_a_cell_of_two_vectors_will_do_and_one_of_less_is_told():
    states = np.array([[3, 1], [0, 2]], np.uint8)
    structure = GRAPHENE.structure(states)
    structure.set_cell([*structure.cell[:2], [0, 0, 0]])
    found = match_structure(GRAPHENE.atoms, structure)
    assert (GRAPHENE.num_atoms(found.states[None]), found.states.shape) == (4, (2, 2))
    assert (found.in_plane, found.out_of_plane) == (pytest.approx(0, abs=1e-6), 0)
    structure.set_cell([[5, 0, 0], [0, 0, 0], [0, 0, 0]])
    rule = "A sheet must be periodic in its plane: a cell of two vectors at least."
    assert told(match_structure, GRAPHENE.atoms, structure) == f"{rule} Received: 1 in C4"


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ([0.9, 0.05, 0.1, -0.05], [0.9, 1.05, 1.1, 0.95]),
        ([0.4, 0.6, 0.5], [0.4, 0.6, 0.5]),
        ([1.95, 0.05], [0.95, 1.05]),
        ([0.0, 0.5, 0.9], [1.0, 0.5, 0.9]),
        ([-0.25], [0.75]),
    ],
)
def test_what_the_border_of_a_cell_cuts_is_put_together(fractions, expected):
    np.testing.assert_allclose(unwrapped(np.array(fractions)), expected, atol=1e-12)


def test_heights_are_distances_from_the_plane_of_the_two_other_vectors():
    structure = ase.Atoms("C2", [[1, 0, 3], [1.5, 2, 4]], cell=[[4, 0, 0], [0, 5, 0], [1, 0, 20]])
    np.testing.assert_allclose(heights_along(structure, 2), [3, 4], atol=1e-9)
    np.testing.assert_allclose(heights_along(structure, 1), [0, 2], atol=1e-9)
    across = np.array([20, 0, -1]) / np.sqrt(401)  # to the plane of the second and the third
    np.testing.assert_allclose(heights_along(structure, 0), structure.positions @ across, atol=1e-9)


def test_directions_across_come_by_thickness_then_by_what_is_not_periodic():
    assert axes_across(GRAPHENE.structure(np.full((2, 6), 3, np.uint8))) == [2, 0, 1]
    assert axes_across(ase.Atoms("C", cell=[[4, 0, 0], [0, 0, 0], [0, 0, 9]])) == [1]
    assert axes_across(ase.Atoms("C", cell=[[0, 0, 0], [0, 0, 0], [0, 0, 9]])) == [0, 1]
    empty = ase.Atoms(cell=[4, 5, 6])
    for pbc, expected in {
        (True, True, True): [2, 0, 1],
        (True, False, True): [1, 2, 0],
        (False, True, True): [0, 2, 1],
        (True, False, False): [2, 1, 0],
    }.items():
        empty.pbc = pbc
        assert axes_across(empty) == expected
    line = line_of(5)
    line.positions[2] += (0, 1e-8, 0)  # no thickness that anybody means
    line.pbc = (True, False, True)
    assert axes_across(line) == [1, 2, 0]
    line.positions[2] += (0, 1e-3, 0)
    assert axes_across(line) == [2, 1, 0]


@pytest.mark.parametrize("axis", range(3))
def test_atoms_wrapped_along_a_tilted_vector_are_moved_back(axis):
    """The same atoms of a layer in three cells, whose vector across it leans over the two others."""
    rng = np.random.default_rng(axis)
    cell = np.roll([[6.0, 0, 0], [2, 7, 0], [3, 1, 20]], axis + 1, axis=0)
    fractions, heights = rng.uniform(size=(9, 2)), np.sort(rng.uniform(-0.5, 0.5, 9))
    heights -= heights[4]
    positions = fractions @ [[6, 0, 0], [2, 7, 0]] + np.outer(heights, [0, 0, 1])
    structure = ase.Atoms("C9", positions, cell=cell, pbc=True)
    structure.wrap()  # those below the plane come out at the top, moved by 3 and 1 Å
    layer = layer_across(structure, axis, 0.6)
    np.testing.assert_allclose(layer.heights, heights, atol=1e-9)
    moved = (layer.fractions - fractions + 0.25) % 1 - 0.25  # whole periods are no difference
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-9)
    assert layer.cell == pytest.approx((6, np.sqrt(53), 2 / np.sqrt(53)))
    structure = structure[:0]
    empty = layer_across(structure, axis, 0.6)
    assert (empty.fractions.shape, empty.heights.shape) == ((0, 2), (0,))
    assert empty.cell == layer.cell


def test_the_atom_that_leaves_the_layer_is_named_with_its_height():
    structure = line_of(5)
    structure.positions[:, 2] = [4.0, 4.1, 4.0, 5.75, 3.9]
    words = "Atoms must lie in one layer, at most 1.5 Å from its plane."
    place = "atom 3 (C) at (3.00, 0.00, 5.75) Å, 1.75 Å from it"
    assert told(layer_across, structure, 2, 1.5) == f"{words} Received: {place}"


def test_elements_that_no_site_holds_are_told_with_those_that_sites_hold():
    structure = line_of(4)
    structure.symbols[1:] = ["O", "H", "H"]
    words = "Atoms must be of the material, B, C, N; --drop H leaves others out."
    assert told(require_known, HYBRID, structure) == f"{words} Received: atom 2 (H) at (2.00, 0.00, 0.00) Å"
    kept, numbers = without_dropped(structure, ("H", "F"))
    assert (kept.get_chemical_symbols(), numbers) == (["C", "O"], {"H": 2, "F": 0})
    assert without_dropped(structure, ()) == (structure, {})
    assert without_dropped(structure[:0], ("H",))[1] == {"H": 0}


def matched(sites, distances, supercell=UPRIGHT, rows=2, cols=2):
    return Match(CellFit(supercell, rows, cols, (0.0, 0.0)), np.array(sites), np.array(distances))


def test_atoms_on_no_site_are_told_with_the_cell_where_they_are_many():
    structure, limits = line_of(5), MatchLimits()
    layer = Layer(np.empty((5, 2)), np.zeros(5), (15.6, 12.78, 0.5))
    assert cell_words(layer) == "15.600 x 12.780 Å at 60.0 degrees"
    few = matched(range(5), [0.1, 0.61, 0.2, 0.6, 0.0])
    assert num_far(few, limits) == 1
    rule = "Atoms must lie on sites of the lattice, within 0.6 Å. Received:"
    first = f"{rule} atom 1 (C) at (1.00, 0.00, 0.00) Å, 0.61 Å from the nearest; 1 of 5 atoms are too far"
    assert str(misfit(structure, layer, few, limits)) == first
    # In two copies of a cell, one after the other.
    many = matched(range(10), [0.1, 0.1, 0.7, 0.1, 0.8, 0.1, 0.1, 0.9, 0.1, 0.8], ((1, 0), (-1, 2)))
    second = f"{rule} atom 2 (C) at (2.00, 0.00, 0.00) Å, 0.90 Å from the nearest; 2 of 5 atoms of a cell of"
    assert str(misfit(structure, layer, many, limits)) == f"{second} {cell_words(layer)} are too far"


def test_two_atoms_on_one_site_are_both_named():
    layer = Layer(np.empty((4, 2)), np.zeros(4), (5.0, 5.0, 0.0))
    found = matched([6, 2, 4, 7, 1, 3, 4, 5], np.full(8, 0.2), ((1, 0), (-1, 2)))
    names = "atom 2 (C) at (2.00, 0.00, 0.00) Å and atom 2 (C) at (2.00, 0.00, 0.00) Å"
    words = f"A site must hold one atom at most. Received: {names}"
    assert str(misfit(line_of(4), layer, found, MatchLimits())) == words
    found = matched([6, 2, 4, 2], np.full(4, 0.2))
    assert "atom 1 (C) at (1.00, 0.00, 0.00) Å and atom 3 (C) at" in str(
        misfit(line_of(4), layer, found, MatchLimits())
    )


def test_cells_that_are_no_state_are_told_by_what_they_hold():
    symbols = np.array(["C", "C", "B", "N", "C", "C", "C", "C"])
    whole = matched(range(8), np.zeros(8))
    assert states_on_sites(HYBRID, whole, symbols).tolist() == [[0, 1], [0, 0]]
    turned = np.where(symbols == "B", "N", np.where(symbols == "N", "B", symbols))
    found = states_on_sites(HYBRID, whole, turned)  # the half turn brings nitrogen to the second site
    assert (found.dtype, (found == 1).sum(), (found == 0).sum()) == (np.uint8, 1, 3)
    rule = "The species of a cell must be those of a state. Received:"
    mixed = symbols.copy()
    mixed[5] = "N"
    assert told(states_on_sites, HYBRID, whole, mixed) == f"{rule} C N in row 1, column 0"
    without = np.delete(np.arange(8), 7), np.delete(symbols, 7)
    assert states_on_sites(HYBRID, matched(without[0], np.zeros(7)), without[1]).tolist() == [[0, 1], [0, 2]]
    without = np.delete(np.arange(8), 2), np.delete(symbols, 2)
    words = told(states_on_sites, HYBRID, matched(without[0], np.zeros(7)), without[1])
    assert words == f"{rule} - N in row 0, column 1"


def test_where_one_direction_across_does_not_fit_the_others_are_tried():
    """Empty, so z comes first; but the sheet stands upright, 16 Å apart from the next."""
    along_rows, along_cols = GRAPHENE.lattice.cell_lengths(4, 6)
    upright = ase.Atoms(cell=[along_rows, 16.0, along_cols], pbc=True)
    assert axes_across(upright) == [2, 0, 1]
    assert match_structure(GRAPHENE.atoms, upright, MatchLimits(max_strain=1e-4)).states.shape == (4, 6)
    rule = "The cell must hold whole rows and columns of the lattice, 2.460 and 4.261 Å, strained by at most 0.0%."
    upright.set_cell([along_rows, 16.0, along_cols + 0.1])
    words = told(match_structure, GRAPHENE.atoms, upright, MatchLimits(max_strain=1e-4))
    assert words == f"{rule} Received: 9.840 x 16.000 Å at 90.0 degrees"  # of the likeliest
