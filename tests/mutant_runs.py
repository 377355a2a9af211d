"""Tries the mutants that mutmut wrote, in one pytest that has collected once: `python mutant_runs.py` in mutants/.

mutmut itself starts pytest anew for every mutant, which takes a hundred times what most tests of a mutant take. Here a
fork of the process that has imported and collected runs the tests that reach the mutant, the fastest first, up to the
first that fails. What is found is kept where mutmut keeps it, so its `results` and `show` tell of it.
"""

import contextlib
import fnmatch
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name

SURVIVED, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36  # the codes of mutmut
LEAST_TIME = 2.0  # s of processor for a test of a mutant, beyond five times what it takes without one
WAITS = 8  # times as long a test may take by the clock: it waits for something, or the machine is busy
ENDED = (-signal.SIGPROF, -signal.SIGALRM)  # by one of these limits
SAVED_EVERY = 20.0  # s


class Runs:
    """Replaces pytest's loop over the tests by one over mutants, each with the tests that reach it."""

    def __init__(self, names, processes):
        """Take patterns of the mutants to try, all that no test has killed yet if empty."""
        self.names, self.processes = names, processes
        self.files = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        os.chdir("..")  # mutmut's own files are found from there
        for path in walk_mutatable_files():
            data = SourceFileMutationData(path=path)
            data.load()
            self.files.append(data)
        os.chdir("mutants")
        reached, durations = in_fork(lambda: reached_by(session.items))
        items = {item.nodeid: item for item in session.items}
        require_passing(sorted(session.items, key=lambda item: durations[item.nodeid]))
        self.running, self.saved = {}, time.monotonic()

        def tests_of(name):
            return sorted(reached.get(mangled_name_from_mutant_name(name), []), key=lambda test: durations[test])

        # Mutants of few and fast tests first, as most of them are.
        found = sorted(self.wanted(), key=lambda one: sum(durations[test] for test in tests_of(one[1])))
        for number, (data, name) in enumerate(found, 1):
            print(f"\r{number}/{len(found)} {name}\033[K", end="", file=sys.stderr)
            tests = tests_of(name)
            if not tests:
                data.exit_code_by_key[name] = NO_TESTS
                continue
            self.wait_for(self.processes - 1)
            limits = [LEAST_TIME + 5 * durations[test] for test in tests]
            child, temporary = started(name, [items[test] for test in tests], limits)
            self.running[child] = data, name, temporary, time.monotonic()
        self.wait_for(0)
        self.save()
        return True

    def wanted(self):
        """Return the mutants to try, each with the data of its file."""
        return [
            (data, name)
            for data in self.files
            for name, code in data.exit_code_by_key.items()
            if (any(fnmatch.fnmatch(name, one) for one in self.names) if self.names else code not in (KILLED, TIMEOUT))
        ]

    def wait_for(self, most):
        """Take the results of children until at most so many run."""
        while len(self.running) > most:
            for child, (data, name, temporary, start) in list(self.running.items()):
                found, status = os.waitpid(child, os.WNOHANG)
                if not found:
                    continue
                code = os.waitstatus_to_exitcode(status)
                code = TIMEOUT if code in ENDED else code if code == SURVIVED else KILLED
                with contextlib.suppress(ProcessLookupError):  # whatever the tests started and left
                    os.killpg(child, signal.SIGKILL)
                shutil.rmtree(temporary, ignore_errors=True)
                data.exit_code_by_key[name] = code
                data.durations_by_key[name] = time.monotonic() - start
                del self.running[child]
            time.sleep(0.005)
        if time.monotonic() - self.saved > SAVED_EVERY:
            self.save()

    def save(self):
        os.chdir("..")
        for data in self.files:
            data.save()
        os.chdir("mutants")
        self.saved = time.monotonic()


def reached_by(items):
    """Return the tests that reach each function, and how long each test takes; all must pass."""
    set_mutant_under_test("stats")
    os.environ["MUTMUT_DEPENDENCY_DEPTH"] = "-1"
    reached, durations = {}, {}
    for number, item in enumerate(items):
        state()._stats.clear()
        start = time.perf_counter()
        following = items[number + 1] if number + 1 < len(items) else None
        for report in runtestprotocol(item, log=False, nextitem=following):
            if report.failed:
                raise SystemExit(f"Without a mutant, {item.nodeid} fails:\n{report.longreprtext}")
        durations[item.nodeid] = time.perf_counter() - start
        for function in state()._stats:
            reached.setdefault(function, []).append(item.nodeid)
    return reached, durations


def require_passing(items):
    """End here if tests fail in the order in which mutants meet them, though nothing is mutated."""
    child, temporary = started("none", items, [3600.0] * len(items))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    shutil.rmtree(temporary, ignore_errors=True)
    if code != SURVIVED:
        raise SystemExit("Without a mutant, tests fail in another order: a mutant would seem to be noticed.")


def in_fork(function):
    """Return the JSON content that a function gives in a process of its own: threads that it starts end with it."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, "found.json")
        child = os.fork()
        if not child:
            code = 1
            try:
                kept.write_text(json.dumps(function()), "utf-8")
                code = 0
            except BaseException as error:
                print(error, file=sys.stderr)
            os._exit(code)
        if os.waitpid(child, 0)[1]:
            raise SystemExit("The tests do not pass without a mutant.")
        return json.loads(kept.read_text("utf-8"))


def started(name, items, limits):
    """Run tests with a mutant in a process of its own, which ends when one takes more time than its limit.

    Returns the number of the process and its folder of temporary files.
    """
    temporary = tempfile.mkdtemp(prefix="mutant")
    child = os.fork()
    if child:
        return child, temporary
    os.setsid()
    os.environ["PYTEST_DEBUG_TEMPROOT"] = temporary
    tempfile.tempdir = os.environ["TMPDIR"] = temporary
    set_mutant_under_test(name)
    code = KILLED
    try:
        for number, (item, limit) in enumerate(zip(items, limits, strict=True)):
            signal.setitimer(signal.ITIMER_PROF, limit)
            signal.setitimer(signal.ITIMER_REAL, WAITS * limit)
            following = [*items, items[0]][number + 1]  # never none: nothing shared is torn down
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                break
        else:
            code = SURVIVED
    finally:
        os._exit(code)


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    sys.path.insert(0, os.getcwd())
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=native", "--rootdir=.", *told["tests"]]
    sys.exit(pytest.main(options, plugins=[Runs(told["names"], told["processes"])]))
