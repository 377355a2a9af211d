"""Rows of the report: words and units of the material, numbers in the form of their metric."""

import json
from pathlib import Path

import pytest

from rugan_tf.evaluate.rows import Row, rows_of, shown

SHIPPED = Path(__file__).parents[2] / "saved_models" / "porous_graphene" / "evaluation.json"
# What a reader sees of each metric: on the terminal (*) or in the report alone (-), name, unit, digits of 0.0123456.
TABLE = """
* sheets | 7
* rows | 7
* cols | 7
* KS D | 0.0123
* KS D of two equal distributions, expected | 0.0123
* KS p | 0.0123
* mean absolute error (eV/Å²) | 0.01235
- root mean square error (eV/Å²) | 0.01235
* R² | 0.0123
- Pearson r | 0.0123
* bias (eV/Å²) | +0.01235
* bias (standard deviations of the data) | +0.012
* KS D against labels drawn apart | 0.0123
* KS p against labels drawn apart | 0.0123
* raw: KS D | 0.0123
* raw: KS p | 0.0123
* raw: KS D against labels drawn apart | 0.0123
* raw: KS p against labels drawn apart | 0.0123
- raw: mean absolute error (eV/Å²) | 0.01235
* raw: R² | 0.0123
* raw: bias (standard deviations) | +0.012
* the right composition alone, line: R² | 0.0123
- the right composition alone, line: mean absolute error (eV/Å²) | 0.01235
* the right composition alone, cubic: R² | 0.0123
- the right composition alone, cubic: mean absolute error (eV/Å²) | 0.01235
* real sheet of the nearest composition: R² | 0.0123
- real sheet of the nearest composition: mean absolute error (eV/Å²) | 0.01235
* real sheet of the nearest energy: R² | 0.0123
- real sheet of the nearest energy: mean absolute error (eV/Å²) | 0.01235
* sheet of the data, tiled: R² | 0.0123
- sheet of the data, tiled: mean absolute error (eV/Å²) | 0.01235
* Monte Carlo: R² | 0.0123
- Monte Carlo: mean absolute error (eV/Å²) | 0.01235
- Monte Carlo: time of a sheet (s) | 0.0123
- energy beyond the composition, sd (eV/Å²) | 0.01235
- the same sd of real sheets (eV/Å²) | 0.01235
- energy beyond the composition, mean (eV/Å²) | +0.01235
- the same mean of real sheets (eV/Å²) | +0.01235
- energy beyond the composition: KS D | 0.0123
- energy beyond the composition: KS p | 0.0123
- error that is a wrong composition (share) | 0.012
* KS D without calibration | 0.0123
* R² without calibration | 0.0123
* bias without calibration (standard deviations) | +0.012
* KS D before repair | 0.0123
* R² before repair | 0.0123
* valid sheets (share) | 0.0123
- sheets with nothing in any cell (share) | 0.0123
- sheets with C - in every cell (share) | 0.0123
- sheets with - C in every cell (share) | 0.0123
- sheets with C C in every cell (share) | 0.0123
* valid sheets before repair (share) | 0.0123
* atoms that repair changes (share) | 0.01235
* pieces of a sheet before repair | 0.012
* sheets with detached pieces before repair (share) | 0.0123
- sheets with detached pieces (share) | 0.0123
* distinct sheets (share) | 0.0123
* sheets not in the data (share) | 0.0123
* different local patterns, generated / real | 0.012
- sheets that are in the data | 7
- newly drawn real sheets that are in the data | 7
- fewest atoms of a sheet that is in the data | 7
- cells that differ from the nearest sheet of the data, least | 7
- cells that differ between two sheets for one energy (share) | 0.012
- the same in the data, at the training size | 0.012
- different local patterns, real / real | 0.012
- patterns weighted by their frequency, generated / real | 0.012
- seam against bulk (standard errors) | 0.01
- repetition at the training size (1: tiled) | +0.0123
- sheets judged independently as well | 7
* the two judges apart, MAE (meV/atom) | 0.01
* R² of these by the independent judge | 0.0123
- Pearson r of these by the independent judge | 0.0123
"""

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


def test_evaluations_from_before_a_metric_show_a_dash_and_a_wrong_name_is_no_such():
    assert shown(row_at(GRAPHENE, "monte_carlo", "r2"), {}) == "-"
    assert shown(Row(("mae",), "mean absolute error", ".3f"), {}) == "-"
    with pytest.raises(KeyError, match="r2"):
        shown(row_at(GRAPHENE, "monte_carlo", "r2"), {"monte_carlo": {"r_squared": 0.9}})


def test_a_row_is_on_the_terminal_unless_it_says_otherwise():
    assert Row(("mae",), "mean absolute error", ".3f").on_terminal


def test_table_is_what_a_reader_expects_line_by_line():
    rows = rows_of(json.loads(SHIPPED.read_text("utf-8")))
    found = [
        f"{'*' if row.on_terminal else '-'} {row.label} | {format(7 if row.form == 'd' else 0.0123456, row.form)}"
        for row in rows
    ]
    assert found == TABLE.strip().splitlines()


def test_every_row_leads_to_a_metric_of_an_evaluation_that_was_run():
    content = json.loads(SHIPPED.read_text("utf-8"))
    for scale in content["scales"].values():
        texts = [shown(row, scale) for row in rows_of(content)]
        assert sum(text != "-" for text in texts) > 50


def test_what_is_counted_is_the_last_part_of_the_unit_of_errors():
    content = {**GRAPHENE, "error_unit": "meV/cell/atom"}
    assert row_at(content, "dangling_share_unrepaired").label == "atoms that repair changes (share)"


def test_numbers_of_a_judge_that_tells_its_error_have_it_behind_them():
    noisy = {"uniform": {}, "mae": 0.0123456, "bias": -0.02, "standard_error": 0.03, "standard_error_of_mean": 0.0012}
    noisy["direct"] = {"mae_mev_per_atom": 1.4, "standard_error_mev_per_atom": 1.2}
    noisy["direct"]["standard_error_of_mean_mev_per_atom"] = 0.3
    content = {**GRAPHENE, "scales": {"1x1": noisy, "2x2": {**noisy, "direct": None}}}
    for path, label, text in (
        (("mae",), "mean absolute error ± standard error of the judge (eV/Å²)", "0.01235 ± 0.00120"),
        (("bias",), "bias ± standard error of the judge (eV/Å²)", "-0.02000 ± 0.00120"),
        (("standard_error",), "standard error of the judge for one sheet (eV/Å²)", "0.03000"),
        (("direct", "mae_mev_per_atom"), "the two judges apart, MAE ± standard error of the judge (meV/atom)",
         "1.40 ± 0.30"),
        (("direct", "standard_error_mev_per_atom"), "standard error of the judges for one sheet (meV/atom)", "1.20"),
    ):  # fmt: skip
        row = row_at(content, *path)
        assert (row.label, shown(row, noisy), row.on_terminal) == (label, text, True)
        if path[0] == "direct":
            assert shown(row, content["scales"]["2x2"]) == "-"


def test_a_judge_without_an_error_is_shown_as_ever():
    rows = rows_of(GRAPHENE)
    assert not any(row.error or "±" in row.label or "standard error of" in row.label for row in rows)
    assert shown(row_at(GRAPHENE, "mae"), {"mae": 0.5}) == "0.50000"
