"""Which metrics are shown, in which order and form: in the table on the terminal and in the report."""

import dataclasses
from typing import Any

from rugan_tf.units import error_key, readable_unit


@dataclasses.dataclass(frozen=True)
class Row:
    """One metric.

    Attributes:
        path: keys that lead to it in the content of a scale.
        label: name and unit.
        form: format of the number.
        on_terminal: whether the table on the terminal has it too.
        error: keys that lead to its standard error, which follows it behind ±; none where the judge tells no error.
    """

    path: tuple[str, ...]
    label: str
    form: str
    on_terminal: bool = True
    error: tuple[str, ...] = ()


def rows_of(content: dict[str, Any]) -> tuple[Row, ...]:
    """Return the rows for the content of metrics.json, which says in which units it is."""
    unit, error_unit = readable_unit(content["unit"]), content["error_unit"]
    counted = error_unit.rpartition("/")[2]
    return (
        Row(("num_samples",), "sheets", "d"),
        Row(("rows",), "rows", "d"),
        Row(("cols",), "cols", "d"),
        *energy_rows(unit, has_error=has_any(content, ("standard_error",))),
        *raw_rows(unit),
        *baseline_rows(unit),
        *composition_rows(unit),
        Row(("uncalibrated", "ks_statistic"), "KS D without calibration", ".4f"),
        Row(("uncalibrated", "r2"), "R² without calibration", ".4f"),
        Row(("uncalibrated", "bias_in_sd"), "bias without calibration (standard deviations)", "+.3f"),
        Row(("unrepaired", "ks_statistic"), "KS D before repair", ".4f"),
        Row(("unrepaired", "r2"), "R² before repair", ".4f"),
        *validity_rows(counted, content),
        *likeness_rows(counted),
        Row(("direct", "num_sheets"), "sheets judged independently as well", "d", on_terminal=False),
        *apart_rows(error_unit, content),
        Row(("direct", "requested_r2"), "R² of these by the independent judge", ".4f"),
        Row(("direct", "requested_pearson_r"), "Pearson r of these by the independent judge", ".4f", on_terminal=False),
    )


def has_any(content: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Tell whether a metric that is there for some judges alone was measured at any scale."""
    return any(value_at(scale, path) is not None for scale in content["scales"].values())


def of_judge(name: str, unit: str, *, has_error: bool) -> str:
    """Return the label of a metric with a standard error, if there is one."""
    return f"{name} ± standard error of the judge ({unit})" if has_error else f"{name} ({unit})"


def energy_rows(unit: str, *, has_error: bool) -> list[Row]:
    """Return the rows of the energies that users get, against the requests and against labels drawn apart."""
    error = ("standard_error_of_mean",) if has_error else ()
    of_sheet = [Row(("standard_error",), f"standard error of the judge for one sheet ({unit})", ".5f")]
    return [
        Row(("ks_statistic",), "KS D", ".4f"),
        Row(("ks_expected",), "KS D of two equal distributions, expected", ".4f"),
        Row(("ks_pvalue",), "KS p", ".3g"),
        Row(("mae",), of_judge("mean absolute error", unit, has_error=has_error), ".5f", error=error),
        Row(("rmse",), f"root mean square error ({unit})", ".5f", on_terminal=False),
        Row(("r2",), "R²", ".4f"),
        Row(("pearson_r",), "Pearson r", ".4f", on_terminal=False),
        Row(("bias",), of_judge("bias", unit, has_error=has_error), "+.5f", error=error),
        *(of_sheet if has_error else []),
        Row(("bias_in_sd",), "bias (standard deviations of the data)", "+.3f"),
        Row(("ks_independent_statistic",), "KS D against labels drawn apart", ".4f"),
        Row(("ks_independent_pvalue",), "KS p against labels drawn apart", ".3g"),
    ]


def raw_rows(unit: str) -> list[Row]:
    """Return the rows of what the generator makes of the requests as they are."""
    return [
        Row(("raw", "ks_statistic"), "raw: KS D", ".4f"),
        Row(("raw", "ks_pvalue"), "raw: KS p", ".3g"),
        Row(("raw", "ks_independent_statistic"), "raw: KS D against labels drawn apart", ".4f"),
        Row(("raw", "ks_independent_pvalue"), "raw: KS p against labels drawn apart", ".3g"),
        Row(("raw", "mae"), f"raw: mean absolute error ({unit})", ".5f", on_terminal=False),
        Row(("raw", "r2"), "raw: R²", ".4f"),
        Row(("raw", "bias_in_sd"), "raw: bias (standard deviations)", "+.3f"),
    ]


def baseline_rows(unit: str) -> list[Row]:
    """Return the rows of what gets energies right without learning: R² and the mean absolute error of each."""
    words = {
        "composition_line": "the right composition alone, line",
        "composition_cubic": "the right composition alone, cubic",
        "nearest_composition": "real sheet of the nearest composition",
        "nearest_energy": "real sheet of the nearest energy",
        "tiled": "sheet of the data, tiled",
    }
    found = []
    for name, told in words.items():
        found.append(Row(("baselines", name, "r2"), f"{told}: R²", ".4f"))
        label = f"{told}: mean absolute error ({unit})"
        found.append(Row(("baselines", name, "mae"), label, ".5f", on_terminal=False))
    return [
        *found,
        Row(("monte_carlo", "r2"), "Monte Carlo: R²", ".4f"),
        Row(("monte_carlo", "mae"), f"Monte Carlo: mean absolute error ({unit})", ".5f", on_terminal=False),
        Row(("monte_carlo", "seconds_per_sheet"), "Monte Carlo: time of a sheet (s)", ".3g", on_terminal=False),
    ]


def composition_rows(unit: str) -> list[Row]:
    """Return the rows of the energy beyond what the composition says."""
    told = {
        "generated_sd": (f"energy beyond the composition, sd ({unit})", ".5f"),
        "real_sd": (f"the same sd of real sheets ({unit})", ".5f"),
        "generated_mean": (f"energy beyond the composition, mean ({unit})", "+.5f"),
        "real_mean": (f"the same mean of real sheets ({unit})", "+.5f"),
        "ks_statistic": ("energy beyond the composition: KS D", ".4f"),
        "ks_pvalue": ("energy beyond the composition: KS p", ".3g"),
        "error_by_composition": ("error that is a wrong composition (share)", ".3f"),
    }
    return [Row(("fixed_composition", key), label, form, on_terminal=False) for key, (label, form) in told.items()]


def validity_rows(counted: str, content: dict[str, Any]) -> list[Row]:
    """Return the rows of the rule that sheets obey, and of sheets that it says nothing about: empty and full ones."""
    # Of any scale: the states are those of the material.
    names = next(iter(content["scales"].values()))["uniform"]
    told = {name: f"with {name} in every cell" if name.strip("- ") else "with nothing in any cell" for name in names}
    return [
        Row(("validity",), "valid sheets (share)", ".4f"),
        *(Row(("uniform", name), f"sheets {words} (share)", ".4f", on_terminal=False) for name, words in told.items()),
        Row(("validity_unrepaired",), "valid sheets before repair (share)", ".4f"),
        Row(("dangling_share_unrepaired",), f"{counted}s that repair changes (share)", ".5f"),
        Row(("pieces_unrepaired", "mean"), "pieces of a sheet before repair", ".3f"),
        Row(("pieces_unrepaired", "share_detached"), "sheets with detached pieces before repair (share)", ".4f"),
        Row(("pieces", "share_detached"), "sheets with detached pieces (share)", ".4f", on_terminal=False),
    ]


def likeness_rows(counted: str) -> list[Row]:
    """Return the rows of how like sheets are to the data, to each other, and to themselves."""
    in_report = {
        ("copies", "num_sheets"): ("sheets that are in the data", "d"),
        ("copies", "of_new_real_sheets"): ("newly drawn real sheets that are in the data", "d"),
        ("copies", "fewest_atoms"): (f"fewest {counted}s of a sheet that is in the data", "d"),
        ("nearest", "cells_differing_min"): ("cells that differ from the nearest sheet of the data, least", "d"),
        ("diversity", "generated"): ("cells that differ between two sheets for one energy (share)", ".3f"),
        ("diversity", "data"): ("the same in the data, at the training size", ".3f"),
        ("patterns", "yardstick"): ("different local patterns, real / real", ".3f"),
        ("patterns", "effective_ratio"): ("patterns weighted by their frequency, generated / real", ".3f"),
        ("periodicity", "seam_generated"): ("seam against bulk (standard errors)", ".2f"),
        ("periodicity", "repetition_generated"): ("repetition at the training size (1: tiled)", "+.4f"),
    }
    return [
        Row(("uniqueness",), "distinct sheets (share)", ".4f"),
        Row(("novelty",), "sheets not in the data (share)", ".4f"),
        Row(("patterns", "ratio"), "different local patterns, generated / real", ".3f"),
        *(Row(path, label, form, on_terminal=False) for path, (label, form) in in_report.items()),
    ]


def apart_rows(error_unit: str, content: dict[str, Any]) -> list[Row]:
    """Return the rows of how far two judges are apart."""
    key = error_key(error_unit)
    path, error = ("direct", f"mae_{key}"), ("direct", f"standard_error_of_mean_{key}")
    if not has_any(content, error):
        return [Row(path, f"the two judges apart, MAE ({error_unit})", ".2f")]
    of_sheet = f"standard error of the judges for one sheet ({error_unit})"
    return [
        Row(path, of_judge("the two judges apart, MAE", error_unit, has_error=True), ".2f", error=error),
        Row(("direct", f"standard_error_{key}"), of_sheet, ".2f"),
    ]


def value_at(scale: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Return what keys lead to in the content of a scale; None where it was not measured."""
    value: Any = scale
    for key in path:
        value = None if value is None else value.get(key)
    return value


def shown(row: Row, scale: dict[str, Any]) -> str:
    """Return a metric of one scale as text; `-` where it is undefined or was not measured.

    A whole group may be missing: an evaluation tells what there was to measure when it was run.
    """
    group, *rest = row.path
    value: Any = scale.get(group)
    for key in rest:
        # By [] and not by get: a path that leads nowhere is an error, and no dash.
        value = None if value is None else value[key]
    if value is None:
        return "-"
    error = value_at(scale, row.error) if row.error else None
    # Without the sign of the form: an error has none.
    return format(value, row.form) + ("" if error is None else f" ± {format(error, row.form.lstrip('+'))}")
