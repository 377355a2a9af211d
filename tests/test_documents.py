"""What documents say is so: their Python runs, their numbers are those of the evaluation that is kept, their prose."""

import json
import re
import runpy
from pathlib import Path

import ase.io
import numpy as np
import pytest

import rugan_tf

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
PROGRAM = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EVALUATION = json.loads((ROOT / "saved_models/porous_graphene/evaluation.json").read_text("utf-8"))
prose = runpy.run_path(str(Path(__file__).with_name("prose.py")))


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if PROGRAM.search((ROOT / name).read_text("utf-8"))])
def test_programs_of_a_document_run(name, tmp_path, monkeypatch):
    """In a folder that has what the page speaks of: a structure of one's own, alone and among others."""
    monkeypatch.chdir(tmp_path)
    system = rugan_tf.system_named("porous_graphene")
    sheets = system.draw_states(np.random.default_rng(0), 2, 14, 16, system.drawing)
    ase.io.write("POSCAR", system.structure(sheets[0]))
    energies = np.array([-3.0, -2.9])  # per area
    rugan_tf.write_sheets("my_sheets.extxyz", system, sheets, energies, energy_per_area_obtained=energies)
    names = {}
    for program in PROGRAM.findall((ROOT / name).read_text("utf-8")):
        exec(compile(program, name, "exec"), names)
    if name == "README.md":
        assert names["states"].shape == (2, 28, 32)
        np.testing.assert_allclose(names["energies"], [-2.6, -3.0], atol=0.03)
        assert [len(atoms) for atoms in names["atoms"]] == system.num_atoms(names["states"]).tolist()
        assert ase.io.read("sheets-0001.cif").get_chemical_formula() == names["atoms"][1].get_chemical_formula()


def numbers(row):
    """Return the numbers of each cell of a row of a table."""
    return [[float(number) for number in re.findall(r"-?\d+\.\d+", cell)] for cell in row.split("|")[1:-1]]


def told_p(value):
    """Return p as tables tell it: two decimals, or one digit of small ones."""
    return f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"


@pytest.mark.parametrize("name", ["README.md", "docs/results.md"])
def test_table_of_results_is_the_evaluation_that_is_kept(name):
    table = {
        row.split("|")[1].strip().removesuffix(" (sheets)"): numbers(row)[-3:]
        for row in re.findall(r"^\|.*\|$", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    }
    scales = EVALUATION["scales"]
    for column, measured in enumerate(scales if isinstance(scales, list) else scales.values()):
        raw = measured["raw"]
        expected = {
            "raw, as the paper tests: KS D (p)": [f"{raw['ks_statistic']:.4f}", told_p(raw["ks_pvalue"])],
            "raw, as the paper tests: D (p)": [f"{raw['ks_statistic']:.4f}", told_p(raw["ks_pvalue"])],
            "raw: R²": [f"{raw['r2']:.4f}"],
            "as you get it: R²": [f"{measured['r2']:.4f}"],
            "as you get it: MAE (eV/Å²)": [f"{measured['mae']:.4f}"],
            "the right number of atoms and nothing else: R²": [
                f"{measured['baselines']['composition_cubic']['r2']:.4f}"
            ],
            "the real sheet of the nearest energy, without learning: R²": [
                f"{measured['baselines']['nearest_energy']['r2']:.4f}"
            ],
            "energies beyond the number of atoms, generated / real: KS D": [
                f"{measured['fixed_composition']['ks_statistic']:.3f}"
            ],
            "as you get it, by tight binding: R²": [f"{(measured['direct'] or {}).get('requested_r2', np.nan):.4f}"],
        }
        told = {words: table[words][column] for words in expected if words in table and table[words][column]}
        assert told == {words: [float(number) for number in expected[words]] for words in told}
        assert len(told) >= 3


def test_rows_of_the_papers_algorithm_are_the_evaluation_that_is_kept():
    path = ROOT / "saved_models/porous_graphene_paper/evaluation.json"
    scales = json.loads(path.read_text("utf-8"))["scales"].values()
    raw = [measured["raw"] for measured in scales]
    expected = {
        "README.md": {
            "| the paper's own algorithm, raw: D (p)": [(one["ks_statistic"], one["ks_pvalue"]) for one in raw],
            "| the paper's own algorithm, raw: R²": [(one["r2"],) for one in raw],
        },
        "docs/paper.md": {
            "| raw: KS D (p) |": [(one["ks_statistic"], one["ks_pvalue"]) for one in raw],
            "| raw: R² |": [(one["r2"],) for one in raw],
            "| raw: valid sheets (share)": [(measured["validity_unrepaired"],) for measured in scales],
        },
    }
    for name, rows in expected.items():
        lines = (ROOT / name).read_text("utf-8").splitlines()
        for words, values in rows.items():
            told = numbers(next(line for line in lines if line.startswith(words)))[-3:]
            for one, value in zip(told, values, strict=True):
                assert one == pytest.approx(value, abs=0.005 if len(value) == 2 else 0.0006), words


@pytest.mark.parametrize(
    ("words", "model", "sizes"),
    [
        ("| fluctuations", "porous_graphene", ("2x2", "4x4")),
        ("| the same by the paper's algorithm", "porous_graphene_paper", ("2x2",)),
    ],
)
def test_fluctuations_of_the_readme_are_those_that_are_kept(words, model, sizes):
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    row = next(line for line in lines if line.startswith(words))
    scales = json.loads((ROOT / "saved_models" / model / "mesoscale.json").read_text("utf-8"))["scales"]
    for told, size in zip([cell for cell in numbers(row) if cell], sizes, strict=True):
        bands = [
            [sets["fluctuations"][kind]["bands"][0]["value"] for kind in ("generated", "real")] for sets in scales[size]
        ]
        ratios = [generated / real for generated, real in bands]
        assert told == [round(min(ratios), 2), round(max(ratios), 2)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_prose_of_a_document_is_short(name):
    assert prose["faults"](name, (ROOT / name).read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("word " * 41 + "end.", "at most 40 words. Received: 42"),
        ("One two three four five six seven eight nine ten one two three four five six seven.", "a median of 17"),
        ("a" * 101 + " b.", "at most 100 bytes. Received: 104"),
    ],
)
def test_long_prose_is_told(text, fault):
    assert fault in " ".join(prose["faults"]("page.md", text))


def test_tables_code_and_mathematics_are_no_prose():
    many = "word " * 60
    text = f"| {many} |\n\n    {many}\n\n```\n{many}\n```\n\n$$\n{many}\n$$\n"
    assert prose["faults"]("page.md", text) == []
