"""Examples in docstrings hold, in every module that has some."""

import doctest
import importlib
from pathlib import Path

import pytest

import rugan_tf

PACKAGE = Path(rugan_tf.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_hold(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted >= 1
    assert results.failed == 0


def test_networks_show_their_shapes():
    assert {f"rugan_tf.networks.{name}" for name in ("layers", "generator", "critic", "ednn")} <= set(WITH_EXAMPLES)
