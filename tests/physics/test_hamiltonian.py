import numpy as np
import pytest
from planar import atoms_of, porous, porous_states, primitive_graphene
from scipy.sparse import coo_array, csr_array, random_array

from rugan_tf.physics.hamiltonian import PlanarAtoms, nearest_neighbour_pi, pi_block, row_blocks, sigma_block
from rugan_tf.physics.levels import all_levels, k_grid
from rugan_tf.physics.tight_binding import electronic_levels, neighbour_pairs
from rugan_tf.systems.porous_graphene.atoms import sheet_positions
from rugan_tf.systems.porous_graphene.carbon import CARBON

BUILDERS = [sigma_block, pi_block, nearest_neighbour_pi]


@pytest.mark.parametrize("size", [(1, 2), (3, 4), (8, 10)])
def test_blocks_have_the_levels_of_the_reference_energies(size):
    states = porous_states(3, *size) if size == (8, 10) else np.full(size, 3, np.uint8)
    positions, lengths = sheet_positions(states)
    expected = electronic_levels(CARBON, neighbour_pairs(positions, lengths, CARBON.cutoff), len(positions))
    for build, levels in zip((sigma_block, pi_block), expected, strict=True):
        np.testing.assert_allclose(all_levels(build(atoms_of(states))), levels, atol=1e-10)


@pytest.mark.parametrize("twist", [(0.0, 0.0), (0.5, 0.0), (0.13, 0.71), (1 / 3, 1 / 3)])
def test_pristine_graphene_has_the_closed_form_at_any_k_point(twist):
    matrix = nearest_neighbour_pi(primitive_graphene(), twist, hopping=-2.5)
    first, second = np.exp(2j * np.pi * np.array(twist))
    expected = 2.5 * abs(1 + first + second)
    np.testing.assert_allclose(all_levels(matrix), [-expected, expected], atol=1e-12)


@pytest.mark.parametrize("build", BUILDERS)
def test_k_points_are_those_of_the_repeated_sheet(build):
    states = porous_states(1, 5, 6)
    folded = np.concatenate([np.tile(all_levels(build(atoms_of(states), twist)), round(6 * weight))
                             for twist, weight in k_grid(2, 3)])  # fmt: skip
    repeated = all_levels(build(atoms_of(np.tile(states, (2, 3)))))
    np.testing.assert_allclose(np.sort(folded), repeated, atol=1e-10)


@pytest.mark.parametrize("build", BUILDERS)
def test_blocks_of_rows_are_the_matrix_of_one_block(build):
    atoms, twist = porous(2, 8, 8), (0.2, 0.4)
    whole, cut = build(atoms, twist), build(atoms, twist, rows_per_block=31)
    assert len(whole.blocks) == 1
    assert len(cut.blocks) > 3
    np.testing.assert_allclose(cut.toarray(), whole.toarray(), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(cut.diagonal(), whole.toarray().diagonal().real)
    np.testing.assert_allclose(whole.toarray(), whole.toarray().conj().T, atol=1e-14)


def test_other_images_of_atoms_have_the_same_levels():
    atoms = porous(4, 4, 6)
    moved = atoms.positions + np.random.default_rng(0).integers(-3, 4, atoms.positions.shape) @ atoms.cell
    for twist in ((0.0, 0.0), (0.3, 0.1)):
        here, there = (all_levels(sigma_block(one, twist)) for one in (atoms, PlanarAtoms(moved, atoms.cell, CARBON)))
        np.testing.assert_allclose(here, there, atol=1e-10)


def test_real_k_points_have_real_matrices():
    atoms = porous(0, 4, 4)
    assert pi_block(atoms, (0.5, 0.5)).dtype == np.float64
    assert pi_block(atoms, (0.25, 0.0)).dtype == np.complex128


def test_users_matrix_is_taken_as_it_is():
    matrix = random_array((50, 50), density=0.1, rng=np.random.default_rng(0))
    matrix = coo_array(matrix + matrix.T)
    np.testing.assert_array_equal(row_blocks(matrix, 7).toarray(), matrix.toarray())
    np.testing.assert_array_equal(row_blocks(matrix, 7).tocsr().toarray(), matrix.toarray())


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (csr_array([[0.0, 1.0], [0.5, 0.0]]), r"must be Hermitian. Received: elements that differ by 0.5 eV"),
        (csr_array([[0.0, 1j], [1j, 0.0]]), "must be Hermitian"),
        (csr_array(np.ones((2, 3))), "must be a square sparse matrix"),
        (np.eye(2), "must be a square sparse matrix. Received: ndarray"),
        (csr_array((0, 0)), "must be a square sparse matrix"),
        (csr_array([[np.nan]]), "must be finite"),
    ],
)
def test_what_is_no_hamiltonian_is_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        row_blocks(matrix)


@pytest.mark.parametrize(
    ("positions", "cell", "message"),
    [
        (np.empty((0, 2)), np.eye(2) * 9, "at least one atom. Received: an empty sheet"),
        (np.zeros((1, 3)), np.eye(2) * 9, "positions must be finite"),
        (np.full((1, 2), np.nan), np.eye(2) * 9, "positions must be finite"),
        (np.zeros((1, 2)), np.ones((2, 2)) * 9, "two periods that span a cell"),
        (np.zeros((1, 2)), np.eye(2) * 0.1, "two periods that span a cell"),
    ],
)
def test_what_is_no_sheet_is_refused(positions, cell, message):
    with pytest.raises(ValueError, match=message):
        PlanarAtoms(positions, cell)


def test_overlapping_atoms_are_refused():
    atoms = PlanarAtoms(np.array([[0.0, 0.0], [8.9, 8.9]]), np.eye(2) * 9, CARBON)
    with pytest.raises(ValueError, match=r"at least 0.5 Å apart. Received: 0.141 Å"):
        pi_block(atoms)


def test_a_twist_is_two_numbers():
    with pytest.raises(ValueError, match="twist must be two finite fractions"):
        pi_block(porous(0, 4, 4), (0.1,))
