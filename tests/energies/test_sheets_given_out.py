"""What a pool of workers is given, and what becomes of its results: by a pool that starts no process."""

from types import SimpleNamespace

import numpy as np
import pytest
from scripted import numbered_sheets

from rugan_tf.energies import one_by_one
from rugan_tf.energies.function import SheetsFailedError, Work
from rugan_tf.energies.one_by_one import HOPELESS, OneByOne
from rugan_tf.energies.workers import Outcome, compute
from rugan_tf.errors import InputError
from rugan_tf.systems.energy import EnergyOrigin


class Leaving:
    """-1 eV for each atom, and a file in the working folder; the sheets of so many atoms fail."""

    origin = EnergyOrigin("leaving", "nothing", "leaving: made up")

    def __init__(self, *failing):
        self.failing = failing

    def __call__(self, states):
        number = int(((states & 1) + (states >> 1)).sum())
        with open("trace.out", "w") as file:
            file.write(f"{number} atoms")
        if number in self.failing:
            raise RuntimeError("fell over")
        return -float(number)


@pytest.fixture
def pools(monkeypatch):
    """The pools that were asked for, on a machine of three cores: each computes where it is."""
    made = []

    class Pool:
        def __init__(self, function, number, timeout, base):
            self.function, self.asked, self.base = function, (number, timeout), base
            made.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def outcomes(self, states, pending):
            for index in reversed(pending):  # whichever is ready first
                yield compute(self.function, states[index], int(index), self.base)

    monkeypatch.setattr(one_by_one, "WorkerPool", Pool)
    monkeypatch.setattr(one_by_one, "available_cores", lambda: 3)
    return made


@pytest.mark.parametrize(
    ("work", "sheets", "asked"),
    [
        (Work(), 5, [(3, None)]),
        (Work(), 2, [(2, None)]),
        (Work(), 1, []),
        (Work(), 0, []),
        (Work(processes=2), 5, [(2, None)]),
        (Work(processes=1), 5, []),
        (Work(processes=1, timeout=0.5), 5, [(1, 0.5)]),
        (Work(timeout=0.5), 1, [(1, 0.5)]),
    ],
)
def test_no_more_processes_are_asked_for_than_there_are_cores_and_sheets(pools, work, sheets, asked):
    function = Leaving()
    assert OneByOne(function).energies(numbered_sheets(5)[:sheets], work).tolist() == [-1, -2, -3, -4, -5][:sheets]
    assert [pool.asked for pool in pools] == asked
    assert all(pool.function is function and pool.base.name.startswith("rugan-energies-") for pool in pools)
    assert not any(pool.base.exists() for pool in pools)


@pytest.mark.parametrize("processes", [1, 2])
def test_files_of_what_failed_are_moved_to_where_they_are_kept(pools, tmp_path, processes):
    work = Work(processes=processes, failed_folder=tmp_path / "failed")
    with pytest.raises(SheetsFailedError) as raised:
        OneByOne(Leaving(2, 4)).energies(numbered_sheets(5), work)
    assert len(pools) == processes - 1
    assert raised.value.failures == dict.fromkeys((1, 3), "RuntimeError: fell over")
    np.testing.assert_array_equal(raised.value.energies, [-1, np.nan, -3, np.nan, -5])
    kept = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.out")}
    assert kept == {"failed/sheet-000001/trace.out": "2 atoms", "failed/sheet-000003/trace.out": "4 atoms"}


def test_a_time_that_is_none_is_told(pools):
    with pytest.raises(InputError) as raised:
        OneByOne(Leaving()).energies(numbered_sheets(2), Work(timeout=0.0))
    assert str(raised.value) == "timeout must be positive, in s. Received: timeout=0.0"
    assert pools == []


def test_the_first_that_fail_are_told_to_be_all():
    with pytest.raises(SheetsFailedError) as raised:
        OneByOne(Leaving(*range(1, 10))).energies(numbered_sheets(HOPELESS + 1), Work(processes=1))
    assert sorted(raised.value.failures) == list(range(HOPELESS))
    assert raised.value.given_up == "The first of them all failed: no more were tried."


def test_a_journal_of_another_material_is_refused(tmp_path):
    """The energies have the same name, and the sheets the same states."""
    first, second = Leaving(), Leaving()
    first.system, second.system = (SimpleNamespace(spec=spec) for spec in ("alloy", "another"))
    work = Work(processes=1, journal=tmp_path / "kept")
    OneByOne(first).energies(numbered_sheets(2), work)
    assert (OneByOne(first).material, OneByOne(Leaving()).material) == ("alloy", "")
    with pytest.raises(InputError, match="Progress must belong to the same sheets"):
        OneByOne(second).energies(numbered_sheets(2), work)


class Estimating(Leaving):
    """It may tell errors."""

    def with_error(self, states):
        raise NotImplementedError


def test_outcomes_that_tell_no_error_leave_it_open(monkeypatch):
    monkeypatch.setattr(one_by_one, "compute", lambda _, states, index, base: Outcome(index, 1.0, standard_error=None))
    found = OneByOne(Estimating()).estimates(numbered_sheets(2), Work(processes=1))
    assert np.isnan(found.standard_errors).all()
