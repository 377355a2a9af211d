import ase.db
import ase.io
import numpy as np
import pytest
from matplotlib.collections import EllipseCollection, LineCollection
from matplotlib.figure import Figure

from rugan_tf.errors import InputWarning
from rugan_tf.figures.sheets import draw_sheet, sheets_figure
from rugan_tf.formats.data_set import read_data_set
from rugan_tf.formats.energy_table import read_energy_table
from rugan_tf.generate.labelled import labelled_structures
from rugan_tf.generate.writers import target_paths, write_sheets
from rugan_tf.systems.named import system_named

GRAPHENE = system_named("porous_graphene")


@pytest.fixture
def states():
    return np.random.default_rng(0).integers(0, 4, (3, 4, 6), np.uint8)


@pytest.fixture
def requested():
    return np.array([-1.5, -1.25, -1.0])


def test_npz_is_laid_out_as_a_data_set_without_pickles(tmp_path, states, requested):
    path = tmp_path / "sheets.npz"
    assert write_sheets(path, GRAPHENE, states, requested, metadata={"energy": "requested"}) == [path]
    read = read_data_set(path)
    np.testing.assert_array_equal(read.states, states)
    np.testing.assert_array_equal(read.energy_per_area, requested)
    assert read.metadata == {"system": "porous_graphene", "energy": "requested"}


def test_extxyz_holds_all_sheets_with_cell_and_requested_energy(tmp_path, states, requested):
    write_sheets(tmp_path / "sheets.extxyz", GRAPHENE, states, requested)
    frames = ase.io.read(tmp_path / "sheets.extxyz", index=":")
    assert [len(frame) for frame in frames] == GRAPHENE.num_atoms(states).tolist()
    assert [frame.info["energy_per_area_requested"] for frame in frames] == requested.tolist()
    for frame, sheet in zip(frames, states, strict=True):
        expected = GRAPHENE.structure(sheet)
        assert frame.pbc.tolist() == [True, True, False]
        np.testing.assert_allclose(frame.cell.lengths(), expected.cell.lengths(), rtol=1e-7)
        np.testing.assert_allclose(frame.positions, expected.positions, atol=1e-6)


def test_obtained_energies_are_written_where_they_are_known(tmp_path, states, requested):
    obtained = requested + 0.125
    for name in ("sheets.npz", "sheets.extxyz", "sheets.png"):
        write_sheets(tmp_path / name, GRAPHENE, states, requested, obtained)
    with np.load(tmp_path / "sheets.npz", allow_pickle=False) as written:
        np.testing.assert_array_equal(written["energy_per_area_obtained"], obtained)
        np.testing.assert_array_equal(written["energy_per_area"], requested)
    frames = ase.io.read(tmp_path / "sheets.extxyz", index=":")
    assert [frame.info["energy_per_area_obtained"] for frame in frames] == obtained.tolist()
    titles = [axes.get_title() for axes in sheets_figure(GRAPHENE, states, requested, obtained).axes]
    assert titles[0] == "-1.500 eV/Å² requested,\n-1.375 eV/Å² obtained"


@pytest.mark.parametrize("suffix", [".cif", ".vasp"])
def test_formats_of_one_structure_get_a_file_for_each_sheet(tmp_path, states, requested, suffix):
    paths = write_sheets(tmp_path / f"sheet{suffix}", GRAPHENE, states, requested)
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert [path.name for path in paths] == [*(f"sheet-{index:04d}{suffix}" for index in range(3)), "sheet.csv"]
    assert paths.pop() == tmp_path / "sheet.csv"
    for path, sheet in zip(paths, states, strict=True):
        read, expected = ase.io.read(path), GRAPHENE.structure(sheet)
        assert len(read) == len(expected)
        np.testing.assert_allclose(read.cell.lengths(), expected.cell.lengths(), rtol=1e-5)
        np.testing.assert_allclose(read.positions, expected.positions, atol=1e-3)


def test_files_that_exist_are_replaced_only_if_that_is_said(tmp_path, states, requested):
    path = tmp_path / "sheet.cif"
    (tmp_path / "sheet.csv").write_text("precious")  # what stands beside it as well
    with pytest.raises(FileExistsError, match=r"must not exist, or overwrite be True. Received: .*sheet\.csv"):
        write_sheets(path, GRAPHENE, states[:1], requested[:1])
    assert [one.name for one in tmp_path.iterdir()] == ["sheet.csv"]
    write_sheets(path, GRAPHENE, states[:1], requested[:1], overwrite=True)
    assert "precious" not in (tmp_path / "sheet.csv").read_text()


def test_one_sheet_keeps_its_file_name(tmp_path, states, requested):
    path = tmp_path / "sheet.cif"
    assert write_sheets(path, GRAPHENE, states[:1], requested[:1]) == [path, tmp_path / "sheet.csv"]


def energies_by_ase(path):
    """Total energies and numbers beside them, by the only program that all readers share."""
    rows = list(ase.db.connect(path).select()) if path.suffix in (".db", ".json") else None
    if rows is not None:
        return [row.energy for row in rows], [row.key_value_pairs for row in rows]
    frames = ase.io.read(path, ":")
    return [frame.get_potential_energy() for frame in frames], [frame.info for frame in frames]


@pytest.mark.parametrize("suffix", [".extxyz", ".xyz", ".db", ".json"])
def test_energies_stand_where_programs_look_for_them(tmp_path, states, requested, suffix):
    obtained = requested + 0.125
    path = tmp_path / f"sheets{suffix}"
    assert write_sheets(path, GRAPHENE, states, requested, obtained) == [path]
    totals, beside = energies_by_ase(path)
    expected = obtained * (4 * 2.46) * (6 * 2.46 * np.sqrt(3) / 2)
    np.testing.assert_allclose(totals, expected, rtol=1e-7)
    np.testing.assert_allclose([info["REF_energy"] for info in beside], expected, rtol=1e-7)
    np.testing.assert_allclose([info["energy_per_area_obtained"] for info in beside], obtained)
    np.testing.assert_allclose([info["energy_per_area_requested"] for info in beside], requested)


@pytest.mark.parametrize("name", ["sheet.cif", "POSCAR", "sheet.data", "sheet.pdb", "sheets.svg"])
def test_energies_that_a_format_cannot_hold_stand_beside_it(tmp_path, states, requested, name):
    number = 12 if name == "sheets.svg" else 3
    states, requested = np.resize(states, (number, 4, 6)), np.resize(requested, number)
    *paths, table = write_sheets(tmp_path / name, GRAPHENE, states, requested, requested + 0.125)
    read = read_energy_table(table)
    told = [read.numbers(path, index) for path in paths for index in (range(number) if len(paths) == 1 else [0])]
    area = (4 * 2.46) * (6 * 2.46 * np.sqrt(3) / 2)
    np.testing.assert_allclose([row["REF_energy"] for row in told], (requested + 0.125) * area)
    np.testing.assert_allclose([row["energy_per_area_requested"] for row in told], requested)


def test_capitals_in_suffixes(tmp_path, states, requested):
    for name in ("a.NPZ", "a.CIF", "a.PNG", "a.XYZ", "a.Pdf"):
        assert write_sheets(tmp_path / name, GRAPHENE, states[:1], requested[:1])[0].exists()
    np.testing.assert_array_equal(read_data_set(tmp_path / "a.NPZ").states, states[:1])
    assert (tmp_path / "a.Pdf").read_bytes()[:4] == b"%PDF"


def test_pdf_has_a_page_for_nine_sheets(tmp_path):
    write_sheets(tmp_path / "a.pdf", GRAPHENE, np.full((10, 2, 2), 3, np.uint8), np.full(10, -1.5))
    assert (tmp_path / "a.pdf").read_bytes().count(b"/Type /Page\n") + (
        (tmp_path / "a.pdf").read_bytes().count(b"/Type /Page ")
    ) == 2


def test_saturated_sheets_have_no_energy_of_other_atoms(tmp_path):
    states = np.full((1, 4, 6), 3, np.uint8)
    states[0, 1, 1] = 2
    structures = labelled_structures(GRAPHENE, states, np.array([-1.0]), np.array([-1.1]), passivate="H")
    write_sheets(tmp_path / "a.extxyz", GRAPHENE, states, np.array([-1.0]), np.array([-1.1]), structures=structures)
    read = ase.io.read(tmp_path / "a.extxyz")
    assert read.get_chemical_formula() == "C47H3"
    assert read.calc is None
    assert set(read.info) == {"energy_per_area_requested", "energy_per_area_obtained"}
    with pytest.raises(ValueError, match=r"must be written as atoms, .extxyz.* Received: .*a.png"):
        write_sheets(tmp_path / "a.png", GRAPHENE, states, np.array([-1.0]), structures=structures)


def test_sheet_without_atoms_can_be_written(tmp_path):
    empty = np.zeros((1, 2, 2), np.uint8)
    for name in ("empty.extxyz", "empty.png"):
        with pytest.warns(InputWarning, match="sheets without any atom are written as empty cells: 1 of 1"):
            write_sheets(tmp_path / name, GRAPHENE, empty, np.array([-1.0]))
    assert len(ase.io.read(tmp_path / "empty.extxyz")) == 0
    assert (tmp_path / "empty.png").stat().st_size > 1000


def test_unknown_suffix_names_those_allowed(tmp_path, states, requested):
    with pytest.raises(
        ValueError, match=r"must end in one of .npz, .zarr, .extxyz, .xyz, .db, .*or be POSCAR. Received: .*sheets.doc"
    ):
        write_sheets(tmp_path / "sheets.doc", GRAPHENE, states, requested)
    with pytest.raises(ValueError, match=r"must end in one of"):
        target_paths("sheets", 1)


def test_sheets_and_energies_must_belong_together(tmp_path, states, requested):
    with pytest.raises(ValueError, match=r"Received: 3 sheets, energies of shape \(2,\)"):
        write_sheets(tmp_path / "sheets.npz", GRAPHENE, states, requested[:2])
    with pytest.raises(ValueError, match=r"There must be sheets.* Received: 0 sheets"):
        write_sheets(tmp_path / "sheets.npz", GRAPHENE, states[:0], requested[:0])
    assert not list(tmp_path.iterdir())


def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path, states, requested, monkeypatch):
    path = tmp_path / "sheets.extxyz"
    path.write_text("old")

    def fail(target, *_args, **_kwargs):
        target.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(ase.io, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        write_sheets(path, GRAPHENE, states, requested, overwrite=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_cannot_be_made_is_an_os_error(tmp_path, states, requested):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_sheets(tmp_path / "file" / "sheets.npz", GRAPHENE, states, requested)


def drawn_axes(states):
    axes = Figure().add_subplot()
    draw_sheet(axes, GRAPHENE, states)
    return axes


def test_bonds_of_a_pristine_sheet_are_three_for_each_atom():
    axes = drawn_axes(np.full((4, 6), 3, np.uint8))
    bonds = next(item for item in axes.collections if isinstance(item, LineCollection)).get_segments()
    np.testing.assert_allclose([np.linalg.norm(first - second) for first, second in bonds], 2.46 / np.sqrt(3))
    inside = [np.mean([((end >= 0) & (end < [9.84, 12.78])).all() for end in bond]) for bond in bonds]
    assert np.sum(inside) == 1.5 * 48  # a bond across the border is drawn twice, each time one end inside


@pytest.mark.parametrize("size", [(1, 2), (2, 2)])
def test_smallest_sheets_have_all_their_bonds(size):
    axes = drawn_axes(np.full(size, 3, np.uint8))
    bonds = next(item for item in axes.collections if isinstance(item, LineCollection)).get_segments()
    lengths = np.array(size) * [2.46, 2.46 * np.sqrt(3) / 2] - 1e-9
    ends = np.concatenate(bonds)
    assert ((ends >= 0) & (ends < lengths)).all(axis=1).sum() == 3 * 2 * np.prod(size)


def test_axes_are_the_cell_to_scale_with_units():
    axes = drawn_axes(np.full((4, 6), 3, np.uint8))
    assert axes.get_aspect() == 1
    np.testing.assert_allclose([axes.get_xlim()[1], axes.get_ylim()[1]], [9.84, 12.7825], atol=1e-3)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (Å)", "y (Å)")
    atoms = next(item for item in axes.collections if isinstance(item, EllipseCollection))
    assert len(atoms.get_offsets()) > 48  # and images of those near the border


def test_png_shows_at_most_nine_sheets_and_says_so(tmp_path):
    states = np.full((10, 2, 2), 3, np.uint8)
    figure = sheets_figure(GRAPHENE, states, np.full(10, -1.5))
    assert len(figure.axes) == 9
    assert figure.get_suptitle() == "the first 9 of 10 sheets"
    assert figure.axes[0].get_title() == "-1.500 eV/Å² requested"
    assert sheets_figure(GRAPHENE, states[:1], np.full(1, -1.5)).get_suptitle() == ""
    write_sheets(tmp_path / "sheets.png", GRAPHENE, states, np.full(10, -1.5))
    assert (tmp_path / "sheets.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "sheets.png").stat().st_size > 10_000
