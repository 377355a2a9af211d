"""Energies by density functional theory: what is known without GPAW, and with it where it is installed."""

import importlib.util
import json

import numpy as np
import pytest

from rugan_tf.data.__main__ import main
from rugan_tf.energies.origin import origin_of
from rugan_tf.errors import InputError
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene import dft
from rugan_tf.systems.porous_graphene.geometry import cell_lengths
from rugan_tf.systems.porous_graphene.statistics import coordination_counts, edge_counts

GRAPHENE = system_named("porous_graphene")
HAS_GPAW = importlib.util.find_spec("gpaw") is not None


@pytest.mark.parametrize(
    ("size", "expected"), [((2, 2), (6, 6, 1)), ((4, 4), (3, 3, 1)), ((6, 8), (2, 2, 1)), ((14, 16), (1, 1, 1))]
)
def test_small_sheets_have_more_k_points(size, expected):
    assert dft.k_points(cell_lengths(*size)) == expected


def test_method_and_zero_are_told():
    origin = GRAPHENE.reference_energies["gpaw-pbe"].origin
    assert (origin.method, origin.zero) == ("gpaw-pbe", "spin-paired PBE atoms")
    assert origin_of(origin.description) == origin


@pytest.mark.skipif(HAS_GPAW, reason="GPAW is installed")
def test_missing_gpaw_is_told_before_any_work(tmp_path, capsys):
    command = ["build", "--num-sheets", "4", "--energy", "gpaw-pbe", "--out", str(tmp_path / "pbe.npz")]
    assert main(command) == 2
    told = capsys.readouterr()
    assert (told.err.count("extra dft: pip install 'rugan-tf[dft]'. Received: no module gpaw"), told.out) == (1, "")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="extra dft"):
        GRAPHENE.reference_energies["gpaw-pbe"](np.full((2, 2), 3, np.uint8))


@pytest.mark.skipif(not HAS_GPAW, reason="needs GPAW, the extra dft")
def test_pristine_energy_does_not_depend_on_the_cell(tmp_path, monkeypatch):
    """Cells of 8 atoms with 6x6 k-points, of 12 with 4x6: both are dense enough, so an atom costs the same."""
    monkeypatch.chdir(tmp_path)
    energy = GRAPHENE.reference_energies["gpaw-pbe"]
    per_atom = [energy(np.full(size, 3, np.uint8)) / (2 * size[0] * size[1]) for size in ((2, 2), (3, 2))]
    assert per_atom[0] == pytest.approx(per_atom[1], abs=0.03)
    assert (tmp_path / "gpaw.txt").exists()
    assert energy(np.zeros((2, 2), np.uint8)) == 0.0


def test_sheets_known_by_name_are_what_they_are_called():
    known = GRAPHENE.known_sheets(6, 8)
    states = np.stack(list(known.values()))
    assert list(known) == ["pristine", "monovacancy", "divacancy", "zigzag ribbon", "armchair ribbon"]
    missing = 96 - GRAPHENE.num_atoms(states)
    assert missing[:3].tolist() == [0, 1, 2]
    assert coordination_counts(states)[1:3, 2].tolist() == [3, 4]
    assert coordination_counts(states)[:, :2].sum() == 0
    # Two edges of six rows, or of eight columns; each unit of an armchair edge has two atoms and spans two columns.
    assert edge_counts(states)[3:].tolist() == [[12, 0], [0, 16]]
    assert GRAPHENE.is_valid(states).all()


@pytest.mark.parametrize("size", [("4", "8"), ("8", "4")])
def test_known_sheets_too_small_are_refused(tmp_path, capsys, size):
    rows, cols = size
    command = ["build", "--known", "--rows", rows, "--cols", cols, "--out", str(tmp_path / "known.npz")]
    assert main(command) == 2
    assert f"at least 6 rows and columns. Received: rows={rows}, cols={cols}" in capsys.readouterr().err


def test_material_that_knows_no_sheets_is_refused(tmp_path, capsys):
    assert main(["build", "--known", "--system", "ising", "--out", str(tmp_path / "known.npz")]) == 2
    assert "must know sheets by name. Received: ising, which knows none" in capsys.readouterr().err
    assert json.dumps([path.name for path in tmp_path.iterdir()]) == "[]"


# Of its own packages: what is deprecated, and which accelerators are not there.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_seven_net_is_the_calculator_of_its_package():
    pytest.importorskip("sevenn", reason="the extra mlip is not installed")
    from sevenn.calculator import SevenNetCalculator

    states = np.full((4, 4), 3, np.uint8)
    states[1, 1] = 0
    structure = GRAPHENE.structure(states)
    structure.calc = SevenNetCalculator("7net-0", device="cpu")
    energy = GRAPHENE.reference_energies["7net-0"]
    assert energy(states) == pytest.approx(structure.get_potential_energy(), abs=1e-3)
    assert energy(np.zeros((4, 4), np.uint8)) == 0.0
    assert origin_of(energy.origin.description) == energy.origin
