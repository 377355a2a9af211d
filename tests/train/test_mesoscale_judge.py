"""Fluctuations that TensorBoard shows, of sheets whose structure factor is known."""

import types

import numpy as np
import pytest

from rugan_tf.data.conditions import labels_of
from rugan_tf.formats.data_set import DataSet
from rugan_tf.train.mesoscale_judge import mesoscale_judge_for
from rugan_tf.train.options import TrainOptions

SIDE = 8


def independent(rng, number, rows, cols):
    return rng.integers(0, 2, (number, rows, cols)).astype(np.uint8)


def in_blocks(rng, number, rows, cols):
    """Blocks of 2x2 equal spins: four times the structure factor of long waves, windows twice as far apart."""
    return independent(rng, number, rows // 2, cols // 2).repeat(2, axis=1).repeat(2, axis=2)


def alternating(rng, number, rows, cols):
    del rng
    return np.broadcast_to((np.indices((rows, cols)).sum(axis=0) % 2).astype(np.uint8), (number, rows, cols))


class Scripted:
    """Stands for the averaged generator, whose sheets are known here."""

    generator = None

    def __init__(self, make):
        self.make, self.requested = make, None

    def draw(self, requested, *, rows, cols, rng):
        self.requested = requested
        return self.make(rng, len(requested), rows, cols)


MODEL = types.SimpleNamespace(average=types.SimpleNamespace(copy_to=lambda generator: None))


def judge_of(make, energies, judge_sheets=1024):
    states = independent(np.random.default_rng(1), len(energies), SIDE, SIDE)
    data_set = DataSet(states, energies, {"system": "ising", "energy": "made-up"})
    options = TrainOptions("spins.npz", "run", judge_sheets=judge_sheets)
    generator = Scripted(make)
    return mesoscale_judge_for(options, generator, data_set, labels_of(data_set, ["energy_per_area"])), generator


@pytest.mark.parametrize(
    ("make", "structure_factor", "deviation"), [(independent, 1, 1), (in_blocks, 4, 2), (alternating, 0, 0)]
)
def test_ratios_are_those_of_sheets_whose_structure_factor_is_known(make, structure_factor, deviation):
    judge, _ = judge_of(make, np.random.default_rng(2).normal(size=8192))
    told = judge.judge(MODEL).scalars
    assert told == pytest.approx(
        {
            "mesoscale_2x2/structure_factor_of_long_waves_over_foretold": structure_factor,
            "mesoscale_2x2/deviation_of_training_windows_over_foretold": deviation,
        },
        rel=0.2,
        abs=0.02,
    )


def test_all_sheets_are_asked_for_what_a_sheet_in_the_middle_of_the_data_has():
    energies = np.linspace(-2, 0, 1601)
    judge, generator = judge_of(independent, energies, judge_sheets=40)
    page = judge.judge(MODEL)
    np.testing.assert_array_equal(generator.requested, np.full((10, 1), -1.0))
    picture = page.pictures["mesoscale_2x2/structure_factor"]
    assert picture.dtype == np.uint8
    assert picture.std() > 10


def test_nothing_is_judged_without_sheets_or_with_too_few_small_ones():
    assert judge_of(independent, np.arange(1000.0))[0] is None
    assert judge_of(independent, np.arange(8192.0), judge_sheets=0)[0] is None
