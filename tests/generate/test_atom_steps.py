"""What is done to sheets as atoms: one that fails does not end the others."""

import numpy as np
import pytest
from ase.calculators.lj import LennardJones

from rugan_tf.errors import InputError, InputWarning, PartlyDoneError
from rugan_tf.generate.atom_steps import AtomOptions, write_finished
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
STATES = np.stack([np.full((2, 2), state, np.uint8) for state in (3, 1, 0)])


class NotForEight(LennardJones):
    """Fails for eight atoms."""

    def calculate(self, atoms=None, *args, **options):
        if len(atoms) == 8:
            raise RuntimeError("did not converge")
        super().calculate(atoms, *args, **options)


def test_a_sheet_that_fails_is_named_and_the_others_are_written(tmp_path):
    options = AtomOptions(relax=f"ase:{__name__}:NotForEight", relax_steps=1, relax_force=1e9)
    out = tmp_path / "a.extxyz"
    failed = pytest.raises(
        PartlyDoneError, match=r"1 of 3 sheets did not relax; .*\n  sheet 0: RuntimeError: did not con"
    )
    with pytest.warns(InputWarning, match="sheets without any atom"), failed:
        write_finished(out, GRAPHENE, STATES, np.arange(3.0), None, options, {})
    import ase.io

    frames = ase.io.read(out, index=":")
    assert [len(frame) for frame in frames] == [4, 0]
    assert [frame.info["energy_per_area_requested"] for frame in frames] == [1.0, 2.0]
    out.unlink()
    with pytest.raises(PartlyDoneError, match=r"No sheet could be relaxed; the first failed with RuntimeError"):
        write_finished(out, GRAPHENE, STATES[:1], np.arange(1.0), None, options, {})
    assert not out.exists()


def test_files_of_the_sheets_that_relaxed_keep_their_numbers_and_replace_no_other(tmp_path):
    options = AtomOptions(relax=f"ase:{__name__}:NotForEight", relax_steps=1, relax_force=1e9)
    (tmp_path / "a.cif").write_text("somebody's work")
    with pytest.raises(PartlyDoneError, match=r"1 of 2 sheets did not relax"):
        write_finished(tmp_path / "a.cif", GRAPHENE, STATES[:2], np.arange(2.0), None, options, {})
    assert {path.name for path in tmp_path.iterdir()} == {"a.cif", "a.csv", "a-0001.cif", "a-0001.traj"}
    assert (tmp_path / "a.cif").read_text() == "somebody's work"
    assert [line.split(",")[0] for line in (tmp_path / "a.csv").read_text().splitlines()] == ["file", "a-0001.cif"]


@pytest.mark.parametrize("options", [{"relax_steps": 0}, {"relax_force": 0.0}])
def test_options_that_relax_nothing_are_refused(options):
    with pytest.raises(InputError, match=f"{next(iter(options))} must be"):
        AtomOptions(**options)
