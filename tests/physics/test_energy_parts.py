"""Parts of the energies by levels and by moments that whole energies do not tell apart."""

import math

import numpy as np
import pytest
from planar import porous
from scipy.sparse import diags_array
from scipy.sparse.linalg import ArpackNoConvergence
from scipy.stats import t as student
from test_physics_parts import told

from rugan_tf.errors import InputError
from rugan_tf.physics import levels, tight_binding, total_energy
from rugan_tf.physics.hamiltonian import pi_block, row_blocks, sigma_block
from rugan_tf.physics.kernel_polynomials import MomentSpectrum, jackson_kernel, mean_and_error, moments_needed
from rugan_tf.physics.levels import LevelSpectrum, all_levels, all_states, gaussians, k_grid, states_near
from rugan_tf.physics.occupation import fermi_function, neutral_level
from rugan_tf.physics.recursion import Bounds, spectral_bounds
from rugan_tf.physics.total_energy import (
    colours,
    exact_energy,
    linear_scaling_energy,
    repulsion_energy,
    series_length,
)


def test_kernel_means_and_moments_by_hand():
    np.testing.assert_allclose(jackson_kernel(2), [1.0, 0.5])
    assert moments_needed(Bounds(0.0, 1.0), 1e6) == 2
    assert moments_needed(Bounds(0.0, 10.0), math.pi) == 10
    mean, error = mean_and_error(np.array([[1.0, 2.0], [3.0, 2.0]]))
    assert (mean.tolist(), error.tolist()) == ([2.0, 2.0], [1.0, 0.0])
    assert np.isnan(mean_and_error(np.ones((1, 3)))[1]).tolist() == [True] * 3
    assert series_length(Bounds(0.0, 10.0), 0.1) == 2 * math.ceil(100 / math.pi * math.log(1e5) / 2)
    spectrum = MomentSpectrum(np.ones((1, 4)), Bounds(1.0, 2.0), 1)
    np.testing.assert_allclose(spectrum.quadrature(2), 1 + 2 * np.cos(np.pi * np.array([0.25, 0.75])))
    assert spectrum.densities(np.array([-1.0, 3.0, -5.0]))[0].tolist() == [0.0, 0.0, 0.0]


def test_levels_are_drawn_with_their_weights():
    spectrum = LevelSpectrum(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0.25, 0.75]), 0.5)
    energy = np.linspace(-3, 6, 1801)
    density, error = spectrum.density(energy)
    peak = 1 / (0.5 * math.sqrt(2 * math.pi))
    assert gaussians(np.zeros(1), np.zeros(1), 0.5)[0, 0] == pytest.approx(peak)
    assert gaussians(np.full(1, 0.5), np.zeros(1), 0.5)[0, 0] == pytest.approx(peak * math.exp(-0.5))
    assert np.trapezoid(density, energy) == pytest.approx(2, abs=1e-6)
    assert np.trapezoid(density * energy, energy) == pytest.approx(0.25 * 1 + 0.75 * 5, abs=1e-6)
    assert (error.shape, error.any(), spectrum.resolution, spectrum.num_levels) == ((1801,), False, 0.5, 2)
    assert spectrum.trace(np.square) == pytest.approx(0.25 * 1 + 0.75 * 13)


def test_occupation_by_hand():
    assert fermi_function(np.array([1.0]), 1.0, 0.1)[0] == 0.5
    assert fermi_function(np.array([1.2]), 1.0, 0.1)[0] == pytest.approx(1 / (1 + math.exp(2)))
    spectrum = LevelSpectrum(np.array([[0.0, 2.0]]), np.ones(1), 0.1)
    assert neutral_level([spectrum], 2, 0.1) == pytest.approx(1.0)
    words = "The number of electrons must lie between 0 and 4. Received: {}"
    assert told(InputError, neutral_level, [spectrum], 4, 0.1) == words.format(4)
    assert told(InputError, neutral_level, [spectrum], 0, 0.1) == words.format(0)
    words = "smearing must be positive, in eV. Received: smearing=inf"
    assert told(InputError, neutral_level, [spectrum], 2, np.inf) == words


def test_energies_do_not_depend_on_the_blocks_that_they_are_summed_in(monkeypatch):
    atoms = porous(2, 6, 8)
    whole, painted = repulsion_energy(atoms), colours(atoms, 4.3)
    monkeypatch.setattr(total_energy, "ROWS_PER_BLOCK", 7)
    assert repulsion_energy(atoms) == pytest.approx(whole, abs=1e-10)
    assert colours(atoms, 4.3).max() < 20
    assert painted.max() < 20


def test_half_of_the_entropy_of_one_level_is_told():
    assert total_energy._entropy_term(np.array([2.0]), 2.0, 0.3)[0] == pytest.approx(-0.3 * math.log(2))
    assert total_energy._entropy_term(np.array([-900.0]), 2.0, 0.3)[0] == pytest.approx(0.0, abs=1e-12)
    atoms = porous(1, 4, 4)
    level_blocks = [all_levels(build(atoms)) for build in (sigma_block, pi_block)]
    plain, free = (exact_energy(atoms, smearing=0.2, free=one) for one in (False, True))
    every = np.concatenate(level_blocks)
    fermi = neutral_level([LevelSpectrum(every[None], np.ones(1), 0.2)], 4 * len(atoms.positions), 0.2)
    assert free - plain == pytest.approx(total_energy._entropy_term(every, fermi, 0.2).sum(), abs=1e-8)


def test_an_estimate_tells_how_it_was_made(monkeypatch):
    atoms, asked = porous(0, 4, 6), []
    estimate = linear_scaling_energy(
        atoms, num_repetitions=3, smearing=0.5, progress=lambda done, total: asked.append((done, total))
    )
    total = 3 * (3 * (colours(atoms, 4.3).max() + 1) + colours(atoms, 6.5).max() + 1)
    assert estimate.num_vectors == total
    assert asked == [(one + 1, total) for one in range(total)]
    assert estimate.num_atoms == len(atoms.positions)
    assert estimate.interval == pytest.approx(student.ppf(0.975, 2) * estimate.standard_error)
    assert estimate.num_moments == tuple(
        series_length(spectral_bounds(build(atoms)), 0.5) for build in (sigma_block, pi_block)
    )
    blocks = [LevelSpectrum(all_levels(build(atoms))[None], np.ones(1), 0.5) for build in (sigma_block, pi_block)]
    assert estimate.fermi_level == pytest.approx(neutral_level(blocks, 4 * len(atoms.positions), 0.5), abs=0.05)
    monkeypatch.setattr(total_energy, "MANY_ATOMS", len(atoms.positions))
    many = linear_scaling_energy(atoms, num_repetitions=2, smearing=0.5)
    assert many.num_vectors == 2 * (3 * (colours(atoms, 2.5).max() + 1) + colours(atoms, 2.9).max() + 1)
    words = "An error bar needs at least 2 repetitions. Received: num_repetitions=1"
    assert told(InputError, linear_scaling_energy, atoms, num_repetitions=1) == words
    words = "separations must be positive, in Å. Received: separations=(1.0, 0.0)"
    assert told(InputError, linear_scaling_energy, atoms, separations=(1.0, 0.0)) == words


def test_the_jackknife_of_two_is_half_of_their_difference():
    bounds, moments = Bounds(0.0, 4.0), np.array([[40.0, 3.0, -5.0, 0.5], [40.0, 1.0, -3.0, 0.2]])
    energy, error, level = total_energy._jackknife([MomentSpectrum(moments, bounds, 40)], 40, 0.5)

    def by_hand(row):
        mean = [MomentSpectrum(row[None], bounds, 40)]
        fermi = neutral_level(mean, 40, 0.5)
        return total_energy.band_energy(mean, fermi, 0.5), fermi

    assert error == pytest.approx(abs(by_hand(moments[0])[0] - by_hand(moments[1])[0]) / 2)
    assert (energy, level) == pytest.approx(by_hand(moments.mean(axis=0)))


def test_a_grid_of_k_points_is_told_point_by_point():
    third = pytest.approx(1 / 3)
    twists = [(0.0, 0.0), (0.0, third), (third, 0.0), (third, third), (third, pytest.approx(2 / 3))]
    points = k_grid(3, 3)
    assert [point.twist for point in points] == twists
    assert [point.weight for point in points] == pytest.approx([1 / 9, 2 / 9, 2 / 9, 2 / 9, 2 / 9])
    words = "k_points must be two positive numbers. Received: 2 0"
    assert told(InputError, k_grid, 2, 0) == words


@pytest.mark.parametrize("dense_rows", [3, 3_000])
@pytest.mark.parametrize("number", [1, 7, 19, 20])
def test_as_many_states_as_asked_for_are_found(monkeypatch, dense_rows, number):
    matrix = row_blocks(diags_array([np.ones(19), 0.1 * np.arange(20), np.ones(19)], offsets=[-1, 0, 1]))
    monkeypatch.setattr(levels, "DENSE_ROWS", dense_rows)
    every, _ = all_states(matrix)
    found, states = states_near(matrix, 0.9, number)
    np.testing.assert_allclose(found, np.sort(every[np.argsort(abs(every - 0.9))[:number]]), atol=1e-9)
    np.testing.assert_allclose(matrix.product(states), found * states, atol=1e-8)
    np.testing.assert_array_equal(states_near(matrix, 0.9, number)[1], states)


def test_states_that_do_not_converge_are_told(monkeypatch):
    matrix = row_blocks(diags_array([np.ones(19), np.ones(19)], offsets=[-1, 1]))

    def fail(*arguments, **named):
        raise ArpackNoConvergence("no luck", np.empty(0), np.empty((0, 0)))

    monkeypatch.setattr(levels, "DENSE_ROWS", 3)
    monkeypatch.setattr(levels, "eigsh", fail)
    words = told(InputError, states_near, matrix, 0.0, 2)
    assert words == "The states near an energy must converge. Received: ARPACK error -1: no luck"
    words = "The number of states must lie in 1..20. Received: 0"
    assert told(InputError, states_near, matrix, 0.0, 0) == words


def test_the_smearing_reaches_levels_and_energies():
    values = np.array([-1.0, 0.25, 1.5])
    level = tight_binding.fermi_level(values, 2, 0.5)
    held = 1 / (1 + np.exp((values - level) / 0.5))
    assert 2 * held.sum() == pytest.approx(2)
    assert tight_binding.band_energy(values, 2, 0.5) == pytest.approx(2 * (held * values).sum())
    atoms = porous(0, 4, 6)
    exact = exact_energy(atoms, smearing=0.4)
    found = tight_binding.tight_binding_energy(atoms.parameters, atoms.positions, np.diag(atoms.cell), smearing=0.4)
    assert found == pytest.approx(exact, abs=1e-8)
    assert abs(found - exact_energy(atoms)) > 0.1


def test_an_estimate_is_of_four_repetitions_of_the_same_seed_unless_said_otherwise():
    atoms, asked = porous(0, 4, 4), {"separations": (1.5, 1.5), "smearing": 0.8, "threads": 1}
    said = linear_scaling_energy(atoms, num_repetitions=4, seed=0, twist=(0.0, 0.0), **asked)
    assert linear_scaling_energy(atoms, **asked) == said
