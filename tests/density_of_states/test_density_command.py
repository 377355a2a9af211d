"""`rugan density_of_states` as a user runs it."""

import os
import signal
import subprocess
import sys
import time

import ase
import ase.io
import numpy as np
import pytest
import zarr
from ase.build import graphene, graphene_nanoribbon

from rugan_tf.density_of_states.__main__ import main
from rugan_tf.density_of_states.inputs import read_sheets
from rugan_tf.density_of_states.results import read_results
from rugan_tf.physics.tight_binding import electronic_levels, fermi_level, neighbour_pairs
from rugan_tf.systems.named import system_named
from rugan_tf.systems.porous_graphene.atoms import sheet_positions
from rugan_tf.systems.porous_graphene.carbon import CARBON
from rugan_tf.systems.porous_graphene.holes import PoreOptions, draw_porous_states

STATES = draw_porous_states(np.random.default_rng(0), 2, 6, 8, PoreOptions(max_radius=3.0))


@pytest.fixture
def sheets(tmp_path):
    path = tmp_path / "sheets.npz"
    np.savez(path, states=STATES)
    return path


def args(sheets, *further):
    return ["--structures", str(sheets), "--out", str(sheets.parent / "dos.npz"), *further]


def test_command_writes_densities_that_hold_every_electron(sheets, capsys):
    assert main(args(sheets, "--local", "distance", "--num-states", "3")) == 0
    results = read_results(sheets.parent / "dos.npz")
    step = results.energy[1] - results.energy[0]
    assert 0.0 in results.energy
    np.testing.assert_allclose(results.density.sum(axis=1) * step, 8, rtol=1e-5)
    np.testing.assert_allclose(results.density_pi.sum(axis=1) * step, 2, rtol=1e-5)
    np.testing.assert_allclose(results.density, results.density_sigma + results.density_pi)
    for index, states in enumerate(STATES):
        positions, lengths = sheet_positions(states)
        levels = np.concatenate(
            electronic_levels(CARBON, neighbour_pairs(positions, lengths, CARBON.cutoff), len(positions))
        )
        assert results.fermi_level[index] == pytest.approx(fermi_level(levels, 4 * len(positions)), abs=1e-8)
        ordered = np.sort(levels)
        assert results.gap[index] == pytest.approx(np.diff(ordered)[2 * len(positions) - 1], abs=1e-8)
        assert results.num_atoms[index] == len(positions)
        assert results.num_zero_modes[index] >= results.sublattice_imbalance[index]
    local = results.local_density
    shares = local.num_atoms / results.num_atoms[:, None]
    np.testing.assert_allclose((shares[:, :, None] * local.density).sum(axis=1), results.density, atol=1e-5)
    assert (results.participation >= 1).all()
    assert (results.participation <= results.num_atoms[:, None]).all()
    printed = capsys.readouterr().out
    assert f"2 sheets of {results.num_atoms.min()} to {results.num_atoms.max()} atoms" in printed
    assert "sigma by all levels" in printed
    assert "next: look at" in printed
    names = {path.name for path in sheets.parent.iterdir()}
    assert names == {"sheets.npz", "dos.npz", "dos.png", "dos.pdf"}
    assert (sheets.parent / "dos.png").stat().st_size > 10_000


def test_methods_agree_and_polynomials_tell_their_error(sheets):
    found = {}
    for method in ("exact", "polynomials"):
        out = sheets.parent / f"{method}.npz"
        further = ["--method", method, "--broadening", "0.5", "--num-vectors", "64", "--no-figure", "--out", str(out)]
        assert main([*args(sheets)[:2], *further, "--energy-range", "-8", "8"]) == 0
        found[method] = read_results(out)
    exact, random = found["exact"], found["polynomials"]
    assert not exact.density_error.any()
    counts = [np.cumsum(one.density[0]) * (one.energy[1] - one.energy[0]) for one in (exact, random)]
    off = counts[0] - np.interp(exact.energy, random.energy, counts[1])
    assert abs(off).max() < 0.15  # of 8 states an atom
    assert (random.density_error[0] > 0).all()
    assert (random.resolution <= 0.5).all()
    assert np.isnan(random.gap).all()
    assert random.fermi_level == pytest.approx(exact.fermi_level, abs=0.2)
    assert exact.energy[[0, -1]] == pytest.approx([-8, 8], abs=0.2)


def test_pi_model_by_site(sheets):
    assert main(args(sheets, "--model", "pi", "--local", "sites", "--k-points", "2", "1", "--no-figure")) == 0
    results = read_results(sheets.parent / "dos.npz")
    assert not results.density_sigma.any()
    assert np.isnan(results.resolution[:, 0]).all()
    first = results.num_atoms[0]
    assert results.local_density.density.shape == (results.num_atoms.sum(), len(results.energy))
    mean = results.local_density.density[:first].mean(axis=0)
    np.testing.assert_allclose(mean, results.density[0], atol=1e-5)


@pytest.mark.usefixtures("sheets")  # sheets.npz
def test_every_format_gives_the_same_sheets(tmp_path):
    frames = [system_named("porous_graphene").structure(states) for states in STATES]
    ase.io.write(tmp_path / "sheets.extxyz", frames)
    ase.io.write(tmp_path / "sheets.xyz", frames, format="extxyz")
    array = zarr.create_array(
        str(tmp_path / "sheets.zarr"), shape=STATES.shape, dtype="uint8", config={"write_empty_chunks": True}
    )
    array[:] = STATES
    for name in ("sheets.npz", "sheets.extxyz", "sheets.xyz", "sheets.zarr"):
        number, read = read_sheets(tmp_path / name, "porous_graphene")
        assert number == 2
        for states, atoms in zip(STATES, read, strict=True):
            positions, lengths = sheet_positions(states)
            np.testing.assert_allclose(atoms.positions, positions, atol=1e-6)
            np.testing.assert_allclose(atoms.cell, np.diag(lengths), atol=1e-6)


def test_ribbons_and_skewed_cells_are_taken(tmp_path):
    primitive = graphene("C2", a=2.46, vacuum=5.0)
    ribbon = graphene_nanoribbon(4, 3, type="zigzag", saturated=False, C_C=1.42)
    ribbon.rotate(90, "x", rotate_cell=True)
    ribbon.center(axis=2)
    ribbon.positions[:, 2] = 0
    periods = ribbon.cell.lengths()
    flat = ase.Atoms(ribbon.numbers, ribbon.positions, cell=[periods[0], 0, 0], pbc=False)
    flat.positions[:, :2] = np.stack([flat.positions[:, 0], flat.positions[:, 1]], 1)
    ase.io.write(tmp_path / "two.extxyz", [primitive, flat])
    _, read = read_sheets(tmp_path / "two.extxyz", "porous_graphene")
    first, second = read
    assert abs(np.linalg.det(first.cell)) == pytest.approx(2.46**2 * np.sqrt(3) / 2)
    assert (second.heights > np.ptp(second.positions, axis=0) + 11).all()


def broken(name, tmp_path):
    structure = system_named("porous_graphene").structure(STATES[0])
    path = tmp_path / "bad.extxyz"
    frames = [structure.copy(), structure]
    if name == "nitrogen":
        structure.symbols[3] = "N"
    elif name == "buckled":
        structure.positions[5, 2] += 0.3
    elif name == "overlapping":
        structure.positions[1] = structure.positions[0] + [0.2, 0, 0]
    elif name == "empty":
        frames[1] = ase.Atoms(cell=structure.cell, pbc=structure.pbc)
    elif name == "garbage":
        path = tmp_path / "bad.dat"
        path.write_text("no structure\n")
        return path
    elif name == "standing":
        structure.rotate(90, "x", rotate_cell=True)
        structure.positions[:, 2] = 0
    elif name == "vacant":
        path = tmp_path / "bad.npz"
        np.savez(path, states=np.zeros((1, 4, 4), np.uint8))
        return path
    ase.io.write(path, frames)
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nitrogen", "Sheets must be of C. Received: frame 1 with N as atom 3"),
        ("buckled", "Sheets must lie flat in the plane of x and y, within 0.05 Å. Received: frame 1, 0.3 Å"),
        ("overlapping", "Atoms must be at least 0.5 Å apart. Received: 0.2 Å (sheet 1"),
        ("empty", "A sheet must hold at least one atom. Received: frame 1, which is empty"),
        ("garbage", "Structures must be in a format that ASE reads"),
        ("standing", "The first two periods must lie in the plane"),
        ("vacant", "A sheet must hold at least one atom. Received: sheet 0, which is empty"),
    ],
)
def test_bad_structures_exit_with_2(tmp_path, capsys, name, message):
    path = broken(name, tmp_path)
    assert main(["--structures", str(path), "--out", str(tmp_path / "out.npz"), "--no-figure"]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--method", "polynomials", "--num-moments", "50"], "needs at least"),
        (["--structures", "nowhere.xyz"], "must exist. Received: nowhere.xyz"),
        (["--method", "exact", "--broadening", "0.0001"], "At most 20000 energies"),
    ],
)
def test_bad_requests_exit_with_2(sheets, capsys, further, message):
    assert main(args(sheets, "--no-figure", *further)) == 2
    assert message in capsys.readouterr().err
    assert not (sheets.parent / "dos.npz").exists()


@pytest.mark.parametrize(
    "further",
    [
        ["--broadening", "0"], ["--smearing", "-1"], ["--num-vectors", "0"], ["--k-points", "0", "1"],
        ["--hopping", "0"], ["--num-moments", "1"], ["--energy-range", "2", "1"], ["--out", "dos.csv"],
        ["--local", "sites", "--method", "polynomials"],
    ],
)  # fmt: skip
def test_options_that_cannot_be_exit_with_2(sheets, further):
    with pytest.raises(SystemExit) as stopped:
        main(args(sheets, *further))
    assert stopped.value.code == 2


def test_files_that_exist_are_kept_unless_said_otherwise(sheets, capsys):
    (sheets.parent / "dos.pdf").write_text("mine")
    assert main(args(sheets, "--model", "pi")) == 2
    assert "must not exist, or --overwrite be given" in capsys.readouterr().err
    assert (sheets.parent / "dos.pdf").read_text() == "mine"
    assert main(args(sheets, "--model", "pi", "--overwrite")) == 0


def test_a_killed_run_goes_on_with_the_same_result(tmp_path):
    path = tmp_path / "sheets.npz"
    np.savez(path, states=draw_porous_states(np.random.default_rng(1), 1, 60, 60, PoreOptions()))
    whole, again = tmp_path / "whole.npz", tmp_path / "again.npz"
    given = ["--model", "pi", "--method", "polynomials", "--broadening", "0.02", "--num-vectors", "64", "--no-figure"]
    command = [sys.executable, "-m", "rugan_tf.density_of_states", "--structures", str(path), *given]
    process = subprocess.Popen([*command, "--out", str(again)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("again.progress/*vector*"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not again.exists()
    kept = len(list(tmp_path.glob("again.progress/*vector*")))
    assert 4 <= kept < 64
    for out in (again, whole):
        assert main(["--structures", str(path), *given, "--out", str(out)]) == 0
    np.testing.assert_array_equal(read_results(again).density, read_results(whole).density)
    assert not list(tmp_path.glob("*.progress"))
