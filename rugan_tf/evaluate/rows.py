"""Which metrics are shown, in which order and form: in the table on the terminal and in the report."""

import dataclasses
from typing import Any


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


ROWS = (
    Row(("num_samples",), "sheets", "d"),
    Row(("rows",), "rows", "d"),
    Row(("cols",), "cols", "d"),
    Row(("ks_statistic",), "KS D", ".4f"),
    Row(("ks_expected",), "KS D of two equal distributions, expected", ".4f"),
    Row(("ks_pvalue",), "KS p", ".3g"),
    Row(("mae",), "mean absolute error (eV/Å²)", ".5f"),
    Row(("rmse",), "root mean square error (eV/Å²)", ".5f", False),
    Row(("r2",), "R²", ".4f"),
    Row(("pearson_r",), "Pearson r", ".4f", False),
    Row(("bias",), "bias (eV/Å²)", "+.5f"),
    Row(("bias_in_sd",), "bias (standard deviations of the data)", "+.3f"),
    Row(("uncalibrated", "ks_statistic"), "KS D without calibration", ".4f"),
    Row(("uncalibrated", "r2"), "R² without calibration", ".4f"),
    Row(("uncalibrated", "bias_in_sd"), "bias without calibration (standard deviations)", "+.3f"),
    Row(("unrepaired", "ks_statistic"), "KS D before repair", ".4f"),
    Row(("unrepaired", "r2"), "R² before repair", ".4f"),
    Row(("validity",), "valid sheets (share)", ".4f"),
    Row(("validity_unrepaired",), "valid sheets before repair (share)", ".4f"),
    Row(("dangling_share_unrepaired",), "atoms that repair removes (share)", ".5f"),
    Row(("uniqueness",), "distinct sheets (share)", ".4f"),
    Row(("novelty",), "sheets not in the data (share)", ".4f"),
    Row(("copies", "num_sheets"), "sheets that are in the data", "d", False),
    Row(("copies", "of_new_real_sheets"), "newly drawn real sheets that are in the data", "d", False),
    Row(("copies", "fewest_atoms"), "fewest atoms of a sheet that is in the data", "d", False),
    Row(("nearest", "cells_differing_min"), "cells that differ from the nearest sheet of the data, least", "d", False),
    Row(("diversity", "generated"), "cells that differ between two sheets for one energy (share)", ".3f", False),
    Row(("diversity", "data"), "the same in the data, at the training size", ".3f", False),
    Row(("periodicity", "seam_generated"), "seam against bulk (standard errors)", ".2f", False),
    Row(("periodicity", "repetition_generated"), "repetition at the training size (1: tiled)", "+.4f", False),
    Row(("direct", "num_sheets"), "sheets judged by tight binding as well", "d", False),
    Row(("direct", "mae_mev_per_atom"), "EDNN against tight binding, MAE (meV/atom)", ".2f"),
    Row(("direct", "requested_r2"), "R² of these by tight binding", ".4f", False),
)


def shown(row: Row, scale: dict[str, Any]) -> str:
    """Return a metric of one scale as text; `-` where it is undefined or was not measured."""
    value: Any = scale
    for key in row.path:
        value = None if value is None else value[key]
    return "-" if value is None else format(value, row.form)
