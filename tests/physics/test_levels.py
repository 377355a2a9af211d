import numpy as np
import pytest
from planar import atoms_of, porous, porous_states
from scipy.sparse import diags_array

from rugan_tf.physics import levels
from rugan_tf.physics.hamiltonian import PlanarAtoms, nearest_neighbour_pi, pi_block, row_blocks
from rugan_tf.physics.kernel_polynomials import MomentSpectrum
from rugan_tf.physics.levels import LevelSpectrum, all_states, k_grid, participation, states_near
from rugan_tf.physics.occupation import neutral_level
from rugan_tf.physics.recursion import Bounds
from rugan_tf.physics.sublattices import bond_matrix, edge_distances, sublattices, zero_modes
from rugan_tf.physics.tight_binding import fermi_level
from rugan_tf.systems.porous_graphene.rule import prune


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4), (5, 2)])
def test_k_points_with_their_opposites_are_the_grid(size):
    points = k_grid(*size)
    assert sum(point.weight for point in points) == pytest.approx(1)
    assert points[0].twist == (0.0, 0.0)
    both = {tuple(np.round(sign * np.array(point.twist) % 1 * np.array(size)) % size) for point in points
            for sign in (1, -1)}  # fmt: skip
    assert both == {(i, j) for i in range(size[0]) for j in range(size[1])}


def test_k_points_are_positive():
    with pytest.raises(ValueError, match=r"k_points must be two positive numbers. Received: 0 1"):
        k_grid(0, 1)


def test_states_next_to_an_energy_are_those_of_all(monkeypatch):
    matrix = pi_block(porous(5, 10, 10))
    all_levels, all_vectors = all_states(matrix)
    nearest = np.sort(np.argsort(abs(all_levels - 2.6))[:6])
    monkeypatch.setattr(levels, "DENSE_ROWS", 10)
    for dense_rows in (10, 10_000):
        monkeypatch.setattr(levels, "DENSE_ROWS", dense_rows)
        found, states = states_near(matrix, 2.6, 6)
        np.testing.assert_allclose(found, all_levels[nearest], atol=1e-8)
        np.testing.assert_allclose(participation(states), participation(all_vectors[:, nearest]), rtol=1e-5)


def test_states_next_to_a_level_that_is_the_energy_itself(monkeypatch):
    monkeypatch.setattr(levels, "DENSE_ROWS", 10)
    chain = row_blocks(diags_array([1.0, 1.0], offsets=[-1, 1], shape=(101, 101)))  # has a level at zero
    found, _ = states_near(chain, 0.0, 3)
    np.testing.assert_allclose(found, 2 * np.cos(np.pi * np.array([52, 51, 50]) / 102), atol=1e-8)
    with pytest.raises(ValueError, match=r"must lie in 1..101. Received: 102"):
        states_near(chain, 0.0, 102)


def test_participation_counts_sites():
    states = np.zeros((12, 3))
    states[4, 0] = 1
    states[:, 1] = 1 / np.sqrt(12)
    states[3:6, 2] = 1 / np.sqrt(3)
    np.testing.assert_allclose(participation(states), [1, 12, 3])
    np.testing.assert_allclose(participation(states, 3), [1, 4, 1])


def test_levels_and_their_moments_have_one_fermi_level():
    values = np.sort(np.random.default_rng(0).uniform(-3, 3, 90))
    bounds = Bounds(0.1, 3.3)
    angles = np.arccos((values - 0.1) / 3.3)
    moments = np.cos(np.arange(300)[:, None] * angles).sum(axis=1)
    exact = LevelSpectrum(values[None], np.ones(1), 0.1)
    expected = fermi_level(values, 71.5, 0.1)
    assert neutral_level([exact], 71.5, 0.1) == pytest.approx(expected, abs=1e-9)
    assert neutral_level([MomentSpectrum(moments[None], bounds, 90)], 71.5, 0.1) == pytest.approx(expected, abs=1e-7)
    halves = [LevelSpectrum(values[None, ::2], np.ones(1), 0.1), LevelSpectrum(values[None, 1::2], np.ones(1), 0.1)]
    assert neutral_level(halves, 71.5, 0.1) == pytest.approx(expected, abs=1e-9)
    with pytest.raises(ValueError, match="must lie between 0 and 180"):
        neutral_level([exact], 180)
    with pytest.raises(ValueError, match="smearing must be positive"):
        neutral_level([exact], 71.5, 0.0)


def test_zero_modes_are_at_least_what_bonds_force():
    seen = 0
    for seed in range(40):
        states = porous_states(seed, 10, 12)
        atoms = atoms_of(states)
        forced = zero_modes(bond_matrix(atoms))
        found = (abs(np.linalg.eigvalsh(nearest_neighbour_pi(atoms).toarray())) < 1e-6).sum()
        first, second = (states % 2).sum(dtype=int), (states // 2).sum(dtype=int)
        assert abs(first - second) <= forced.imbalance <= forced.unmatched <= found
        seen += forced.imbalance
    assert seen > 10


def test_sublattices_and_pieces_are_told_apart():
    states = np.full((4, 12), 3, np.uint8)
    states[:, [5, 11]] = 0
    states[0, 1] = 1
    found = sublattices(bond_matrix(atoms_of(prune(states[None])[0])))
    side, piece = found
    assert len(set(piece)) == 2
    occupied = np.stack([prune(states[None])[0] % 2, prune(states[None])[0] // 2], -1)
    sites = np.argwhere(occupied)[:, 2]
    for one in set(piece):
        assert len(set(zip(side[piece == one], sites[piece == one], strict=True))) == 2


def test_a_ring_of_five_has_no_sublattices():
    angle = 2 * np.pi * np.arange(5) / 5
    ring = 1.2 * np.stack([np.cos(angle), np.sin(angle)], 1)
    assert zero_modes(bond_matrix(PlanarAtoms(ring, np.eye(2) * 20))) is None


def test_edge_distances_are_those_to_the_nearest_image():
    atoms = porous(1, 10, 12)
    bonds = bond_matrix(atoms)
    edges = atoms.positions[bonds.toarray().sum(axis=1) < 3]
    offset = atoms.positions[:, None] - edges
    lengths = np.diag(atoms.cell)
    offset -= lengths * np.rint(offset / lengths)
    np.testing.assert_allclose(edge_distances(atoms, bonds), np.linalg.norm(offset, axis=2).min(axis=1), atol=1e-9)
    pristine = atoms_of(np.full((2, 4), 3, np.uint8))
    assert np.isinf(edge_distances(pristine, bond_matrix(pristine))).all()
