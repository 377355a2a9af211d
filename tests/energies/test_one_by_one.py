"""Energies of many sheets: the same on any number of processes, resumable, failing by name."""

import numpy as np
import pytest
from scripted import ScriptedEnergy, calls, numbered_sheets, script

from rugan_tf.energies import one_by_one as labelling
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.one_by_one import label_states
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions


@pytest.fixture
def progress(tmp_path):
    return tmp_path / "sheets.progress.npz"


def kept_energies(progress):
    with np.load(progress) as archive:
        return archive["energy"]


def test_one_process_two_processes_and_direct_calls_agree():
    system = system_named("porous_graphene")
    states = system.draw_states(np.random.default_rng(0), 6, 4, 4, PoreOptions())
    energy = energy_named(system, "tight-binding")
    direct = np.array([energy(sheet) for sheet in states])
    for processes in (1, 2):
        energies = label_states(states, energy, processes=processes)
        assert energies.dtype == np.float64
        np.testing.assert_allclose(energies, direct, rtol=0, atol=1e-9)


def test_every_sheet_gets_its_own_energy_from_two_processes(tmp_path, progress):
    states = numbered_sheets(20)
    energies = label_states(states, ScriptedEnergy(tmp_path), progress_path=progress, processes=2)
    np.testing.assert_array_equal(energies, -np.arange(1.0, 21))
    assert sorted(calls(tmp_path)) == list(range(20))


@pytest.mark.parametrize("deed", ["raise", "nan"])
def test_failing_sheet_is_named_and_what_was_done_is_not_repeated(tmp_path, progress, deed):
    states, energy = numbered_sheets(9), ScriptedEnergy(tmp_path)
    script(tmp_path, sheet_5=deed)
    message = {"raise": "Received: sheet 5: no convergence", "nan": "finite. Received: nan for sheet 5"}[deed]
    with pytest.raises(ValueError, match=message):
        label_states(states, energy, progress_path=progress, processes=1)
    np.testing.assert_array_equal(kept_energies(progress), [-1, -2, -3, -4, -5, *[np.nan] * 4])
    script(tmp_path)
    energies = label_states(states, energy, progress_path=progress, processes=1)
    np.testing.assert_array_equal(energies, -np.arange(1.0, 10))
    assert calls(tmp_path) == [0, 1, 2, 3, 4, 5, 5, 6, 7, 8]


def test_failing_sheet_is_named_from_two_processes(tmp_path, progress):
    script(tmp_path, sheet_7="raise")
    with pytest.raises(ValueError, match=r"must be calculable. Received: sheet 7: no convergence"):
        label_states(numbered_sheets(8), ScriptedEnergy(tmp_path), progress_path=progress, processes=2)
    kept = kept_energies(progress)
    done = np.isfinite(kept)
    assert done.any()
    np.testing.assert_array_equal(kept[done], -(np.flatnonzero(done) + 1.0))


def test_worker_that_dies_is_an_error_and_not_a_hang(tmp_path):
    script(tmp_path, sheet_0="die")
    with pytest.raises(ValueError, match=r"Worker processes must live until they are done"):
        label_states(numbered_sheets(3), ScriptedEnergy(tmp_path), processes=2)


def test_interruption_keeps_what_was_done(tmp_path, progress):
    script(tmp_path, sheet_2="interrupt")
    with pytest.raises(KeyboardInterrupt):
        label_states(numbered_sheets(4), ScriptedEnergy(tmp_path), progress_path=progress, processes=1)
    np.testing.assert_array_equal(kept_energies(progress), [-1, -2, np.nan, np.nan])


def test_progress_is_kept_every_block(tmp_path, progress, monkeypatch):
    done = []
    monkeypatch.setattr(labelling, "BLOCK", 3)
    monkeypatch.setattr(
        labelling, "write_progress", lambda path, key, energies: done.append(np.isfinite(energies).sum())
    )
    label_states(numbered_sheets(8), ScriptedEnergy(tmp_path), progress_path=progress, processes=1)
    assert done == [3, 6, 8]


def test_finished_progress_needs_no_calculation(tmp_path, progress):
    states, energy = numbered_sheets(3), ScriptedEnergy(tmp_path)
    first = label_states(states, energy, progress_path=progress, processes=1)
    np.testing.assert_array_equal(label_states(states, energy, progress_path=progress), first)
    assert calls(tmp_path) == [0, 1, 2]


@pytest.mark.parametrize("change", ["sheets", "number", "energy"])
def test_progress_of_something_else_is_refused_and_kept(tmp_path, progress, change):
    states, energy = numbered_sheets(4), ScriptedEnergy(tmp_path)
    label_states(states, energy, progress_path=progress, processes=1)
    before = progress.read_bytes()
    if change == "sheets":
        states = states[::-1]
    elif change == "number":
        states = states[:3]
    else:
        energy = ScriptedEnergy(tmp_path, "another method")
    with pytest.raises(ValueError, match=r"the same energy function; .* Received: .*progress.npz"):
        label_states(states, energy, progress_path=progress, processes=1)
    assert progress.read_bytes() == before
    assert len(calls(tmp_path)) == 4


def test_damaged_progress_is_refused(tmp_path, progress):
    progress.write_bytes(b"PK\x03\x04 half")
    with pytest.raises(ValueError, match=r"Received: .*progress.npz"):
        label_states(numbered_sheets(2), ScriptedEnergy(tmp_path), progress_path=progress, processes=1)
    assert calls(tmp_path) == []
