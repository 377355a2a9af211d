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
    """

    path: tuple[str, ...]
    label: str
    form: str
    on_terminal: bool = True


def rows_of(content: dict[str, Any]) -> tuple[Row, ...]:
    """Return the rows for the content of metrics.json, which says in which units it is."""
    unit, error_unit = readable_unit(content["unit"]), content["error_unit"]
    counted = error_unit.rpartition("/")[2]
    return (
        Row(("num_samples",), "sheets", "d"),
        Row(("rows",), "rows", "d"),
        Row(("cols",), "cols", "d"),
        Row(("ks_statistic",), "KS D", ".4f"),
        Row(("ks_expected",), "KS D of two equal distributions, expected", ".4f"),
        Row(("ks_pvalue",), "KS p", ".3g"),
        Row(("mae",), f"mean absolute error ({unit})", ".5f"),
        Row(("rmse",), f"root mean square error ({unit})", ".5f", on_terminal=False),
        Row(("r2",), "R²", ".4f"),
        Row(("pearson_r",), "Pearson r", ".4f", on_terminal=False),
        Row(("bias",), f"bias ({unit})", "+.5f"),
        Row(("bias_in_sd",), "bias (standard deviations of the data)", "+.3f"),
        Row(("ks_independent_statistic",), "KS D against labels drawn apart", ".4f"),
        Row(("ks_independent_pvalue",), "KS p against labels drawn apart", ".3g"),
        Row(("raw", "ks_statistic"), "raw: KS D", ".4f"),
        Row(("raw", "ks_pvalue"), "raw: KS p", ".3g"),
        Row(("raw", "ks_independent_statistic"), "raw: KS D against labels drawn apart", ".4f"),
        Row(("raw", "ks_independent_pvalue"), "raw: KS p against labels drawn apart", ".3g"),
        Row(("raw", "mae"), f"raw: mean absolute error ({unit})", ".5f", on_terminal=False),
        Row(("raw", "r2"), "raw: R²", ".4f"),
        Row(("raw", "bias_in_sd"), "raw: bias (standard deviations)", "+.3f"),
        *baseline_rows(unit),
        Row(
            ("fixed_composition", "generated_sd"),
            f"energy beyond the composition, sd ({unit})",
            ".5f",
            on_terminal=False,
        ),
        Row(("fixed_composition", "real_sd"), f"the same of real sheets ({unit})", ".5f", on_terminal=False),
        Row(
            ("fixed_composition", "generated_mean"),
            f"energy beyond the composition, mean ({unit})",
            "+.5f",
            on_terminal=False,
        ),
        Row(("fixed_composition", "real_mean"), f"the same mean of real sheets ({unit})", "+.5f", on_terminal=False),
        Row(("fixed_composition", "ks_statistic"), "energy beyond the composition: KS D", ".4f", on_terminal=False),
        Row(("fixed_composition", "ks_pvalue"), "energy beyond the composition: KS p", ".3g", on_terminal=False),
        Row(
            ("fixed_composition", "error_by_composition"),
            "error that is a wrong composition (share)",
            ".3f",
            on_terminal=False,
        ),
        Row(("uncalibrated", "ks_statistic"), "KS D without calibration", ".4f"),
        Row(("uncalibrated", "r2"), "R² without calibration", ".4f"),
        Row(("uncalibrated", "bias_in_sd"), "bias without calibration (standard deviations)", "+.3f"),
        Row(("unrepaired", "ks_statistic"), "KS D before repair", ".4f"),
        Row(("unrepaired", "r2"), "R² before repair", ".4f"),
        Row(("validity",), "valid sheets (share)", ".4f"),
        *uniform_rows(content),
        Row(("validity_unrepaired",), "valid sheets before repair (share)", ".4f"),
        Row(("dangling_share_unrepaired",), f"{counted}s that repair changes (share)", ".5f"),
        Row(("pieces_unrepaired", "mean"), "pieces of a sheet before repair", ".3f"),
        Row(("pieces_unrepaired", "share_detached"), "sheets with detached pieces before repair (share)", ".4f"),
        Row(("pieces", "share_detached"), "sheets with detached pieces (share)", ".4f", on_terminal=False),
        Row(("uniqueness",), "distinct sheets (share)", ".4f"),
        Row(("novelty",), "sheets not in the data (share)", ".4f"),
        Row(("copies", "num_sheets"), "sheets that are in the data", "d", on_terminal=False),
        Row(("copies", "of_new_real_sheets"), "newly drawn real sheets that are in the data", "d", on_terminal=False),
        Row(("copies", "fewest_atoms"), f"fewest {counted}s of a sheet that is in the data", "d", on_terminal=False),
        Row(
            ("nearest", "cells_differing_min"),
            "cells that differ from the nearest sheet of the data, least",
            "d",
            on_terminal=False,
        ),
        Row(
            ("diversity", "generated"),
            "cells that differ between two sheets for one energy (share)",
            ".3f",
            on_terminal=False,
        ),
        Row(("diversity", "data"), "the same in the data, at the training size", ".3f", on_terminal=False),
        Row(("patterns", "ratio"), "different local patterns, generated / real", ".3f"),
        Row(("patterns", "effective_ratio"), "the same, weighted by how frequent they are", ".3f", on_terminal=False),
        Row(("patterns", "yardstick"), "different local patterns, real / real", ".3f", on_terminal=False),
        Row(("periodicity", "seam_generated"), "seam against bulk (standard errors)", ".2f", on_terminal=False),
        Row(
            ("periodicity", "repetition_generated"),
            "repetition at the training size (1: tiled)",
            "+.4f",
            on_terminal=False,
        ),
        Row(("direct", "num_sheets"), "sheets judged independently as well", "d", on_terminal=False),
        Row(("direct", f"mae_{error_key(error_unit)}"), f"the two judges apart, MAE ({error_unit})", ".2f"),
        Row(("direct", "requested_r2"), "R² of these by the independent judge", ".4f"),
        Row(("direct", "requested_pearson_r"), "Pearson r of these by the independent judge", ".4f", on_terminal=False),
    )


def baseline_rows(unit: str) -> list[Row]:
    """Return the rows of what gets energies right without learning: R² and the mean absolute error of each."""
    words = {
        "composition_line": "the right composition alone, line",
        "composition_cubic": "the right composition alone, cubic",
        "nearest_composition": "real sheet of the nearest composition",
        "nearest_energy": "real sheet of the nearest energy",
        "tiled": "sheet of the data, tiled",
    }
    forms = {"r2": ("R²", ".4f", True), "mae": (f"mean absolute error ({unit})", ".5f", False)}
    return [
        Row(("baselines", name, key), f"{told}: {measure}", form, on_terminal=on_terminal)
        for name, told in words.items()
        for key, (measure, form, on_terminal) in forms.items()
    ]


def uniform_rows(content: dict[str, Any]) -> list[Row]:
    """Return a row for each state: the share of sheets that hold nothing else."""
    names = next(iter(content["scales"].values()))["uniform"]
    told = {name: f"with {name} in every cell" if name.strip("- ") else "with nothing in any cell" for name in names}
    return [Row(("uniform", name), f"sheets {words} (share)", ".4f", on_terminal=False) for name, words in told.items()]


def shown(row: Row, scale: dict[str, Any]) -> str:
    """Return a metric of one scale as text; `-` where it is undefined or was not measured."""
    value: Any = scale
    for key in row.path:
        value = None if value is None else value[key]
    return "-" if value is None else format(value, row.form)
