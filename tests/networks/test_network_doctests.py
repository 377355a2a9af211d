import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["layers", "generator", "critic", "ednn"])
def test_examples_in_docstrings_hold(name):
    results = doctest.testmod(importlib.import_module(f"rugan_tf.networks.{name}"))
    assert results.attempted >= 2
    assert results.failed == 0
