"""What the judge of a training tells, against numbers worked by hand."""

from pathlib import Path

import numpy as np
import pytest
from tiny_networks import CHANNELS, TinyGenerator, build_rugan

from rugan_tf.data.conditions import labels_of
from rugan_tf.formats.data_set import DataSet
from rugan_tf.generate.from_generator import LabelledGenerator
from rugan_tf.saved.conditions import LearntCondition, LearntConditions
from rugan_tf.saved.label_scale import LabelScale
from rugan_tf.systems.named import system_named
from rugan_tf.train.judge import Judge, judge_for, measured
from rugan_tf.train.options import TrainOptions

GRAPHENE = system_named("porous_graphene")
AREA = 2.46 * 2.46 * np.sqrt(3) / 2  # of a cell, Å²
LOW, HIGH = -4.0, 0.0  # eV/Å²: the two labels of the data, three of the one and one of the other
FULL = -3.0 / AREA  # eV/Å²: of full sheets, where an atom has -1.5 eV


class CountedAtoms:
    """-1.5 eV an atom; writes down what it is asked."""

    def __init__(self):
        self.asked = []

    def energies(self, states, work):
        self.asked.append((work.description, states))
        return -1.5 * (states % 2 + states // 2).sum(axis=(1, 2))


@pytest.fixture(scope="module")
def judged():
    """The page of a generator that fills sheets of the lower label, and leaves the others atoms that all dangle."""
    model, spare, energy = build_rugan(), TinyGenerator(), CountedAtoms()
    spare.build()
    kernel = np.zeros((CHANNELS + 1, 4), np.float32)
    kernel[-1] = [0, 9, 0, -9]  # by the label, the last input: state 1, one atom in every cell, or 3, two
    for average, weight in zip(model.average.averages, (kernel, np.zeros(4, np.float32)), strict=True):
        average.assign(weight)
    data_set = DataSet(np.zeros((4, 4, 6), np.uint8), np.array([LOW, LOW, LOW, HIGH]), {"system": GRAPHENE.name})
    labels, energies = labels_of(data_set, ["energy_per_area"]), GRAPHENE.energy_condition
    learnt = LearntConditions((LearntCondition(energies, LabelScale(-2.0, 1.0), (LOW, HIGH)),))
    judge = Judge(64, LabelledGenerator(spare, learnt), data_set, labels, energy, seed=5)
    return judge.judge(model), energy.asked


def test_agreement_is_that_of_numbers_worked_by_hand():
    told = measured(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 1.0, 2.0, 4.0]), spread=2.0)
    assert told == pytest.approx({"ks_statistic": 0.25, "r2": 0.6, "mae": 0.5, "bias": 0.5, "bias_in_sd": 0.25})
    told = measured(np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.0, 0.0, 2.0, 0.0]), spread=4.0)
    assert told == pytest.approx({"ks_statistic": 0.25, "r2": -1.8, "mae": 1.5, "bias": -0.5, "bias_in_sd": -0.125})


def test_repaired_sheets_are_judged_at_the_training_size_and_at_twice_that(judged):
    _, asked = judged
    assert [name for name, _ in asked] == ["judging 1x1", "judging 2x2"]
    assert [states.shape for _, states in asked] == [(64, 4, 6), (16, 8, 12)]
    for _, states in asked:  # full ones, and those that repair empties
        assert set(np.unique(states)) == {0, 3}
        np.testing.assert_array_equal(states.min(axis=(1, 2)), states.max(axis=(1, 2)))


@pytest.mark.parametrize(("scale", "number"), [(1, 64), (2, 16)])
def test_scalars_follow_from_the_share_of_the_lower_label(judged, scale, number):
    page, asked = judged
    share = (asked[scale - 1][1][:, 0, 0] == 3).mean()  # of sheets whose request was LOW
    assert 0 < share < 1
    assert share == pytest.approx(0.75, abs=3 * np.sqrt(0.75 * 0.25 / number))
    told = {name.split("/")[1]: value for name, value in page.scalars.items() if f"_{scale}x{scale}/" in name}
    error = FULL - LOW  # of the full sheets; the empty ones have what was asked for
    expected = {
        "ks_statistic": share,
        "r2": 1 - error**2 / ((1 - share) * (HIGH - LOW) ** 2),
        "mae_eV_per_A2": share * error,
        "bias_in_sd_of_labels": share * error / np.sqrt(3),
        "valid_share": share,  # before repair
    }
    assert told == pytest.approx(expected, rel=1e-6)


def test_pictures_are_told_by_scale(judged):
    page, _ = judged
    assert sorted(page.pictures) == [f"energy_{scale}x{scale}/obtained_against_requested" for scale in (1, 2)]
    for picture in page.pictures.values():
        assert picture.dtype == np.uint8
        assert picture.std() > 10


def test_materials_without_a_shipped_ednn_are_trained_without_a_judge(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "systems"))
    spins = DataSet(np.zeros((2, 4, 4), np.uint8), np.array([0.0, 1.0]), {"system": "spins:Spins", "energy": "made-up"})
    labels = labels_of(spins, ["energy_per_area"])
    spare = LabelledGenerator(TinyGenerator(), LearntConditions.of(labels.conditions, labels.values))
    assert judge_for(TrainOptions(tmp_path / "spins.npz", tmp_path), spare, spins, labels) is None
