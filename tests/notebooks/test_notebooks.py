"""The notebooks run from top to bottom, and hold their outputs."""

import shutil
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.filterwarnings("default")  # Jupyter's own warnings are not ours

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
# Every cell runs here, for fewer sheets, vectors and updates than their readers see.
FEWER = {
    "02_your_own_data": {
        '"--num-epochs", 10': '"--num-epochs", 2',
        '40,\n    "--interval",\n    20': '2, "--interval", 2',
    },
    "03_figures_of_the_paper": {"4096, paper.rows": "512, paper.rows", "{1: 3000, 2: 1500}": "{1: 128, 2: 32}"},
    "04_density_of_states": {"num_vectors=64": "num_vectors=8", "836, 896": "56, 64", "(1, 300, 300)": "(1, 60, 60)"},
    "05_large_sheets": {"28, 32, 96": "28, 32, 16", "drawn=2500": "drawn=400"},
}


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_five_notebooks():
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_holds_its_outputs_and_no_errors(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    assert any(cell.outputs for cell in code_cells(notebook))
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert str(PROJECT) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    workplace = tmp_path / "notebooks"
    workplace.mkdir()
    (tmp_path / "saved_models").symlink_to(PROJECT / "saved_models")
    shutil.copy(path, workplace)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(workplace / path.name, as_version=4)
    for number, fewer in FEWER.get(path.stem, {}).items():
        (cell,) = [cell for cell in code_cells(notebook) if number in cell.source]
        assert cell.source.count(number) == 1
        cell.source = cell.source.replace(number, fewer)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(workplace)}}
    ).execute()
    printed = "".join(output.get("text", "") for cell in code_cells(notebook) for output in cell.outputs)
    assert printed
