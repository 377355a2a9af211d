import runpy
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def save():
    """Writes a model whose sheets are random."""
    return runpy.run_path(str(Path(__file__).with_name("random_model.py")))["save_random_model"]


@pytest.fixture(scope="session")
def model_base(save, tmp_path_factory):
    """A base folder with one version of a model whose sheets are random."""
    base = tmp_path_factory.mktemp("model")
    save(base / "2")
    return base


@pytest.fixture(scope="session")
def judged_base(save, tmp_path_factory):
    """The same with an EDNN inside, exported before there were maps."""
    base = tmp_path_factory.mktemp("judged")
    save(base / "2", has_ednn=True)
    return base
