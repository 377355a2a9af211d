"""What stands beside pyproject.toml says the same: the conda recipe, the citation, the hosted workflow."""

import re
import tomllib
from pathlib import Path

import yaml

import rugan_tf

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHONS = {"3.11", "3.12", "3.13"}


def content(path):
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def test_conda_recipe_needs_what_the_package_needs():
    recipe = content("packaging/conda/recipe.yaml")
    needed = {re.split(r"[ <>=]", line)[0]: line for line in recipe["requirements"]["run"]}
    assert needed.pop("python").removeprefix("python ") == PROJECT["requires-python"]
    # conda-forge splits matplotlib: its base needs no windows
    told = {re.split(r"[<>=]", line)[0]: line for line in PROJECT["dependencies"]}
    told["matplotlib-base"] = told.pop("matplotlib").replace("matplotlib", "matplotlib-base")
    assert {name: line.replace(" ", "") for name, line in needed.items()} == told
    assert recipe["context"]["version"] == rugan_tf.__version__
    assert recipe["build"]["python"]["entry_points"] == [f"rugan = {PROJECT['scripts']['rugan']}"]


def test_citation_is_of_this_version_and_names_the_papers():
    citation = content("CITATION.cff")
    assert (citation["version"], citation["license"]) == (rugan_tf.__version__, PROJECT["license"])
    assert {reference["notes"].split(":")[0] for reference in citation["references"]} >= {
        "The method",
        "The energy network",
    }


def test_hosted_workflow_runs_make_targets_and_every_python():
    jobs = content(".github/workflows/tests.yml")["jobs"]
    assert set(jobs["pinned"]["strategy"]["matrix"]["python"]) == PYTHONS
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for job in jobs.values():
        for step in job["steps"]:
            for target in re.findall(r"make (\w+)", step.get("run", "")):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    extras = set(re.search(r"'\.\[(.+)\]'", (ROOT / "Makefile").read_text("utf-8"))[1].split(","))
    assert extras <= set(PROJECT["optional-dependencies"])
