import runpy
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def model_base(tmp_path_factory):
    """A base folder with one version of a model whose sheets are random."""
    save = runpy.run_path(str(Path(__file__).with_name("random_model.py")))["save_random_model"]
    base = tmp_path_factory.mktemp("model")
    save(base / "2")
    return base
