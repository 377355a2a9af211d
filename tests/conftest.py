import os
import runpy
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# As many processes of tests run as there are cores. Two threads of linear algebra in each would wait for one another,
# and spin meanwhile: nearly half of the time of the tests of energies. Set before NumPy is imported, and inherited.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
settings.register_profile("reproducible", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("reproducible")

# Files that take longest come first. xdist by itself deals files out by how many tests they have, and leaves one with
# few and long tests to the end, where the other processes wait for it.
LONGEST = (
    "notebooks/test_notebooks.py",
    "train/test_train_run.py",
    "train/test_devices.py",
    "train/test_train_conditions.py",
    "systems/test_users_system.py",
)


def pytest_collection_modifyitems(items):
    """Put the longest files first; within a file the order stays."""
    here = Path(__file__).parent
    assert all((here / name).is_file() for name in LONGEST), "a file that LONGEST names has gone"
    rank = {here / name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def mapped_model(tmp_path_factory):
    """Base folder of an exported model with an EDNN inside that has learnt from maps."""
    save = runpy.run_path(str(Path(__file__).with_name("mapped_model.py")))["save_mapped_model"]
    return save(tmp_path_factory.mktemp("mapped"))
