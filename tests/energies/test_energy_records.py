"""Records of work: failures in words, journals, origins, the folder of each sheet, and relaxations."""

from pathlib import Path
from typing import ClassVar

import ase
import numpy as np
import pytest
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes

from rugan_tf.energies.function import LISTED, SheetsFailedError, Work
from rugan_tf.energies.journal import Journal, seconds_in
from rugan_tf.energies.one_by_one import work_key
from rugan_tf.energies.origin import as_metadata, disagreements, origin_in, origin_of, require_agreement
from rugan_tf.energies.relaxation import relax
from rugan_tf.energies.workers import Outcome, compute, folder_of, keep_files
from rugan_tf.errors import InputError, InputWarning
from rugan_tf.systems.energy import EnergyOrigin


def test_failures_are_listed_up_to_ten_and_then_counted(tmp_path):
    energies = np.full(14, np.nan)
    energies[12:] = -1.0
    failures = {index: f"reason {index}" for index in reversed(range(12))}
    work = Work(journal=tmp_path / "kept", failed_folder=tmp_path)
    error = SheetsFailedError(energies, failures, work, "Given up.")
    assert (error.energies is energies, error.failures is failures) == (True, True)
    assert str(error).splitlines() == [
        "Every sheet must have an energy. Received: 12 of 14 failed",
        *[f"  sheet {index}: reason {index}" for index in range(LISTED)],
        "  and 2 more",
        "Given up.",
        f"The files of what failed are in {tmp_path}.",
        f"2 energies are kept in {tmp_path / 'kept'}; the same command tries the others again.",
    ]
    plain = str(SheetsFailedError(energies, {3: "one"}, Work(failed_folder=tmp_path / "none")))
    assert plain == "Every sheet must have an energy. Received: 1 of 14 failed\n  sheet 3: one"


def test_work_is_known_by_its_sheets_their_shape_the_energy_and_the_material():
    states = np.random.default_rng(5).integers(0, 2, (2, 4, 6), np.uint8)
    origin = EnergyOrigin("method", "zero", "in words")
    keys = [
        work_key(states, origin),
        work_key(states.reshape(2, 6, 4), origin),
        work_key(1 - states, origin),
        work_key(states, EnergyOrigin("method", "zero", "in other words")),
        work_key(states, origin, "alloy"),
    ]
    assert len(set(keys)) == 5
    assert {len(key) for key in keys} == {64}
    assert work_key(states.copy(), origin) == keys[0]


def test_a_structure_without_atoms_needs_no_relaxation(tmp_path):
    empty = ase.Atoms(cell=[4, 4, 20], pbc=True)
    outcome = relax(empty, "ase:ase.calculators.lj:LennardJones", tmp_path / "way.traj", max_steps=2, largest_force=0.1)
    assert outcome[1:] == (0.0, 0.0, 0, True)
    assert (len(outcome.structure), outcome.structure is empty) == (0, False)
    assert not list(tmp_path.iterdir())


class Spring(AseCalculator):
    """Atoms that are drawn to the plane z = 0, in a folder that holds nothing of another structure."""

    implemented_properties = ("energy", "forces")
    seen: ClassVar = []

    def reset(self):
        super().reset()
        self.num_calls = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.num_calls += 1
        self.seen.append((self.num_calls, str(self.directory)))
        height = atoms.positions[:, 2]
        forces = np.zeros((len(atoms), 3))
        forces[:, 2] = -height
        self.results = {"energy": float((height**2).sum() / 2), "forces": forces}


def test_a_relaxation_knows_nothing_of_the_one_before(tmp_path, capsys):
    spec, structure = f"ase:{__name__}:Spring", ase.Atoms("C2", [[0, 0, 0.3], [0, 0, -0.4]])
    Spring.seen.clear()
    outcomes = [
        relax(structure, spec, tmp_path / f"{number}.traj", max_steps=3, largest_force=1e-3) for number in range(2)
    ]
    numbers, folders = zip(*Spring.seen, strict=True)
    assert [index for index, number in enumerate(numbers) if number == 1] == [0, len(numbers) // 2]
    assert len(set(folders)) == 2
    assert str(Path.cwd()) not in folders
    assert all("rugan-relax-" in folder and not Path(folder).exists() for folder in folders)
    for outcome in outcomes:
        np.testing.assert_allclose(outcome.structure.get_forces()[:, 2], -outcome.structure.positions[:, 2])
        assert outcome.largest_force == abs(outcome.structure.get_forces()).max() > 0
    assert capsys.readouterr().out == ""


def test_a_journal_begins_folders_and_knows_what_it_was_given(tmp_path):
    path = tmp_path / "new" / "folder" / "kept"
    with Journal(path, "0" * 64) as journal:
        assert (journal.path, journal.energies) == (path, {})
        journal.add(4, -2.5, None, 60.0)
        journal.add(1, 0.125, None, 0.5)
        assert journal.energies == {4: -2.5, 1: 0.125}
    assert journal.file.closed
    with Journal(path, "0" * 64) as journal:
        assert journal.energies == {4: -2.5, 1: 0.125}
        assert journal.seconds == {4: 60.0, 1: 0.5}
    path.write_bytes(path.read_bytes() + b"half a record")
    assert seconds_in(path) == {4: 60.0, 1: 0.5}
    assert seconds_in(path.with_name("none")) == {}
    with pytest.raises(InputError) as raised:
        Journal(path, "1" * 64)
    assert str(raised.value) == (
        "Progress must belong to the same sheets and the same energy function; remove the file to begin anew. "
        f"Received: {path}"
    )


@pytest.mark.parametrize(
    ("description", "method", "zero"),
    [
        ("mine: by hand: in two steps", "mine", None),
        ("from my notebook", "from my notebook", None),
        ("mine: in J relative to all up", "mine", "all up"),
        (
            "ase:a:B in eV as the ASE calculator gives it, cut in eV as the ASE calculator gives it",
            "ase:a:B",
            "as the calculator gives it",
        ),
    ],
)
def test_origins_are_read_off_words(description, method, zero):
    assert origin_of(description) == EnergyOrigin(method, zero, description)
    assert origin_in({"energy": description}) == EnergyOrigin(method, zero, description)


def test_metadata_tell_the_origin_before_words_do():
    origin = EnergyOrigin("dft", "free atoms", "in words: that tell something else")
    content = {
        "energy": "in words: that tell something else",
        "energy_origin": {"method": "dft", "zero": "free atoms"},
    }
    assert as_metadata(origin) == content
    assert origin_in(content) == origin
    assert origin_in({}) == EnergyOrigin("unknown", None, "unknown")


def test_an_unknown_origin_does_not_hide_the_others():
    origins = {
        "the data": origin_in({}),
        "the model": EnergyOrigin("dft", "free atoms", ""),
        "the judge": EnergyOrigin("dft", "bulk", ""),
    }
    assert disagreements(origins) == [
        "the data does not say what its energies are relative to (unknown)",
        "the model has energies relative to free atoms, the judge relative to bulk",
    ]
    with pytest.warns(InputWarning, match="energies are compared that may not be comparable: the") as told:
        require_agreement(origins, strict=False)
    assert len(told) == 2


def test_the_folder_of_a_sheet_is_its_own_and_stays_if_it_fails(tmp_path):
    states = np.full((1, 2), 3, np.uint8)
    base = tmp_path / "new" / "base"
    assert compute(lambda _: -1, states, 7, base) == Outcome(7, -1.0)
    assert (base.exists(), folder_of(7, base)) == (True, base / "sheet-000007")
    assert not folder_of(7, base).exists()

    def fail(_):
        Path("trace.out").write_text("half")
        raise ValueError

    outcome = compute(fail, states, 8, base)
    assert (outcome.index, outcome.failure) == (8, "ValueError")
    assert np.isnan(outcome.energy)
    assert np.isnan(Outcome(3).energy)
    for text in ("old", "half"):
        folder_of(8, base).mkdir(exist_ok=True)
        (folder_of(8, base) / "trace.out").write_text(text)
        keep_files(outcome, base, tmp_path / "kept" / "failed")
        assert (tmp_path / "kept" / "failed" / "sheet-000008" / "trace.out").read_text() == text
        assert not folder_of(8, base).exists()
    folder_of(8, base).mkdir()
    keep_files(outcome, base, tmp_path / "others")
    assert not (tmp_path / "others").exists()
    assert not folder_of(8, base).exists()
    (folder_of(8, base) / "deeper").mkdir(parents=True)
    keep_files(outcome, base, None)
    assert not folder_of(8, base).exists()
