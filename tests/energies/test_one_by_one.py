"""Energies of many sheets: the same on any number of processes, resumable, whatever fails."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from scripted import ScriptedEnergy, calls, numbered_sheets, script

from rugan_tf.energies import workers
from rugan_tf.energies.function import SheetsFailedError, Work
from rugan_tf.energies.journal import RECORD, Journal
from rugan_tf.energies.named import energy_named
from rugan_tf.energies.one_by_one import HOPELESS, OneByOne
from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.holes import PoreOptions

ONE, TWO = Work(processes=1), Work(processes=2)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "sheets.progress"


@pytest.fixture
def scripted(tmp_path):
    return OneByOne(ScriptedEnergy(tmp_path))


def kept(journal, states, function):
    with Journal(journal, key_of(states, function)) as opened:
        return dict(opened.energies)


def key_of(states, function):
    from rugan_tf.energies.one_by_one import work_key

    return work_key(states, function.origin)


def test_one_process_two_processes_and_direct_calls_agree():
    system = system_named("porous_graphene")
    states = system.draw_states(np.random.default_rng(0), 6, 4, 4, PoreOptions())
    direct = np.array([system.reference_energies["tight-binding"](sheet) for sheet in states])
    for work in (ONE, TWO):
        energies = energy_named(system, "tight-binding").energies(states, work)
        assert energies.dtype == np.float64
        np.testing.assert_allclose(energies, direct, rtol=0, atol=1e-9)


def test_every_sheet_gets_its_own_energy_from_two_processes(tmp_path, journal, scripted):
    energies = scripted.energies(numbered_sheets(20), dataclasses.replace(TWO, journal=journal))
    np.testing.assert_array_equal(energies, -np.arange(1.0, 21))
    assert sorted(calls(tmp_path)) == list(range(20))


@pytest.mark.parametrize("deed", ["raise", "nan"])
@pytest.mark.parametrize("processes", [1, 2])
def test_failing_sheet_does_not_end_the_others_and_is_tried_again(tmp_path, journal, scripted, deed, processes):
    states, work = numbered_sheets(9), Work(processes=processes, journal=journal)
    script(tmp_path, sheet_5=deed)
    with pytest.raises(SheetsFailedError) as raised:
        scripted.energies(states, work)
    reason = {"raise": "RuntimeError: no convergence", "nan": "the energy must be finite. Received: nan"}[deed]
    assert raised.value.failures == {5: reason}
    expected = -np.arange(1.0, 10)
    np.testing.assert_array_equal(raised.value.energies, np.where(np.arange(9) == 5, np.nan, expected))
    assert f"1 of 9 failed\n  sheet 5: {reason}\n8 energies are kept in {journal}; the same command" in str(
        raised.value
    )
    script(tmp_path)
    np.testing.assert_array_equal(scripted.energies(states, work), expected)
    assert sorted(calls(tmp_path)) == [0, 1, 2, 3, 4, 5, 5, 6, 7, 8]


def test_worker_that_dies_costs_its_sheet_alone(tmp_path, scripted):
    script(tmp_path, sheet_2="die", sheet_4="die")
    with pytest.raises(SheetsFailedError) as raised:
        scripted.energies(numbered_sheets(8), TWO)
    reason = "its worker process ended (exit code 9)"
    assert raised.value.failures == {2: reason, 4: reason}
    np.testing.assert_array_equal(raised.value.energies, [-1, -2, np.nan, -4, np.nan, -6, -7, -8])


def test_sheet_that_hangs_is_ended_with_the_programs_it_started(tmp_path, scripted):
    script(tmp_path, sheet_1="hang")
    begin = time.monotonic()
    with pytest.raises(SheetsFailedError) as raised:
        scripted.energies(numbered_sheets(4), Work(processes=2, timeout=1.0))
    assert time.monotonic() - begin < 30
    assert raised.value.failures == {1: "it took longer than 1.0 s"}
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"of {tmp_path}" not in running


def test_timeout_holds_for_one_process_too(tmp_path, scripted):
    script(tmp_path, sheet_0="hang")
    with pytest.raises(SheetsFailedError) as raised:
        scripted.energies(numbered_sheets(1), Work(processes=1, timeout=0.5))
    assert raised.value.failures == {0: "it took longer than 0.5 s"}
    with pytest.raises(ValueError, match=r"timeout must be positive, in s. Received: timeout=0"):
        scripted.energies(numbered_sheets(1), Work(timeout=0))


@pytest.mark.parametrize("processes", [1, 2])
def test_where_the_first_all_fail_no_more_are_tried(tmp_path, scripted, processes):
    script(tmp_path, every="raise")
    with pytest.raises(SheetsFailedError, match="The first of them all failed: no more were tried"):
        scripted.energies(numbered_sheets(30), Work(processes=processes))
    assert HOPELESS <= len(calls(tmp_path)) <= HOPELESS + 2
    with pytest.raises(SheetsFailedError) as raised:  # a few sheets are all tried
        scripted.energies(numbered_sheets(3), Work(processes=processes))
    assert len(raised.value.failures) == 3
    assert "no more were tried" not in str(raised.value)


def test_files_of_a_failed_calculation_are_kept_and_those_of_others_are_not(tmp_path, scripted):
    script(tmp_path, sheet_3="raise", sheet_5="nan")
    work = Work(processes=2, failed_folder=tmp_path / "failed")
    with pytest.raises(SheetsFailedError, match=rf"The files of what failed are in {tmp_path / 'failed'}"):
        scripted.energies(numbered_sheets(8), work)
    assert [str(path.relative_to(tmp_path)) for path in (tmp_path / "failed").rglob("*.*")] == [
        "failed/sheet-000003/trace.out"
    ]


def test_every_calculation_has_a_working_folder_of_its_own(tmp_path):
    before = os.getcwd()
    seen = OneByOne(WorkingFolder(tmp_path)).energies(numbered_sheets(6), TWO)
    assert len(set(seen)) == 6
    assert len({float(OneByOne(WorkingFolder(tmp_path)).energies(numbered_sheets(1), ONE)[0]), *seen}) == 7
    assert os.getcwd() == before
    assert len((tmp_path / "folders").read_text().splitlines()) == 7
    assert not [line for line in (tmp_path / "folders").read_text().splitlines() if Path(line).exists()]


@dataclasses.dataclass(frozen=True)
class WorkingFolder(ScriptedEnergy):
    """The hash of the working folder, which must be empty."""

    def __call__(self, states):
        if os.listdir():
            return float("nan")
        with open(self.folder / "folders", "a") as file:
            file.write(f"{os.getcwd()}\n")
        return float(zlib.crc32(os.getcwd().encode()))


def test_interruption_keeps_what_was_done(tmp_path, journal, scripted):
    script(tmp_path, sheet_2="interrupt")
    states = numbered_sheets(4)
    with pytest.raises(KeyboardInterrupt):
        scripted.energies(states, Work(processes=1, journal=journal))
    assert kept(journal, states, scripted) == {0: -1.0, 1: -2.0}


def test_finished_work_needs_no_calculation(tmp_path, journal, scripted):
    states, work = numbered_sheets(3), Work(processes=1, journal=journal)
    first = scripted.energies(states, work)
    np.testing.assert_array_equal(scripted.energies(states, work), first)
    assert calls(tmp_path) == [0, 1, 2]


@pytest.mark.parametrize("change", ["sheets", "number", "energy"])
def test_journal_of_something_else_is_refused_and_kept(tmp_path, journal, scripted, change):
    states, function, work = numbered_sheets(4), scripted, Work(processes=1, journal=journal)
    scripted.energies(states, work)
    before = journal.read_bytes()
    if change == "sheets":
        states = states[::-1]
    elif change == "number":
        states = states[:3]
    else:
        function = OneByOne(ScriptedEnergy(tmp_path, "another method"))
    with pytest.raises(ValueError, match=r"the same energy function; .* Received: .*sheets.progress"):
        function.energies(states, work)
    assert journal.read_bytes() == before
    assert len(calls(tmp_path)) == 4


@pytest.mark.parametrize("damage", ["cut", "flipped", "noise at the end"])
def test_records_that_are_not_whole_are_computed_again(tmp_path, journal, scripted, damage):
    states, work = numbered_sheets(5), Work(processes=1, journal=journal)
    expected = scripted.energies(states, work)
    whole = journal.read_bytes()
    last = len(whole) - RECORD.size
    spoilt = {
        "cut": whole[:-7],
        "flipped": whole[: last + 9] + bytes([whole[last + 9] ^ 1]) + whole[last + 10 :],
        "noise at the end": whole + b"\x00" * 11,
    }[damage]
    journal.write_bytes(spoilt)
    np.testing.assert_array_equal(scripted.energies(states, work), expected)
    assert len(calls(tmp_path)) == (5 if damage == "noise at the end" else 6)
    # All but the time that the last record took, and its checksum, is as before.
    again = journal.read_bytes()
    assert (again[: last + 16], len(again)) == (whole[: last + 16], len(whole))


@pytest.mark.parametrize("content", [b"", b"rugan energ"])
def test_journal_that_was_just_begun_is_begun_again(journal, scripted, content):
    journal.write_bytes(content)
    assert len(scripted.energies(numbered_sheets(2), Work(processes=1, journal=journal))) == 2


def test_damaged_beginning_is_refused(tmp_path, journal, scripted):
    journal.write_bytes(b"PK\x03\x04 half")
    with pytest.raises(ValueError, match=r"Received: .*sheets.progress"):
        scripted.energies(numbered_sheets(2), Work(processes=1, journal=journal))
    assert calls(tmp_path) == []


FORKING = """
import multiprocessing, sys
from pathlib import Path
from scripted import ScriptedEnergy, numbered_sheets
from rugan_tf.energies import workers
from rugan_tf.energies.function import Work
from rugan_tf.energies.one_by_one import OneByOne

folder = Path(sys.argv[1])
function, states = OneByOne(ScriptedEnergy(folder)), numbered_sheets(64)
forked = multiprocessing.get_context("fork")
workers.multiprocessing.get_context = lambda _: forked
for _ in sys.stdin:
    work = Work(processes=2, journal=folder / "sheets.progress")
    process = forked.Process(target=function.energies, args=(states, work))
    process.start()
    print(process.pid, flush=True)
    process.join()
    print(process.exitcode, flush=True)
"""


@pytest.mark.parametrize(("number", "num_kills"), [(signal.SIGKILL, 10), (signal.SIGTERM, 3)])
def test_work_that_is_killed_loses_the_sheets_in_flight_alone(tmp_path, journal, scripted, number, num_kills):
    """Killed at random moments, then left to end: every sheet but those in flight is computed once.

    A program that has imported everything forks the work and its workers, so that a start takes no time.
    """
    script(tmp_path, every="slow")
    path = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    rng, pipes = np.random.default_rng(number), {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", FORKING, str(tmp_path)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **pipes) as program:
        for kill in range(num_kills + 1):
            before = len(calls(tmp_path))
            print("begin, or go on", file=program.stdin, flush=True)
            process = int(program.stdout.readline())
            if kill < num_kills:
                while len(calls(tmp_path)) == before:
                    time.sleep(0.005)
                time.sleep(rng.uniform(0, 0.25))  # of 0.1 s that a sheet takes
                os.kill(process, number)
            assert int(program.stdout.readline()) == (-number if kill < num_kills else 0)
        program.stdin.close()
    assert set(calls(tmp_path)) == set(range(64))
    assert len(calls(tmp_path)) <= 64 + 2 * num_kills
    script(tmp_path, every="raise")  # nothing is left to compute
    energies = scripted.energies(numbered_sheets(64), Work(processes=1, journal=journal))
    assert energies.tobytes() == (-np.arange(1.0, 65)).tobytes()


def test_workers_that_cannot_start_are_an_error_and_not_a_hang(scripted, monkeypatch):
    monkeypatch.setattr(workers, "serve_sheets", os._exit)
    monkeypatch.setattr(workers.Worker, "__init__", never_ready)
    with pytest.raises(ValueError, match=r"must start; .* Received: exit code 7 at the start, 3 times"):
        scripted.energies(numbered_sheets(3), TWO)


def never_ready(self, function, base):
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    self.connection, other = context.Pipe()
    self.process = context.Process(target=os._exit, args=(7,))
    self.process.start()
    other.close()
    self.is_ready, self.index, self.since = False, None, time.monotonic()


def test_workers_of_one_call_work_on_in_the_next_and_dead_ones_are_replaced(tmp_path):
    states, asked, told = numbered_sheets(4), ([0, 1], [2, 3, 0]), []

    def work():
        with workers.WorkerPool(ScriptedEnergy(tmp_path), 2, None, tmp_path / "work") as pool:
            for some in asked:
                told.append([(one.index, one.energy) for one in pool.outcomes(states, np.array(some))])
                for worker in pool.workers:  # one that was slow to start had nothing to do
                    if not worker.is_ready and worker.connection.poll(30):
                        pool.hear(worker)
            told.append(len(pool.workers))
            for worker in pool.workers:  # whatever ends them while they have nothing to do
                worker.process.kill()
                worker.process.join()
            told.append([(one.index, one.energy) for one in pool.outcomes(states, np.array([1]))])

    thread = threading.Thread(target=work, daemon=True)  # a pool that waits for ever must not hold the tests
    thread.start()
    thread.join(60)
    energy = ScriptedEnergy(tmp_path)
    *outcomes, number, after = told
    assert after == [(1, energy(states[1]))]
    assert [sorted(some) for some in outcomes] == [
        sorted((index, energy(states[index])) for index in wanted) for wanted in asked
    ]
    assert number == 2


def test_failures_after_a_success_are_those_of_their_sheets_however_many(tmp_path, scripted):
    script(tmp_path, **{f"sheet_{number}": "raise" for number in range(2, 2 + HOPELESS)})
    with pytest.raises(SheetsFailedError) as raised:
        scripted.energies(numbered_sheets(HOPELESS + 4), ONE)
    assert sorted(raised.value.failures) == list(range(2, 2 + HOPELESS))
    assert calls(tmp_path) == list(range(HOPELESS + 4))
    assert "no more were tried" not in str(raised.value)


def test_function_that_cannot_be_found_is_told_once_and_no_sheet_is_tried():
    tried = []

    class Nowhere:
        @property
        def origin(self):
            raise InputError("The energy must be importable. Received: nowhere")

        def __call__(self, states):
            tried.append(states)
            return 0.0

    with pytest.raises(InputError, match="must be importable"):
        OneByOne(Nowhere()).energies(np.zeros((3, 2, 2), np.uint8), Work(processes=1))
    assert tried == []
