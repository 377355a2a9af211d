"""Run notebooks whole and keep what they show: python tests/notebooks/refresh.py notebooks/01_first_sheets.ipynb ...

Progress bars and words of libraries on stderr, and the times of cells, are not kept: they differ from run to run.
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def refresh(path: Path) -> None:
    """Execute a notebook from its own folder, and write it with its new outputs."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=1800, kernel_name="python3", resources=resources, record_timing=False).execute()
    keep_what_is_shown(notebook)
    nbformat.write(notebook, path)


def keep_what_is_shown(notebook: nbformat.NotebookNode) -> None:
    """Leave out what a notebook says on stderr, and when its cells ran."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    os.environ["PYTHONPATH"] = str(root)
    for name in sys.argv[1:]:
        refresh(Path(name))
        print(f"{name}: run, and written with its outputs")
