"""Structures that are no sheet are refused by name, and those that nearly are one are taken."""

import ase.build
import numpy as np
import pytest
from disturbed import WAYS, disturbed, is_symmetric_image

from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named
from rugan_tf.systems.structure_match import MatchLimits, match_structure

GRAPHENE = system_named("porous_graphene")


def sheet(rows=6, cols=6, seed=0):
    states = GRAPHENE.draw_states(np.random.default_rng(seed), 1, rows, cols, GRAPHENE.drawing)[0]
    return np.full((rows, cols), 3, np.uint8) if not states.any() else states


def spoilt(deed, states=None):
    structure = GRAPHENE.structure(np.full((6, 6), 3, np.uint8) if states is None else states)
    return deed(structure) or structure


def turn_bond(structure):
    """A Stone-Wales defect: the two atoms of a bond turned by a quarter about its middle."""
    distances = structure.get_distances(20, range(len(structure)), mic=True)
    other = int(np.argsort(distances)[1])
    vector = structure.get_distance(20, other, mic=True, vector=True)
    middle = structure.positions[20] + vector / 2
    turned = np.array([-vector[1], vector[0], 0]) / 2
    structure.positions[20], structure.positions[other] = middle - turned, middle + turned


def bilayer(structure):
    upper = structure.copy()
    upper.positions[:, 2] += 3.35
    return structure + upper


def put_on(structure):
    structure += ase.Atoms("C", [structure.positions[5] + (0.2, 0.1, 0)])


@pytest.mark.parametrize(
    ("deed", "message"),
    [
        (turn_bond, r"Atoms must lie on sites of the lattice, within 0.6 Å. Received: atom \d+ \(C\) at \(.*\) Å, "
                    r"[01]\.\d\d Å from the nearest; 2 of 72 atoms are too far"),
        (bilayer, r"Atoms must lie in one layer, at most 1 Å from its plane. Received: atom \d+ \(C\) at .*1.\d\d Å"),
        (lambda it: ase.build.molecule("C6H6"), r"a cell of two vectors at least. Received: 0 in C6H6"),
        (put_on, r"A site must hold one atom at most. Received: atom 5 \(C\) at .* and atom 72 \(C\) at"),
        (lambda it: it.symbols.__setitem__(7, "N"), r"Atoms must be of the material, C; --drop N leaves others out. "
                                                    r"Received: atom 7 \(N\) at"),
        (lambda it: it.set_cell([15.6, 12.78, 20]), r"\d+ of 72 atoms of a cell of 15.600 x 12.780 Å at"),
        (lambda it: it.set_cell([3.1, 3.3, 20]), r"The cell must hold whole rows and columns of the lattice, 2.460 and "
                                                 r"4.261 Å, strained by at most 3.0%. Received: 3.100 x 3.300 Å at 90"),
        (lambda it: ase.build.bulk("C", "sc", a=2.5).repeat((6, 6, 1)), r"atoms of a cell of 15.000 x 15.000 Å"),
    ],
    ids=["5-7 rings", "bilayer", "molecule", "two on a site", "unknown species", "cell", "small cell", "square"],
)  # fmt: skip
def test_structures_that_are_no_sheet_are_refused(deed, message):
    with pytest.raises(InputError, match=message):
        match_structure(GRAPHENE.atoms, spoilt(deed))


def hexagonal(block):
    """A sheet that repeats after (2 rows, 4 columns), and its atoms in the hexagonal cell of a quarter turn less."""
    states = np.concatenate([block, np.roll(block, 2, axis=0)], axis=1)
    half = states.copy()
    half[:, 4:] = 0
    structure = GRAPHENE.structure(half)
    first, second = 4 * 2.46, 4 * 2.46 * np.sqrt(3) / 2
    structure.set_cell([[first, 0, 0], [first / 2, second, 0], [0, 0, 20]])
    return states, structure


@pytest.mark.parametrize("way", WAYS[:-1])
def test_hexagonal_cells_become_rectangular_supercells(way):
    block = np.random.default_rng(2).integers(0, 4, (4, 4), np.uint8)
    states, structure = hexagonal(block)
    found = match_structure(GRAPHENE.atoms, disturbed(structure, way))
    assert found.num_copies == 2
    assert is_symmetric_image(GRAPHENE, states, found.states)


def test_energies_do_not_depend_on_how_a_sheet_stands():
    states = sheet(4, 6, seed=3)
    found = match_structure(GRAPHENE.atoms, disturbed(GRAPHENE.structure(states), "all")).states
    energy = GRAPHENE.reference_energies["tight-binding"]
    assert energy(found) == pytest.approx(energy(states), abs=1e-8)


def test_hydrogens_are_dropped_when_told():
    states = np.full((6, 6), 3, np.uint8)
    states[2, 2] = 2
    structure = GRAPHENE.saturated(states, "H")
    with pytest.raises(InputError, match="--drop H"):
        match_structure(GRAPHENE.atoms, structure)
    found = match_structure(GRAPHENE.atoms, structure, MatchLimits(drop=("H",)))
    assert is_symmetric_image(GRAPHENE, states, found.states)
    assert found.num_dropped == {"H": 3}


def test_tolerances_are_kept():
    structure = GRAPHENE.structure(np.full((4, 4), 3, np.uint8))
    structure.positions[5] += (0.3, 0, 0.6)
    found = match_structure(GRAPHENE.atoms, structure)
    assert found.in_plane == pytest.approx(0.3, abs=0.02)
    assert found.out_of_plane == pytest.approx(0.6, abs=1e-9)
    for limits in (MatchLimits(in_plane=0.25), MatchLimits(out_of_plane=0.5)):
        with pytest.raises(InputError, match="Received: atom 5 "):
            match_structure(GRAPHENE.atoms, structure, limits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_plane": 0}, "tolerance must be positive, in Å. Received: in_plane=0"),
        ({"max_strain": 0.5}, r"max_strain must lie in \(0, 0.2\)"),
        ({"in_plane": 0.8}, "at most half the distance of two sites, 0.710 Å. Received: 0.8 Å"),
    ],
)
def test_limits_that_mean_nothing_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        match_structure(GRAPHENE.atoms, GRAPHENE.structure(sheet()), MatchLimits(**options))


@pytest.mark.parametrize(
    ("scale", "told", "option"),
    [
        ((1.05, 1.05), r"15.498 x 13.422 Å at 90.0 degrees, strained by \+5.0% and \+5.0%", 0.06),
        ((0.92, 1.0), r"13.579 x 12.783 Å at 90.0 degrees, strained by -8.0% and \+0.0%", 0.09),
    ],
)
def test_cell_that_fits_but_for_its_strain_is_refused_with_the_option(scale, told, option):
    states = sheet()
    structure = GRAPHENE.structure(states)
    structure.set_cell(structure.cell.lengths() * (*scale, 1.0), scale_atoms=True)
    rule = r"^The cell must be strained by at most 3.0%; --max-strain takes more. Received: "
    with pytest.raises(InputError, match=rf"{rule}{told}; --max-strain {option} takes it$"):
        match_structure(GRAPHENE.atoms, structure)
    found = match_structure(GRAPHENE.atoms, structure, MatchLimits(max_strain=option))
    assert found.states.shape == states.shape


@pytest.mark.parametrize("shear", [0.04, 0.07])
def test_sheared_cell_is_refused_with_the_option_that_takes_it(shear):
    structure = GRAPHENE.structure(sheet(14, 16))
    first, second, _ = structure.cell.lengths()
    structure.set_cell([[first, 0, 0], [second * shear, second, 0], [0, 0, 20]], scale_atoms=True)
    with pytest.raises(InputError, match=rf"--max-strain takes more. .*; --max-strain {shear} takes it$"):
        match_structure(GRAPHENE.atoms, structure)
    assert match_structure(GRAPHENE.atoms, structure, MatchLimits(max_strain=shear)).states.shape == (14, 16)


def test_strain_is_told_along_rows_and_then_along_columns():
    structure = GRAPHENE.structure(sheet(4, 6))
    structure.set_cell(structure.cell * np.array([1.01, 0.98, 1.0])[:, None], scale_atoms=True)
    found = match_structure(GRAPHENE.atoms, structure)
    assert found.strain == pytest.approx((0.01, -0.02))
    assert found.states.shape == (4, 6)


@pytest.mark.parametrize(
    ("pbc", "shape"), [((True, True, False), (4, 6)), ((True, True, True), (4, 6)), ((False, True, True), (9, 6))]
)
def test_across_an_empty_sheet_is_where_it_is_not_periodic_or_else_z(pbc, shape):
    """The cell holds whole rows and columns whichever way it is looked at, and no atom tells which is meant."""
    empty = ase.Atoms(cell=[4 * 2.46, 6 * 2.1304, 9 * 2.46], pbc=pbc)
    found = match_structure(GRAPHENE.atoms, empty).states
    assert found.shape == shape
    assert not found.any()


def test_atoms_of_a_skew_cell_are_named_as_its_file_has_them():
    """The sheet holds the cell twice: atoms are numbered and counted in one."""
    _, structure = hexagonal(np.full((4, 4), 3, np.uint8))
    number = len(structure)
    assert match_structure(GRAPHENE.atoms, structure).num_copies == 2
    for atom in (0, 13, number - 1):
        twice = structure + ase.Atoms("C", [structure.positions[atom] + (0.1, 0.2, 0)])
        words = rf"one atom at most\. Received: atom {atom} \(C\) at .* and atom {number} \(C\) at"
        with pytest.raises(InputError, match=words):
            match_structure(GRAPHENE.atoms, twice)
        away = structure.copy()
        bonds = structure.get_distances(atom, range(number), mic=True, vector=True)
        bond = bonds[np.argsort(np.linalg.norm(bonds, axis=1))[1]]
        away.positions[atom] -= 0.7 * bond  # towards the middle of a ring, 1.42 Å from all sites
        with pytest.raises(InputError, match=rf"atom {atom} \(C\) at .*; 1 of {number} atoms are too far"):
            match_structure(GRAPHENE.atoms, away)


def test_elements_of_a_skew_cell_come_again_in_every_copy():
    hybrid = system_named("boron_nitride")
    block = np.random.default_rng(5).integers(0, 2, (4, 4), np.uint8)
    states = np.concatenate([block, np.roll(block, 2, axis=0)], axis=1)
    structure = hybrid.structure(states)
    first_half = np.broadcast_to(np.arange(8)[:, None] < 4, (4, 8, 2)).ravel()
    structure = structure[first_half]
    first, second = 4 * hybrid.lattice.row_pitch, 4 * hybrid.lattice.col_pitch
    structure.set_cell([[first, 0, 0], [first / 2, second, 0], [0, 0, 20]])
    found = match_structure(hybrid.atoms, structure)
    assert found.num_copies == 2
    assert is_symmetric_image(hybrid, states, found.states)


def test_what_is_wrong_is_told_of_the_thinnest_direction():
    """The sheet stands upright in a cell that says it is periodic everywhere."""
    upright = disturbed(GRAPHENE.structure(np.full((4, 6), 3, np.uint8)), "vacuum along x")
    upright.positions[7] += 0.5 * (upright.positions[7] - upright.positions[6])
    upright.positions[7, 0] += 0.2
    with pytest.raises(InputError, match=r"^Atoms must lie on sites of the lattice, within 0.6 Å. Received: atom 7 "):
        match_structure(GRAPHENE.atoms, upright)
