from pathlib import Path

import ase.io
import ase.spacegroup
import numpy as np
import pytest

from rugan_tf.errors import InputError, InputWarning
from rugan_tf.formats.frames import ReadOptions, said
from rugan_tf.formats.npz import read_arrays, write_npz
from rugan_tf.formats.single_files import lists_all
from rugan_tf.formats.structures import SUFFIXES as SUFFIXES_OF_STRUCTURES
from rugan_tf.formats.structures import format_of, is_structure_file, read_structures, structure_paths, write_structures
from rugan_tf.generate.writers import SUFFIXES, write_sheets
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")
CELL = [2 * 2.46, 2 * 2.46 * np.sqrt(3) / 2]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("number", [1, 2])
def test_empty_sheet_is_written_in_every_format(tmp_path, suffix, number):
    """Alone, and between others."""
    states = np.stack([np.zeros((2, 2), np.uint8), np.full((2, 2), 3, np.uint8)])[:number]
    with pytest.warns(InputWarning, match=f"sheets without any atom are written as empty cells: 1 of {number}"):
        paths = write_sheets(tmp_path / f"sheet{suffix}", GRAPHENE, states, np.full(number, -1.0))
    assert paths
    assert all(path.exists() for path in paths)


EMPTY, FULL = np.zeros((2, 2), np.uint8), np.full((2, 2), 3, np.uint8)


def write(path, *states):
    return write_structures(path, GRAPHENE, [GRAPHENE.structure(sheet) for sheet in states])


def frames(*paths, **options):
    return list(read_structures(tuple(map(str, paths)), ReadOptions(**options)))


@pytest.mark.parametrize("suffix", SUFFIXES_OF_STRUCTURES)
def test_empty_sheet_is_read_back_with_its_cell(tmp_path, suffix):
    write(tmp_path / f"sheet{suffix}", EMPTY)
    (frame,) = frames(tmp_path / f"sheet{suffix}")
    assert len(frame.structure) == 0
    np.testing.assert_allclose(frame.structure.cell.lengths()[:2], CELL, atol=1e-3)


def test_empty_cif_has_the_cell_of_a_full_one(tmp_path):
    """ASE reads no structure from a CIF without atoms, so its lines are compared with those of a full sheet."""
    lines = []
    for name, sheet in (("empty", EMPTY), ("full", FULL)):
        path = tmp_path / f"{name}.cif"
        write(path, sheet)
        lines.append([line.split() for line in path.read_text().splitlines() if line.startswith("_cell_")])
    assert [key for key, _ in lines[0]] == [key for key, _ in lines[1]]
    values = [[float(value) for _, value in part] for part in lines]
    np.testing.assert_allclose(*values, rtol=1e-6)


def test_failing_sheet_leaves_what_stood_there(tmp_path, monkeypatch):
    path = tmp_path / "sheet.cif"
    path.write_text("old")
    monkeypatch.setattr(ase.io, "write", lambda *_args, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(path, FULL)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_formats_of_one_sheet_have_numbered_files(tmp_path):
    assert structure_paths(tmp_path / "a.extxyz", 3) == [tmp_path / "a.extxyz"]
    assert structure_paths(tmp_path / "a.vasp", 1) == [tmp_path / "a.vasp"]
    assert [path.name for path in structure_paths(tmp_path / "POSCAR", 2)] == ["POSCAR-0000", "POSCAR-0001"]
    assert [path.name for path in structure_paths(tmp_path / "a.CIF", 2)] == ["a-0000.CIF", "a-0001.CIF"]


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.XYZ", ".extxyz"), ("CONTCAR", ".vasp"), ("POSCAR-0001", ".vasp"), ("POSCAR.cif", ".cif"), ("a.LMP", ".data")],
)
def test_formats_are_known_by_suffix_in_any_case_and_by_name(name, form):
    assert format_of(Path(name)).suffixes[0] == form


SPOILT = {
    "a word among numbers": lambda lines, start: lines[start + 3].replace("C", "C oops", 1),
    "an unknown element": lambda lines, start: lines[start + 3].replace("C", "Qq", 1),
}


@pytest.mark.parametrize("deed", SPOILT)
def test_unreadable_frame_in_the_middle_is_named_and_the_others_are_kept(tmp_path, deed):
    path = tmp_path / "a.extxyz"
    write(path, FULL, FULL, FULL)
    lines = path.read_text().splitlines(keepends=True)
    lines[10 + 3] = SPOILT[deed](lines, 10)
    path.write_text("".join(lines))
    found = frames(path)
    assert [frame.structure is None for frame in found] == [False, True, False]
    assert [frame.name for frame in found] == [f"{path} frame {index}" for index in range(3)]
    assert "ASE cannot read it" in found[1].failure


@pytest.mark.parametrize("change", [-3, -1, 1, 3])
def test_frame_with_a_wrong_number_of_atoms_hides_no_other(tmp_path, change):
    path = tmp_path / "a.extxyz"
    write(path, FULL, FULL, FULL, FULL)
    lines = path.read_text().splitlines(keepends=True)
    lines[10] = f"{8 + change}\n"
    path.write_text("".join(lines))
    good = [frame for frame in frames(path) if frame.structure is not None and len(frame.structure) == 8]
    assert len(good) == 3


def test_cut_off_file_keeps_its_whole_frames(tmp_path):
    path = tmp_path / "a.extxyz"
    write(path, FULL, FULL)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-2]))
    first, second = frames(path)
    assert len(first.structure) == 8
    assert second.failure == "it must have 8 atoms. Received: the end of the file before"


def test_what_is_no_structure_is_a_failure_not_a_traceback(tmp_path):
    for name in ("a.extxyz", "a.cif", "POSCAR", "a.data", "a.db", "a.json", "a.traj", "b"):
        (tmp_path / name).write_text("nothing of the kind\n")
        found = frames(tmp_path / name)
        assert [frame.structure is None and bool(frame.failure) for frame in found] == [True], name


def test_files_folders_and_patterns(tmp_path):
    for folder in ("one", "two"):
        write(tmp_path / folder / "POSCAR", FULL)
    (tmp_path / "one" / "README").write_text("of the calculation")
    write(tmp_path / "b.extxyz", FULL, FULL)
    found = frames(tmp_path / "b.extxyz", tmp_path / "*" / "POSCAR", tmp_path / "one")
    assert [(frame.path.name, frame.index) for frame in found] == [("b.extxyz", 0), ("b.extxyz", 1)] + 2 * [
        ("POSCAR", 0)
    ]
    (tmp_path / "three").mkdir()
    for name, message in (("three", "A folder must hold files"), ("*.cif", "A pattern must match")):
        with pytest.raises(InputError, match=message):
            frames(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"must exist. Received: .*nowhere"):
        frames(tmp_path / "nowhere")


def test_types_of_lammps_are_told_or_follow_from_masses(tmp_path):
    path = tmp_path / "a.data"
    write(path, FULL)
    assert frames(path)[0].structure.get_chemical_formula() == "C8"
    text = path.read_text()
    start, end = text.index("Masses"), text.index("Atoms")
    path.write_text(text[:start] + text[end:])
    assert frames(path)[0].structure.get_chemical_formula() == "H8"  # as ASE takes type 1
    assert frames(path, species=("C",))[0].structure.get_chemical_formula() == "C8"
    with pytest.raises(InputError, match=r"species must be chemical symbols. Received: Xy"):
        frames(path, species=("Xy",))


def test_rows_of_a_database_are_selected(tmp_path):
    structures = [GRAPHENE.structure(FULL) for _ in range(3)]
    for index, structure in enumerate(structures):
        structure.info["quality"] = float(index)
    write_structures(tmp_path / "a.db", GRAPHENE, structures)
    found = frames(tmp_path / "a.db", selection="quality>0")
    assert [(frame.index, frame.structure.info["quality"]) for frame in found] == [(1, 1.0), (2, 2.0)]
    (broken,) = frames(tmp_path / "a.db", selection="quality>")
    assert "holds no structure, or none that is selected" in broken.failure


def test_cif_with_symmetry_and_with_shared_sites(tmp_path):
    path = tmp_path / "a.cif"
    ase.io.write(path, ase.spacegroup.crystal("C", [(0.1, 0.2, 0.3)], spacegroup=2, cellpar=[5, 5, 5, 90, 90, 90]))
    text = path.read_text()
    assert len(frames(path)[0].structure) == 2
    path.write_text(text.replace("1.0000", "0.5000"))
    assert "Sites must be occupied or not. Received: an occupancy of 0.5" in frames(path)[0].failure


@pytest.mark.parametrize(
    "symmetry",
    [
        "_space_group_IT_number 2\n",
        "_space_group_IT_number 2\nloop_\n_space_group_symop_operation_xyz\n'x, y, z'\n'-x, -y, -z'\n",
    ],
)
def test_atoms_that_a_cif_leaves_to_its_symmetry_are_there(tmp_path, symmetry):
    cell = "".join(f"_cell_length_{axis} 5\n" for axis in "abc")
    cell += "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    sites = "loop_\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nC 0.1 0.2 0.3\n"
    (tmp_path / "a.cif").write_text(f"data_a\n{cell}{symmetry}{sites}")
    (frame,) = frames(tmp_path / "a.cif")
    np.testing.assert_allclose(frame.structure.get_scaled_positions(), [[0.1, 0.2, 0.3], [0.9, 0.8, 0.7]])


def test_arrays_with_metadata_are_read_as_they_were_written(tmp_path):
    write_npz(tmp_path / "a.npz", {"value": np.arange(3)}, {"unit": "eV"})
    read = read_arrays(tmp_path / "a.npz", ("value", "metadata"))
    np.testing.assert_array_equal(read["value"], [0, 1, 2])
    assert str(read["metadata"]) == '{"unit": "eV"}'
    write_npz(tmp_path / "b.npz", {"value": np.arange(3)})
    with np.load(tmp_path / "b.npz", allow_pickle=False) as archive:
        assert archive.files == ["value"]
    with pytest.raises(ValueError, match=r"must be an .npz file. Received: .*a.zip"):
        write_npz(tmp_path / "a.zip", {})


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"_space_group_symop_operation_xyz": ["x, y, z"]}, True),
        ({"_symmetry_equiv_pos_as_xyz": "x, y, z"}, True),
        ({"_space_group_symop.operation_xyz": ["x, y, z", "-x, -y, z"]}, False),
        ({"_space_group_symop_operation_xyz": ["x, y, z", "-x, -y, z"], "_space_group_it_number": 1}, False),
        ({"_space_group_it_number": 1}, True),
        ({"_space_group.it_number": 1}, True),
        ({"_symmetry_int_tables_number": 1}, True),
        ({"_symmetry_int_tables_number": 2}, False),
        ({}, False),
    ],
)
def test_a_cif_that_lists_every_atom_is_taken_at_its_word(block, expected):
    assert lists_all(block) is expected


def test_a_cif_without_a_cell_is_named(tmp_path):
    (tmp_path / "a.cif").write_text("data_a\n_cell_note 'none'\n")
    (frame,) = frames(tmp_path / "a.cif")
    assert (frame.structure, frame.failure) == (None, "a CIF must hold a cell")
    write(tmp_path / "b.cif", FULL)
    (tmp_path / "b.cif").write_text((tmp_path / "b.cif").read_text() + (tmp_path / "a.cif").read_text())
    assert [len(frame.structure) for frame in frames(tmp_path / "b.cif")] == [8]
    assert frames(tmp_path / "b.cif")[0].structure.pbc.all()


def test_sites_that_are_nearly_whole_are_whole(tmp_path):
    write(tmp_path / "a.cif", FULL)
    text = (tmp_path / "a.cif").read_text()
    (tmp_path / "b.cif").write_text(text.replace("1.0000", "0.9995"))
    assert len(frames(tmp_path / "b.cif")[0].structure) == 8


def test_the_first_frame_of_a_file_without_any_is_named(tmp_path):
    (tmp_path / "a.extxyz").write_text("")
    (frame,) = frames(tmp_path / "a.extxyz")
    assert (frame.name, frame.structure) == (f"{tmp_path / 'a.extxyz'} frame 0", None)
    assert frame.failure == "the file holds no structure, or none that is selected"


def test_blank_lines_and_bad_bytes_hide_no_frame(tmp_path):
    path = tmp_path / "a.extxyz"
    write(path, FULL, FULL)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].rstrip() + b' author="M\xfcller"\n'
    path.write_bytes(b"\n  \n" + b"".join(lines[:10]) + b"\n" + b"".join(lines[10:]))
    assert [len(frame.structure) for frame in frames(path)] == [8, 8]


def test_what_begins_no_frame_is_told_with_its_beginning(tmp_path):
    path = tmp_path / "a.extxyz"
    write(path, FULL)
    path.write_text(path.read_text() + 60 * "x" + "\n")
    _, bad = frames(path)
    assert (bad.name, bad.failure) == (
        f"{path} frame 1",
        f"a frame must begin with its number of atoms. Received: '{40 * 'x'}'",
    )
    (tmp_path / "b.extxyz").write_text("3\n\n")
    (short,) = frames(tmp_path / "b.extxyz")
    assert (short.name, short.structure) == (f"{tmp_path / 'b.extxyz'} frame 0", None)


def test_an_exception_is_one_line_with_its_kind():
    assert said(ValueError("a\n  b")) == "ValueError: a b"


def test_blocks_of_a_cif_are_numbered_and_a_broken_one_ends_the_file(tmp_path):
    for name, sheet in (("a", FULL), ("b", EMPTY)):
        write(tmp_path / f"{name}.cif", sheet)
    texts = [(tmp_path / f"{name}.cif").read_text() for name in "ab"]
    author = "_publ_author_name 'Ren\xe9'\n".encode("latin-1")
    path = tmp_path / "c.cif"
    path.write_bytes((texts[0] + texts[1]).encode() + author)
    found = frames(path)
    assert [(frame.name, len(frame.structure)) for frame in found] == [(f"{path} frame 0", 8), (f"{path} frame 1", 0)]
    assert found[1].structure.pbc.all()
    shared = texts[0].replace("1.0000", "0.5000")
    path.write_text(texts[1] + shared + texts[0])
    _, bad = frames(path)
    assert (bad.name, bad.structure) == (f"{path} frame 1", None)
    assert bad.failure.startswith("ASE cannot read it, nor what follows it (InputError: Sites must be occupied or not.")


def test_cif_of_cartesian_places_without_occupancies(tmp_path):
    cell = "".join(f"_cell_length_{axis} {length}\n" for axis, length in (("a", 4), ("b", 5), ("c", 6)))
    cell += "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    sites = "loop_\n_atom_site_type_symbol\n_atom_site_cartn_x\n_atom_site_cartn_y\n_atom_site_cartn_z\nC 1.0 2.0 3.0\n"
    (tmp_path / "a.cif").write_text(f"data_a\n{cell}_space_group_IT_number 1\n{sites}")
    (frame,) = frames(tmp_path / "a.cif")
    np.testing.assert_allclose(frame.structure.positions, [[1, 2, 3]])


def test_files_hold_what_programs_expect_of_their_format(tmp_path):
    nitride = system_named("boron_nitride")
    sheet = nitride.structure(np.full((2, 2), nitride.species.index(("C", "C")), np.uint8))
    poscar, data = tmp_path / "POSCAR", tmp_path / "a.data"
    for path in (poscar, data):
        write_structures(path, nitride, [sheet])
    lines = poscar.read_text().splitlines()
    assert "Direct" in [line.strip() for line in lines]
    assert (lines[5].split(), lines[6].split()) == (["C"], ["8"])
    assert "3 atom types" in " ".join(data.read_text().split())  # B, C and N, whichever are there


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.TRAJ", True), ("XDATCAR_1", True), ("vasprun.old", True), ("run.out", True), ("b.cif", True),
     (".hidden.cif", False), ("README", False), ("a.csv", False)],
)  # fmt: skip
def test_folders_are_read_for_files_that_structures_have(name, expected):
    assert is_structure_file(Path(name)) is expected


@pytest.mark.parametrize("name", ["a.traj", "a.cif", "a.extxyz", "a.db"])
def test_frames_are_numbered_one_after_another(tmp_path, name):
    path = tmp_path / name
    if name == "a.cif":
        write(tmp_path / "one.cif", FULL)
        path.write_text(3 * (tmp_path / "one.cif").read_text())
    elif name == "a.traj":
        ase.io.write(path, 3 * [GRAPHENE.structure(FULL)])
    else:
        write(path, FULL, FULL, FULL)
    assert [frame.name for frame in frames(path)] == [f"{path} frame {index}" for index in range(3)]


def test_what_stops_a_reader_is_told_with_its_kind(tmp_path):
    (tmp_path / "a.db").write_bytes(100 * b"no database ")
    (wrong,) = frames(tmp_path / "a.db")
    assert (wrong.name, wrong.structure) == (f"{tmp_path / 'a.db'} frame 0", None)
    (tmp_path / "a.traj").write_text("no trajectory\n")
    (other,) = frames(tmp_path / "a.traj")
    assert other.name == f"{tmp_path / 'a.traj'} frame 0"
    for failure in (wrong.failure, other.failure):
        assert failure.startswith("ASE cannot read")
        assert "NoneType" not in failure


def test_patterns_with_two_stars_look_into_all_folders(tmp_path):
    (tmp_path / "one" / "two").mkdir(parents=True)
    write(tmp_path / "one" / "two" / "a.cif", FULL)
    write(tmp_path / "b.cif", FULL)
    assert [frame.path.name for frame in frames(tmp_path / "**" / "*.cif")] == ["b.cif", "a.cif"]
