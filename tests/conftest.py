import os
import runpy
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
settings.register_profile("reproducible", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("reproducible")


@pytest.fixture(scope="session")
def mapped_model(tmp_path_factory):
    """Base folder of an exported model with an EDNN inside that has learnt from maps."""
    save = runpy.run_path(str(Path(__file__).with_name("mapped_model.py")))["save_mapped_model"]
    return save(tmp_path_factory.mktemp("mapped"))
