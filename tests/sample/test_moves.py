import numpy as np
import pytest
import tensorflow as tf
from sampled_lattices import Bonded, codes, every_sheet

from rugan_tf.data.synthesis import draw_sheets
from rugan_tf.energies.ednn import ednn_in, shipped_ednn
from rugan_tf.energies.named import energy_named
from rugan_tf.errors import InputError
from rugan_tf.sample.local_energy import local_energy_of, with_chemical_potentials
from rugan_tf.sample.moves import Moves
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.rule import OnePiece
from rugan_tf.systems.porous_graphene.system import PorousGraphene

GRAPHENE, ISING, BONDED = PorousGraphene(), system_named("ising"), Bonded()


@pytest.fixture(scope="module")
def ednn():
    return local_energy_of(GRAPHENE, ednn_in(shipped_ednn(GRAPHENE), GRAPHENE))


def sheets_of(number, rows, cols):
    return tf.constant(draw_sheets(GRAPHENE, number, rows, cols, 5, GRAPHENE.drawing), tf.int32)


def seed(number):
    return tf.constant([7, number], tf.int32)


def alone(moves, states, proposals, place):
    """The sheets with one of their places changed."""
    flat = states.numpy().reshape(len(states), -1).copy()
    changed = proposals.states.numpy().reshape(len(states), -1)
    for sheet, cells in enumerate(proposals.indices.numpy()[:, place]):
        flat[sheet, cells] = changed[sheet, cells]
    return tf.constant(flat.reshape(states.shape))


@pytest.mark.parametrize(("rows", "cols", "places"), [(14, 16, 1), (30, 40, 6), (21, 64, 6)])
def test_a_window_tells_the_difference_of_whole_sheets_by_the_ednn(ednn, rows, cols, places):
    moves = Moves(GRAPHENE, ednn, (rows, cols), (2, 3))
    states = sheets_of(3, rows, cols)
    assert moves.places.number == places
    assert (moves.energy_window is None) == (places == 1)
    proposals = moves.propose(states, seed(1))
    energy = ednn.whole(states)
    found = moves.energy_changes(states, energy, proposals, tf.ones([3, places], tf.bool)).numpy()
    scale = np.abs(energy).max()
    for place in range(places):
        expected = ednn.whole(alone(moves, states, proposals, place)) - energy
        # Totals are rounded to single precision, the energies of windows are not.
        np.testing.assert_allclose(found[:, place], expected, atol=1e-6 * scale)
    together = ednn.whole(proposals.states) - energy
    np.testing.assert_allclose(found.sum(axis=1), together, atol=1e-6 * scale)
    assert np.abs(found).max() > 1


def test_only_wanted_energies_are_computed(ednn):
    moves = Moves(GRAPHENE, ednn, (14, 16), (2, 3))
    states = sheets_of(4, 14, 16)
    proposals, energy = moves.propose(states, seed(2)), ednn.whole(states)
    every = moves.energy_changes(states, energy, proposals, tf.ones([4, 1], tf.bool)).numpy()
    wanted = np.array([[True], [False], [False], [True]])
    some = moves.energy_changes(states, energy, proposals, tf.constant(wanted)).numpy()
    np.testing.assert_allclose(some, np.where(wanted, every, 0), atol=1e-2)
    assert not moves.energy_changes(states, energy, proposals, tf.zeros([4, 1], tf.bool)).numpy().any()


@pytest.mark.parametrize(
    ("system", "rows", "cols", "patch"),
    [
        (ISING, 9, 13, (1, 1)),
        (ISING, 5, 40, (2, 3)),
        (ISING, 3, 80, (1, 1)),
        (BONDED, 12, 24, (2, 3)),
        (BONDED, 5, 64, (2, 3)),
    ],
)
def test_a_sum_over_cells_is_told_by_windows_exactly(system, rows, cols, patch):
    energy = local_energy_of(system, energy_named(system, system.reference_name))
    moves = Moves(system, energy, (rows, cols), patch)
    states = tf.constant(np.random.default_rng(0).integers(0, system.num_states, (5, rows, cols)), tf.int32)
    whole = energy.whole(states)
    of_one = [next(iter(system.reference_energies.values()))(sheet) for sheet in states.numpy()]
    np.testing.assert_array_equal(whole, of_one)
    assert moves.energy_window is not None
    places = moves.places
    proposals = moves.propose(states, seed(3))
    found = moves.energy_changes(states, whole, proposals, tf.ones([5, places.number], tf.bool)).numpy()
    assert places.number > 1
    for place in range(places.number):
        np.testing.assert_array_equal(found[:, place], energy.whole(alone(moves, states, proposals, place)) - whole)


def test_the_rule_is_judged_nearby_as_on_whole_sheets():
    energy = local_energy_of(BONDED, energy_named(BONDED, "bonds"))
    moves = Moves(BONDED, energy, (12, 24), (2, 3))
    states = sheets_of(400, 12, 24)
    assert moves.rule_window is not None
    proposals = moves.propose(states, seed(4))
    found = moves.keeps_rule(proposals).numpy()
    rule = BONDED.rule
    for place in range(moves.places.number):
        changed = alone(moves, states, proposals, place).numpy()
        np.testing.assert_array_equal(found[:, place], (rule.step(changed) == changed).all(axis=(1, 2)))
    assert 0.05 < found.mean() < 0.95


def test_a_rule_that_tells_no_reach_is_judged_on_whole_sheets():
    class Anywhere(OnePiece):
        reach = None

    class Material(Bonded):
        rule = Anywhere()

    energy = local_energy_of(BONDED, energy_named(BONDED, "bonds"))
    moves = Moves(Material(), energy, (12, 24), (2, 3))
    assert (moves.rule_window, moves.places.number) == (None, 1)
    states = sheets_of(100, 12, 24)
    proposals = moves.propose(states, seed(4))
    near = Moves(BONDED, energy, (12, 24), (2, 3), parallel=False)
    np.testing.assert_array_equal(moves.keeps_rule(proposals), near.keeps_rule(proposals))


def test_the_reach_of_the_rule_is_what_one_step_sees():
    """A step of the rule on a cell does not change with anything beyond its reach, and does with what is within."""
    rule, rng = OnePiece(), np.random.default_rng(1)
    states = rng.integers(0, 4, (2000, 9, 10))
    other = rng.integers(0, 4, states.shape)
    rows, cols = rule.reach
    near = np.zeros((9, 10), bool)
    near[4 - rows : 5 + rows, 4 - cols : 5 + cols] = True
    assert (rule.step(np.where(near, states, other))[:, 4, 4] == rule.step(states)[:, 4, 4]).all()
    near[3, :] = near[:, 3] = False
    assert (rule.step(np.where(near, states, other))[:, 4, 4] != rule.step(states)[:, 4, 4]).any()


@pytest.mark.parametrize(("system", "rows", "cols", "patch"), [(ISING, 2, 2, (2, 2)), (BONDED, 2, 2, (2, 2))])
def test_moves_and_their_reverses_are_equally_likely(system, rows, cols, patch):
    energy = local_energy_of(system, energy_named(system, system.reference_name))
    moves = Moves(system, energy, (rows, cols), patch)
    sheets = np.array(list(np.ndindex(*[system.num_states] * 4)), np.uint8).reshape(-1, 2, 2)
    number = 4000
    states = tf.constant(np.repeat(sheets, number, axis=0), tf.int32)
    after = codes(moves.propose(states, seed(5)).states.numpy(), system.num_states)
    before = codes(states.numpy(), system.num_states)
    counts = np.zeros((len(sheets), len(sheets)))
    np.add.at(counts, (before, after), 1)
    assert not np.diag(counts).any()  # the first cell always changes
    difference, scatter = counts - counts.T, counts + counts.T
    is_pair = np.triu(scatter > 20)
    chi = (difference[is_pair] ** 2 / scatter[is_pair]).mean()
    assert abs(chi - 1) < 5 * np.sqrt(2 / is_pair.sum())
    assert is_pair.sum() > len(sheets)


def test_every_valid_sheet_of_a_small_size_is_reached():
    """Patches of 2x3 cells lead from any valid sheet of 2x4 cells to any other; single cells do not."""
    from scipy.sparse.csgraph import connected_components

    sheets = every_sheet(BONDED, 2, 4)
    assert len(sheets) == 742

    def pieces(patch):
        linked = np.zeros((len(sheets), len(sheets)), bool)
        for row, col in np.ndindex(2, 4):
            outside = np.ones((2, 4), bool)
            outside[np.ix_(np.arange(row, row + patch[0]) % 2, np.arange(col, col + patch[1]) % 4)] = False
            rest = codes(sheets * outside, 4)
            linked |= rest[:, None] == rest
        return connected_components(linked)[0]

    assert (pieces((2, 3)), pieces((1, 1))) == (1, 14)


def test_one_piece_is_asked_of_whole_sheets():
    flakes = np.full((1, 16, 20), 0, np.uint8)
    flakes[:, 1:4, 1:6] = flakes[:, 9:12, 9:14] = 3
    pair = np.concatenate([GRAPHENE.rule.settle(flakes), GRAPHENE.repair(flakes)])
    energy = local_energy_of(BONDED, energy_named(BONDED, "bonds"))
    assert Moves(BONDED, energy, (16, 20), (2, 3)).is_valid(tf.constant(pair, tf.int32)).numpy().tolist() == [
        False,
        True,
    ]
    assert (BONDED.rule.step(pair) == pair).all()


def test_chemical_potentials_come_off_the_energy_everywhere():
    energy = local_energy_of(BONDED, energy_named(BONDED, "bonds"))
    with_mu = with_chemical_potentials(BONDED, energy, {"C": -2.5})
    states = sheets_of(3, 12, 24)
    expected = energy.whole(states).numpy() + 2.5 * BONDED.num_atoms(states.numpy())
    np.testing.assert_allclose(with_mu.whole(states), expected)
    moves = Moves(BONDED, with_mu, (12, 24), (2, 3), parallel=False)
    proposals = moves.propose(states, seed(6))
    found = moves.energy_changes(states, with_mu.whole(states), proposals, tf.ones([3, 1], tf.bool))[:, 0]
    np.testing.assert_allclose(found, with_mu.whole(proposals.states) - with_mu.whole(states))
    with pytest.raises(InputError, match=r"must be of C\. Received: Si"):
        with_chemical_potentials(BONDED, energy, {"Si": 1.0})


def test_energies_that_say_no_reach_are_refused():
    with pytest.raises(InputError, match=r"an EDNN, or one that says its reach\. Received: tight-binding"):
        local_energy_of(GRAPHENE, energy_named(GRAPHENE, "tight-binding"))
    nitride = system_named("boron_nitride")
    with pytest.raises(InputError, match=r"an EDNN, or one that says its reach\. Received: 7net-0$"):
        local_energy_of(nitride, energy_named(nitride, nitride.reference_name))
    assert local_energy_of(ISING, energy_named(ISING, "ising")).reach == (1, 1)
