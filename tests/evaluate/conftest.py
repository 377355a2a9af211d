import runpy
from pathlib import Path

import numpy as np
import pytest

from rugan_tf.formats.data_set import DataSet, write_data_set
from rugan_tf.systems.named import system_named

ENERGY = "atom count: made up, in eV relative to the empty sheet"


@pytest.fixture(scope="session")
def model_base(tmp_path_factory):
    """A base folder with one version of a model whose sheets are random."""
    source = Path(__file__).parents[1] / "generate" / "random_model.py"
    base = tmp_path_factory.mktemp("model")
    runpy.run_path(str(source))["save_random_model"](base / "2")
    return base


@pytest.fixture
def graphene():
    return system_named("porous_graphene")


@pytest.fixture
def data_set(graphene):
    rng = np.random.default_rng(5)
    states = graphene.repair(rng.integers(0, 4, (64, 4, 4), np.uint8))
    return DataSet(states, np.linspace(-2.0, -1.0, 64), {"system": "porous_graphene", "energy": ENERGY})


@pytest.fixture
def data_file(data_set, tmp_path):
    write_data_set(tmp_path / "data.npz", data_set)
    return tmp_path / "data.npz"
