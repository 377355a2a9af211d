"""Parts of the Hamiltonians and of the recursion that whole energies do not tell apart."""

import math
import time

import numpy as np
import pytest
from planar import atoms_of, porous, primitive_graphene
from scipy.sparse import coo_array, csr_array, diags_array

from rugan_tf.errors import InputError
from rugan_tf.physics import hamiltonian, recursion
from rugan_tf.physics.hamiltonian import PlanarAtoms, nearest_neighbour_pi, pi_block, row_blocks, sigma_block
from rugan_tf.physics.recursion import (
    Bounds,
    column_products,
    moments_of,
    on_all_cores,
    random_signs,
    scaled,
    spectral_bounds,
    vector_groups,
)
from rugan_tf.physics.sublattices import bond_matrix, edge_distances, zero_modes


def told(error, function, *arguments, **named):
    """The words of an error."""
    with pytest.raises(error) as raised:
        function(*arguments, **named)
    return str(raised.value)


@pytest.mark.parametrize(
    ("positions", "cell", "words"),
    [
        (np.zeros(2), np.eye(2) * 9, "positions must be finite, (num_atoms, 2). Received: shape=(2,)"),
        (np.zeros((1, 3)), np.eye(2) * 9, "positions must be finite, (num_atoms, 2). Received: shape=(1, 3)"),
        (np.empty((0, 2)), np.eye(2) * 9, "A sheet must hold at least one atom. Received: an empty sheet"),
        (
            np.zeros((1, 2)),
            np.array([[9.0, 0.0], [0.0, 0.4]]),
            "cell must be two periods that span a cell at least 0.5 Å wide. Received: [[9.0, 0.0], [0.0, 0.4]]",
        ),
        (
            np.zeros((1, 2)),
            np.full((2, 2), np.inf),
            "cell must be two periods that span a cell at least 0.5 Å wide. Received: [[inf, inf], [inf, inf]]",
        ),
    ],
)
def test_what_is_no_sheet_is_told_in_words(positions, cell, words):
    assert told(InputError, PlanarAtoms, positions, cell) == words


def test_heights_are_the_distances_of_opposite_sides():
    atoms = PlanarAtoms(np.zeros((1, 2)), np.array([[4.0, 0.0], [2.0, 3.0]]))
    np.testing.assert_allclose(atoms.heights, [12 / math.sqrt(13), 3.0])
    assert PlanarAtoms(np.zeros((1, 2)), np.eye(2) / 2).heights.tolist() == [0.5, 0.5]
    words = "The sp3 model needs the numbers of the element. Received: atoms without parameters"
    assert told(InputError, pi_block, atoms) == words


def test_what_is_no_hamiltonian_is_told_in_words():
    rule = "A Hamiltonian must be a square sparse matrix. Received: "
    assert told(InputError, row_blocks, np.eye(2)) == f"{rule}ndarray, (2, 2)"
    assert told(InputError, row_blocks, csr_array(np.ones((2, 3)))) == f"{rule}csr_array, (2, 3)"
    assert told(InputError, row_blocks, 5) == f"{rule}int, None"
    words = "A Hamiltonian must be finite. Received: NaN or infinity among its elements"
    assert told(InputError, row_blocks, csr_array([[np.inf]])) == words
    words = "A Hamiltonian must be Hermitian. Received: elements that differ by 0.25 eV"
    assert told(InputError, row_blocks, csr_array([[0.0, 1.0], [0.75, 0.0]])) == words
    words = "twist must be two finite fractions of the reciprocal cell. Received: [0.0, inf]"
    assert told(InputError, pi_block, porous(0, 4, 4), (0.0, np.inf)) == words


def test_a_matrix_of_whole_numbers_or_of_doubled_elements_is_taken():
    doubled = coo_array((np.array([1, 1, 2]), (np.array([0, 0, 1]), np.array([1, 1, 0]))), shape=(2, 2))
    blocks = row_blocks(doubled)
    assert blocks.dtype == np.float64
    np.testing.assert_array_equal(blocks.toarray(), [[0, 2], [2, 0]])
    assert row_blocks(blocks) is blocks
    assert row_blocks(csr_array((3, 3))).num_rows == 3
    almost = csr_array([[0.0, 1.0], [1.0 + 1e-10, 0.0]])
    assert row_blocks(almost).num_rows == 2
    several = row_blocks(csr_array(np.diag([1.0, 2.0, 3.0])), 2)
    assert [(part.start, part.stop) for part in several.slices()] == [(0, 2), (2, 3)]
    assert several.product(np.ones(3)).tolist() == several.diagonal().tolist() == [1, 2, 3]
    assert several.toarray().flags.f_contiguous


def test_blocks_hold_small_indices_and_an_onsite_energy_of_zero_is_not_kept():
    atoms = porous(0, 4, 4)
    for build, width in ((sigma_block, 3), (pi_block, 1), (nearest_neighbour_pi, 1)):
        matrix = build(atoms, rows_per_block=7)
        assert {str(block.indices.dtype) for block in matrix.blocks} == {"int32"}
        assert {str(block.indptr.dtype) for block in matrix.blocks} == {"int32"}
        assert {block.shape[0] for block in matrix.blocks[:-1]} == {7 // width * width}
    simple = nearest_neighbour_pi(atoms)
    assert simple.tocsr().nnz == bond_matrix(atoms).nnz
    assert set(simple.tocsr().data) == {-2.7}


def test_neighbours_know_the_way_to_the_image():
    atoms = atoms_of(np.full((1, 2), 3, np.uint8))
    (found,) = hamiltonian.neighbours_by_rows(atoms, 1.7, 100)
    ends = atoms.positions[found.second] + found.translation @ atoms.cell
    way = ends - atoms.positions[found.first]
    assert len(found.first) == 12
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), found.distance)
    np.testing.assert_allclose(way / found.distance[:, None], found.direction)
    words = told(InputError, pi_block, PlanarAtoms(np.array([[0, 0], [0.25, 0]]), np.eye(2) * 9, atoms.parameters))
    assert words == "Atoms must be at least 0.5 Å apart. Received: 0.25 Å"


def test_gershgorin_bounds_small_matrices():
    chain = row_blocks(diags_array([1.0, 1.0], offsets=[-1, 1], shape=(9, 9)))
    bounds = spectral_bounds(chain)
    assert (bounds.centre, bounds.half_width) == (0.0, pytest.approx(2 * (1 + 1e-6), abs=1e-12))
    shifted = row_blocks(csr_array([[3.0, -1.0, 0.0], [-1.0, 5.0, 0.5], [0.0, 0.5, 4.0]]))
    bounds = spectral_bounds(shifted)
    assert bounds.centre == pytest.approx((2 + 6.5) / 2)
    assert bounds.half_width == pytest.approx(2.25 * (1 + 1e-6), abs=1e-12)
    assert spectral_bounds(row_blocks(csr_array((4, 4)))) == Bounds(0.0, 1e-6)


def test_lanczos_stops_where_it_has_found_everything():
    two_levels = row_blocks(diags_array([np.where(np.arange(200) % 2, 1.0, 4.0)], offsets=[0]))
    bounds = spectral_bounds(two_levels)
    assert bounds.centre == pytest.approx(2.5)
    assert 1.5 < bounds.half_width <= 1.5 * (1 + 1e-5)


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 70, 96])
@pytest.mark.parametrize("kind", [float, complex])
def test_products_of_columns_are_scalar_products(rows, kind):
    rng = np.random.default_rng(rows)
    left, right = (rng.normal(size=(rows, 3)) + (kind is complex) * 1j * rng.normal(size=(rows, 3)) for _ in range(2))
    expected = [np.vdot(left[:, one], right[:, one]).real for one in range(3)]
    np.testing.assert_allclose(column_products(left, right, np.empty((100, 3), left.dtype)), expected, rtol=1e-12)


def test_signs_depend_on_the_seed_and_on_the_number_of_the_vector_alone():
    matrix = pi_block(porous(0, 8, 8))
    signs = random_signs(matrix, 3, [0, 1, 5])
    assert (signs.dtype, set(signs.ravel())) == (np.float64, {-1.0, 1.0})
    np.testing.assert_array_equal(random_signs(matrix, 3, iter([5]))[:, 0], signs[:, 2])
    for other in (random_signs(matrix, 4, [0])[:, 0], signs[:, 1], random_signs(matrix, 2, [1])[:, 0]):
        assert 0.2 < (signs[:, 0] == other).mean() < 0.8
    assert random_signs(pi_block(porous(0, 4, 4), (0.1, 0.2)), 0, [0]).dtype == np.complex128


def test_groups_of_vectors_fit_into_memory(monkeypatch):
    matrix = pi_block(porous(0, 8, 8))
    one = 2 * matrix.num_rows * 8
    assert vector_groups(matrix, 9, 1) == [range(4), range(4, 8), range(8, 9)]
    assert vector_groups(matrix, 9, 5) == [range(2), range(2, 4), range(4, 6), range(6, 8), range(8, 9)]
    for memory, width in ((one * 4, 2), (one * 6 - 1, 2), (one * 6, 3), (1, 1)):
        monkeypatch.setattr(recursion, "VECTOR_MEMORY", memory)
        assert vector_groups(matrix, 8, 2)[0] == range(width)


def test_what_fails_in_a_thread_is_raised_and_the_rest_is_not_begun():
    begun = []

    def work(group):
        begun.append(group)
        if len(begun) > 1:
            time.sleep(0.02)  # long enough for the others to be called off
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(on_all_cores(work, [range(one, one + 1) for one in range(300)], 1))
    assert len(begun) < 300
    assert dict(on_all_cores(len, [range(2), range(2, 5)], 0)) == {range(2): 2, range(2, 5): 3}


def test_an_odd_number_of_moments_is_given_too():
    matrix = pi_block(porous(0, 4, 4))
    bounds = spectral_bounds(matrix)
    whole = moments_of(scaled(matrix, bounds), bounds, random_signs(matrix, 0, range(2)), 8)
    for number in (2, 3, 7):
        part = moments_of(scaled(matrix, bounds), bounds, random_signs(matrix, 0, range(2)), number)
        assert part.shape == (2, number)
        np.testing.assert_array_equal(part, whole[:, :number])
    small = Bounds(bounds.centre, bounds.half_width / 2)
    words = told(InputError, moments_of, scaled(matrix, small), small, random_signs(matrix, 0, [0]), 200)
    assert words == f"The spectrum must lie within its bounds. Received: levels outside of {small}"


def test_zero_modes_of_a_chain_and_of_many_atoms(monkeypatch):
    chain = PlanarAtoms(np.column_stack([1.4 * np.arange(5), np.zeros(5)]), np.eye(2) * 30)
    bonds = bond_matrix(chain)
    assert (bonds.dtype, bonds.nnz) == (np.dtype(bool), 8)
    assert zero_modes(bonds) == (1, 1)
    monkeypatch.setattr("rugan_tf.physics.sublattices.MOST_MATCHED", 4)
    assert zero_modes(bonds) == (1, None)
    apart = PlanarAtoms(np.array([[0.0, 0.0], [9.0, 0.0], [18.0, 0.0]]), np.eye(2) * 30)
    monkeypatch.setattr("rugan_tf.physics.sublattices.MOST_MATCHED", 3)
    assert zero_modes(bond_matrix(apart)) == (3, 3)
    skewed = primitive_graphene(4)
    assert np.isinf(edge_distances(skewed, bond_matrix(skewed))).all()
    holed = PlanarAtoms(skewed.positions[1:] - 30.0, skewed.cell)
    steps = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]) @ holed.cell
    bonds = bond_matrix(holed)
    edges = holed.positions[np.diff(bonds.indptr) < 3]
    apart = np.linalg.norm(holed.positions[:, None, None] - edges[:, None] - steps, axis=-1).min(axis=(1, 2))
    np.testing.assert_allclose(edge_distances(holed, bonds), apart, atol=1e-9)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (2.0, 1.0), (-3.0, 4.0), (5.0, -6.0), (7.0, 7.0)])
def test_edge_distances_do_not_depend_on_the_origin(shift):
    atoms = primitive_graphene(5)
    holed = PlanarAtoms(atoms.positions[3:], atoms.cell)
    moved = PlanarAtoms(holed.positions + shift, holed.cell)
    here, there = (edge_distances(one, bond_matrix(one)) for one in (holed, moved))
    np.testing.assert_allclose(there, here, atol=1e-9)
    assert here.max() > 3
