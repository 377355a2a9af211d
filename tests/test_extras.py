import sys

import pytest

from rugan_tf import extras
from rugan_tf.config import Command, run_command


def test_modules_belong_to_their_extra():
    assert extras.extra_of("google.protobuf.message") == "serve"
    assert extras.extra_of("dask") == "large"
    assert extras.extra_of("daskless") is None
    assert extras.extra_of(None) is None


def test_extra_is_required_before_work_begins(monkeypatch):
    extras.require_extra("serve")
    monkeypatch.setitem(extras.MODULES, "serve", ("json", "nowhere.inside"))
    with pytest.raises(ValueError, match=r"extra serve: pip install 'rugan-tf\[serve\]'. Received: no module nowhere"):
        extras.require_extra("serve")


def test_module_of_no_extra_keeps_its_traceback(monkeypatch):
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Options:
        """None."""

    def handler(options):
        import nowhere_at_all  # noqa: F401

    monkeypatch.setattr(sys, "argv", ["x"])
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        run_command("x", Command(Options, handler, "Fail."), [])
