"""States and their encoding, and the rule that removes dangling atoms."""

import keras
import numpy as np
import pytest
from hypothesis import given, strategies
from hypothesis.extra import numpy as numpy_strategies

from rugan_tf.lattice.states import decode, encode
from rugan_tf.systems.porous_graphene.rule import prune
from rugan_tf.systems.porous_graphene.sites import (
    dangling,
    neighbour_counts,
    num_atoms,
    occupancies,
    remove_dangling,
    validate_states,
)

SIZES = strategies.tuples(strategies.integers(1, 3), strategies.integers(1, 6), strategies.sampled_from([2, 4, 6]))
SHEETS = SIZES.flatmap(lambda shape: numpy_strategies.arrays(np.uint8, shape, elements=strategies.integers(0, 3)))


def neighbours_of(site, rows, cols):
    """The three sites next to one: in its own cell, and in the next column half a cell to either side."""
    row, col, kind = site
    next_col = col - 1 if kind == 0 else col + 1
    half_left = -1 if col % 2 == 0 else 0  # odd columns lie half a cell further along the rows
    cells = [(row, col), (row + half_left, next_col), (row + half_left + 1, next_col)]
    return [(i % rows, j % cols, 1 - kind) for i, j in cells]


def pruned_atom_by_atom(sheet):
    """Remove one dangling atom at a time, in scan order, until there is none."""
    rows, cols = sheet.shape
    atoms = {site for site in np.ndindex(rows, cols, 2) if sheet[site[:2]] >> site[2] & 1}
    while True:
        loose = next(
            (
                site
                for site in sorted(atoms)
                if sum(neighbour in atoms for neighbour in neighbours_of(site, rows, cols)) < 2
            ),
            None,
        )
        if loose is None:
            break
        atoms.remove(loose)
    result = np.zeros_like(sheet)
    for row, col, kind in atoms:
        result[row, col] |= 1 << kind
    return result


def test_states_count_the_atoms_of_two_sites():
    states = np.array([[[0, 1], [2, 3]]], np.uint8)
    assert occupancies(states).tolist() == [[[[0, 0], [1, 0]], [[0, 1], [1, 1]]]]
    assert num_atoms(states).tolist() == [4]
    assert encode(states, 4)[0, 1].tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]
    assert encode(states, 4).dtype == np.float32


@given(SHEETS)
def test_encoding_round_trip(states):
    decoded = decode(encode(states, 4))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, states)


def test_decoding_takes_the_most_probable_state():
    probabilities = np.array([0.1, 0.2, 0.4, 0.3], np.float32).reshape(1, 1, 1, 4)
    assert decode(probabilities).tolist() == [[[2]]]


@given(SHEETS)
def test_pruning_leaves_a_fixed_point_and_only_removes(states):
    before = states.copy()
    pruned = prune(states)
    np.testing.assert_array_equal(states, before)  # the input is not changed
    assert pruned.dtype == np.uint8
    assert not dangling(pruned).any()
    np.testing.assert_array_equal(prune(pruned), pruned)
    np.testing.assert_array_equal(pruned & states, pruned)


@given(SHEETS)
def test_pruning_equals_removal_atom_by_atom(states):
    for sheet, pruned in zip(states, prune(states), strict=True):
        np.testing.assert_array_equal(pruned, pruned_atom_by_atom(sheet))


def test_pruning_of_full_sheets():
    pristine = np.full((1, 4, 4), 3, np.uint8)
    np.testing.assert_array_equal(prune(pristine), pristine)
    vacancy = pristine.copy()
    vacancy[0, 1, 2] = 1
    np.testing.assert_array_equal(prune(vacancy), vacancy)  # three atoms have two neighbours: they stay
    assert (neighbour_counts(vacancy) == 2).sum() == 3


def test_a_chain_is_removed_from_its_ends():
    chain = np.zeros((1, 3, 8), np.uint8)
    chain[0, 1, 1:7] = 3  # along armchair, broken at the ends
    assert not prune(chain).any()
    chain[0, 1] = 3  # closed by the periodicity
    np.testing.assert_array_equal(prune(chain), chain)


def test_no_sheets_stay_no_sheets():
    assert prune(np.zeros((0, 4, 4), np.uint8)).shape == (0, 4, 4)


@pytest.mark.parametrize(("rows", "cols"), [(1, 2), (3, 4), (6, 8)])
def test_the_same_rule_runs_in_keras(rows, cols):
    states = np.random.default_rng(3).integers(0, 4, (50, rows, cols), np.uint8)
    sites = states & 1, states >> 1
    for _ in range(4):
        tensors = [keras.ops.convert_to_tensor(site, "int32") for site in sites]
        in_keras = remove_dangling(*tensors, keras.ops)
        sites = remove_dangling(*sites)
        for ours, theirs in zip(sites, in_keras, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(theirs), ours)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_states_of_any_integer_type_become_uint8(dtype):
    states = validate_states(np.array([[[0, 3], [1, 2]]], dtype))
    assert states.dtype == np.uint8
    assert states.tolist() == [[[0, 3], [1, 2]]]


def test_states_that_are_right_are_not_copied():
    states = np.zeros((2, 4, 4), np.uint8)
    assert validate_states(states) is states


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"shape \(batch, rows, cols\). Received: shape=\(4, 4\)"),
        (np.zeros((1, 4, 4), np.float32), r"must be integers. Received: dtype=float32"),
        (np.zeros((1, 4, 4), bool), r"must be integers. Received: dtype=bool"),
        (np.full((1, 4, 4), 4, np.uint8), r"must lie in 0..3. Received: values 4 to 4"),
        (np.full((1, 4, 4), -1, np.int32), r"must lie in 0..3. Received: values -1 to -1"),
        (np.full((1, 4, 4), 256, np.int32), r"must lie in 0..3. Received: values 256 to 256"),
        (np.zeros((1, 4, 3), np.uint8), r"cols must be even. Received: cols=3"),
        (np.zeros((1, 0, 4), np.uint8), r"rows must be at least 1. Received: rows=0"),
    ],
)
def test_what_is_no_states_is_refused(states, message):
    with pytest.raises(ValueError, match=message):
        validate_states(states)
