import warnings

import pytest
from tiny_ednn import save_ednn, train_arguments, write_reference

from rugan_tf.ednn.__main__ import main


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """400 sheets of 4x4 cells with energies by the number of neighbours."""
    return write_reference(tmp_path_factory.mktemp("reference") / "reference.npz")


@pytest.fixture(scope="session")
def trained(reference, tmp_path_factory):
    """The run folder of a training that learns these energies in seconds."""
    run_dir = tmp_path_factory.mktemp("trained") / "run"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        assert main(train_arguments(reference, run_dir)) == 0
    return run_dir


@pytest.fixture(scope="session")
def version(tmp_path_factory):
    """The version folder of an untrained EDNN."""
    return save_ednn(tmp_path_factory.mktemp("ednn"))
