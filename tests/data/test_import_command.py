"""`rugan data import` as a user runs it: what comes in is what was written, and what does not fit is named."""

import json

import ase.build
import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from disturbed import disturbed, is_symmetric_image
from matplotlib.image import imsave

import rugan_tf
from rugan_tf.data.__main__ import main
from rugan_tf.formats.data_set import read_data_set, read_states
from rugan_tf.generate.labelled import labelled_structures
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
ROWS, COLS = 4, 6
AREA = GRAPHENE.area(ROWS, COLS)


def draw(number=8, rows=ROWS, cols=COLS):
    """Sheets with some atoms missing, valid as the material's rule has it."""
    states = np.full((number, rows, cols), 3, np.uint8)
    for index, sheet in enumerate(states):
        sheet[index % rows, index % cols] = index % 3
        sheet[0, 0] = 1 + index % 2
    return states


def tight_binding(states):
    return np.array([GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in states])


@pytest.fixture(scope="module")
def sheets():
    """Sheets and their total energies."""
    states = draw()
    return states, tight_binding(states)


def frames_of(states, energies, way=None):
    frames = []
    for index, (sheet, energy) in enumerate(zip(states, energies, strict=True)):
        frame = GRAPHENE.structure(sheet)
        frame = frame if way is None else disturbed(frame, way, index)
        frame.calc = SinglePointCalculator(frame, energy=float(energy))
        frames.append(frame)
    return frames


def run(tmp_path, *further, name="a.extxyz"):
    out = tmp_path / "data.npz"
    return main(["import", "--structures", str(tmp_path / name), "--out", str(out), *further]), out


def test_disturbed_frames_become_a_data_set_with_their_energies(tmp_path, sheets, capsys):
    states, energies = sheets
    ase.io.write(tmp_path / "a.extxyz", frames_of(states, energies, "all"))
    code, out = run(tmp_path, "--strict", "--method", "PBE of our group")
    assert code == 0
    data_set = read_data_set(out)
    assert all(is_symmetric_image(GRAPHENE, *pair) for pair in zip(states, data_set.states, strict=True))
    np.testing.assert_allclose(data_set.energy_per_area, energies / AREA, rtol=1e-7)
    assert data_set.metadata["energy_origin"] == {"method": "PBE of our group", "zero": "as the files have it"}
    assert data_set.metadata["frames"][3] == f"{tmp_path / 'a.extxyz'} frame 3"
    printed = capsys.readouterr().out
    assert f"{out}: 8 sheets of 4x6 cells; strain +0.50% to +0.50%, atoms up to 0." in printed
    assert "next: the same command with more structures; 40 sheets make an EDNN\n" in printed
    # What was imported can be labelled again; energies are those of the same sheets, whatever symmetry was between.
    labelled = tmp_path / "labelled.npz"
    assert main(["label", "--states", str(out), "--out", str(labelled), "--processes", "1"]) == 0
    np.testing.assert_allclose(read_data_set(labelled).energy_per_area, energies / AREA, rtol=1e-9)


def test_skew_cells_count_their_energy_for_each_copy(tmp_path):
    structure = ase.build.graphene("C2", a=2.46, size=(4, 4, 1), vacuum=8)
    structure.calc = SinglePointCalculator(structure, energy=-300.0)
    ase.io.write(tmp_path / "a.extxyz", structure)
    code, out = run(tmp_path)
    assert code == 0
    data_set = read_data_set(out)
    assert data_set.states.shape == (1, 4, 8)
    assert data_set.energy_per_area[0] == pytest.approx(-600 / GRAPHENE.area(4, 8))


def spoil(frames):
    """A good frame between bad ones, each bad in its own way."""
    two, unknown, bare = frames[1], frames[2], frames[3]
    two += two[:1]
    two.calc = SinglePointCalculator(two, energy=-300.0)
    unknown.symbols[3] = "Fe"
    bare.calc = None
    return [frames[0], two, unknown, bare, *frames[4:]]


def test_frames_that_do_not_fit_are_named_and_the_rest_is_kept(tmp_path, sheets, capsys):
    states, energies = sheets
    frames = spoil(frames_of(states, energies))
    other = GRAPHENE.structure(np.full((6, 6), 3, np.uint8))
    other.calc = SinglePointCalculator(other, energy=-700.0)
    ase.io.write(tmp_path / "a.extxyz", [*frames, other])
    lines = (tmp_path / "a.extxyz").read_text().splitlines(keepends=True)
    start = sum(2 + len(frame) for frame in frames[:5])
    lines[start + 5] = "C nonsense\n"
    (tmp_path / "a.extxyz").write_text("".join(lines))
    code, out = run(tmp_path, "--energy-unit", "eV")
    assert code == 0
    told = capsys.readouterr().err
    assert "5 of 9 frames are left out" in told
    for index, reason in (
        (1, "A site must hold one atom at most"),
        (2, "Atoms must be of the material, C; --drop Fe leaves others out. Received: atom 3 (Fe) at ("),
        (3, "A frame must have an energy, REF_energy or energy, or another that --property names. Received: none"),
        (5, "ASE cannot read it"),
        (8, "sheets of a data set must be of one size, 4x6 cells as most. Received: 6x6"),
    ):
        assert f"{tmp_path / 'a.extxyz'} frame {index}: {reason}" in told
    kept = [0, 4, 6, 7]
    np.testing.assert_allclose(read_data_set(out).energy_per_area, energies[kept] / AREA, rtol=1e-7)
    code, out = run(tmp_path, "--strict", "--overwrite")
    assert code == 2
    error = capsys.readouterr().err
    assert "Every frame must be a sheet of porous_graphene. Received: " in error
    assert "frame 1: A site must hold" in error
    assert len(read_data_set(out).states) == 4  # what stood there


def test_frames_that_break_one_rule_are_told_once(tmp_path, sheets, capsys):
    frames = frames_of(*sheets)
    for index in (1, 3, 4, 6):
        frames[index].symbols[index] = "Fe"
    frames[5].calc = None
    ase.io.write(tmp_path / "a.extxyz", frames)
    assert run(tmp_path, "--energy-unit", "eV")[0] == 0
    lines = capsys.readouterr().err.splitlines()
    start = next(index for index, line in enumerate(lines) if line.endswith("5 of 8 frames are left out"))
    name = tmp_path / "a.extxyz"
    rule = "Atoms must be of the material, C; --drop Fe leaves others out. Received: atom 1 (Fe) at "
    assert lines[start + 1].startswith(f"  4 frames, the first {name} frame 1: {rule}")
    assert lines[start + 2].startswith(f"  {name} frame 5: A frame must have an energy")
    assert "the energies were not checked by tight-binding" in lines[start + 3]  # of three sheets
    assert len(lines) == start + 4


def test_a_unit_that_is_told_leaves_the_other_checks(tmp_path, sheets, capsys):
    states, energies = sheets
    ase.io.write(tmp_path / "a.extxyz", frames_of(states, energies[::-1]))
    assert run(tmp_path, "--energy-unit", "eV", "--zero-per-atom", "C=9.2")[0] == 0
    told = capsys.readouterr().err
    assert "the energies do not follow those of tight-binding" in told
    assert "has --zero-per-atom the right sign?" in told


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda energy, number: energy / 27.211386245988, ["--energy-unit", "Ha"]),
        (lambda energy, number: energy / number, ["--energy-per", "atom", "--energy-unit", "eV"]),
        (lambda energy, number: energy / 0.0433641042, ["--energy-unit", "kcal/mol"]),
    ],
)
def test_energies_in_other_units_are_asked_about(tmp_path, sheets, capsys, change, options):
    states, energies = sheets
    given = change(energies, GRAPHENE.num_atoms(states))
    ase.io.write(tmp_path / "a.extxyz", frames_of(states, given))
    code, out = run(tmp_path)
    assert code == 2
    error = capsys.readouterr().err
    assert "Energies must be totals in eV, or --energy-unit and --energy-per say what they are" in error
    assert {"Ha": "in Ha", "eV": "per atom", "kcal/mol": "in kcal/mol"}[options[-1]] in error
    assert not out.exists()
    code, out = run(tmp_path, *options)
    assert code == 0
    np.testing.assert_allclose(read_data_set(out).energy_per_area, energies / AREA, rtol=1e-7)


def test_zero_is_chosen_by_number_by_element_and_by_a_pristine_structure(tmp_path, sheets):
    states, energies = sheets
    ase.io.write(tmp_path / "a.extxyz", frames_of(states, energies))
    pristine = np.full((ROWS, COLS), 3, np.uint8)
    per_atom = float(tight_binding(pristine[None])[0]) / 48
    ase.io.write(tmp_path / "pristine.extxyz", frames_of(pristine[None], [48 * per_atom]))
    expected = (energies - GRAPHENE.num_atoms(states) * per_atom) / AREA
    for zero in (
        ["--zero-per-atom", repr(per_atom)],
        ["--zero-per-atom", f"C={per_atom!r}", "H=-3"],
        ["--zero-from", str(tmp_path / "pristine.extxyz")],
    ):
        code, out = run(tmp_path, *zero, "--overwrite")
        assert code == 0
        data_set = read_data_set(out)
        np.testing.assert_allclose(data_set.energy_per_area, expected, atol=1e-6)
        assert f"{per_atom:.10g} eV per atom" in data_set.metadata["energy_origin"]["zero"]


def test_hydrogens_are_dropped_with_their_energy(tmp_path, capsys):
    states = draw(2)
    frames = [GRAPHENE.saturated(sheet, "H") for sheet in states]
    for frame in frames:
        frame.calc = SinglePointCalculator(frame, energy=-7.0 * len(frame))
    ase.io.write(tmp_path / "a.extxyz", frames)
    assert run(tmp_path)[0] == 2
    assert "--drop H leaves others out. Received: atom" in capsys.readouterr().err
    assert run(tmp_path, "--drop", "H", "--energy-unit", "eV")[0] == 0
    assert " atoms of H that were dropped; --zero-per-atom with H=NUMBER takes them off" in capsys.readouterr().err
    code, out = run(tmp_path, "--drop", "H", "--zero-per-atom", "C=-6", "H=-7", "--overwrite")
    assert code == 0
    assert "dropped;" not in capsys.readouterr().err
    np.testing.assert_allclose(read_data_set(out).energy_per_area, -GRAPHENE.num_atoms(states) / AREA)


def test_named_properties_columns_and_tables(tmp_path, sheets):
    states, energies = sheets
    frames = [GRAPHENE.structure(sheet) for sheet in states]
    for frame, energy in zip(frames, energies, strict=True):
        frame.info["my_energy"] = energy
        frame.arrays["site_energy"] = np.full(len(frame), energy / len(frame))
    ase.io.write(tmp_path / "a.extxyz", frames)
    written = rugan_tf.write_sheets(tmp_path / "b.cif", GRAPHENE, states, energies / AREA, energies / AREA)
    table = ["--table", str(written[-1])]
    for name, further in (
        ("a.extxyz", ["--property", "my_energy"]),
        ("a.extxyz", ["--property", "site_energy"]),
        ("b-*.cif", table),
        ("b-*.cif", [*table, "--property", "REF_energy"]),
    ):
        code, out = run(tmp_path, *further, "--overwrite", name=name)
        assert code == 0
        np.testing.assert_allclose(read_data_set(out).energy_per_area, energies / AREA, rtol=1e-6)


def test_two_energies_of_a_frame_are_not_chosen_between(tmp_path, sheets, capsys):
    states, energies = sheets
    frames = frames_of(states, energies)
    for frame in frames:
        frame.info["REF_energy"] = frame.get_potential_energy() - 1
    ase.io.write(tmp_path / "a.extxyz", frames)
    assert run(tmp_path)[0] == 2
    assert "A frame must have one energy; --property says which. Received: REF_energy -" in capsys.readouterr().err
    assert run(tmp_path, "--property", "energy")[0] == 0


@pytest.mark.parametrize(("number", "what"), [(39, "the same command"), (40, "python -m rugan_tf.ednn train --data ")])
def test_next_command_is_one_that_takes_so_many_sheets(tmp_path, capsys, number, what):
    sheets = draw(number)
    energies = [GRAPHENE.reference_energies["tight-binding"](sheet) for sheet in sheets]
    ase.io.write(tmp_path / "a.extxyz", frames_of(sheets, energies, "all"))
    assert run(tmp_path)[0] == 0
    assert f"next: {what}" in capsys.readouterr().out


def test_structures_without_energies(tmp_path, capsys):
    states = draw(3)
    for index, sheet in enumerate(states):
        (tmp_path / f"run{index}").mkdir()
        ase.io.write(tmp_path / f"run{index}" / "CONTCAR", GRAPHENE.structure(sheet))
    assert run(tmp_path, name="run*/CONTCAR")[0] == 2
    assert "A frame must have an energy" in capsys.readouterr().err
    code, out = run(tmp_path, "--without-energies", name="run*/CONTCAR")
    assert code == 0
    found = read_states(out, GRAPHENE)
    assert all(is_symmetric_image(GRAPHENE, *pair) for pair in zip(states, found, strict=True))
    assert f"next: python -m rugan_tf.data label --states {out} " in capsys.readouterr().out


def test_windows_of_a_large_sheet_are_repaired_and_have_no_energy(tmp_path, capsys):
    large = GRAPHENE.draw_states(np.random.default_rng(1), 1, 12, 18, GRAPHENE.drawing)
    ase.io.write(tmp_path / "a.extxyz", labelled_structures(GRAPHENE, large, np.array([-2.0]), None))
    code, out = run(tmp_path, "--windows", "4", "6")
    assert code == 0
    states = read_states(out, GRAPHENE)
    assert states.shape == (9, 4, 6)
    np.testing.assert_array_equal(states, GRAPHENE.repair(states))
    with np.load(out) as archive:
        assert "energy_per_area" not in archive.files
    printed = capsys.readouterr().out
    assert "9 windows of 4x6 cells of 1 large sheet\na window is not periodic: " in printed
    assert "data label" in printed
    assert run(tmp_path, "--windows", "4", "6", "--stride", "2", "2", "--overwrite")[0] == 0
    assert len(read_states(out, GRAPHENE)) == 5 * 7
    for further, message in (
        (["--windows", "4", "5"], "cols must be even"),
        (["--windows", "14", "16"], "Windows must be smaller than the sheet, 12x18 cells. Received: 14x16"),
        (["--windows", "4", "6", "--stride", "1", "3"], "whole periods of 2 columns. Received: 1 3"),
    ):
        assert run(tmp_path, *further, "--overwrite")[0] == 2
        assert message in capsys.readouterr().err


def test_a_micrograph_is_cut_into_windows(tmp_path, capsys):
    mask = np.ones((60, 100))  # 30 Å high, 50 Å wide
    mask[:20, :30] = 0  # the upper left: a hole of 15 x 10 Å
    imsave(tmp_path / "mask.png", mask, cmap="gray", vmin=0, vmax=1)
    assert run(tmp_path, "--windows", "4", "6", name="mask.png")[0] == 2
    assert "A picture must come with its --scale" in capsys.readouterr().err
    code, out = run(tmp_path, "--windows", "20", "14", "--scale", "0.5", name="mask.png")
    assert code == 0
    (states,) = read_states(out, GRAPHENE)
    x, y = np.moveaxis(GRAPHENE.lattice.positions(20, 14), -1, 0)
    inside = (x > 0.6) & (x < 14.4) & (y > 20.6)  # well within the hole, counted from the lower left
    outside = ((x > 16) | (y < 19)) & (x > 2) & (y > 2)
    occupied = np.stack([states & 1, states >> 1], axis=-1) == 1
    assert not occupied[inside].any()
    assert occupied[outside].mean() > 0.99
    imsave(tmp_path / "grey.png", np.linspace(0, 1, 6000).reshape(60, 100), cmap="gray")
    assert run(tmp_path, "--windows", "4", "6", "--scale", "0.5", "--overwrite", name="grey.png")[0] == 2
    assert "A mask must be black and white, so set a threshold first. Received: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--tolerance", "0.9"], "at most half the distance of two sites"),
        (["--tolerance", "0.1", "0.1", "0.1"], "tolerance must be one number or two"),
        (["--zero-per-atom", "nine"], "zero_per_atom must be a number or SYMBOL=NUMBER"),
        (["--zero-per-atom", "-9", "-8"], "zero_per_atom must be one finite number, or one for each element"),
        (["--zero-per-atom", "-9", "--zero-from", "a.cif"], "The zero must be told once"),
        (["--without-energies", "--property", "x"], "with energies or without"),
        (["--stride", "2", "2"], "stride and scale are those of windows"),
        (["--scale", "0"], "stride and scale are those of windows"),
        (["--method", "a: b"], "method must be words without ': '"),
        (["--table", "nowhere.csv"], "nowhere.csv"),
        (
            ["--properties", "states=x"],
            "must be named by letters, digits and _, and not be one of states, energy_per_area",
        ),
        (["--properties", "band gap"], "must be named by letters, digits and _"),
        (["--properties", "gap", "--without-energies"], "which has energies. Received: --without-energies"),
        (["--property", "nothing"], "A frame must have an energy, nothing. Received: none"),
    ],
)
def test_bad_options_exit_with_2_and_leave_nothing(tmp_path, sheets, capsys, further, message):
    ase.io.write(tmp_path / "a.extxyz", frames_of(*sheets))
    try:
        code, _ = run(tmp_path, *further)
    except SystemExit as stop:  # what contradicts itself is refused when options are read
        code = stop.code
    assert code == 2
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir()] == ["a.extxyz"]


def test_import_from_python_returns_what_the_command_writes(tmp_path, sheets):
    states, energies = sheets
    ase.io.write(tmp_path / "a.db", frames_of(states, energies), type="db")
    imported = rugan_tf.import_structures(GRAPHENE, [tmp_path / "a.db"])
    np.testing.assert_allclose(imported.energy, energies)
    assert imported.names[1].endswith("a.db frame 1")
    assert imported.left_out == ()
    assert json.dumps(imported.warnings()) == "[]"


def test_other_numbers_of_frames_are_kept_with_their_units(tmp_path, sheets, capsys):
    states, energies = sheets
    frames = frames_of(states, energies)
    for index, frame in enumerate(frames):
        frame.info["band_gap"] = 0.25 * index
        frame.info["sublattice_imbalance"] = -1.0 * index
    frames[5].info["band_gap"] = float("nan")
    del frames[6].info["band_gap"]
    ase.io.write(tmp_path / "a.extxyz", frames)
    code, out = run(tmp_path, "--properties", "band_gap=eV", "sublattice_imbalance")
    assert code == 0
    data_set = read_data_set(out)
    kept = np.array([0, 1, 2, 3, 4, 7])
    np.testing.assert_array_equal(data_set.properties["band_gap"], 0.25 * kept)
    np.testing.assert_array_equal(data_set.properties["sublattice_imbalance"], -1.0 * kept)
    assert data_set.metadata["properties"] == {"band_gap": {"unit": "eV"}, "sublattice_imbalance": {"unit": ""}}
    warned = capsys.readouterr().err
    assert "frame 5: A property must be finite. Received: band_gap nan" in warned
    assert "frame 6: A frame must have band_gap. Received: sublattice_imbalance" in warned
