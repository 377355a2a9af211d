import numpy as np
import pytest
from scipy.sparse import csr_array, diags_array

from rugan_tf.density_of_states.local import distance_classes, local_spectrum, site_densities
from rugan_tf.density_of_states.sheet import gap, paired
from rugan_tf.density_of_states.spectra import SpectrumSettings, block_spectrum, density_of_states
from rugan_tf.formats.pieces import Pieces
from rugan_tf.physics.hamiltonian import PlanarAtoms, nearest_neighbour_pi, pi_block, row_blocks, sigma_block
from rugan_tf.physics.kernel_polynomials import MomentSpectrum
from rugan_tf.physics.levels import LevelSpectrum, all_levels, k_grid
from rugan_tf.systems.porous_graphene.atoms import sheet_positions
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.holes import PoreOptions, draw_porous_states

GAMMA = k_grid(1, 1)


def porous(seed, rows, cols):
    positions, lengths = sheet_positions(
        draw_porous_states(np.random.default_rng(seed), 1, rows, cols, PoreOptions())[0]
    )
    return PlanarAtoms(positions, np.diag(lengths), CARBON)


def chain(size):
    return diags_array([1.0, 1.0], offsets=[-1, 1], shape=(size, size))


@pytest.mark.parametrize("method", ["exact", "polynomials"])
def test_a_chain_has_the_density_of_its_closed_form(method):
    settings = SpectrumSettings(method, broadening=0.05, num_vectors=64)
    energy = np.linspace(-1.5, 1.5, 301)
    found = density_of_states(chain(600), energy, settings)
    expected = 600 / (np.pi * np.sqrt(4 - energy**2))
    assert found.resolution == pytest.approx(0.05, rel=0.01)
    assert (abs(found.density - expected) < 4 * found.error + 0.02 * expected).all()
    assert (found.error > 0).all() == (method == "polynomials")
    assert found.error.max() < 0.1 * expected.min()


def test_polynomials_hold_the_levels_under_their_kernel_within_the_error_bars():
    matrix = sigma_block(porous(0, 10, 12))
    settings = SpectrumSettings("polynomials", broadening=0.4, num_vectors=48)
    random = block_spectrum(lambda _: matrix, GAMMA, settings)
    bounds, count = random.bounds, random.moments.shape[1]
    angles = np.arccos((all_levels(matrix) - bounds.centre) / bounds.half_width)
    traces = np.cos(np.arange(count)[:, None] * angles).sum(axis=1)
    energy = np.linspace(-25, 20, 300)
    exact = MomentSpectrum(traces[None], bounds, matrix.num_rows).density(energy)[0]
    mean, error = random.density(energy)
    has_levels = exact > 0.05 * exact.max()
    away = abs(mean - exact)[has_levels] / error[has_levels]
    assert away.max() < 5
    assert 0.5 < np.sqrt((away**2).mean()) < 1.7


def test_small_matrices_are_solved_exactly_and_large_ones_are_not():
    settings = SpectrumSettings()
    assert settings.method_for(6000) == "exact"
    assert settings.method_for(6001) == "polynomials"
    assert SpectrumSettings("polynomials").method_for(2) == "polynomials"


def test_too_few_moments_are_refused_with_the_number_needed():
    settings = SpectrumSettings("polynomials", broadening=0.05, num_moments=64)
    with pytest.raises(ValueError, match=r"broadening of 0.05 eV needs at least 126 moments .* num_moments=64"):
        density_of_states(chain(300), [0.0], settings)


def test_a_matrix_that_is_not_hermitian_is_refused():
    with pytest.raises(ValueError, match="must be Hermitian"):
        density_of_states(csr_array([[0.0, 1.0], [2.0, 0.0]]), [0.0])


@pytest.mark.parametrize("method", ["exact", "polynomials"])
def test_k_points_are_weighted(method):
    atoms = porous(2, 6, 8)
    settings = SpectrumSettings(method, broadening=0.5, num_vectors=300)
    spectrum = block_spectrum(lambda twist: pi_block(atoms, twist), k_grid(2, 3), settings)
    energy = np.linspace(-5, 12, 200)
    states = draw_porous_states(np.random.default_rng(2), 1, 6, 8, PoreOptions())[0]
    positions, lengths = sheet_positions(np.tile(states, (2, 3)))
    large = pi_block(PlanarAtoms(positions, np.diag(lengths), CARBON)).tocsr()
    expected = density_of_states(large, energy, SpectrumSettings("exact", broadening=0.5)).density / 6
    np.testing.assert_allclose(spectrum.density(energy)[0], expected, atol=0.01 if method == "exact" else 1.5)


def test_vectors_that_were_kept_are_not_computed_again(tmp_path):
    matrix, settings = row_blocks(chain(400)), SpectrumSettings("polynomials", num_vectors=9, threads=2)
    pieces = Pieces(tmp_path / "kept").of("chain")
    whole = block_spectrum(lambda _: matrix, GAMMA, settings, pieces=pieces).moments
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == 9
    for path in kept[3:6]:
        path.unlink()
    np.save(kept[0], np.load(kept[0]))
    again = block_spectrum(lambda _: matrix, GAMMA, settings, pieces=pieces).moments
    np.testing.assert_array_equal(again, whole)
    for path in sorted((tmp_path / "kept").iterdir()):
        np.save(path, np.full(whole.shape[1], 7.0))
    assert (block_spectrum(lambda _: matrix, GAMMA, settings, pieces=pieces).moments == 7).all()
    other = block_spectrum(lambda _: matrix, GAMMA, settings, pieces=pieces.of("another")).moments
    np.testing.assert_array_equal(other, whole)
    pieces.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("method", ["exact", "polynomials"])
@pytest.mark.parametrize("points", [(1, 1), (2, 1)])
def test_local_densities_add_up_to_the_whole(method, points):
    atoms = porous(1, 8, 8)
    settings = SpectrumSettings(method, broadening=0.5, num_vectors=6)

    def build(twist):
        return sigma_block(atoms, twist)

    group = np.arange(len(atoms.positions)) % 4
    energy = np.linspace(-25, 20, 200)
    local = local_spectrum(build, k_grid(*points), settings, group, 5).densities(energy)
    whole = block_spectrum(build, k_grid(*points), settings).density(energy)[0]
    np.testing.assert_allclose(local.sum(axis=0), whole, atol=1e-7 * whole.max())
    assert not local[4].any()
    assert local[0].max() > 0


def test_density_of_an_orbital_is_that_of_its_share_of_all_states():
    atoms = porous(1, 6, 8)
    matrix = pi_block(atoms)
    energy, sites = np.linspace(-4, 11, 600), [0, 5, 17]
    found = site_densities(matrix, sites, energy, SpectrumSettings(broadening=0.2))
    settings = SpectrumSettings("exact", broadening=0.2)
    count = len(atoms.positions)
    exact = local_spectrum(lambda _: matrix, GAMMA, settings, np.arange(count), count).densities(energy)[sites]
    below = [np.cumsum(density, axis=1) * (energy[1] - energy[0]) for density in (found, exact)]
    np.testing.assert_allclose(*below, atol=0.04)  # the kernel is narrower than the Gaussian towards the ends
    assert abs(below[1][0] - below[1][1]).max() > 0.1
    np.testing.assert_allclose(found.sum(axis=1) * (energy[1] - energy[0]), 1, atol=0.01)


def test_classes_of_distance_begin_at_the_edge():
    distance = np.array([0.0, 1.42, 1.5, 1.6, 2.9, 200.0, np.inf])
    assert distance_classes(distance).tolist() == [0, 1, 1, 2, 2, 11, 11]


def test_gap_lies_between_filled_and_empty_levels():
    levels = np.array([-3.0, -1.0, 0.5, 2.0])
    whole = LevelSpectrum(levels[None], np.ones(1), 0.1)
    assert gap([whole], 4) == pytest.approx(1.5)
    assert gap([whole], 3) == 0
    assert (
        gap([LevelSpectrum(levels[None, :2], np.ones(1), 0.1), LevelSpectrum(levels[None, 2:], np.ones(1), 0.1)], 6)
        == 1.5
    )
    shifted = LevelSpectrum(np.stack([levels, levels + 1.2]), np.array([0.5, 0.5]), 0.1)
    assert gap([shifted], 4) == pytest.approx(0.3)
    polynomials = block_spectrum(lambda _: row_blocks(chain(50)), GAMMA, SpectrumSettings("polynomials"))
    assert np.isnan(gap([whole, polynomials], 4))


def test_two_sublattices_leave_no_odd_moments():
    matrix = nearest_neighbour_pi(porous(0, 8, 8))
    spectrum = block_spectrum(lambda _: matrix, GAMMA, SpectrumSettings("polynomials", broadening=0.3))
    symmetric = paired(spectrum)
    assert spectrum.moments[:, 1::2].any()
    assert not symmetric.moments[:, 1::2].any()
    np.testing.assert_array_equal(symmetric.moments[:, ::2], spectrum.moments[:, ::2])
