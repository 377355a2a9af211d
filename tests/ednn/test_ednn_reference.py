"""The split, the constant of each state, and the batches of symmetric images."""

import numpy as np
import pytest
from tiny_ednn import draw_states, neighbour_energy

from rugan_tf.ednn.reference import Split, SymmetricBatches, fit_state_energies, split_reference, total_energy
from rugan_tf.formats.data_set import DataSet
from rugan_tf.systems.named import system_named


@pytest.fixture
def graphene():
    return system_named("porous_graphene")


@pytest.fixture
def batches(graphene):
    states = draw_states(23, 4, 6)
    return SymmetricBatches(graphene, states, neighbour_energy(states), batch_size=5, seed=8)


def parts(split):
    return [getattr(split, name).tolist() for name in ("train", "validation", "test")]


@pytest.mark.parametrize(("num_sheets", "held_out"), [(40, 4), (64, 6), (1150, 115)])
def test_split_puts_every_sheet_into_one_part(num_sheets, held_out):
    train, validation, test = parts(split_reference(num_sheets))
    assert (len(validation), len(test)) == (held_out, held_out)
    assert sorted(train + validation + test) == list(range(num_sheets))


def test_split_is_fixed():
    assert split_reference(40).test.tolist() == [10, 14, 18, 5]
    assert parts(split_reference(500)) == parts(split_reference(500))


@pytest.mark.parametrize("num_reference", [1, 17, 80])
def test_fewer_training_sheets_leave_the_held_out_parts_as_they_are(num_reference):
    whole, fewer = split_reference(100), split_reference(100, num_reference)
    assert isinstance(fewer, Split)
    assert fewer.train.tolist() == whole.train[:num_reference].tolist()
    assert parts(fewer)[1:] == parts(whole)[1:]


@pytest.mark.parametrize("num_sheets", [1, 39])
def test_too_few_sheets_are_refused(num_sheets):
    with pytest.raises(ValueError, match=rf"at least 40 reference sheets to split. Received: {num_sheets}"):
        split_reference(num_sheets)


@pytest.mark.parametrize("num_reference", [-1, 0, 33])
def test_impossible_number_of_training_sheets_is_refused(num_reference):
    with pytest.raises(ValueError, match=rf"in 1..32, the training part. .*num_reference={num_reference}$"):
        split_reference(40, num_reference)


def test_total_energy_is_the_energy_per_area_times_the_area():
    states = draw_states(3, 2, 4)
    energy = total_energy(DataSet(states, np.array([-1.0, 0.0, 2.5]), {"system": "porous_graphene"}))
    np.testing.assert_allclose(energy, np.array([-1.0, 0.0, 2.5]) * 2 * 2.46 * 4 * 2.46 * np.sqrt(3) / 2)


def test_state_energies_of_a_linear_energy_are_found_exactly():
    states = draw_states(50, 4, 6)
    energy = np.array([1.0, -2.0, -3.0, -8.5])[states].sum(axis=(1, 2))
    constants, rest = fit_state_energies(states, energy, 4)
    np.testing.assert_allclose(constants, (1.0, -2.0, -3.0, -8.5), atol=1e-10)
    assert rest == 1e-6  # not zero: it is what the correction is measured in


def test_rest_per_cell_by_hand():
    states = np.array([[[0, 0]], [[0, 0]], [[3, 3]], [[3, 3]]], np.uint8)
    constants, rest = fit_state_energies(states, np.array([1.0, 3.0, -6.0, -10.0]), 4)
    # Two cells a sheet, means 2 and -8 eV: 1 and -4 eV a cell. The rest is 1, 1, 2, 2 eV, half of it a cell.
    np.testing.assert_allclose(constants, (1.0, 0.0, 0.0, -4.0), atol=1e-12)
    assert rest == pytest.approx(np.sqrt((0.25 + 0.25 + 1 + 1) / 4))


def test_energies_that_are_all_equal_are_refused():
    with pytest.raises(ValueError, match=r"Reference energies must differ. Received: 3 times -2.0"):
        fit_state_energies(draw_states(3, 2, 4), np.full(3, -2.0), 4)


def test_batches_depend_on_seed_epoch_and_number_alone(graphene, batches):
    again = SymmetricBatches(graphene, batches.states, batches.energy, 5, seed=8, first_epoch=1)
    other = SymmetricBatches(graphene, batches.states, batches.energy, 5, seed=9)
    first = [batches[index] for index in range(len(batches))]
    for index in (2, 0, 2):
        np.testing.assert_array_equal(batches[index][0], first[index][0])
        assert not np.array_equal(other[index][0], first[index][0])
    batches.on_epoch_end()
    for index in range(len(batches)):
        assert not np.array_equal(batches[index][0], first[index][0])
        np.testing.assert_array_equal(batches[index][0], again[index][0])
        np.testing.assert_array_equal(batches[index][1], again[index][1])


def test_energies_stay_with_their_sheets(batches):
    for _ in range(3):
        for index in range(len(batches)):
            states, energy = batches[index]
            assert (states.shape, states.dtype, energy.dtype) == ((5, 4, 6), np.uint8, np.float32)
            np.testing.assert_allclose(neighbour_energy(states), energy, rtol=1e-6)
        batches.on_epoch_end()


def test_an_epoch_has_every_sheet_once_but_for_the_incomplete_batch(batches):
    assert len(batches) == 4
    energy = np.concatenate([batches[index][1] for index in range(4)])
    assert len(np.unique(batches.energy)) == 23
    assert len(np.unique(energy)) == 20
    assert set(energy) <= set(batches.energy)


def test_sheets_are_seen_as_images(batches):
    known = {sheet.tobytes() for sheet in batches.states}
    new = [sheet.tobytes() not in known for index in range(4) for sheet in batches[index][0]]
    assert sum(new) > 10


def test_batch_is_at_most_all_sheets(graphene):
    states = draw_states(3, 4, 4)
    few = SymmetricBatches(graphene, states, neighbour_energy(states), batch_size=64, seed=0)
    assert (len(few), len(few[0][0])) == (1, 3)
