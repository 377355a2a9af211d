import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar

from rugan_tf.physics import tight_binding
from rugan_tf.physics.tight_binding import band_energy, fermi_level
from rugan_tf.systems.porous_graphene.atoms import sheet_positions
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.geometry import BOND_LENGTH, cell_lengths
from rugan_tf.systems.porous_graphene.reference import sheet_energy

scaling, repulsive_pair, embedding, tight_binding_energy = (
    functools.partial(function, CARBON)
    for function in (
        tight_binding.scaling,
        tight_binding.repulsive_pair,
        tight_binding.embedding,
        tight_binding.tight_binding_energy,
    )
)
few = settings(max_examples=15, deadline=None)
sheets = arrays(np.uint8, st.sampled_from([(2, 2), (3, 4), (4, 4)]), elements=st.integers(0, 3))
BIG_CELL = [40.0, 40.0]


def pristine(rows, cols):
    return np.full((rows, cols), 3, np.uint8)


def cluster(states, seed):
    """Displaced atoms of a sheet, centred at the origin and without their periodic images."""
    positions = sheet_positions(states)[0]
    positions = positions + np.random.default_rng(seed).uniform(-0.15, 0.15, positions.shape)
    return positions - positions.mean(axis=0, keepdims=True) if len(positions) else positions


@pytest.mark.parametrize(("size", "per_atom"), [((14, 16), -9.8466), ((12, 12), -9.8440), ((15, 16), -9.8456)])
def test_energy_of_a_pristine_sheet(size, per_atom):
    assert sheet_energy(pristine(*size)) / (2 * math.prod(size)) == pytest.approx(per_atom, abs=1e-4)


@pytest.mark.parametrize(("state", "formation_energy"), [(2, 7.26), (0, 9.68)])
def test_formation_energy_of_an_unrelaxed_vacancy_and_divacancy(state, formation_energy):
    sheet = pristine(14, 16)
    sheet[7, 5] = state
    num_atoms = 446 + (state > 0)
    reference = num_atoms / 448 * sheet_energy(pristine(14, 16))
    assert sheet_energy(sheet) - reference == pytest.approx(formation_energy, abs=0.01)


def test_honeycomb_is_lowest_at_its_bond_length():
    positions, cell = sheet_positions(pristine(9, 10))
    lowest = minimize_scalar(lambda x: tight_binding_energy(x * positions, x * cell), (0.97, 1.0, 1.03), tol=1e-4)
    assert lowest.x * BOND_LENGTH == pytest.approx(1.42, abs=0.005)


def test_scaling_repulsion_and_embedding_at_their_reference_points():
    assert scaling(1.536329) == pytest.approx(1.0, abs=1e-15)
    assert repulsive_pair(1.64) == pytest.approx(8.18555, abs=1e-14)
    assert embedding(0.0) == -2.5909765118191
    assert embedding(10.0) == pytest.approx(
        -2.5909765118191 + 5.721151498619 - 0.1789634990 + 0.0235392215 - 0.0012425117
    )


@pytest.mark.parametrize("function", [scaling, repulsive_pair])
def test_pair_functions_keep_any_shape_and_vanish_at_the_cutoff(function):
    assert function(np.full((2, 3), 1.42)).shape == (2, 3)
    assert (function(np.array([2.6, 2.7, 100.0])) == 0).all()
    assert function(2.6 - 1e-9) == pytest.approx(0, abs=1e-11)
    assert (np.diff(function(np.linspace(1.0, 2.6, 400))) < 0).all()


@pytest.mark.parametrize(
    ("function", "start", "value_error", "slope_error"),
    [(scaling, 2.45, 1e-8, 5e-5), (repulsive_pair, 2.57, 1e-13, 1e-9)],
)
def test_tails_continue_value_and_slope(function, start, value_error, slope_error):
    h = 1e-6
    before2, before, at, after = function(start + h * np.array([-2, -1, 0, 1]))
    assert at == pytest.approx(2 * before - before2, abs=value_error)
    assert (after - at) / h == pytest.approx((before - before2) / h, abs=slope_error)


def test_two_levels_share_electrons_by_the_fermi_function():
    levels = np.array([-1.0, 1.0])
    assert fermi_level(levels, 2, smearing=0.5) == pytest.approx(0, abs=1e-12)
    assert band_energy(levels, 2, smearing=0.5) == pytest.approx(-2 * math.tanh(1.0), abs=1e-12)


def test_lone_atom_has_the_embedding_energy_alone():
    assert tight_binding_energy([[3.0, -7.0]], BIG_CELL) == pytest.approx(-2.5909765118191, abs=1e-10)
    assert tight_binding_energy([[0, 0], [0, 2.6]], BIG_CELL) == pytest.approx(2 * -2.5909765118191, abs=1e-10)


@pytest.mark.parametrize("r", [1.25, 1.42, 2.0, 2.5])
def test_dimer_has_the_levels_of_its_two_by_two_blocks(r):
    ss, sp, sigma, pi = (hopping * float(scaling(r)) for hopping in (-5.0, 4.7, 5.5, -1.55))
    levels = [3.71 + pi, 3.71 + pi, 3.71 - pi, 3.71 - pi]
    for s, p in ((-2.99 + ss, 3.71 - sigma), (-2.99 - ss, 3.71 + sigma)):  # gerade, ungerade
        half_gap = math.hypot((s - p) / 2, sp)
        levels += [(s + p) / 2 - half_gap, (s + p) / 2 + half_gap]
    expected = band_energy(np.array(levels), 8) - 2 * 1.44 + 2 * float(embedding(repulsive_pair(r)))
    assert tight_binding_energy([[0.3, 0.1], [0.3, 0.1 + r]], BIG_CELL) == pytest.approx(expected, abs=1e-10)


@few
@given(sheets, st.integers(0, 99), st.floats(0, 2 * math.pi), st.booleans())
def test_cluster_keeps_its_energy_when_turned_mirrored_and_renumbered(states, seed, angle, is_mirrored):
    positions = cluster(states, seed)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = np.random.default_rng(seed).permutation(positions) @ turn.T * [1, -1 if is_mirrored else 1]
    assert tight_binding_energy(moved, BIG_CELL) == pytest.approx(tight_binding_energy(positions, BIG_CELL), abs=1e-8)


@few
@given(sheets, arrays(np.float64, 2, elements=st.floats(-50, 50)))
def test_periodic_sheet_keeps_its_energy_when_moved_and_when_its_axes_change_places(states, shift):
    positions, cell = sheet_positions(states)
    energy = tight_binding_energy(positions, cell)
    assert tight_binding_energy(positions + shift, cell) == pytest.approx(energy, abs=1e-8)
    turned = positions[:, ::-1] * [-1, 1]
    assert tight_binding_energy(turned, cell[::-1]) == pytest.approx(energy, abs=1e-8)


@few
@given(sheets, st.integers(0, 3), st.integers(0, 1))
def test_sheet_keeps_its_energy_under_the_symmetries_of_the_lattice(states, row_shift, pair_shift):
    rows, cols = states.shape
    energy = sheet_energy(states)
    rolled = np.roll(states, (row_shift, 2 * pair_shift), axis=(0, 1))
    along_columns = np.array([0, 2, 1, 3], np.uint8)[states[:, -np.arange(cols) % cols]]  # A and B change places
    is_odd = np.arange(cols) % 2
    along_rows = states[(-np.arange(rows)[:, None] - is_odd) % rows, np.arange(cols)]
    for image in (rolled, along_columns, along_rows):
        assert sheet_energy(image) == pytest.approx(energy, abs=1e-8)


def test_far_clusters_have_the_sum_of_their_energies():
    ring = cluster(pristine(2, 2), 0)
    apart = np.concatenate([ring, ring + 20.0])
    assert tight_binding_energy(apart, BIG_CELL) == pytest.approx(2 * tight_binding_energy(ring, BIG_CELL), abs=1e-8)


def test_empty_sheet_has_no_energy():
    assert sheet_energy(np.zeros((3, 4), np.uint8)) == 0.0


@pytest.mark.parametrize(
    ("positions", "cell", "smearing", "message"),
    [
        ([0.0, 1.0], [9, 9], 0.1, r"positions must have the shape \(num_atoms, 2\). Received: shape=\(2,\)"),
        ([[0.0, 1.0, 2.0]], [9, 9], 0.1, r"Received: shape=\(1, 3\)"),
        ([[0.0, np.nan]], [9, 9], 0.1, "positions must be finite. Received: nan"),
        (
            [[0.0, 0.0]],
            [9, -1],
            0.1,
            r"cell_lengths must be two positive lengths, Å. Received: \[9.0, -1.0\]",
        ),
        ([[0.0, 0.0]], [9, np.inf], 0.1, "cell_lengths must be two positive lengths"),
        ([[0.0, 0.0]], [9, 9, 9], 0.1, "cell_lengths must be two positive lengths"),
        ([[0.0, 0.0]], [9, 0.4], 0.1, r"cell_lengths must be at least 0.5 Å. Received: \[9.0, 0.4\]"),
        ([[0.0, 0.1], [0.0, 8.8]], [9, 9], 0.1, "Atoms must be at least 0.5 Å apart. Received: 0.3 Å"),
        ([[1.0, 1.0], [1.0, 1.0]], [9, 9], 0.1, "Received: 0 Å"),
        ([[0.0, 0.0]], [9, 9], 0.0, "smearing must be positive, in eV. Received: smearing=0.0"),
    ],
)
def test_bad_input_is_refused(positions, cell, smearing, message):
    with pytest.raises(ValueError, match=message):
        tight_binding_energy(positions, cell, smearing=smearing)


def test_small_cells_count_every_image():
    states = pristine(1, 2)
    positions, cell = sheet_positions(states)
    assert len(positions) == 4
    assert cell.tolist() == cell_lengths(1, 2).tolist()
    assert sheet_energy(states) / 4 == pytest.approx(-9.3164, abs=1e-4)
