"""What a generator learnt of its conditions, against brute force."""

import json

import numpy as np
import pytest

from rugan_tf.errors import InputError
from rugan_tf.saved.conditions import NUM_POINTS, Cover, LearntConditions, conditions_in
from rugan_tf.systems.conditions import CellSum, Condition

CONDITIONS = (
    Condition("porosity", "porosity", "", CellSum(0.0, (1.0, 0.5, 0.0))),
    Condition("band_gap", "band gap", "eV"),
)


def arc(number=2000, noise=0.01):
    """Values on a quarter of a circle: a band that a box around it, or an ellipse, mostly leaves empty."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, np.pi / 2, number)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 + noise * rng.normal(size=(number, 1))) * [1.0, 3.0]


@pytest.fixture(scope="module")
def learnt():
    return LearntConditions.of(CONDITIONS, arc())


@pytest.mark.parametrize(("number", "points"), [(300, 37), (3000, NUM_POINTS), (5, 1)])
def test_a_cover_is_the_farthest_point_sampling_that_brute_force_finds(number, points):
    labels = np.random.default_rng(1).normal(size=(number, 3))
    cover = Cover.of(labels)
    chosen = [labels[np.linalg.norm(labels, axis=1).argmin()]]
    while len(chosen) < points:
        nearest = np.linalg.norm(labels[:, None] - np.array(chosen)[None], axis=2).min(axis=1)
        chosen.append(labels[nearest.argmax()])
    np.testing.assert_allclose(cover.points, chosen)
    nearest = np.linalg.norm(labels[:, None] - np.array(chosen)[None], axis=2).min(axis=1)
    assert cover.radius == pytest.approx(nearest.max())
    assert cover.radius > 0.1
    np.testing.assert_allclose(cover.distances(labels), nearest)


def test_few_different_labels_are_all_points():
    cover = Cover.of(np.array([[0.0, 1.0], [2.0, 0.0]] * 20))
    assert (sorted(cover.points), cover.radius) == ([(0.0, 1.0), (2.0, 0.0)], 0.0)


def test_no_sheet_of_the_data_is_warned_of(learnt):
    assert learnt.uncovered(arc()) == []


def test_values_that_no_sheet_has_together_are_told_although_each_is_in_its_range(learnt):
    (told,) = learnt.uncovered(np.array([[0.5, 0.5 * 3], [np.cos(0.7), 3 * np.sin(0.7)], [0.1, 0.3]]))
    assert told.startswith("2 of 3 lie inside of each range, but no sheet of the data has such values together")
    assert "the furthest is porosity 0.1 with band_gap 0.3 eV" in told


def test_values_outside_of_a_range_are_told_with_the_range(learnt):
    low, high = arc()[:, 1].min(), arc()[:, 1].max()
    (told,) = learnt.uncovered(np.array([[0.5, 4.0]]))
    assert told == f"1 of 1 lie outside of band_gap ({low:.4g} to {high:.4g} eV), the first band_gap 4 eV"


def test_labels_are_standardised_each_by_its_own_scale(learnt):
    labels = learnt.label(arc())
    assert (labels.dtype, labels.shape) == (np.float32, (2000, 2))
    np.testing.assert_allclose(labels.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(labels.std(axis=0), 1, rtol=1e-5)
    one = LearntConditions.of(CONDITIONS[:1], arc()[:, :1])
    np.testing.assert_array_equal(one.label(arc()[:, :1]), labels[:, 0])
    assert one.cover is None


def test_json_content_holds_everything(learnt):
    assert conditions_in(json.loads(json.dumps(learnt.content()))) == learnt


def test_requests_come_by_name_in_any_order(learnt):
    values = learnt.asked({"band_gap": [1.0, 2.0], "porosity": 0.5})
    np.testing.assert_array_equal(values, [[0.5, 1.0], [0.5, 2.0]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"must be asked for porosity \(.*\), band_gap \(.* eV\)\. Received: no condition"),
        ({"porosity": 0.5}, r"must be asked for porosity .* Received: porosity"),
        ({"porosity": 0.5, "band_gap": 1.0, "gap": 1.0}, "Received: porosity, band_gap, gap"),
        ({"porosity": [0.1, 0.2], "band_gap": [1.0, 2.0, 3.0]}, r"shapes porosity \(2,\), band_gap \(3,\)"),
        ({"porosity": np.nan, "band_gap": 1.0}, "porosity must be finite. Received: porosity=nan"),
    ],
)
def test_requests_that_are_none_are_refused(learnt, given, message):
    with pytest.raises(InputError, match=message):
        learnt.asked(given)
