"""Mutation testing of the rooms that need no TensorFlow to be tested, by mutmut: `make mutants ROOM=lattice`.

Every mutant is a small wrong change of the code, and some test must fail by it. Rooms are run one by one, in a copy of
the sources with the tests of that room alone, in build/mutants/ROOM: a second run goes on where the first was stopped.
Prints the survivors and the score. tests/mutants.md says which survive for a reason.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = ("rugan_tf", "tests", "saved_models")
WRITE_MUTANTS = """
from mutmut import __main__ as mutmut
mutmut.copy_src_dir()
mutmut.copy_also_copy_files()
mutmut.create_mutants(1)
"""
SHOW_MUTANTS = """
import sys
from mutmut.mutation.diff_apply import get_diff_for_mutant
for name in sys.argv[1:]: print(name, get_diff_for_mutant(name), sep="\\n")
"""
NOT_KILLED = (0, 33)  # survived, and reached by no test, as mutmut numbers them


@dataclasses.dataclass(frozen=True)
class Room:
    """What is mutated, and the tests that must notice, as mutmut takes them."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    without: str = ""  # tests that are left out, as pytest's -k takes them: they take seconds, and others see the same

    @property
    def words(self) -> list[str]:
        """The tests as pytest takes them."""
        return [*self.tests, *(("-k", f"not ({self.without})") if self.without else ())]


def room(name: str, *tests: str) -> Room:
    """Return a room that its own tests cover, and perhaps more."""
    return Room((f"rugan_tf/{name}/*",), (f"tests/{name}", *tests))


# Of evaluate the modules that are NumPy alone; the others generate, draw or only put together what these compute.
NUMPY_MODULES = ("metrics", "similarity", "structure", "periodicity", "rows", "pools", "patterns", "baselines")
OF_ANY_MATERIAL = tuple(f"rugan_tf/systems/{path.name}" for path in sorted(ROOT.glob("rugan_tf/systems/*.py")))
# Of energies all but the worker processes, whose mutants would take seconds each.
IN_THE_PROCESS = (
    *("calculator", "chunked", "corrected", "ednn", "function", "journal", "many_at_once", "named", "one_by_one"),
    *("origin", "relaxation"),
)
ENERGY_TESTS = (
    *("one_by_one", "ase_energy", "origin", "calculator", "chunked", "energy_functions", "energy_records"),
    *("standard_errors", "corrected_energies", "sheets_given_out"),
)
STARTS_PROCESSES = (
    *("direct_calls_agree", "from_two_processes", "2-raise", "2-nan", "worker", "hangs", "timeout", "tried[2]"),
    "beside_its_energy[2]",
    *("files_of_a_failed", "folder_of_its_own", "killed", "through_files", "would_share", "needs_neither"),
)
LOADS_AN_EDNN = (
    *("however_it_stands", "their_own_atoms", "is_no_sheet", "depend_on_the_chunks", "energies_of_memory"),
    *("halo_is_refused", "missing_zarr"),
)
ROOMS = {
    "lattice": room("lattice"),
    "physics": room("physics"),
    # What SevenNet computes needs the extra mlip.
    "systems": Room(
        (*OF_ANY_MATERIAL, "rugan_tf/systems/ising/*", "rugan_tf/systems/porous_graphene/*"),
        ("tests/systems", "tests/lattice/test_statistics.py"),
        "spins_of_a or modules_in_the_folder or help_tells or seven",
    ),
    "formats": room("formats", "tests/energies/test_chunked.py", "tests/generate/test_writers.py"),
    "energies": Room(
        tuple(f"rugan_tf/energies/{name}.py" for name in IN_THE_PROCESS),
        tuple(f"tests/energies/test_{name}.py" for name in ENERGY_TESTS),
        " or ".join(STARTS_PROCESSES + LOADS_AN_EDNN),
    ),
    "evaluate": Room(
        tuple(f"rugan_tf/evaluate/{name}.py" for name in (*NUMPY_MODULES, "composition")),
        tuple(f"tests/evaluate/test_{name}.py" for name in NUMPY_MODULES),
    ),
}


def copied(name: str) -> Path:
    """Copy the sources, with the configuration of mutmut, beside what an earlier run found; return the folder."""
    folder = ROOT / "build" / "mutants" / name
    for part in COPIED:
        shutil.copytree(
            ROOT / part, folder / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "benchmarks")
        )
    settings = {
        "source_paths": ["rugan_tf"],
        "only_mutate": list(ROOMS[name].sources),
        "also_copy": ["saved_models"],
    }
    told = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (folder / "pyproject.toml").write_text(f"{project}\n[tool.mutmut]\n{told}\n", "utf-8")
    return folder


def within(folder: Path, *words: str, **options: object) -> subprocess.CompletedProcess:
    """Run Python in a folder, without another copy of the package on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=False, **options)


def survivors(folder: Path) -> None:
    """Print what survived, as diffs, and the score."""
    results = {}
    for kept in sorted((folder / "mutants").glob("rugan_tf/**/*.meta")):
        results |= json.loads(kept.read_text("utf-8"))["exit_code_by_key"]
    lost = [name for name, code in results.items() if code in NOT_KILLED]
    told = within(folder, "-c", SHOW_MUTANTS, *lost, capture_output=True, text=True)
    print(told.stdout + told.stderr)
    done = [code for code in results.values() if code is not None]
    score = 1 - len(lost) / max(1, len(done))
    print(f"{folder.name}: {len(results)} mutants, {len(done)} tried, {len(lost)} survived, score {score:.1%}")


def main() -> int:
    """Run one room, or mutants of it by name."""
    parser = argparse.ArgumentParser(description="Mutation testing of one room.")
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("names", nargs="*", help="mutants, as mutmut names them; * stands for anything")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    folder = copied(options.room)
    os.nice(19)
    if code := within(folder, "-c", WRITE_MUTANTS).returncode:
        return code
    told = {"tests": ROOMS[options.room].words, "names": options.names, "processes": options.processes}
    runs = str(ROOT / "tests" / "mutant_runs.py")
    code = within(folder / "mutants", runs, json.dumps(told)).returncode
    survivors(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
