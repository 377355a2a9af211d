"""Rows of the report: words and units of the material, numbers in the form of their metric."""

import pytest

from rugan_tf.evaluate.rows import Row, rows_of, shown

GRAPHENE = {"unit": "eV/A^2", "error_unit": "meV/atom", "scales": {"1x1": {"uniform": {"- -": 0.0, "C C": 0.25}}}}
SPINS = {"unit": "J", "error_unit": "mJ/site", "scales": {"1x1": {"uniform": {"red": 0.5, "green": 0.0}}}}


def row_at(content, *path):
    (found,) = [row for row in rows_of(content) if row.path == path]
    return found


@pytest.mark.parametrize(("content", "unit", "counted"), [(GRAPHENE, "eV/Å²", "atom"), (SPINS, "J", "site")])
def test_labels_have_the_units_of_the_material(content, unit, counted):
    for metric, name in (("mae", "mean absolute error"), ("rmse", "root mean square error"), ("bias", "bias")):
        assert row_at(content, metric).label == f"{name} ({unit})"
    assert row_at(content, "dangling_share_unrepaired").label == f"{counted}s that repair changes (share)"
    assert row_at(content, "copies", "fewest_atoms").label == f"fewest {counted}s of a sheet that is in the data"
    key = f"mae_{content['error_unit'].replace('/', '_per_').lower()}"
    assert row_at(content, "direct", key).label == f"the two judges apart, MAE ({content['error_unit']})"


def test_sheets_of_one_state_are_told_by_what_it_holds():
    assert row_at(GRAPHENE, "uniform", "- -").label == "sheets with nothing in any cell (share)"
    assert row_at(GRAPHENE, "uniform", "C C").label == "sheets with C C in every cell (share)"
    assert row_at(SPINS, "uniform", "red").label == "sheets with red in every cell (share)"
    assert shown(row_at(GRAPHENE, "uniform", "C C"), GRAPHENE["scales"]["1x1"]) == "0.2500"


def test_no_metric_is_shown_twice_or_under_the_name_of_another():
    rows = rows_of(GRAPHENE)
    assert len({row.path for row in rows}) == len({row.label for row in rows}) == len(rows) > 30


def test_terminal_has_what_a_user_looks_at_first():
    on_terminal = {row.path for row in rows_of(GRAPHENE) if row.on_terminal}
    assert {("num_samples",), ("ks_statistic",), ("mae",), ("r2",), ("bias",), ("validity",)} <= on_terminal
    only_reported = {row.path for row in rows_of(GRAPHENE)} - on_terminal
    assert {("rmse",), ("pearson_r",), ("copies", "num_sheets"), ("diversity", "data")} <= only_reported


@pytest.mark.parametrize(
    ("path", "scale", "text"),
    [
        (("num_samples",), {"num_samples": 2000}, "2000"),
        (("ks_statistic",), {"ks_statistic": 0.012345}, "0.0123"),
        (("ks_pvalue",), {"ks_pvalue": 0.0012345}, "0.00123"),
        (("bias",), {"bias": 0.0012345}, "+0.00123"),
        (("bias_in_sd",), {"bias_in_sd": -0.01}, "-0.010"),
        (("uncalibrated", "r2"), {"uncalibrated": {"r2": 0.98765}}, "0.9877"),
        (("uncalibrated", "r2"), {"uncalibrated": {"r2": None}}, "-"),
        (("uncalibrated", "r2"), {"uncalibrated": None}, "-"),
        (("nearest", "cells_differing_min"), {"nearest": {"cells_differing_min": 0}}, "0"),
    ],
)
def test_metrics_are_shown_in_their_form_and_undefined_ones_as_a_dash(path, scale, text):
    assert shown(row_at(GRAPHENE, *path), scale) == text


def test_a_row_is_on_the_terminal_unless_it_says_otherwise():
    assert Row(("mae",), "mean absolute error", ".3f").on_terminal
