"""Energies that tell how well they are known: from one sheet through processes and journals to many."""

import dataclasses
import struct
import zlib

import numpy as np
import pytest
from scripted import numbered_sheets

from rugan_tf.energies.function import EstimatingFunction, SheetsFailedError, Work, estimates_of
from rugan_tf.energies.journal import Journal
from rugan_tf.energies.one_by_one import OneByOne
from rugan_tf.energies.workers import Outcome, compute
from rugan_tf.systems.energy import EnergyOrigin, Estimate, EstimatedSheetEnergy
from rugan_tf.systems.named import system_named


@dataclasses.dataclass(frozen=True)
class Weighed:
    """-1 eV for each atom; of n atoms the standard error is n / 8, or what is given."""

    error: float | None = None
    origin = EnergyOrigin("weighed", "nothing", "weighed: made up")

    def __call__(self, states):
        return self.with_error(states).energy

    def with_error(self, states):
        number = float(((states & 1) + (states >> 1)).sum())
        return Estimate(-number, number / 8 if self.error is None else self.error)


class Exact:
    """An energy that tells no error."""

    origin = Weighed.origin

    def __call__(self, states):
        return -2.0


@pytest.mark.parametrize("processes", [1, 2])
def test_each_sheet_has_its_own_error_beside_its_energy(processes):
    found = OneByOne(Weighed()).estimates(numbered_sheets(6), Work(processes=processes))
    np.testing.assert_array_equal(found.energies, -np.arange(1.0, 7))
    np.testing.assert_array_equal(found.standard_errors, np.arange(1.0, 7) / 8)


def test_an_energy_without_an_error_has_none_whatever_computes_it():
    class OfMany:
        origin = Exact.origin

        def energies(self, states, work=None):
            assert work == Work(processes=1)
            return np.full(len(states), 3.0)

    for function, energy in ((OneByOne(Exact()), -2.0), (OfMany(), 3.0)):
        found = estimates_of(function, numbered_sheets(3), Work(processes=1))
        assert found.energies.tolist() == [energy] * 3
        assert found.standard_errors is None
    assert not isinstance(OfMany(), EstimatingFunction)
    assert not isinstance(Exact(), EstimatedSheetEnergy)
    assert estimates_of(OneByOne(Weighed()), numbered_sheets(2)[1:], Work(processes=1)).standard_errors == [0.25]


def test_errors_are_kept_with_their_energies_and_not_computed_again(tmp_path):
    states, work = numbered_sheets(4), Work(processes=1, journal=tmp_path / "kept")
    first = OneByOne(Weighed()).estimates(states, work)
    again = OneByOne(Weighed(error=7.0)).estimates(states, work)  # 7 of each sheet that it computes
    np.testing.assert_array_equal(again.standard_errors, first.standard_errors)
    content = (tmp_path / "kept").read_bytes()
    (tmp_path / "kept").write_bytes(content[:-1])
    resumed = OneByOne(Weighed(error=7.0)).estimates(states, work)
    assert resumed.energies.tolist() == [-1, -2, -3, -4]
    assert resumed.standard_errors.tolist() == [0.125, 0.25, 0.375, 7]


def test_a_journal_keeps_errors_and_seconds(tmp_path):
    path, key = tmp_path / "kept", "0" * 64
    with Journal(path, key) as journal:
        journal.add(5, -2.5, 0.25, 60.0)
        journal.add(6, -3.5, None, 1.0)
    packed = struct.pack("<qddd", 5, -2.5, 0.25, 60.0)
    begin = b"rugan energies 2" + key.encode() + packed + struct.pack("<I", zlib.crc32(packed))
    assert path.read_bytes().startswith(begin)
    with Journal(path, key) as journal:
        assert journal.energies == {5: -2.5, 6: -3.5}
        assert journal.standard_errors[5] == 0.25
        assert np.isnan(journal.standard_errors[6])
        assert journal.seconds == {5: 60.0, 6: 1.0}


@pytest.mark.parametrize("error", [float("nan"), float("inf"), -0.1])
def test_an_error_that_is_none_costs_its_sheet(tmp_path, error):
    with pytest.raises(SheetsFailedError) as raised:
        OneByOne(Weighed(error)).energies(numbered_sheets(1), Work(processes=1))
    reason = f"the standard error must be finite and not negative. Received: {error}"
    assert raised.value.failures == {0: reason}
    assert compute(Weighed(0.0), numbered_sheets(1)[0], 3, tmp_path) == Outcome(3, -1.0, standard_error=0.0)


def test_kernel_polynomials_tell_the_error_that_they_estimate():
    known = system_named("porous_graphene").reference_energies
    linear = known["linear-scaling"]
    assert isinstance(linear, EstimatedSheetEnergy)
    assert not isinstance(known["tight-binding"], EstimatedSheetEnergy)
    sheet = np.full((4, 4), 3, np.uint8)
    sheet[1, 2] = 0
    full = linear.estimate(sheet)
    assert linear.with_error(sheet) == (full.energy, full.standard_error)
    assert full.standard_error > 0
    assert linear.with_error(np.zeros((4, 4), np.uint8)) == (0.0, 0.0)


class Refusing(Weighed):
    """An energy of all sheets but that of two atoms."""

    def with_error(self, states):
        found = super().with_error(states)
        if found.energy == -2:
            raise RuntimeError("two atoms")
        return found


def test_the_bar_begins_with_what_is_kept_and_counts_what_failed(tmp_path, capsys):
    states, path = numbered_sheets(4), tmp_path / "kept"
    with pytest.raises(SheetsFailedError, match="two atoms"):
        OneByOne(Refusing()).energies(states, Work("many of mine", processes=1, journal=path))
    first = capsys.readouterr().err
    assert first.startswith("\rmany of mine:   0%")
    assert "| 3/4 [" in first
    assert "sheet/s, failed=1]" in first
    OneByOne(Weighed()).energies(states, Work("the rest", processes=1, journal=path))
    second = capsys.readouterr().err
    assert second.startswith("\rthe rest:  75%")
    assert "| 3/4 [" in second
    assert "| 4/4 [" in second
    assert "failed" not in second
