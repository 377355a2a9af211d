"""The evaluation as one self-contained HTML page."""

import base64
import math
from pathlib import Path
from typing import Any

import jinja2

import rugan_tf
from rugan_tf import files
from rugan_tf.evaluate.mesoscale.content import Line, table_of
from rugan_tf.evaluate.rows import rows_of, shown
from rugan_tf.units import readable_unit

FIGURES = {  # file name without the scale: caption
    "energies": "Energy per area obtained against requested, and the distributions of both.",
    "errors": "Error against the requested energy.",
    "mesoscale": "How composition fluctuates in sheets of one energy: structure factor above, windows below.",
    "structure": "Structure beside that of real sheets of this size with the same energies.",
}
LARGE_SHEET = "large_sheet.png"


def write_report(folder: Path, content: dict[str, Any]) -> None:
    """Write report.html from what metrics.json will hold and the figures that lie in the folder."""
    scales = content["scales"]
    metrics = rows_of(content)
    rows = [(row.label, [shown(row, scale) for scale in scales.values()]) for row in metrics]
    write_page(
        folder,
        "report.html",
        content=content,
        unit=readable_unit(content["unit"]),
        rows=[(label, values) for label, values in rows if set(values) != {"-"}],  # spins have no atoms to count
        has_errors=any(row.error for row in metrics),
        figures={name: scale_figures(folder, name, FIGURES) for name in scales},
        mesoscale={name: mesoscale_table(scale["mesoscale"] or []) for name, scale in scales.items()},
        large_sheet=data_uri(folder / LARGE_SHEET),
        number=lambda value: "-" if value is None else f"{value:.4f}",
    )


def write_conditions_report(folder: Path, content: dict[str, Any], rows: list[tuple[str, list[str]]]) -> None:
    """Write report.html of a generator of several conditions.

    Args:
        folder: where the figures lie, one for each condition and scale.
        content: what metrics.json will hold.
        rows: label and a text for each scale.
    """
    captions = {
        name: f"Obtained against requested: {told['words']}, and the distributions of both."
        for name, told in content["conditions"].items()
    }
    figures = {name: scale_figures(folder, name, captions) for name in content["scales"]}
    write_page(folder, "conditions.html", content=content, rows=rows, figures=figures)


def write_page(folder: Path, template: str, **told: Any) -> None:
    """Write report.html from one of the templates of this package."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rugan_tf.evaluate", "templates"),
        # Paths that a user named go into the page.
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # A name that the template has wrong is an error, and no empty cell.
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template(template).render(version=rugan_tf.__version__, **told)
    with files.replacing(folder / "report.html") as temporary:
        temporary.write_text(page, encoding="utf-8")


def mesoscale_table(comparisons: list[dict[str, Any]]) -> list[list[str]]:
    """Return the comparisons of one scale as rows of text, a column for each energy; none without comparisons."""
    return table_of([[line_of(content) for content in one["lines"]] for one in comparisons])


def line_of(content: dict[str, Any]) -> Line:
    """Return a line as it was before it became JSON content."""
    values = (content[key] for key in ("generated", "yardstick", "foretold"))
    return Line(content["name"], *(math.nan if value is None else float(value) for value in values))


def scale_figures(folder: Path, name: str, captions: dict[str, str]) -> list[tuple[str, str]]:
    """Return caption and picture of the figures of one scale that exist; captions by file name without the scale."""
    paths = {kind: folder / f"{kind}_{name}.png" for kind in captions}
    return [(captions[kind], data_uri(path)) for kind, path in paths.items() if path.is_file()]


def data_uri(path: Path) -> str:
    """Return a PNG as a data URI."""
    # Within the page, which can be sent to somebody as one file.
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
